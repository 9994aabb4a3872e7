//! `sprag log`: the table of a session.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_ledger::{Log, RunKind, view};

use crate::curve::{Curve, Point};
use crate::{open, show};

/// Show the table of the session: every run, its metric, what became of it and why.
///
/// Reads Sprag's ledgers and the logs of pi-autoresearch and its relatives.
///
/// Example: sprag log --file autoresearch.jsonl --json
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
        show::json(&view::log_view(&reading.log))?;
    } else {
        show::text(&table(&reading.log, show::width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The table as text.
pub(crate) fn table(log: &Log, width: usize) -> String {
    view::log_view(log).to_text(width)
}

/// The curve of the last session; `None` where it has no config.
pub(crate) fn curve(log: &Log) -> Option<Curve> {
    let session = log.session();
    let config = session.config()?;
    // An audit is no try: it measures the incumbent once more.
    let tries = session.runs().filter(|run| run.is_experiment() || run.kind == Some(RunKind::Baseline));
    let points = tries.filter_map(|run| {
        let run_number = u32::try_from(run.run).ok()?;
        Some(Point { run: run_number, value: run.metric, status: run.status.known()? })
    });
    Some(Curve {
        metric: config.metric_name.clone(),
        unit: config.metric_unit.clone(),
        direction: config.direction,
        points: points.collect(),
    })
}
