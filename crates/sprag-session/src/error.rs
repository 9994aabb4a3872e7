//! What can end a session or keep it from starting, as a person reads it.

use camino::{Utf8Path, Utf8PathBuf};
use sprag_agent::ProposeError;
use sprag_judge::{Finding, Reason};
use sprag_measure::MeasureError;

/// A session could not start or go on. Nothing that was measured is lost: the ledger holds every finished experiment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// No place for state.
    #[error("there is no state directory: set XDG_STATE_HOME or HOME to a folder that can be written")]
    NoStateDirectory,
    /// Another `sprag` runs here.
    #[error("another sprag is running on this repository{}; watch it with `sprag status`, end it with `sprag stop`",
        .pid.map(|p| format!(" (pid {p})")).unwrap_or_default())]
    Running {
        /// Its pid, where it could be read.
        pid: Option<u32>,
    },
    /// There is no spec.
    #[error("there is no spec in {root}: `sprag init` writes .auto/prompt.md, or write it by hand")]
    NoSpec {
        /// Where it was looked for.
        root: Utf8PathBuf,
    },
    /// The spec does not compile.
    #[error("the spec is not ready ({errors} to mend): `sprag check` shows each with its line")]
    SpecNotReady {
        /// How many errors.
        errors: usize,
    },
    /// There is no session yet.
    #[error("there is no session in this repository yet: `sprag run` starts one")]
    NoSession,
    /// The user's tree has changes that are neither harness nor log.
    #[error(
        "{count} uncommitted change(s) would not be part of the baseline, such as {example}: commit them, or use --include-dirty to measure a snapshot with them"
    )]
    Dirty {
        /// How many paths.
        count: usize,
        /// The first of them.
        example: String,
    },
    /// The baseline does not pass its own gates.
    #[error(
        "the baseline itself does not pass: {what}\n  Sprag judges candidates against a baseline that works; mend it and start again"
    )]
    Baseline {
        /// The finding.
        what: String,
        /// The last lines of its output, capped and cleaned.
        output: String,
    },
    /// The incumbent, which passed before, failed while it was measured against a candidate.
    #[error("the incumbent failed beside a candidate: {what}")]
    IncumbentFailed {
        /// The finding.
        what: String,
    },
    /// The noise or the settings make a session pointless.
    #[error("{what}")]
    NotWorthIt {
        /// What is wrong and what to change.
        what: String,
    },
    /// This machine cannot lock in what is run as the settings ask.
    #[error(
        "[sandbox] tier is {wanted}, and this machine gives {found}: {why}\n  mend it (`sprag doctor` shows how), or write `tier = \"{found}\"`: results say which tier they are of"
    )]
    NoSandbox {
        /// What the settings ask for.
        wanted: String,
        /// The best that there is.
        found: String,
        /// What is missing.
        why: String,
    },
    /// Sprag starts itself again, inside a jail and as a stand-in, and does not know where it is.
    #[error("cannot find sprag itself: {why}\n  it needs /proc, and to be installed at a path that is UTF-8")]
    NoProgram {
        /// What the system says, or what is wrong with the path.
        why: String,
    },
    /// The session was interrupted.
    #[error("interrupted: `sprag run` goes on where this stopped")]
    Interrupted,
    /// The same failure again and again.
    #[error("{what}")]
    GaveUp {
        /// What happened how often, and the last message.
        what: String,
    },
    /// A question that this session cannot answer.
    #[error("{0}")]
    Refused(String),
    /// A file could not be read or written.
    #[error("failed to {verb} {path}: {source}")]
    Io {
        /// read, write, make, …
        verb: &'static str,
        /// Where.
        path: Utf8PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The trees.
    #[error(transparent)]
    Workspace(#[from] sprag_workspace::Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] sprag_ledger::LedgerError),
    /// The clocks and processes.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The proxy that plays recorded answers, or its cassette.
    #[error(transparent)]
    Replay(#[from] sprag_replay::ProxyError),
    /// There is nothing to play.
    #[error("there is no cassette in {folder}: `sprag record` writes one; git must not ignore it")]
    NoCassette {
        /// The folder that the settings name.
        folder: String,
    },
    /// There is nothing to ask.
    #[error("the settings name no hidden cases: write `hidden = \"…\"` under [cases]")]
    NoHiddenCases,
    /// The proposer.
    #[error(transparent)]
    Propose(#[from] ProposeError),
}

impl SessionError {
    /// Whether somebody asked for the end: Ctrl-C, or `--now`.
    pub fn is_interruption(&self) -> bool {
        matches!(
            self,
            Self::Interrupted
                | Self::Measure(MeasureError::Interrupted)
                | Self::Propose(ProposeError::Process(MeasureError::Interrupted))
        )
    }

    /// What is told where code failed that must not.
    pub(crate) fn told(finding: &Finding) -> String {
        match finding.reason {
            Reason::ReplayMiss => {
                format!("{}\n  `sprag record` takes down what the code asks now", finding.detail)
            }
            _ => finding.detail.clone(),
        }
    }

    pub(crate) fn io(verb: &'static str, path: &Utf8Path, source: std::io::Error) -> Self {
        Self::Io { verb, path: path.to_owned(), source }
    }
}
