//! `sprag show N`: one run, whole.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use miette::miette;
use sprag_ledger::view;

use crate::{open, show};

/// Show one run: its verdict and why, its numbers, what its proposer said, and its evidence.
///
/// Example: sprag show 7
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run.
    run: u64,
    /// A file instead of the current session's ledger.
    #[arg(long, value_name = "FILE")]
    file: Option<Utf8PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let reading = open::reading(dir, args.file.as_deref())?;
    let view = view::run_view(&reading.log.session(), args.run);
    let view =
        view.ok_or_else(|| miette!(help = "`sprag log` lists them", "there is no run {}", args.run))?;
    if args.json {
        show::json(&view)?
    } else {
        show::text(&view.to_text())?
    }
    Ok(ExitCode::SUCCESS)
}
