//! What a client speaks, by its first bytes, and the stream that still has them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What is read at once to find out.
const LOOK: usize = 4 << 10;

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    /// A TLS handshake.
    Tls,
    /// HTTP/1, as far as can be seen yet.
    Http1,
    /// HTTP/2 without asking.
    Http2,
    /// Anything else.
    Other,
    /// Nothing: it has closed.
    Nothing,
}

/// Reads until it is clear what is spoken. What was read, `already` first, must come before the stream's rest.
///
/// # Errors
/// A stream that cannot be read.
pub(super) async fn sniff(
    stream: &mut (impl AsyncRead + Unpin),
    already: Bytes,
) -> io::Result<(Spoken, Bytes)> {
    if let Some(spoken) = spoken(&already) {
        return Ok((spoken, already));
    }
    let mut read = BytesMut::with_capacity(LOOK);
    read.extend_from_slice(&already);
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            let spoken = if read.is_empty() { Spoken::Nothing } else { Spoken::Other };
            return Ok((spoken, read.freeze()));
        }
        if let Some(spoken) = spoken(&read) {
            return Ok((spoken, read.freeze()));
        }
    }
}

/// `None`: more bytes are needed.
fn spoken(bytes: &[u8]) -> Option<Spoken> {
    match bytes {
        [] | [0x16] | b"P" | b"PR" => None,
        [0x16, 3, ..] => Some(Spoken::Tls),
        // No method starts so.
        [b'P', b'R', b'I', ..] => Some(Spoken::Http2),
        [first, ..] if first.is_ascii_alphabetic() => Some(Spoken::Http1),
        _ => Some(Spoken::Other),
    }
}

/// A stream of which something was read already.
#[derive(Debug)]
pub(super) struct Prefixed<S> {
    prefix: Bytes,
    stream: S,
}

impl<S> Prefixed<S> {
    pub(super) fn new(prefix: Bytes, stream: S) -> Self {
        Self { prefix, stream }
    }

    /// What was read and not taken yet, and the stream.
    pub(super) fn into_parts(self) -> (Bytes, S) {
        (self.prefix, self.stream)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let part = self.prefix.len().min(buf.remaining());
        buf.put_slice(&self.prefix[..part]);
        self.prefix.advance(part);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_say_what_is_spoken() {
        for (bytes, expected) in [
            (&b""[..], None),
            (b"\x16", None),
            (b"\x16\x03\x01", Some(Spoken::Tls)),
            (b"\x16\x00", Some(Spoken::Other)),
            (b"P", None),
            (b"PRI * HTTP/2.0", Some(Spoken::Http2)),
            (b"PROPFIND /", Some(Spoken::Http1)),
            (b"POST /", Some(Spoken::Http1)),
            // PostgreSQL's first message, and Redis's.
            (b"\x00\x00\x00\x08", Some(Spoken::Other)),
            (b"*1\r\n", Some(Spoken::Other)),
        ] {
            assert_eq!(spoken(bytes), expected, "{bytes:?}");
        }
    }
}
