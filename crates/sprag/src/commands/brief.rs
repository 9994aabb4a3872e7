//! `sprag brief`: what the next try would be told.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::{IntoDiagnostic, WrapErr, miette};
use sprag_ledger::Log;
use sprag_session::{Sources, State, brief_of};

use crate::{open, show};

/// Print what the next try would be told: the rules, what was tried, and how things stand.
///
/// It is made from the ledger, without a model, and may be printed while a session runs. What a `before` hook would add
/// is not in it.
///
/// Example: sprag brief | less
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(dir: &Utf8Path, _args: Args) -> miette::Result<ExitCode> {
    let project = open::project(dir)?;
    let contract = project.contract().into_diagnostic()?;
    let home = project.home().into_diagnostic()?;
    let current = home.current();
    let log = match &current {
        Some(id) => {
            let path = home.ledger(id);
            sprag_ledger::read(&path).into_diagnostic().wrap_err_with(|| format!("failed to read {path}"))?
        }
        None => Log::default(),
    };
    let bodies = |hash: &str| home.body(current.as_deref()?, hash);
    let state = State::of(log.records.iter().map(|record| &record.entry))
        .map_err(|what| miette!("the ledger cannot be followed: {what}"))?;
    let start = state.stall.start.as_ref();
    show::text(&brief_of(&Sources { log: &log, contract, bodies: &bodies, hook: "", start }))?;
    Ok(ExitCode::SUCCESS)
}
