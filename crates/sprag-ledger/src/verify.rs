//! Checks a chain line by line, and names the first line that does not fit.

use std::fmt;

use crate::{Hash, Mark, Stamp, Torn, chain, lines::Line};

/// The first line that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// What does not fit.
    pub problem: Problem,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// No stamp at its end.
    #[error("it carries no hash, so Sprag did not write it as it stands")]
    NotChained,
    /// The bytes are not those that were hashed.
    #[error("its bytes were changed after it was written: its hash should be {expected}")]
    Changed {
        /// The hash of the bytes as they stand.
        expected: Hash,
    },
    /// Another line should stand before it.
    #[error("it does not follow the line before: lines were removed, added or moved")]
    Misplaced,
    /// A second session in a file that holds one.
    #[error("another session begins here, but a ledger's home holds one")]
    SecondSession,
    /// A line of a version that this one cannot check.
    #[error("it is of version {0}, and this Sprag reads up to version {version}", version = chain::VERSION)]
    Newer(u32),
    /// An absurd length.
    #[error("it is longer than 16 MiB")]
    TooLong,
}

/// One session's part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionChain {
    /// The line of its first entry, from 1.
    pub first_line: u64,
    /// How many entries are intact, from the first on.
    pub entries: u64,
    /// The hash of the last intact entry. Compared with a head kept elsewhere, it shows a ledger that was cut short
    /// or written anew.
    pub head: Hash,
}

/// What a check of a file's chain found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainReport {
    /// The sessions in the file, in order.
    pub sessions: Vec<SessionChain>,
    /// Lines before the first session that are part of no chain: another tool's.
    pub unverified: u64,
    /// The first line that does not fit. Lines after it, up to the next session, are not vouched for.
    pub broken: Option<Break>,
    /// The last line is unfinished.
    pub torn: Option<Torn>,
}

impl ChainReport {
    /// Whether every line is part of an intact chain and finished.
    pub fn is_intact(&self) -> bool {
        self.broken.is_none() && self.torn.is_none() && self.unverified == 0
    }

    /// The head of the last session.
    pub fn head(&self) -> Option<Hash> {
        self.sessions.last().map(|session| session.head)
    }
}

/// What the check needs to know of a line. Finding it out is the costly part, and needs no other line.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) number: u64,
    pub(crate) offset: u64,
    /// In bytes, with its newline.
    length: u64,
    pub(crate) unfinished: bool,
    too_long: bool,
    pub(crate) blank: bool,
    /// The stamp it carries, and the hash it should carry.
    seal: Option<(Stamp, Hash)>,
}

impl Facts {
    pub(crate) fn of(line: &Line<'_>, stamp: Option<Stamp>) -> Self {
        Self {
            number: line.number,
            offset: line.offset,
            length: line.bytes.len() as u64 + u64::from(line.ended),
            unfinished: line.is_unfinished(),
            too_long: line.too_long,
            blank: line.bytes.iter().all(u8::is_ascii_whitespace),
            seal: stamp.and_then(|stamp| Some((stamp, chain::recompute(line.bytes)?))),
        }
    }
}

/// Checks lines as they come.
#[derive(Debug)]
pub(crate) struct Verifier {
    /// Exactly one session and nothing else: a home.
    home: bool,
    /// The session at hand is broken: nothing more of it is vouched for.
    lost: bool,
    /// Number and offset of the last line that is part of no chain.
    stray: Option<(u64, u64)>,
    next: u64,
    prev: Hash,
    pub(crate) report: ChainReport,
}

impl Verifier {
    pub(crate) fn new(home: bool) -> Self {
        Self { home, lost: false, stray: None, next: 0, prev: Hash::ZERO, report: ChainReport::default() }
    }

    pub(crate) fn feed(&mut self, line: &Facts) -> Mark {
        if line.unfinished {
            self.report.torn = Some(Torn { line: line.number, offset: line.offset, bytes: line.length });
            return Mark::Broken;
        }
        if line.too_long {
            return self.fail(line, Problem::TooLong);
        }
        let Some((stamp, hash)) = line.seal else {
            // Other tools leave blank lines; in a chain they are a change like any other.
            if self.report.sessions.is_empty() && !self.home && self.report.broken.is_none() {
                self.report.unverified += u64::from(!line.blank);
                self.stray = Some((line.number, line.offset));
                return Mark::Unverified;
            }
            return self.fail(line, Problem::NotChained);
        };
        match self.check(line, stamp, hash) {
            Ok(mark) => mark,
            // The first entry of the session stands before this one, but is not recognizable any more.
            Err(Problem::Misplaced) if self.report.sessions.is_empty() && stamp.seq == 1 => {
                let before = self.stray.filter(|(number, _)| number + 1 == line.number);
                let (number, offset) = before.unwrap_or((line.number, line.offset));
                let problem = if before.is_some() { Problem::NotChained } else { Problem::Misplaced };
                self.fail_at(number, offset, problem)
            }
            Err(problem) => self.fail(line, problem),
        }
    }

    fn check(&mut self, line: &Facts, stamp: Stamp, hash: Hash) -> Result<Mark, Problem> {
        let starts = stamp.seq == 0 && stamp.prev == Hash::ZERO;
        if self.lost && !starts {
            return Ok(Mark::Broken);
        }
        if stamp.v > chain::VERSION {
            return Err(Problem::Newer(stamp.v));
        }
        if hash != stamp.hash {
            return Err(Problem::Changed { expected: hash });
        }
        if starts {
            if self.home && !self.report.sessions.is_empty() {
                return Err(Problem::SecondSession);
            }
            self.report.sessions.push(SessionChain { first_line: line.number, entries: 0, head: hash });
            self.lost = false;
        } else if self.report.sessions.is_empty() || stamp.seq != self.next || stamp.prev != self.prev {
            return Err(Problem::Misplaced);
        }
        self.next = stamp.seq + 1;
        self.prev = hash;
        if let Some(session) = self.report.sessions.last_mut() {
            session.entries += 1;
            session.head = hash;
        }
        Ok(Mark::Verified)
    }

    fn fail(&mut self, line: &Facts, problem: Problem) -> Mark {
        self.fail_at(line.number, line.offset, problem)
    }

    fn fail_at(&mut self, line: u64, offset: u64, problem: Problem) -> Mark {
        self.lost = true;
        if self.report.broken.is_none() {
            self.report.broken = Some(Break { line, offset, problem });
        }
        Mark::Broken
    }
}
