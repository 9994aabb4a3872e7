//! What the commands around the replay harness have in common: the settings, a command beside its proxy, and the words for
//! what came of it.

pub(crate) mod beside;
mod miss;
pub(crate) mod place;
pub(crate) mod words;

use std::ffi::OsString;
use std::process::{ExitCode, ExitStatus};

use miette::{IntoDiagnostic, miette};
use sprag_measure::Interrupt;
use sprag_replay::{Proxy, Scope};

use crate::show;
use beside::{End, Network, Printing};
use place::Place;

/// `-- CMD…`, and what is done with its standard output.
#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    /// The command and its arguments.
    #[arg(last = true, required = true, num_args = 1.., value_name = "CMD")]
    pub(crate) argv: Vec<OsString>,
    /// Print JSON; what the command prints goes to standard error then.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A command that has ended, and the scope that it was in.
pub(crate) struct Ended {
    pub(crate) scope: Scope,
    pub(crate) status: ExitStatus,
}

impl Command {
    /// Runs it beside the proxy; `None` where it was interrupted.
    pub(crate) fn run(
        &self,
        place: &Place,
        proxy: &Proxy,
        network: Network,
        interrupt: &Interrupt,
    ) -> miette::Result<Option<Ended>> {
        let printing = if self.json { Printing::Aside } else { Printing::AsItIs };
        let (scope, end) = beside::run(proxy, place, &self.argv, network, printing, interrupt)?;
        Ok(match end {
            End::Interrupted => None,
            End::Itself(status) => Some(Ended { scope, status }),
        })
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

/// How it ends where the command was interrupted, which is gone.
pub(crate) fn interrupted() -> ExitCode {
    show::aside("interrupted: the command was ended");
    ExitCode::from(130)
}

/// A child's exit code as a shell would give it: its own, or 128 and the number of the signal.
pub(crate) fn code(status: ExitStatus) -> u8 {
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

/// This very program as the launcher of a jail.
pub(crate) fn launcher() -> miette::Result<[OsString; 2]> {
    let exe = std::env::current_exe().into_diagnostic();
    let exe = exe.map_err(|error| miette!("cannot find sprag itself: {error}"))?;
    Ok([exe.into_os_string(), "__jail".into()])
}
