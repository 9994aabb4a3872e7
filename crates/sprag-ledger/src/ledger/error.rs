//! Why the writer refuses.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::verify::Break;

/// Why a ledger could not be created, opened or appended to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// There is one already.
    #[error("there is a ledger at {0} already; open it to go on, or name another place")]
    Exists(Utf8PathBuf),
    /// There is none.
    #[error("there is no ledger at {0}; a new session makes one")]
    Missing(Utf8PathBuf),
    /// Another writer is at work.
    #[error("another process is writing the ledger {0}; wait for it or stop it")]
    Locked(Utf8PathBuf),
    /// The chain does not hold.
    #[error(
        "the ledger {path} was changed from outside: {broken}; `sprag audit` shows what is intact, and a new session starts a new ledger"
    )]
    Broken {
        /// The ledger.
        path: Utf8PathBuf,
        /// The first line that does not fit.
        broken: Break,
    },
    /// The entry would not come back as it is.
    #[error("refused to write a `{word}` entry: {why}; nothing was written")]
    Refused {
        /// What kind of entry.
        word: String,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody else wrote to the file, or removed it.
    #[error(
        "the ledger {0} was changed or removed while the session ran; stop, and look at it with `sprag audit`"
    )]
    Moved(Utf8PathBuf),
    /// An earlier write failed in a way that leaves the disk's state open.
    #[error(
        "the ledger {0} may not be written after a failed write; start again, which looks at what is on disk"
    )]
    Closed(Utf8PathBuf),
    /// The file system refused.
    #[error("failed to {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LedgerError {
    pub(crate) fn io(action: &'static str, path: &Utf8Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| LedgerError::Io { action, path, source }
    }
}
