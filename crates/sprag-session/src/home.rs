//! Where a repository's sessions live: one folder under the state directory, never in the user's repository.
//!
//! ```text
//! $XDG_STATE_HOME/sprag/<repository id>/
//!   store.git/             our own bare store: baseline, candidates, keeps
//!   current                the ULID of the session that commands mean
//!   lock                   held while a session runs; holds the pid
//!   control                `pause` or `stop`, asked for by another process
//!   inbox/                 notes that the running session has not taken in yet
//!   bench.json             the latest `sprag bench`
//!   sessions/<ulid>/       ledger.jsonl, turn.json, goldens/, blobs/, output/, transcripts/
//!   work/                  slots a and b, the agent's copy, scratch: all of it can be deleted
//! ```

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::thread;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_workspace::UserRepo;

use crate::SessionError;

/// The state folder of one repository.
#[derive(Debug, Clone)]
pub struct Home {
    dir: Utf8PathBuf,
}

/// What another process asked of the running session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// End after the experiment under way; `run` goes on from there.
    Pause,
    /// End after the experiment under way, with the fresh measurement.
    Stop,
}

impl Request {
    /// As it is written down.
    pub fn word(self) -> &'static str {
        match self {
            Request::Pause => "pause",
            Request::Stop => "stop",
        }
    }
}

impl Home {
    /// The proposer's copy, in the work folder.
    pub const COPY: &str = "agent";

    /// The folder of a repository, made when it is not there.
    ///
    /// # Errors
    /// [`SessionError`] when there is no state directory or it cannot be written.
    pub fn of(repo: &UserRepo) -> Result<Self, SessionError> {
        let state = match std::env::var("XDG_STATE_HOME") {
            Ok(dir) if dir.starts_with('/') => Utf8PathBuf::from(dir),
            _ => match std::env::var("HOME") {
                Ok(home) if !home.is_empty() => Utf8PathBuf::from(home).join(".local/state"),
                _ => return Err(SessionError::NoStateDirectory),
            },
        };
        Self::at(state.join("sprag").join(repo.id()))
    }

    /// The folder `dir` itself.
    ///
    /// # Errors
    /// [`SessionError`] when it cannot be made.
    pub fn at(dir: Utf8PathBuf) -> Result<Self, SessionError> {
        fs::create_dir_all(dir.join("sessions")).map_err(|e| SessionError::io("make", &dir, e))?;
        // Work paths reach harness commands, which may run with another directory: they must be absolute.
        let dir = dir.canonicalize_utf8().map_err(|e| SessionError::io("resolve", &dir, e))?;
        Ok(Self { dir })
    }

    /// The folder itself.
    pub fn dir(&self) -> &Utf8Path {
        &self.dir
    }

    /// The bare store.
    pub fn store(&self) -> Utf8PathBuf {
        self.dir.join("store.git")
    }

    /// A path in the work folder; everything there can be made again.
    pub fn work(&self, name: &str) -> Utf8PathBuf {
        self.dir.join("work").join(name)
    }

    /// Where people leave notes for a running session.
    pub fn inbox(&self) -> Utf8PathBuf {
        self.dir.join("inbox")
    }

    /// The folder of a session.
    pub fn session(&self, id: &str) -> Utf8PathBuf {
        self.dir.join("sessions").join(id)
    }

    /// A body that a session keeps under its hash, such as `b3:…`; `None` where there is none.
    pub fn body(&self, id: &str, hash: &str) -> Option<Vec<u8>> {
        let name = hash.trim_start_matches("b3:");
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| fs::read(self.session(id).join("blobs").join(name)).ok())?
    }

    /// The ledger of a session.
    pub fn ledger(&self, id: &str) -> Utf8PathBuf {
        self.session(id).join("ledger.jsonl")
    }

    /// The session that commands mean, if there is one.
    pub fn current(&self) -> Option<String> {
        let id = fs::read_to_string(self.dir.join("current")).ok()?;
        let id = id.trim();
        (!id.is_empty() && self.ledger(id).exists()).then(|| id.to_owned())
    }

    /// Makes `id` the session that commands mean.
    ///
    /// # Errors
    /// [`SessionError`] when it cannot be written.
    pub fn set_current(&self, id: &str) -> Result<(), SessionError> {
        self.replace("current", id)
    }

    /// Takes the lock of this repository's sessions for as long as the answer lives.
    ///
    /// # Errors
    /// [`SessionError::Running`] when another process holds it.
    pub fn lock(&self) -> Result<Held, SessionError> {
        let path = self.dir.join("lock");
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| SessionError::io("open", &path, e))?;
        // `running` holds the lock for an instant when it looks: one refusal is not yet an answer.
        for tries_left in (0..5).rev() {
            match file.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) if tries_left > 0 => {
                    thread::sleep(Duration::from_millis(20))
                }
                Err(fs::TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    let _ = file.read_to_string(&mut pid);
                    return Err(SessionError::Running { pid: pid.trim().parse().ok() });
                }
                Err(fs::TryLockError::Error(e)) => return Err(SessionError::io("lock", &path, e)),
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|e| SessionError::io("write", &path, e))?;
        self.clear_control();
        Ok(Held { _file: file })
    }

    /// The pid of the process that runs a session here, if one does.
    pub fn running(&self) -> Option<u32> {
        let mut file = File::open(self.dir.join("lock")).ok()?;
        if !matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)) {
            return None;
        }
        let mut pid = String::new();
        file.read_to_string(&mut pid).ok()?;
        pid.trim().parse().ok()
    }

    /// Asks the running session to pause or stop.
    ///
    /// # Errors
    /// [`SessionError`] when it cannot be written.
    pub fn ask(&self, request: Request) -> Result<(), SessionError> {
        self.replace("control", request.word())
    }

    /// What was asked since the lock was taken.
    pub fn asked(&self) -> Option<Request> {
        let word = fs::read_to_string(self.dir.join("control")).ok()?;
        [Request::Pause, Request::Stop].into_iter().find(|request| request.word() == word.trim())
    }

    fn clear_control(&self) {
        let _ = fs::remove_file(self.dir.join("control"));
    }

    fn replace(&self, name: &str, text: &str) -> Result<(), SessionError> {
        let (path, part) = (self.dir.join(name), self.dir.join(format!("{name}.part")));
        let write = || -> io::Result<()> {
            let mut file = File::create(&part)?;
            writeln!(file, "{text}")?;
            file.sync_all()?;
            fs::rename(&part, &path)
        };
        write().map_err(|e| SessionError::io("write", &path, e))
    }
}

/// The lock on a repository's sessions; released when dropped, or by the kernel when the process ends.
#[derive(Debug)]
pub struct Held {
    _file: File,
}
