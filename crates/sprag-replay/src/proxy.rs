//! The proxy: for callers that know nothing of async. It owns its threads, and each [`Scope`] its listeners, cursors,
//! counters and latch.

mod port;

pub(crate) use port::{Port, Scheme, Upstream};

/// Where the answers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// From the outside; they become the cassette.
    Record,
    /// From the cassette; what it does not hold, from the outside, and is added.
    RecordMissing,
    /// From the cassette, and nowhere else.
    Replay,
    /// From the outside; each is compared with the cassette's.
    Verify,
}
