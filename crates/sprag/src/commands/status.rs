//! `sprag status`: where the session stands.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_ledger::{Log, view};

use crate::{open, show};

/// Show where the session stands: incumbent, result, cost, and how it ended.
///
/// Example: sprag status --json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file instead of the current session's ledger.
    #[arg(long, value_name = "FILE")]
    file: Option<Utf8PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let reading = open::skimming(dir, args.file.as_deref())?;
    if args.json {
        show::json(&view::status_view(&reading.log))?;
    } else {
        show::text(&text(&reading.log))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The state as text.
pub(crate) fn text(log: &Log) -> String {
    view::status_view(log).to_text()
}
