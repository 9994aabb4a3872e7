//! `sprag note`: a remark for the next tries.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::IntoDiagnostic;
use serde_json::json;

use crate::{open, show};

/// Leave a remark: it goes into the ledger, and into the brief of the tries that follow.
///
/// Example: sprag note "the cache in identifiers.py is shared, leave it alone"
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The remark.
    text: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let home = open::home(dir)?;
    let when = sprag_session::leave_note(&home, &open::mirror(dir)?, &args.text).into_diagnostic()?;
    if args.json {
        show::json(&json!({ "noted": when }))?
    } else {
        show::text(&when)?
    }
    Ok(ExitCode::SUCCESS)
}
