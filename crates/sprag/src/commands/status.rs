//! `sprag status`: where the session stands.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_ledger::view;

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
    // A file that is named may be of another project, whose limits nobody knows.
    let rules = if args.file.is_none() { open::stop_rules(dir) } else { Vec::new() };
    let view = view::status_view(&reading.log, &rules);
    if args.json {
        show::json(&view)?;
    } else {
        show::text(&view.to_text())?;
    }
    Ok(ExitCode::SUCCESS)
}
