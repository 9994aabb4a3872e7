//! Why a cassette cannot be read or written.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

/// Why a cassette could not be opened, read, recorded or changed. Kept as text throughout, so that it can be shown again
/// wherever the run that it spoiled is reported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CassetteError {
    /// There is none.
    #[error("there is no cassette in {0}; record one first")]
    Missing(Utf8PathBuf),
    /// It was written by another version of Sprag.
    #[error(
        "the cassette {dir} has version {found}, and this Sprag reads version {known}; record it again, or use the Sprag that wrote it"
    )]
    Version {
        /// The cassette.
        dir: Utf8PathBuf,
        /// Its version.
        found: u64,
        /// The version that is understood.
        known: u32,
    },
    /// Its bytes are not those that were sealed.
    #[error(
        "the seal of the cassette {0} is broken: its manifest or its interactions were changed after recording; restore them, or record it again"
    )]
    Seal(Utf8PathBuf),
    /// A line of a file is not what it must be.
    #[error("{file}:{line}: {what}; the cassette is damaged: restore it, or record it again")]
    Line {
        /// The file.
        file: Utf8PathBuf,
        /// Its line, from 1.
        line: u64,
        /// What is wrong there.
        what: String,
    },
    /// A file is not what it must be.
    #[error("{file}: {what}; the cassette is damaged: restore it, or record it again")]
    File {
        /// The file.
        file: Utf8PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It was recorded under other rules, so its keys are not comparable.
    #[error(
        "the cassette {0} was recorded under other [replay] rules than those of the settings; record it again"
    )]
    Rules(Utf8PathBuf),
    /// Somebody else is recording into it or changing it.
    #[error("another process is writing the cassette {0}; wait for it or stop it")]
    Locked(Utf8PathBuf),
    /// The folder is not only a cassette, and would be replaced as a whole.
    #[error(
        "{0} is no part of a cassette, and the folder would be replaced; move it, or name an empty folder"
    )]
    Foreign(Utf8PathBuf),
    /// The recording has ended already.
    #[error("the recording was finished before")]
    Finished,
    /// What should be redacted cannot be searched for.
    #[error("not a regular expression: {0}")]
    Pattern(String),
    /// An exchange cannot be kept.
    #[error("cannot record {label} to {upstream}: {what}")]
    Refused {
        /// What was asked, in one line.
        label: String,
        /// Of whom.
        upstream: String,
        /// What is wrong.
        what: String,
    },
    /// The file system refused.
    #[error("failed to {action} {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: Utf8PathBuf,
        /// What the system said.
        error: String,
    },
}

impl CassetteError {
    pub(crate) fn io(action: &'static str, path: &Utf8Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { action, path, error: error.to_string() }
    }

    pub(crate) fn line(file: &Utf8Path, line: u64, what: impl Into<String>) -> Self {
        Self::Line { file: file.to_owned(), line, what: what.into() }
    }

    pub(crate) fn file(file: &Utf8Path, what: impl Into<String>) -> Self {
        Self::File { file: file.to_owned(), what: what.into() }
    }
}
