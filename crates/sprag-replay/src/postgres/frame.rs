//! The frames of PostgreSQL's protocol: a type byte, a length, a body. Both sides are read here, and nothing is believed:
//! lengths are bounded, and memory grows with what came, not with what was announced.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::LARGEST_BODY;
use crate::proxy::{FULL, Reserved};

/// The type byte and the length.
const HEAD: usize = 5;
/// The largest first packet, as in the server.
const LARGEST_START: usize = 10_000;
/// What the application may send once it is connected.
pub(super) const FRONTEND: &[u8] = b"BCDEFHPQSXcdfp";
/// What the server may send.
pub(super) const BACKEND: &[u8] = b"123ACDEGHIKNRSTVWZnstv";

/// Why there is no next frame.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The connection broke: nobody's request.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// These bytes are no PostgreSQL, or too many.
    #[error("{0}")]
    Protocol(String),
}

impl FrameError {
    pub(super) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol(what.into())
    }
}

/// One message, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    raw: Bytes,
}

impl Frame {
    pub(super) fn tag(&self) -> u8 {
        self.raw[0]
    }

    /// Without its head.
    pub(super) fn body(&self) -> Bytes {
        self.raw.slice(HEAD..)
    }

    /// All of it, to be sent on.
    pub(super) fn raw(&self) -> &Bytes {
        &self.raw
    }
}

/// The frames of one direction. Reading one may be given up and taken up again.
pub(super) struct Frames<R> {
    reader: R,
    tags: &'static [u8],
    buffer: BytesMut,
    /// The memory that the buffer takes, and the frame that was taken out last.
    held: Reserved,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    /// `tags`: the only types that are let in. `held`: where the memory is counted that it takes.
    pub(super) fn new(reader: R, tags: &'static [u8], held: Reserved) -> Self {
        Self { reader, tags, buffer: BytesMut::new(), held }
    }

    /// The next message; `None` where the peer has hung up, be it in the middle of one.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            if let Some(frame) = split(&mut self.buffer, self.tags)? {
                return Ok(Some(frame));
            }
            if !self.more().await? {
                return Ok(None);
            }
        }
    }

    /// The packet that begins a connection, with its length.
    pub(super) async fn start(&mut self) -> Result<Option<Bytes>, FrameError> {
        loop {
            if let Some(packet) = split_start(&mut self.buffer)? {
                return Ok(Some(packet));
            }
            if !self.more().await? {
                return Ok(None);
            }
        }
    }

    /// Whether nothing more is at hand, so that what was written should go out before reading on.
    pub(super) fn drained(&self) -> bool {
        // A frame that has not come whole may never come while the peer waits for us.
        length(&self.buffer).is_none_or(|length| self.buffer.len() < length)
    }

    async fn more(&mut self) -> Result<bool, FrameError> {
        self.buffer.reserve(8 << 10);
        if !self.held.hold(self.buffer.capacity()) {
            return Err(FrameError::protocol(FULL));
        }
        Ok(self.reader.read_buf(&mut self.buffer).await? > 0)
    }
}

/// The length of the frame that the bytes begin with, head included.
fn length(bytes: &[u8]) -> Option<usize> {
    let mut length = bytes.get(1..HEAD)?;
    Some((length.get_u32() as usize).saturating_add(1))
}

fn split(buffer: &mut BytesMut, tags: &[u8]) -> Result<Option<Frame>, FrameError> {
    let Some(&tag) = buffer.first() else { return Ok(None) };
    if !tags.contains(&tag) {
        return Err(FrameError::protocol(format!(
            "`{}` begins no message of PostgreSQL",
            tag.escape_ascii()
        )));
    }
    match length(buffer) {
        Some(length) if length < HEAD => Err(FrameError::protocol("a message is shorter than its head")),
        Some(length) if length - HEAD > LARGEST_BODY => {
            Err(FrameError::protocol(format!("a message has {length} bytes; {LARGEST_BODY} are allowed")))
        }
        Some(length) if buffer.len() >= length => Ok(Some(Frame { raw: buffer.split_to(length).freeze() })),
        _ => Ok(None),
    }
}

fn split_start(buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
    match buffer.get(..4).map(|mut head| head.get_u32() as usize) {
        Some(length) if !(8..=LARGEST_START).contains(&length) => {
            let start = buffer[..4].escape_ascii();
            Err(FrameError::protocol(format!("a connection that begins with `{start}` is no PostgreSQL")))
        }
        Some(length) if buffer.len() >= length => Ok(Some(buffer.split_to(length).freeze())),
        _ => Ok(None),
    }
}

/// The messages of an answer that was recorded, each its type and its body. A tail that is no message is dropped.
pub(super) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let length = length(bytes).filter(|&length| length >= HEAD)?;
        let (message, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        Some((message[0], &message[HEAD..]))
    })
}

/// Reads a body field by field. What is missing is an error, never a panic.
pub(super) struct Fields(pub(super) Bytes);

impl Fields {
    pub(super) fn u8(&mut self) -> Result<u8, FrameError> {
        self.0.try_get_u8().map_err(|_| Self::short())
    }

    pub(super) fn u16(&mut self) -> Result<u16, FrameError> {
        self.0.try_get_u16().map_err(|_| Self::short())
    }

    pub(super) fn u32(&mut self) -> Result<u32, FrameError> {
        self.0.try_get_u32().map_err(|_| Self::short())
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<Bytes, FrameError> {
        if length > self.0.len() {
            return Err(Self::short());
        }
        Ok(self.0.split_to(length))
    }

    /// A length and as many bytes; `None` is null.
    pub(super) fn value(&mut self) -> Result<Option<Bytes>, FrameError> {
        match self.u32()? {
            u32::MAX => Ok(None),
            length => self.bytes(length as usize).map(Some),
        }
    }

    /// Up to a zero byte, which is read over.
    pub(super) fn string(&mut self) -> Result<Bytes, FrameError> {
        let end = memchr::memchr(0, &self.0).ok_or_else(Self::short)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        Ok(text)
    }

    pub(super) fn end(self) -> Result<(), FrameError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(FrameError::protocol("a message is longer than its fields"))
        }
    }

    fn short() -> FrameError {
        FrameError::protocol("a message is shorter than its fields")
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;
    use proptest::prelude::*;

    use super::*;
    use crate::proxy::Memory;

    fn framed(tag: u8, body: &[u8]) -> Bytes {
        let mut raw = BytesMut::new();
        raw.put_u8(tag);
        raw.put_u32(4 + body.len() as u32);
        raw.put_slice(body);
        raw.freeze()
    }

    async fn read(bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
        let mut frames = Frames::new(bytes, FRONTEND, Reserved::default());
        let mut all = Vec::new();
        while let Some(frame) = frames.next().await? {
            all.push(frame);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn frames_are_read_one_after_the_other() {
        let raw = [framed(b'Q', b"SELECT 1\0"), framed(b'S', b"")].concat();
        let all = read(&raw).await.unwrap();
        assert_eq!(all.iter().map(Frame::tag).collect::<Vec<_>>(), b"QS");
        assert_eq!(&all[0].body()[..], b"SELECT 1\0");
        assert_eq!(messages(&raw).collect::<Vec<_>>(), [(b'Q', &b"SELECT 1\0"[..]), (b'S', b"")]);
    }

    #[tokio::test]
    async fn another_protocol_is_refused_at_its_first_bytes() {
        assert!(matches!(
            Frames::new(&b"GET / HTTP/1.1"[..], FRONTEND, Reserved::default()).start().await,
            Err(FrameError::Protocol(_))
        ));
        assert!(matches!(
            Frames::new(&b"\x16\x03\x01\x02\0"[..], FRONTEND, Reserved::default()).start().await,
            Err(FrameError::Protocol(_))
        ));
        assert!(matches!(read(b"*1\r\n$4\r\nPING\r\n").await, Err(FrameError::Protocol(_))));
    }

    #[tokio::test]
    async fn a_message_that_is_too_large_is_refused_before_it_comes() {
        assert!(matches!(read(b"Q\xff\xff\xff\xff").await, Err(FrameError::Protocol(_))));
        assert!(matches!(read(b"Q\0\0\0\x03").await, Err(FrameError::Protocol(_))));
        let mut frames = Frames::new(&b"Q\x03\xff\xff\xff"[..], FRONTEND, Reserved::default());
        assert!(matches!(frames.next().await, Ok(None)), "the peer hung up");
        assert!(frames.buffer.capacity() < 64 << 10, "memory was taken for what never came");
    }

    #[tokio::test]
    async fn a_buffer_grows_only_within_the_memory_of_the_scope() {
        let raw = framed(b'Q', &[b' '; 100 << 10]);
        for (left, is_read) in [(1 << 20, true), (64 << 10, false)] {
            let memory = Memory::with_left(left);
            let mut frames = Frames::new(&raw[..], FRONTEND, memory.reserve());
            match frames.next().await {
                Ok(Some(_)) => assert!(is_read),
                Err(FrameError::Protocol(what)) => assert!(!is_read && what == FULL, "{what}"),
                other => panic!("{other:?}"),
            }
            drop(frames);
            assert!(memory.reserve().add(left), "it is free again");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_make_no_panic_and_no_frame_of_their_own(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            let mut taken = Vec::new();
            while let Ok(Some(frame)) = split(&mut buffer, FRONTEND) {
                taken.extend_from_slice(frame.raw());
            }
            prop_assert!(bytes.starts_with(&taken));
            prop_assert_eq!(bytes.len(), taken.len() + buffer.len());
            let _ = split_start(&mut BytesMut::from(&bytes[..]));
            let kept: usize = messages(&bytes).map(|(_, body)| HEAD + body.len()).sum();
            prop_assert!(kept <= bytes.len());
        }
    }
}
