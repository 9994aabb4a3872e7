//! `sprag apply`: a branch with one commit a keep.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::IntoDiagnostic;

use crate::{open, show};

/// Add a branch with one commit for each keep: its description, then the metric before and after, and the evidence.
///
/// Nothing else in your repository changes: not the checkout, not the index, not another branch.
///
/// Example: sprag apply && git diff main...sprag/kept
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The branch to add.
    #[arg(default_value = "sprag/kept")]
    branch: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let project = open::project(dir)?;
    let applied = sprag_session::apply(&project, &args.branch).into_diagnostic()?;
    if args.json {
        show::json(&applied)?;
    } else {
        let (branch, n) = (&applied.branch, applied.commits);
        show::text(&format!(
            "added the branch {branch} with {n} commit(s); look at it with `git log -p {branch}`"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
