//! `sprag export`: the log for other tools, or the session as a playbook.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use miette::{IntoDiagnostic, miette};
use serde_json::json;

use crate::{open, show};

/// Export the log as JSONL, CSV or karpathy's TSV, or the whole session as a playbook that can be played elsewhere.
///
/// Example: sprag export --playbook proposals
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print jsonl, csv or tsv.
    #[arg(long, value_name = "FORMAT", required_unless_present = "playbook", conflicts_with = "playbook")]
    format: Option<String>,
    /// Write each try as a patch with its notes, and the blobs that the patches need.
    #[arg(long, value_name = "DIR")]
    playbook: Option<Utf8PathBuf>,
    /// Say as JSON what was written.
    #[arg(long, requires = "playbook")]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    if let Some(to) = args.playbook {
        let written =
            sprag_session::export_playbook(&open::project(dir)?, &dir.join(&to)).into_diagnostic()?;
        if args.json {
            show::json(&json!({ "proposals": written, "to": to }))?;
        } else {
            show::text(&format!("{written} proposals written to {to}"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let reading = open::reading(dir, None)?;
    let session = reading.log.session();
    let mut text = Vec::new();
    let written = match args.format.as_deref() {
        Some("jsonl") => sprag_ledger::export::jsonl(&session, &mut text),
        Some("csv") => sprag_ledger::export::csv(&session, &mut text),
        Some("tsv") => sprag_ledger::export::karpathy(&session, &mut text),
        other => {
            return Err(miette!(
                "there is no format `{}`: it is jsonl, csv or tsv",
                other.unwrap_or_default()
            ));
        }
    };
    written.into_diagnostic()?;
    show::text(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
