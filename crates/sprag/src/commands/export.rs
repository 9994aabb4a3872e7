//! `sprag export`: the log for other tools, or the session as a playbook.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use miette::IntoDiagnostic;
use serde_json::json;

use crate::{open, show};

/// Export the log as JSONL, CSV or karpathy's TSV, or the whole session as a playbook that can be played elsewhere.
///
/// Example: sprag export --playbook proposals
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the log in this format.
    #[arg(long, required_unless_present = "playbook", conflicts_with = "playbook")]
    format: Option<Format>,
    /// A file instead of the current session's ledger.
    #[arg(long, value_name = "FILE", conflicts_with = "playbook")]
    file: Option<Utf8PathBuf>,
    /// Write each try as a patch with its notes, and the blobs that the patches need.
    #[arg(long, value_name = "DIR")]
    playbook: Option<Utf8PathBuf>,
    /// Say as JSON what was written.
    #[arg(long, requires = "playbook")]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// One JSON object a line, as pi's tools read it.
    Jsonl,
    /// One run a line, for spreadsheets.
    Csv,
    /// karpathy's results.tsv.
    Tsv,
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
    let format = args.format.expect("the command line names a format where it names no playbook");
    let reading = open::reading(dir, args.file.as_deref())?;
    let session = reading.log.session();
    let mut text = Vec::new();
    let written = match format {
        Format::Jsonl => sprag_ledger::export::jsonl(&session, &mut text),
        Format::Csv => sprag_ledger::export::csv(&session, &mut text),
        Format::Tsv => sprag_ledger::export::karpathy(&session, &mut text),
    };
    written.into_diagnostic()?;
    show::text(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
