//! `sprag ideas`: what is parked.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use sprag_ledger::{Entry, Idea};

use crate::{open, show};

/// List the ideas that were parked, with the phase and the rule that forbade them.
///
/// Example: sprag ideas --json
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
    let reading = open::reading(dir, args.file.as_deref())?;
    let ideas: Vec<&Idea> = reading
        .log
        .records
        .iter()
        .filter_map(|record| match &record.entry {
            Entry::Idea(idea) => Some(idea),
            _ => None,
        })
        .collect();
    if args.json {
        show::json(&json!({ "ideas": ideas }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if ideas.is_empty() {
        show::text("no ideas are parked")?;
    }
    for idea in ideas {
        let phase = idea.phase.map_or(String::new(), |phase| format!(" (parked in phase {phase})"));
        let why = if idea.why.is_empty() { String::new() } else { format!(": {}", show::clean(&idea.why)) };
        show::text(&format!("- {}{phase}{why}", show::clean(&idea.text).replace('\n', " ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
