//! The cassette: a folder with everything that the outside answered, to be committed, reviewed and compared.
//!
//! ```text
//! manifest.json        version, rules, counts, seal
//! interactions.jsonl   one exchange a line, sorted by case, key and ordinal
//! blobs/<blake3>.zst   what is too large for a line
//! timings.jsonl        how long answers took and how the network cut them; not sealed
//! ```
//!
//! The same traffic makes the same sealed bytes. `docs/cassette.md` has the format byte by byte.

mod blobs;
mod cache;
mod closest;
mod draft;
mod error;
mod format;
mod propose;
mod reader;
mod recorder;
mod unused;
mod upkeep;

use crate::exchange::{Answer, Key, Timing};

pub use error::CassetteError;
pub use format::{Manifest, VERSION};
pub use propose::{Comparison, Proposal, Unmatched, propose};
pub use reader::Cassette;
pub use recorder::{Ambiguous, Recorder, Summary};
pub use unused::Unused;
pub use upkeep::{Listed, Redacted, Removed, Shown, Verified, Which, ls, redact, rm, show, verify};

/// All recorded answers to one request in one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u32);

impl Slot {
    /// Its number in the cassette, less than [`Cassette::slots`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A recorded answer, as it is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// What it answers.
    pub key: Key,
    /// What is answered.
    pub answer: Answer,
    /// How long it took when it was recorded, where that is known.
    pub timing: Option<Timing>,
}
