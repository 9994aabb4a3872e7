//! A log as it was read: records, bad lines, and what is known about its chain.

mod read;
mod session;
mod totals;

use serde::Serialize;

use crate::{ChainReport, Entry, Run, Stamp};

pub(crate) use read::{open_regular, read_whole};
pub use read::{read, skim};
pub(crate) use session::relative;
pub use session::{Point, Segment, Session};
pub use totals::{Sum, Totals};

/// What the chain says about one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Its hash is right, and so is every line of its session before it.
    Verified,
    /// Not part of a chain: another tool's, or imported.
    Unverified,
    /// At or after a break of the chain.
    Broken,
}

/// One line that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The line's number in its file, from 1.
    pub line: u64,
    /// What it says.
    pub entry: Entry,
    /// Its place in the chain, where it has one.
    pub stamp: Option<Stamp>,
    /// What the chain says about it.
    pub mark: Mark,
}

/// One line that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadLine {
    /// The line's number in its file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// How many bad lines are named; more are only counted.
const NAMED_BAD_LINES: usize = 1000;

/// A log in the order of its lines.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Log {
    /// The lines that were understood.
    pub records: Vec<Record>,
    /// The lines that were not; the first thousand.
    pub bad: Vec<BadLine>,
    /// How many lines were not understood. An unfinished last line is not among them: see [`ChainReport::torn`].
    pub bad_count: u64,
    /// What the chain says.
    pub chain: ChainReport,
}

impl Log {
    /// All runs, in the order of the file.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.records.iter().filter_map(|record| record.entry.as_run())
    }

    pub(crate) fn note_bad(&mut self, line: u64, why: String) {
        self.bad_count += 1;
        if self.bad.len() < NAMED_BAD_LINES {
            self.bad.push(BadLine { line, why });
        }
    }
}
