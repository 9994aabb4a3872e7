//! `sprag rejudge`: the stored pairs under another policy.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use miette::IntoDiagnostic;
use serde_json::json;
use sprag_judge::{JudgeSettings, Policy};

use crate::{open, show};

/// Judge the stored pairs of every try under another policy. Measures nothing.
///
/// Where another policy would have needed more pairs than were measured, the answer is `undetermined`.
///
/// Example: sprag rejudge --mode strict --alpha 0.01
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file instead of the current session's ledger.
    #[arg(long, value_name = "FILE")]
    file: Option<Utf8PathBuf>,
    /// How a noisy primary metric is judged.
    #[arg(long, default_value = "paired")]
    mode: Mode,
    /// The share of candidates without effect that may be kept.
    #[arg(long)]
    alpha: Option<f64>,
    /// Pairs at most.
    #[arg(long)]
    max_pairs: Option<u32>,
    /// The smallest effect of interest, as a fraction.
    #[arg(long)]
    min_effect: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Mode {
    /// By pairs, with the fast part.
    Paired,
    /// By pairs, and only the part that has a theorem.
    Strict,
    /// By one run a candidate, unverified.
    Single,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let mode = match args.mode {
        Mode::Paired => Policy::Paired,
        Mode::Strict => Policy::Strict,
        Mode::Single => Policy::Single,
    };
    let defaults = JudgeSettings::default();
    let settings = JudgeSettings {
        mode,
        alpha: args.alpha.unwrap_or(defaults.alpha),
        max_pairs: args.max_pairs.unwrap_or(defaults.max_pairs),
        min_effect: args.min_effect.unwrap_or(defaults.min_effect),
        ..defaults
    };
    settings.validate().into_diagnostic()?;
    let reading = open::reading(dir, args.file.as_deref())?;
    let rows = sprag_session::rejudge(&reading.log, &settings);
    if args.json {
        show::json(&json!({ "rows": rows }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for row in &rows {
        let mark = if row.was == row.now { " " } else { "≠" };
        text.push_str(&format!(
            "{:>5} {mark} {:<13} {}\n",
            row.run,
            row.was.map_or("–".to_owned(), |reason| reason.to_string()),
            row.now.map_or("undetermined".to_owned(), |reason| reason.to_string())
        ));
    }
    let differ = rows.iter().filter(|row| row.was != row.now).count();
    text.push_str(&format!("{} rows, {differ} differ\n", rows.len()));
    show::text(&text)?;
    Ok(ExitCode::SUCCESS)
}
