//! `sprag bench`: one measurement that decides nothing.

use std::process::ExitCode;

use camino::Utf8Path;

use crate::failed::failed;
use crate::{open, show, watch};

/// Measure the working tree once. Decides nothing, writes no ledger.
///
/// Example: sprag bench --json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let project = open::project(dir)?;
    let mut view = watch::view();
    let measured = sprag_session::bench(project, &watch::interrupt()?, &mut *view);
    drop(view);
    let bench = match measured {
        Ok(bench) => bench,
        Err(error) => return failed(error),
    };
    let failed = !bench.findings.is_empty();
    if args.json {
        show::json(&bench)?;
    } else {
        let mut text = String::new();
        let width = bench.metrics.keys().map(String::len).max().unwrap_or(0);
        for (name, value) in &bench.metrics {
            text.push_str(&format!("{name:width$}  {value}\n"));
        }
        for finding in &bench.findings {
            text.push_str(&format!("{}: {}\n", finding.reason, show::clean(&finding.detail)));
        }
        for note in &bench.notes {
            text.push_str(&format!("note: {note}\n"));
        }
        text.push_str(&format!("one run took {:.1} s; nothing was decided\n", bench.seconds));
        show::text(&text)?;
    }
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
