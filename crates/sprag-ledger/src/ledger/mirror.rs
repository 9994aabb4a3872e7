//! The mirror: a copy of the session's lines in the repository, for people, dashboards and git.
//!
//! The home copy decides. A mirror that lost lines gets them back; lines in it that the home copy does not know are
//! never thrown away: the file is kept aside first. What stands before the session (earlier sessions, another tool's
//! log) stays where it is.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
};

use camino::{Utf8Path, Utf8PathBuf};

/// The mirror after an append or an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MirrorState {
    /// The session has no mirror.
    None,
    /// As it should be.
    Same,
    /// It was missing, and was written anew.
    Created,
    /// The session's lines, or some of them, were not in it, and were added from the home copy.
    Mended,
    /// It held lines that the home copy does not; the whole file was kept under this name before it was mended.
    SetAside(Utf8PathBuf),
    /// It could not be written. The home copy has everything; the next append tries again.
    Failed(String),
}

/// How much of the end is compared before an append.
const TAIL: usize = 4096;

#[derive(Debug)]
pub(crate) struct Mirror {
    path: Utf8PathBuf,
    /// How it looked after the last write; `None`: not known, compare it whole.
    known: Option<Known>,
}

#[derive(Debug, Clone)]
struct Known {
    length: u64,
    tail: Vec<u8>,
}

impl Mirror {
    pub(crate) fn new(path: &Utf8Path) -> Self {
        Self { path: path.to_owned(), known: None }
    }

    /// Adds a line (with its newline) that the home copy already has.
    pub(crate) fn append(&mut self, line: &[u8], home: &Utf8Path) -> MirrorState {
        match self.try_append(line) {
            Ok(true) => MirrorState::Same,
            // Somebody touched it since, or the append failed half-way: compare it whole.
            Ok(false) | Err(_) => self.mend(home),
        }
    }

    fn try_append(&mut self, line: &[u8]) -> io::Result<bool> {
        let Some(known) = self.known.take() else { return Ok(false) };
        let mut file = open_plain(&self.path, OpenOptions::new().read(true).append(true))?;
        if file.metadata()?.len() != known.length {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(known.length - known.tail.len() as u64))?;
        let mut tail = vec![0; known.tail.len()];
        file.read_exact(&mut tail)?;
        if tail != known.tail {
            return Ok(false);
        }
        file.write_all(line)?;
        tail.extend_from_slice(line);
        self.remember(known.length + line.len() as u64, &tail);
        Ok(true)
    }

    /// Compares the whole mirror with the home copy and brings it up to date.
    pub(crate) fn mend(&mut self, home: &Utf8Path) -> MirrorState {
        self.known = None;
        match self.try_mend(home) {
            Ok(state) => state,
            Err(error) => MirrorState::Failed(format!("failed to write {}: {error}", self.path)),
        }
    }

    fn try_mend(&mut self, home: &Utf8Path) -> io::Result<MirrorState> {
        let ours = std::fs::read(home)?;
        let found = match std::fs::symlink_metadata(&self.path) {
            Ok(_) => Some(read_plain(&self.path)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if ours.is_empty() {
            return Ok(MirrorState::Same);
        }
        let Some(found) = found else {
            return self.create(&ours);
        };
        let start = find_session(&found, &ours);
        let (before, present) = found.split_at(start.unwrap_or(found.len()));
        if let Some(missing) = ours.strip_prefix(present) {
            let separator: &[u8] =
                if start.is_none() && before.last().is_some_and(|&b| b != b'\n') { b"\n" } else { b"" };
            let addition = [separator, missing].concat();
            if !addition.is_empty() {
                open_plain(&self.path, OpenOptions::new().append(true))?.write_all(&addition)?;
            }
            let whole = [&found[..], &addition].concat();
            self.remember(whole.len() as u64, &whole);
            return Ok(if missing.is_empty() { MirrorState::Same } else { MirrorState::Mended });
        }
        let aside = self.keep_aside(&found)?;
        let whole = [before, &ours].concat();
        open_plain(&self.path, OpenOptions::new().write(true).truncate(true))?.write_all(&whole)?;
        self.remember(whole.len() as u64, &whole);
        Ok(MirrorState::SetAside(aside))
    }

    fn create(&mut self, ours: &[u8]) -> io::Result<MirrorState> {
        // Only the folder itself: where the repository is gone, it is not for the log to bring it back.
        if let Some(folder) =
            self.path.parent().filter(|folder| !folder.as_str().is_empty() && !folder.exists())
        {
            std::fs::create_dir(folder)?;
        }
        OpenOptions::new().write(true).create_new(true).open(&self.path)?.write_all(ours)?;
        self.remember(ours.len() as u64, ours);
        Ok(MirrorState::Created)
    }

    fn remember(&mut self, length: u64, end: &[u8]) {
        self.known = Some(Known { length, tail: end[end.len().saturating_sub(TAIL)..].to_vec() });
    }

    /// Copies the file to the first free `NAME.N.old`.
    fn keep_aside(&self, found: &[u8]) -> io::Result<Utf8PathBuf> {
        for n in 1..10_000 {
            let aside = Utf8PathBuf::from(format!("{}.{n}.old", self.path));
            match OpenOptions::new().write(true).create_new(true).open(&aside) {
                Ok(mut file) => {
                    file.write_all(found)?;
                    file.sync_all()?;
                    return Ok(aside);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("there are too many {}.N.old files; move them away", self.path)))
    }
}

/// Where the session's first line stands in the mirror: the last place where it does. A mirror that was cut within
/// that very line has it as its unfinished end.
fn find_session(found: &[u8], ours: &[u8]) -> Option<usize> {
    let first = ours.split_inclusive(|&b| b == b'\n').next()?;
    let mut at = 0;
    let mut start = None;
    for line in found.split_inclusive(|&b| b == b'\n') {
        if line == first || (start.is_none() && line.last() != Some(&b'\n') && first.starts_with(line)) {
            start = Some(at);
        }
        at += line.len();
    }
    start
}

/// Opens an existing plain file. A link in a cloned repository must not lead the log elsewhere.
fn open_plain(path: &Utf8Path, options: &OpenOptions) -> io::Result<File> {
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is a link or no regular file; remove it"));
    }
    options.open(path)
}

fn read_plain(path: &Utf8Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_plain(path, OpenOptions::new().read(true))?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
