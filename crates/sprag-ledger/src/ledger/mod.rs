//! The writer: one session's ledger at its home, and its mirror in the repository.

mod error;
mod home;
mod mirror;

use camino::Utf8Path;
use sprag_judge::Status;

pub use error::LedgerError;
pub use mirror::MirrorState;

use self::{home::Home, mirror::Mirror};
use crate::{
    Entry, Hash, Log, Mark, Record, chain,
    entry::{Keeping, decode, encode},
    lines::LONGEST_LINE,
    verify::{Break, Problem, SessionChain},
};

/// An unfinished last line. It was never acknowledged, so cutting it loses nothing that was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// Its line number, from 1.
    pub line: u64,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
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
    home: Home,
    mirror: Option<Mirror>,
    log: Log,
    next: u64,
    head: Hash,
}

impl Ledger {
    /// Starts a new ledger at `home`, which must not exist; missing folders are made. The mirror is not touched before
    /// the first entry.
    ///
    /// # Errors
    /// The file exists, or the file system refuses.
    pub fn create(home: &Utf8Path, mirror: Option<&Utf8Path>) -> Result<Self, LedgerError> {
        let home = Home::create(home)?;
        Ok(Self { home, mirror: mirror.map(Mirror::new), log: Log::default(), next: 0, head: Hash::ZERO })
    }

    /// Opens a ledger to go on: verifies the whole chain, cuts an unfinished last line, mends the mirror.
    ///
    /// # Errors
    /// Another process holds it, the chain is broken, it is of a newer version, or the file system refuses.
    pub fn open(home: &Utf8Path, mirror: Option<&Utf8Path>) -> Result<(Self, Opened), LedgerError> {
        let mut home = Home::open(home)?;
        let mut log = home.read()?;
        if let Some(broken) = log.chain.broken.take().or_else(|| unread(&log)) {
            return Err(LedgerError::Broken { path: home.path().to_owned(), broken });
        }
        let torn = log.chain.torn.take();
        if let Some(torn) = torn {
            home.cut(torn)?;
        }
        let mut mirror = mirror.map(Mirror::new);
        let mirrored = mirror.as_mut().map_or(MirrorState::None, |mirror| mirror.mend(home.path()));
        let next = log.records.len() as u64;
        let head = log.chain.head().unwrap_or(Hash::ZERO);
        Ok((Self { home, mirror, log, next, head }, Opened { entries: next, torn, mirror: mirrored }))
    }

    /// Writes one entry. When it returns, the entry is on disk at home, and in the mirror unless that says otherwise.
    ///
    /// # Errors
    /// The entry would not read back as it is, or the disk refuses: then the file is as it was before.
    pub fn append(&mut self, entry: impl Into<Entry>) -> Result<Appended, LedgerError> {
        let (mut line, record) = self.seal(entry.into())?;
        line.push('\n');
        self.home.append(line.as_bytes())?;
        let stamp = record.stamp.expect("a sealed record has a stamp");
        self.next += 1;
        self.head = stamp.hash;
        self.log.push_own(record, stamp);
        let mirror = match &mut self.mirror {
            Some(mirror) => mirror.append(line.as_bytes(), self.home.path()),
            None => MirrorState::None,
        };
        Ok(Appended { seq: stamp.seq, hash: stamp.hash, mirror })
    }

    /// All that is in it.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The hash of the last line; zeros where there is none.
    pub fn head(&self) -> Hash {
        self.head
    }

    /// Where its home is.
    pub fn path(&self) -> &Utf8Path {
        self.home.path()
    }

    /// The line, and the entry as everybody will read it: what could not come back is refused here, not found later.
    fn seal(&self, entry: Entry) -> Result<(String, Record), LedgerError> {
        let word = entry.word().to_owned();
        let refuse = |why: String| LedgerError::Refused { word: word.clone(), why };
        let body = encode(&entry).map_err(|error| refuse(error.to_string()))?;
        let (line, stamp) = chain::seal(&body, self.next, self.head);
        if line.len() as u64 > LONGEST_LINE {
            return Err(refuse("it is longer than 16 MiB".to_owned()));
        }
        let read = decode(line.as_bytes(), chain::unseal(line.as_bytes()), Keeping::Copied)
            .map_err(|error| refuse(error.to_string()))?;
        if read != (as_read(entry), Some(stamp)) {
            return Err(refuse(
                "it holds a number that is not finite, or a word with another meaning".to_owned(),
            ));
        }
        Ok((line, Record { line: self.next + 1, entry: read.0, stamp: read.1, mark: Mark::Verified }))
    }
}

/// A crash has no metric, whatever its writer put there for old readers.
fn as_read(mut entry: Entry) -> Entry {
    if let Entry::Run(run) = &mut entry
        && run.status == Status::Crash
        && run.metric == Some(0.0)
    {
        run.metric = None;
    }
    entry
}

/// A line that is intact by its hash and yet no entry: only a later version could have written it.
fn unread(log: &Log) -> Option<Break> {
    log.bad.first().map(|bad| Break { line: bad.line, offset: 0, problem: Problem::NotChained })
}

impl Log {
    fn push_own(&mut self, record: Record, stamp: chain::Stamp) {
        match self.chain.sessions.last_mut() {
            Some(session) => {
                session.entries += 1;
                session.head = stamp.hash;
            }
            None => self.chain.sessions.push(SessionChain {
                first_line: record.line,
                entries: 1,
                head: stamp.hash,
            }),
        }
        self.records.push(record);
    }
}

/// Cuts an unfinished last line off a ledger, and changes nothing else. A break elsewhere stays as it is.
///
/// # Errors
/// A session holds the ledger, or the file system refuses.
pub fn repair(home: &Utf8Path) -> Result<Option<Torn>, LedgerError> {
    let mut home = Home::open(home)?;
    let torn = home.read()?.chain.torn;
    if let Some(torn) = torn {
        home.cut(torn)?;
    }
    Ok(torn)
}
