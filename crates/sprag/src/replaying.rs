//! What the commands around the replay harness have in common: the settings, a command or the benchmark beside its proxy,
//! and the words for what came of it.

mod benchmark;
pub(crate) mod beside;
mod miss;
pub(crate) mod place;
pub(crate) mod words;

use std::ffi::OsString;
use std::process::{ExitCode, ExitStatus};

use camino::Utf8Path;
use miette::IntoDiagnostic;
use sprag_judge::Finding;
use sprag_replay::{Account, Mode, Proxy};

use crate::{show, watch};
use beside::{End, Network, Printing};
use place::Place;

/// `-- CMD…`, and what is done with its standard output.
#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    /// The command and its arguments; without one the benchmark.
    #[arg(last = true, value_name = "CMD")]
    pub(crate) argv: Vec<OsString>,
    /// Print JSON; what the command prints goes to standard error then.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What has run beside a proxy, and what came of it.
pub(crate) struct Ran {
    pub(crate) proxy: Proxy,
    pub(crate) account: Account,
    pub(crate) end: Ended,
}

/// How it ended.
pub(crate) enum Ended {
    /// A command.
    Command(ExitStatus),
    /// The benchmark: what is held against the code in it besides what is in the account, and remarks of the driver.
    Benchmark { finding: Option<Finding>, notes: Vec<String> },
}

impl Command {
    /// Runs it beside a proxy, or the benchmark where there is none; `None` where that was interrupted. `network` is that of
    /// a command: what the benchmark runs in is decided as in a session.
    pub(crate) fn run(
        &self,
        dir: &Utf8Path,
        place: &Place,
        mode: Mode,
        network: Network,
    ) -> miette::Result<Option<Ran>> {
        if self.argv.is_empty() {
            return benchmark::run(dir, place, mode);
        }
        let proxy = Proxy::open(&place.replay, &place.root, mode, None).into_diagnostic()?;
        let interrupt = watch::interrupt()?;
        let printing = if self.json { Printing::Aside } else { Printing::AsItIs };
        let (scope, end) = beside::run(&proxy, place, &self.argv, network, printing, &interrupt)?;
        let End::Itself(status) = end else { return Ok(None) };
        // What it asked last it may have asked without waiting for an answer.
        scope.settle();
        drop(scope);
        let account = proxy.account().into_diagnostic()?;
        Ok(Some(Ran { proxy, account, end: Ended::Command(status) }))
    }

    /// Says what came of it: as JSON on standard output, else in words on standard error, beside what the command prints.
    pub(crate) fn tell(&self, json: &serde_json::Value, words: &str) -> miette::Result<()> {
        match self.json {
            true => show::json(json)?,
            false => show::aside(words),
        }
        Ok(())
    }
}

impl Ended {
    /// The exit code of the command, as a shell would give it.
    pub(crate) fn of_command(&self) -> Option<u8> {
        match self {
            Self::Command(status) => Some(code(*status)),
            Self::Benchmark { .. } => None,
        }
    }

    /// The exit code that this end alone gives.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Command(status) => code(*status),
            Self::Benchmark { finding, .. } => u8::from(finding.is_some()),
        }
    }

    /// That it did not end well, and how; `None` where it did.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self {
            Self::Command(status) => (!status.success()).then(|| format!("the command {}", how(*status))),
            Self::Benchmark { finding, .. } => {
                finding.as_ref().map(|finding| format!("the benchmark failed: {}", finding.detail))
            }
        }
    }

    /// Remarks of the driver.
    pub(crate) fn notes(&self) -> &[String] {
        match self {
            Self::Command(_) => &[],
            Self::Benchmark { notes, .. } => notes,
        }
    }
}

/// How it ends where what ran was interrupted, which is gone.
pub(crate) fn interrupted() -> ExitCode {
    show::aside("interrupted: what ran was ended");
    ExitCode::from(130)
}

/// A child's exit code as a shell would give it: its own, or 128 and the number of the signal.
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// How it ended, in words.
pub(crate) fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "did not end well".to_owned(),
    }
}
