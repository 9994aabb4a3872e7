//! `sprag redteam`: what of the known cheats this harness would let through.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use miette::miette;
use serde::Serialize;
use sprag_ledger::{Cheated, Fate, RedTeam};
use sprag_session::Project;

use crate::failed::failed;
use crate::{open, show, watch};

/// Plant known cheats in a copy of the working tree, and see which of them the harness would let through.
///
/// Each cheat is imported, built, run, compared and checked like a candidate; speed is not asked. Nothing in the working
/// tree changes, and the result is in the ledger.
///
/// Exit codes: 0 every cheat that acted was caught; 6 at least one was let through; 14 none could be tried.
///
/// Example: sprag redteam --json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the project, or its spec; without one, where the command works.
    #[arg(value_name = "SPEC")]
    spec: Option<Utf8PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The exit code where a cheat was let through.
const LET_THROUGH: u8 = 6;
/// The exit code where nothing can be said of the harness.
const NOTHING_TRIED: u8 = 14;

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    tried: &'a RedTeam,
    caught: usize,
    let_through: usize,
    exit: u8,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let spec = args.spec.map(|spec| dir.join(spec));
    let project = open::project(&folder(dir, spec.as_deref()))?;
    if let Some(other) = spec.filter(|spec| !spec.is_dir() && !is_spec_of(spec, &project)) {
        let spec = project.root.join(&project.layout.spec);
        return Err(miette!(
            help = "name that one, the folder of the project, or nothing",
            "{other} is not the spec of this project, which is {spec}"
        ));
    }
    let mut view = watch::view();
    let tried = sprag_session::red_team(project, &watch::interrupt()?, &mut *view);
    drop(view);
    let tried = match tried {
        Ok(tried) => tried,
        Err(error) => return failed(error),
    };
    let (caught, let_through) = (tried.count(Fate::Caught), tried.count(Fate::LetThrough));
    let exit = match (caught, let_through) {
        (0, 0) => NOTHING_TRIED,
        (_, 0) => 0,
        _ => LET_THROUGH,
    };
    if args.json {
        show::json(&Told { tried: &tried, caught, let_through, exit })?;
    } else {
        show::text(&table(&tried))?;
    }
    Ok(ExitCode::from(exit))
}

/// The folder that a spec belongs to: a project is found from any folder in it.
fn folder(dir: &Utf8Path, spec: Option<&Utf8Path>) -> Utf8PathBuf {
    match spec {
        Some(path) if path.is_dir() => path.to_owned(),
        Some(path) => path.parent().filter(|parent| parent.is_dir()).unwrap_or(dir).to_owned(),
        None => dir.to_owned(),
    }
}

fn is_spec_of(path: &Utf8Path, project: &Project) -> bool {
    let real = |path: &Utf8Path| path.canonicalize_utf8().ok();
    real(path).is_some_and(|path| Some(path) == real(&project.root.join(&project.layout.spec)))
}

fn table(tried: &RedTeam) -> String {
    let width = tried.cheats.iter().map(|cheat| cheat.cheat.len()).max().unwrap_or(0);
    let mut text = String::new();
    for cheat in &tried.cheats {
        let did = if cheat.did.is_empty() { "-" } else { &cheat.did };
        text.push_str(&format!("{:width$}  {:11}  {}\n", cheat.cheat, word(cheat.fate), show::clean(did)));
        text.push_str(&format!("{:width$}  {:11}  {}\n", "", "", show::clean(&said(cheat))));
        if let Some(remedy) = &cheat.remedy {
            text.push_str(&format!("{:width$}  {:11}  remedy: {}\n", "", "", show::clean(remedy)));
        }
    }
    text.push_str(&format!("redteam: {}\n", tried.sentence()));
    text
}

fn said(cheat: &Cheated) -> String {
    match cheat.reason {
        Some(reason) => format!("{reason}: {}", cheat.detail),
        None => cheat.detail.clone(),
    }
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Caught => "caught",
        Fate::LetThrough => "LET THROUGH",
        Fate::BrokeIt => "broke it",
        Fate::Idle => "idle",
        Fate::NotPlanted => "not planted",
    }
}
