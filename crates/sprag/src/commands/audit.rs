//! `sprag audit`: does every line hold, and does every verdict follow?

use std::process::ExitCode;

use camino::Utf8Path;
use camino::Utf8PathBuf;
use miette::{IntoDiagnostic, miette};
use serde_json::json;

use crate::{open, show};

/// Verify the ledger's chain and compute every verdict again from the rows alone.
///
/// Exit code 5 where the chain is broken or a row does not follow.
///
/// Example: sprag audit --head b3:7c0f…
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file instead of the current session's ledger.
    #[arg(long, value_name = "FILE")]
    file: Option<Utf8PathBuf>,
    /// The head of the chain as it was kept elsewhere: shows a ledger that was written anew or cut short.
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
    /// Cut an unfinished last line; nothing else is ever changed.
    #[arg(long)]
    repair: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let mut reading = open::reading(dir, args.file.as_deref())?;
    if args.repair
        && let Some(torn) = sprag_ledger::repair(&reading.path).into_diagnostic()?
    {
        show::aside(&format!("line {} was unfinished: its {} bytes were cut", torn.line, torn.bytes));
        reading.log = sprag_ledger::read(&reading.path).into_diagnostic()?;
    }
    let chain = &reading.log.chain;
    let audit = sprag_session::audit(&reading.log);
    let head = chain.head().map(|head| head.to_string());
    let mut problems = Vec::new();
    if let Some(broken) = &chain.broken {
        problems.push(format!("line {}: {}", broken.line, broken.problem));
    }
    if let Some(torn) = chain.torn {
        problems.push(format!("line {} is unfinished; `sprag audit --repair` cuts it", torn.line));
    }
    if let Some(expected) = &args.head
        && head.as_ref() != Some(expected)
    {
        problems.push(format!("the head is {}, not {expected}", head.as_deref().unwrap_or("missing")));
    }
    for mismatch in &audit.mismatches {
        let run = mismatch.run.map_or(String::new(), |run| format!(" (run {run})"));
        problems.push(format!("line {}{run}: {}", mismatch.line, mismatch.what));
    }
    let unverified = chain.unverified;
    if args.json {
        show::json(&json!({
            "file": reading.path,
            "entries": reading.log.records.len(),
            "recomputed": audit.recomputed,
            "without_evidence": audit.without_evidence,
            "unverified_lines": unverified,
            "bad_lines": reading.log.bad_count,
            "head": head,
            "problems": problems,
        }))?;
    } else {
        let mut text: String = problems.iter().map(|p| format!("{}\n", show::clean(p))).collect();
        text.push_str(&format!(
            "{} entries, {} verdicts computed again from their rows, {} problem(s)\n",
            reading.log.records.len(),
            audit.recomputed,
            problems.len()
        ));
        if audit.without_evidence > 0 {
            text.push_str(&format!(
                "{} rows have no evidence: they are another tool's word\n",
                audit.without_evidence
            ));
        }
        if unverified > 0 {
            text.push_str(&format!("{unverified} lines are part of no chain\n"));
        }
        if let Some(head) = &head {
            text.push_str(&format!("head {head}\n"));
        }
        show::text(&text)?;
    }
    if reading.log.records.is_empty() && problems.is_empty() {
        return Err(miette!("{} holds no entries", reading.path));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(5) })
}
