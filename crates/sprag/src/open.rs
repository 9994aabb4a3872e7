//! Finds what a command works on: the project, or the log to read.

use std::mem::ManuallyDrop;

use camino::{Utf8Path, Utf8PathBuf};
use miette::{IntoDiagnostic, WrapErr, miette};
use sprag_contract::locate::locate;
use sprag_judge::stop::StopRule;
use sprag_ledger::Log;
use sprag_session::{Home, Project};
use sprag_workspace::UserRepo;

/// The project around `dir`.
pub(crate) fn project(dir: &Utf8Path) -> miette::Result<Project> {
    Project::open(dir).into_diagnostic()
}

/// The stop rules of the project around `dir`; none where its spec cannot be read now.
pub(crate) fn stop_rules(dir: &Utf8Path) -> Vec<StopRule> {
    let contract = Project::open(dir).ok().and_then(|project| Some(project.contract().ok()?.stop.clone()));
    contract.unwrap_or_default()
}

/// The state folder of the repository around `dir`.
pub(crate) fn home(dir: &Utf8Path) -> miette::Result<Home> {
    let repo = UserRepo::discover(dir).into_diagnostic()?;
    Home::of(&repo).into_diagnostic()
}

/// A log that was read, and where it lies.
pub(crate) struct Reading {
    pub(crate) log: Log,
    pub(crate) path: Utf8PathBuf,
}

/// The log that a reading command means: the file that is named; else the ledger of the current session; else the log
/// in the repository, which is enough in a fresh clone.
pub(crate) fn reading(dir: &Utf8Path, file: Option<&Utf8Path>) -> miette::Result<Reading> {
    read_with(dir, file, sprag_ledger::read)
}

/// The same without the evidence of its runs, checked like the whole, for tables and sums. It is never dropped: giving
/// the memory of ten thousand rows back one by one takes longer than to end.
pub(crate) fn skimming(dir: &Utf8Path, file: Option<&Utf8Path>) -> miette::Result<ManuallyDrop<Reading>> {
    read_with(dir, file, sprag_ledger::skim).map(ManuallyDrop::new)
}

fn read_with(
    dir: &Utf8Path,
    file: Option<&Utf8Path>,
    read: fn(&Utf8Path) -> std::io::Result<Log>,
) -> miette::Result<Reading> {
    let path = match file {
        Some(file) => dir.join(file),
        None => ledger_of(dir)?,
    };
    let log = read(&path).into_diagnostic().wrap_err_with(|| format!("failed to read {path}"))?;
    Ok(Reading { log, path })
}

fn ledger_of(dir: &Utf8Path) -> miette::Result<Utf8PathBuf> {
    let repo = UserRepo::discover(dir).into_diagnostic()?;
    let home = Home::of(&repo).into_diagnostic()?;
    if let Some(id) = home.current() {
        return Ok(home.ledger(&id));
    }
    let log = log_in(&repo);
    if log.is_file() {
        return Ok(log);
    }
    Err(miette!(
        help = "`sprag run` starts one; a file can be named with --file",
        "there is no session in {} yet",
        repo.root()
    ))
}

/// The log in the repository around `dir`, there or not.
pub(crate) fn mirror(dir: &Utf8Path) -> miette::Result<Utf8PathBuf> {
    Ok(log_in(&UserRepo::discover(dir).into_diagnostic()?))
}

fn log_in(repo: &UserRepo) -> Utf8PathBuf {
    let root = repo.root();
    root.join(locate(|path| root.join(path).is_file()).log)
}
