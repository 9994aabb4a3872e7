//! The body of an answer: pieces that come one by one, slowly, or not to their end.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Sleep, sleep};

/// Pieces of an answer.
pub(crate) struct Answer {
    pieces: VecDeque<Bytes>,
    /// The connection is closed where the pieces end, and not the answer.
    is_cut: bool,
    /// What came before the cut is on its way.
    is_sent: bool,
    pause: Duration,
    /// Runs until the next piece goes out.
    pausing: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    pub(crate) fn new(pieces: impl IntoIterator<Item = String>) -> Self {
        let pieces = pieces.into_iter().map(Bytes::from).collect();
        Self { pieces, is_cut: false, is_sent: false, pause: Duration::ZERO, pausing: None }
    }

    pub(crate) fn cut_after(mut self, pieces: usize) -> Self {
        self.pieces.truncate(pieces);
        self.is_cut = true;
        self
    }

    pub(crate) fn pausing(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.pause.is_zero() {
            let pause = self.pause;
            let pausing = self.pausing.get_or_insert_with(|| Box::pin(sleep(pause)));
            std::task::ready!(pausing.as_mut().poll(cx));
            self.pausing = None;
        }
        if self.pieces.is_empty() && self.is_cut && !std::mem::replace(&mut self.is_sent, true) {
            // Without this the connection would be closed before anything went out.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(match self.pieces.pop_front() {
            Some(piece) => Some(Ok(Frame::data(piece))),
            None if self.is_cut => Some(Err(io::ErrorKind::ConnectionAborted.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.is_cut
    }
}
