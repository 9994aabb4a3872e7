//! The writer: one session's ledger at its home, and its mirror in the repository.

use camino::{Utf8Path, Utf8PathBuf};

use crate::{Entry, Hash, Log};

/// Why a ledger could not be created, opened or appended to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Not written yet.
    #[error("not written yet")]
    Unfinished,
}

/// The mirror after an append or an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MirrorState {
    /// The session has no mirror.
    None,
    /// As it should be.
    Same,
    /// It was missing, and was written anew.
    Created,
    /// It had lost lines, and got them back from the home copy.
    Mended,
    /// It held lines that the home copy does not; the whole file was kept under this name before it was mended.
    SetAside(Utf8PathBuf),
    /// It could not be written. The home copy has everything; the next append tries again.
    Failed(String),
}

/// An unfinished last line that was cut off. It was never acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// Its line number, from 1.
    pub line: u64,
    /// How many bytes were cut.
    pub bytes: u64,
}

/// What was found when a ledger was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// How many entries it holds.
    pub entries: u64,
    /// The last line was unfinished and was cut off.
    pub torn: Option<Torn>,
    /// What became of the mirror.
    pub mirror: MirrorState,
}

/// An entry that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Its number in the session, from 0.
    pub seq: u64,
    /// Its hash: the head of the chain now.
    pub hash: Hash,
    /// What became of the mirror.
    pub mirror: MirrorState,
}

/// A session's ledger, open for writing. There is one at a time: the home file is locked as long as this lives.
#[derive(Debug)]
pub struct Ledger {
    log: Log,
    head: Hash,
}

impl Ledger {
    /// Starts a new ledger at `home`, which must not exist; missing folders are made.
    ///
    /// # Errors
    /// The file exists, or the file system refuses.
    pub fn create(home: &Utf8Path, mirror: Option<&Utf8Path>) -> Result<Self, LedgerError> {
        let _ = (home, mirror);
        Err(LedgerError::Unfinished)
    }

    /// Opens a ledger to go on: verifies the whole chain, cuts an unfinished last line, mends the mirror.
    ///
    /// # Errors
    /// Another process holds it, the chain is broken, it is of a newer version, or the file system refuses.
    pub fn open(home: &Utf8Path, mirror: Option<&Utf8Path>) -> Result<(Self, Opened), LedgerError> {
        let _ = (home, mirror);
        Err(LedgerError::Unfinished)
    }

    /// Writes one entry. When it returns, the entry is on disk at home, and in the mirror unless that says otherwise.
    ///
    /// # Errors
    /// The entry would not read back as it is, or the disk refuses: then the file is as it was before.
    pub fn append(&mut self, entry: impl Into<Entry>) -> Result<Appended, LedgerError> {
        let _ = entry.into();
        Err(LedgerError::Unfinished)
    }

    /// All that is in it.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The hash of the last line; zeros where there is none.
    pub fn head(&self) -> Hash {
        self.head
    }
}

/// Cuts an unfinished last line off a ledger, and changes nothing else.
///
/// # Errors
/// A session holds the ledger, or the file system refuses.
pub fn repair(home: &Utf8Path) -> Result<Option<Torn>, LedgerError> {
    let _ = home;
    Err(LedgerError::Unfinished)
}
