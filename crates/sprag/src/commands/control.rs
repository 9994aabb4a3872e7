//! `sprag pause` and `sprag stop`: asks the running session to end.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::{IntoDiagnostic, miette};
use serde_json::json;
use sprag_session::{Home, Request};

use crate::{open, show};

/// Pause the running session after the experiment under way; `sprag run` goes on.
///
/// Example: sprag pause
#[derive(Debug, clap::Args)]
pub(crate) struct PauseArgs {
    /// Cut the experiment under way; it is lost, nothing else.
    #[arg(long)]
    now: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Stop the running session after the experiment under way, with the fresh measurement of the result.
///
/// Example: sprag stop
#[derive(Debug, clap::Args)]
pub(crate) struct StopArgs {
    /// Cut the experiment under way, without the fresh measurement; it is lost, nothing else.
    #[arg(long)]
    now: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn pause(dir: &Utf8Path, args: PauseArgs) -> miette::Result<ExitCode> {
    ask(&open::home(dir)?, Request::Pause, args.now, args.json)
}

pub(crate) fn stop(dir: &Utf8Path, args: StopArgs) -> miette::Result<ExitCode> {
    ask(&open::home(dir)?, Request::Stop, args.now, args.json)
}

fn ask(home: &Home, request: Request, now: bool, json: bool) -> miette::Result<ExitCode> {
    let pid = home.running().ok_or_else(|| miette!("no session is running in this repository"))?;
    home.ask(request).into_diagnostic()?;
    if now {
        let process = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        let process = process.ok_or_else(|| miette!("the lock file names no process"))?;
        rustix::process::kill_process(process, rustix::process::Signal::INT).into_diagnostic()?;
    }
    if json {
        show::json(&json!({ "asked": request.word(), "now": now, "pid": pid }))?;
    } else if now {
        show::text("the experiment under way is cut")?;
    } else {
        show::text("it ends after the experiment under way")?;
    }
    Ok(ExitCode::SUCCESS)
}
