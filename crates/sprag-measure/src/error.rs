//! What goes wrong without being the candidate's fault.

use std::io;

use camino::Utf8PathBuf;

/// A failure of the host, the harness, the settings or Sprag. Never a verdict: the pair is measured again, or the
/// session stops and says why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// Somebody raised the [`Interrupt`](crate::Interrupt).
    #[error("interrupted")]
    Interrupted,
    /// A program could not be started at all.
    #[error("failed to start `{program}` in {dir}: {source}")]
    Spawn {
        /// The program as it was called.
        program: String,
        /// The working directory.
        dir: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder could not be read or written.
    #[error("failed to {doing} {path}: {source}")]
    File {
        /// A verb: `read`, `create`, …
        doing: &'static str,
        /// Which one.
        path: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something that should work.
    #[error("failed to {doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The harness or a setting is wrong: a missing script, a case file that does not parse, an unknown driver.
    #[error("{what}; {remedy}")]
    Harness {
        /// What is wrong, and where.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// What a process is locked in could not be built.
    #[error("{what}")]
    Jail {
        /// What went wrong.
        what: String,
    },
    /// The proxy that plays the recorded answers, or its cassette, failed.
    #[error("{what}")]
    Replay {
        /// What went wrong, and what to do.
        what: String,
    },
    /// A service of the harness did not start, or died.
    #[error("service `{name}` {what}; its output is in {log}")]
    Service {
        /// The service's name.
        name: String,
        /// What happened.
        what: String,
        /// Its stdout and stderr.
        log: Utf8PathBuf,
    },
}

impl MeasureError {
    /// Whether the same call may succeed when tried again: not for an interrupt, nor for a wrong harness.
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Interrupted | Self::Harness { .. })
    }

    pub(crate) fn file(doing: &'static str, path: impl Into<Utf8PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }

    pub(crate) fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System { doing, source: source.into() }
    }

    pub(crate) fn replay(error: impl std::fmt::Display) -> Self {
        Self::Replay { what: error.to_string() }
    }

    pub(crate) fn jail(error: impl std::fmt::Display) -> Self {
        Self::Jail { what: error.to_string() }
    }

    pub(crate) fn harness(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Harness { what: what.into(), remedy: remedy.into() }
    }
}
