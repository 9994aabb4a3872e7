//! A log as it was read: records, bad lines, and what is known about its chain.

mod session;
mod totals;

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
};

use camino::Utf8Path;
use serde::Serialize;

use crate::{ChainReport, Entry, Run, Stamp, entry::decode, lines::Lines, verify::Verifier};

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

    pub(crate) fn read(input: impl BufRead, home: bool) -> io::Result<Self> {
        let mut log = Log::default();
        let mut verifier = Verifier::new(home);
        let mut lines = Lines::new(input);
        while let Some(line) = lines.next()? {
            // Other tools leave blank lines; in a chain they are a change like any other.
            let blank = line.bytes.iter().all(u8::is_ascii_whitespace);
            if blank && !home && line.ended && log.chain_has_not_begun(&verifier) {
                continue;
            }
            let unfinished = line.is_unfinished();
            let mark = verifier.feed(&line);
            if blank {
                continue;
            }
            if line.too_long {
                log.note_bad(line.number, "longer than 16 MiB".to_owned());
                continue;
            }
            match decode(line.bytes) {
                // A file of another tool may lack its last newline.
                Ok((entry, None)) if unfinished && verifier.report.sessions.is_empty() && !home => {
                    verifier.report.torn = None;
                    verifier.report.unverified += 1;
                    log.records.push(Record {
                        line: line.number,
                        entry,
                        stamp: None,
                        mark: Mark::Unverified,
                    });
                }
                _ if unfinished => {}
                Ok((entry, stamp)) => log.records.push(Record { line: line.number, entry, stamp, mark }),
                Err(error) => log.note_bad(line.number, error.to_string()),
            }
        }
        log.chain = verifier.report;
        Ok(log)
    }

    fn chain_has_not_begun(&self, verifier: &Verifier) -> bool {
        verifier.report.sessions.is_empty()
    }

    pub(crate) fn note_bad(&mut self, line: u64, why: String) {
        self.bad_count += 1;
        if self.bad.len() < NAMED_BAD_LINES {
            self.bad.push(BadLine { line, why });
        }
    }
}

/// Reads a log of pi's family of dialects, with patience for what other tools wrote.
///
/// # Errors
/// Only what the file system says; what a file contains is never an error.
pub fn read(path: &Utf8Path) -> io::Result<Log> {
    Log::read(BufReader::with_capacity(1 << 16, open_regular(path)?), false)
}

/// Opens a file for reading, but no pipe, device or folder: reading those might never end.
pub(crate) fn open_regular(path: &Utf8Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{path} is no regular file")));
    }
    File::open(path)
}
