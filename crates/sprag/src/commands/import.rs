//! `sprag import`: another tool's log as a ledger.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use miette::IntoDiagnostic;
use serde_json::json;
use sprag_ledger::{Ledger, import};

use crate::show;

/// Import another tool's log into a ledger file that `log`, `show`, `status` and `export` read.
///
/// Knows pi-autoresearch and its relatives, and the TSV of karpathy's autoresearch. Imported rows are never called
/// verified: nobody saw them measured.
///
/// Example: sprag import results.tsv --to imported.jsonl
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The other tool's log.
    file: Utf8PathBuf,
    /// The ledger to write; it must not exist.
    #[arg(long, value_name = "FILE")]
    to: Utf8PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let imported = import::read(&dir.join(&args.file)).into_diagnostic()?;
    let (dialect, bad) = (imported.dialect, imported.log.bad_count);
    let to = dir.join(&args.to);
    let mut ledger = Ledger::create(&to, None).into_diagnostic()?;
    let entries = imported.into_entries();
    let count = entries.len();
    for entry in entries {
        ledger.append(entry).into_diagnostic()?;
    }
    if args.json {
        show::json(&json!({ "entries": count, "dialect": dialect.to_string(), "to": to, "bad_lines": bad }))?;
    } else {
        show::text(&format!(
            "{count} entries of {dialect} imported into {to}; {bad} line(s) were not understood"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
