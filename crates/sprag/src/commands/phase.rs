//! `sprag phase next`: the next phase's constraints.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::IntoDiagnostic;

use crate::{open, show};

/// Go on to the next phase of the spec, from the incumbent.
///
/// Example: sprag phase next
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    step: Step,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// Start the next phase; ideas parked for it come back.
    Next,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let Step::Next = args.step;
    let next = sprag_session::next_phase(open::project(dir)?).into_diagnostic()?;
    if args.json {
        show::json(&next)?;
        return Ok(ExitCode::SUCCESS);
    }
    let title = if next.title.is_empty() { String::new() } else { format!(": {}", show::clean(&next.title)) };
    let mut text = format!("phase {}{title}; `sprag run` goes on under its constraints\n", next.phase);
    for idea in &next.ideas {
        text.push_str(&format!("  idea given back: {}\n", show::clean(idea).replace('\n', " ")));
    }
    show::text(&text)?;
    Ok(ExitCode::SUCCESS)
}
