//! `sprag note`: a remark for the next tries.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::IntoDiagnostic;

use crate::open;

/// Leave a remark: it goes into the ledger, and into the brief of the tries that follow.
///
/// Example: sprag note "the cache in identifiers.py is shared, leave it alone"
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The remark.
    text: String,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let home = open::home(dir)?;
    let when = sprag_session::leave_note(&home, &args.text).into_diagnostic()?;
    println!("{when}");
    Ok(ExitCode::SUCCESS)
}
