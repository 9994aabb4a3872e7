//! Bodies: of requests, read whole, and of answers, given out piece by piece.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::HeaderMap;
use tokio::time::Sleep;

use super::relay::Relay;
use crate::exchange::{self, LARGEST_BODY};
use crate::proxy::{Memory, Reserved};

/// A body was cut off, as the upstream's was.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's answer broke off")]
pub(crate) struct BrokenOff;

/// What is sent to a client, or to an upstream.
pub(crate) enum Outgoing {
    /// Nothing.
    Empty,
    /// All at once.
    Whole {
        bytes: Bytes,
        /// Its length is said beforehand.
        sized: bool,
    },
    /// Piece by piece, as it was recorded.
    Script(Box<Script>),
    /// As it comes from the upstream.
    Relay(Box<Relay>),
}

/// A recorded body.
pub(crate) struct Script {
    pieces: std::vec::IntoIter<Bytes>,
    /// How many bytes are left.
    left: u64,
    sized: bool,
    trailers: Option<HeaderMap>,
    beat: Option<Beat>,
    _reserved: Option<Reserved>,
}

/// When the pieces are due: evenly spread, the last at the end.
pub(crate) struct Beat {
    next: Pin<Box<Sleep>>,
    step: Duration,
}

impl Outgoing {
    /// Text or bytes, with their length.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole { bytes: bytes.into(), sized: true }
    }

    /// As it was recorded. `sized`: its length was said beforehand. `over`: how long it takes. `reserved`: the memory of a
    /// large one.
    pub(super) fn recorded(
        body: &exchange::Body,
        sized: bool,
        trailers: Option<HeaderMap>,
        over: Duration,
        reserved: Option<Reserved>,
    ) -> Self {
        if over.is_zero() && body.chunks.is_empty() && trailers.is_none() && reserved.is_none() {
            return Self::Whole { bytes: body.bytes.clone(), sized };
        }
        let pieces = body.pieces();
        let beat = (!over.is_zero() && !pieces.is_empty()).then(|| {
            let step = over / u32::try_from(pieces.len()).unwrap_or(u32::MAX);
            Beat { next: Box::pin(tokio::time::sleep(step)), step }
        });
        let (left, pieces) = (body.bytes.len() as u64, pieces.into_iter());
        Self::Script(Box::new(Script { pieces, left, sized, trailers, beat, _reserved: reserved }))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Whole { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            Self::Whole { bytes, .. } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Script(script) => script.poll_frame(cx).map(|frame| frame.map(Ok)),
            Self::Relay(relay) => relay.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole { bytes, .. } => bytes.is_empty(),
            Self::Script(script) => script.pieces.len() == 0 && script.trailers.is_none(),
            Self::Relay(relay) => relay.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole { bytes, sized: true } => SizeHint::with_exact(bytes.len() as u64),
            Self::Script(script) if script.sized => SizeHint::with_exact(script.left),
            Self::Relay(relay) => relay.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

impl Script {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        if self.pieces.len() > 0
            && let Some(beat) = &mut self.beat
        {
            ready!(beat.next.as_mut().poll(cx));
            let due = beat.next.deadline() + beat.step;
            beat.next.as_mut().reset(due);
        }
        Poll::Ready(match self.pieces.next() {
            Some(piece) => {
                self.left -= piece.len() as u64;
                Some(Frame::data(piece))
            }
            None => self.trailers.take().map(Frame::trailers),
        })
    }
}

/// The body of a request, complete.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    pub(super) trailers: Option<HeaderMap>,
    /// The memory that it takes.
    pub(super) _reserved: Reserved,
}

/// Why a request's body was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is larger than [`LARGEST_BODY`], alone or with all others under way.
    TooLarge,
    /// It did not go on for longer than `patience`.
    Silent,
    /// The client closed.
    Gone,
    /// It is not cut as it should be.
    Malformed(String),
}

/// Reads a body to its end.
///
/// # Errors
/// One that is too large, or has none.
pub(super) async fn read(
    mut body: Incoming,
    memory: &Memory,
    patience: Option<Duration>,
) -> Result<Whole, Unread> {
    let mut reserved = memory.reserve();
    if body.is_end_stream() {
        return Ok(Whole { bytes: Bytes::new(), trailers: None, _reserved: reserved });
    }
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(Unread::TooLarge);
    }
    let (mut first, mut all, mut trailers) = (Bytes::new(), Vec::new(), None);
    while let Some(frame) = next(&mut body, patience).await? {
        let frame = match frame.into_data() {
            Ok(data) if data.len() + first.len() + all.len() > LARGEST_BODY => return Err(Unread::TooLarge),
            Ok(data) if !reserved.add(data.len()) => return Err(Unread::TooLarge),
            // Most are of one piece, which need not be copied.
            Ok(data) if first.is_empty() && all.is_empty() => {
                first = data;
                continue;
            }
            Ok(data) => {
                all.extend_from_slice(&std::mem::take(&mut first));
                all.extend_from_slice(&data);
                continue;
            }
            Err(frame) => frame,
        };
        trailers = frame.into_trailers().ok();
    }
    let bytes = if all.is_empty() { first } else { all.into() };
    Ok(Whole { bytes, trailers, _reserved: reserved })
}

async fn next(body: &mut Incoming, patience: Option<Duration>) -> Result<Option<Frame<Bytes>>, Unread> {
    let frame = match patience {
        None => body.frame().await,
        Some(patience) => tokio::time::timeout(patience, body.frame()).await.map_err(|_| Unread::Silent)?,
    };
    frame.transpose().map_err(|error| match std::error::Error::source(&error) {
        Some(source) if is_malformed(source) => Unread::Malformed(source.to_string()),
        _ => Unread::Gone,
    })
}

fn is_malformed(source: &(dyn std::error::Error + 'static)) -> bool {
    let kind = source.downcast_ref::<io::Error>().map(io::Error::kind);
    matches!(kind, Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
}
