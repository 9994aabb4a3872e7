//! An answer on its way from the upstream to the client, taken down as it passes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::body::BrokenOff;
use super::request::owned_pairs;
use crate::desk::Ticket;
use crate::exchange::{self, Answer, HttpAnswer, LARGEST_BODY, Timing};
use crate::proxy::Reserved;

/// The body of an answer that comes from the upstream.
pub(crate) struct Relay {
    upstream: Incoming,
    /// `None` for what is let through unrecorded, and when all is taken down.
    taken: Option<Taken>,
}

/// What has come so far.
pub(super) struct Taken {
    pub(super) ticket: Ticket,
    pub(super) answer: HttpAnswer,
    /// When the answer began, after the request's end, in microseconds.
    pub(super) first_us: u64,
    pub(super) reserved: Reserved,
    pieces: Vec<Bytes>,
    size: usize,
    /// How long the upstream says the body is.
    length: Option<u64>,
}

impl Taken {
    pub(super) fn new(ticket: Ticket, answer: HttpAnswer, reserved: Reserved) -> Self {
        let first_us = since(&ticket);
        Self { ticket, answer, first_us, reserved, pieces: Vec::new(), size: 0, length: None }
    }

    /// `false`: it is too large.
    fn add(&mut self, piece: &Bytes) -> bool {
        self.size += piece.len();
        self.pieces.push(piece.clone());
        self.size <= LARGEST_BODY && self.reserved.add(piece.len())
    }

    /// Whether it is of a kind that servers send for as long as somebody listens.
    fn is_endless(&self) -> bool {
        let named = self.answer.headers.iter().find(|(name, _)| name == "content-type");
        let media = named.map(|(_, value)| value.to_ascii_lowercase()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        media.contains("stream") && media != "application/octet-stream"
            || media.starts_with("application/grpc")
            || ["ndjson", "jsonl", "json-seq", "x-mixed-replace"].iter().any(|end| media.ends_with(end))
    }

    fn finish(mut self) {
        let timing = Timing { first_us: self.first_us, last_us: since(&self.ticket) };
        self.answer.body = exchange::Body::of_chunks(&self.pieces);
        self.ticket.answered(Answer::Http(self.answer), timing);
    }
}

impl Relay {
    pub(super) fn new(upstream: Incoming, mut taken: Option<Taken>) -> Self {
        if let Some(taken) = &mut taken {
            taken.length = upstream.size_hint().exact();
        }
        let mut relay = Self { upstream, taken };
        if relay.upstream.is_end_stream() {
            relay.finish();
        }
        relay
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let frame = match ready!(Pin::new(&mut self.upstream).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                self.fail(super::live::in_full(&error));
                return Poll::Ready(Some(Err(BrokenOff)));
            }
            None => {
                self.finish();
                return Poll::Ready(None);
            }
        };
        if let Some(taken) = &mut self.taken {
            if let Some(trailers) = frame.trailers_ref() {
                taken.answer.trailers = owned_pairs(trailers);
            }
            if let Some(data) = frame.data_ref()
                && !taken.add(data)
            {
                self.fail("its answer is too large to be recorded".to_owned());
                return Poll::Ready(Some(Err(BrokenOff)));
            }
        }
        // Before the client has it: what it has seen whole is recorded, even if it ends at once. Nothing follows trailers.
        if frame.is_trailers() || self.upstream.is_end_stream() {
            self.finish();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    pub(super) fn is_end(&self) -> bool {
        self.upstream.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.upstream.size_hint()
    }

    fn finish(&mut self) {
        if let Some(taken) = self.taken.take() {
            taken.finish();
        }
    }

    fn fail(&mut self, why: String) {
        if let Some(taken) = self.taken.take() {
            taken.ticket.failed(why);
        }
    }
}

/// A stream that may have no end is recorded as far as the client read it. Any other answer that it did not read is no
/// recording: played, its first half would look like all of it.
impl Drop for Relay {
    fn drop(&mut self) {
        let Some(taken) = &self.taken else { return };
        match (taken.size, taken.length) {
            (size, Some(length)) if size as u64 >= length => self.finish(),
            (size, Some(length)) => {
                self.fail(format!("the application left after {size} of {length} bytes of its answer"));
            }
            (_, None) if taken.is_endless() => self.finish(),
            (size, None) => {
                self.fail(format!("the application left after {size} bytes of an answer that had more"));
            }
        }
    }
}

fn since(ticket: &Ticket) -> u64 {
    u64::try_from(ticket.since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
