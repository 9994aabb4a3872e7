//! `[run] prepare`: installs what the code needs, once for each baseline, in a checkout of our own.
//!
//! It is the person's command on the person's code, and runs before anything is locked: with their environment and
//! network, as they would run it. What it makes is used where `[workspace] read` names it and their tree lacks it.

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_measure::Interrupt;
use sprag_measure::process::{self, Invocation, OUTPUT_LIMIT, Program};
use sprag_workspace::{Checkout, Start, Store, TreeId};

use crate::events::{Event, Stage};
use crate::ground::import_baseline;
use crate::open::{Opening, parse_tree};
use crate::state::State;
use crate::{Home, Observer, Project, SessionError};

/// Of the person's environment, what would lead the command back into their repository.
const NOT_PASSED: [&str; 5] = ["PWD", "OLDPWD", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];

/// How many names a remark lists.
const NAMED: usize = 5;

/// Runs the command, unless it has run. Answers the folder that holds what it made, laid out as the repository is;
/// `None` where the settings name no command.
///
/// A session needs it on the very tree that it began with; `opening` is `None` for what decides nothing, and then any
/// tree will do.
///
/// # Errors
/// [`SessionError::Refused`] with its last lines when the command fails.
pub(crate) fn prepare(
    project: &Project,
    home: &Home,
    store: &Store,
    opening: Option<&Opening>,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<Option<Utf8PathBuf>, SessionError> {
    let contract = project.contract()?;
    let Some(command) = &contract.settings.run.prepare else { return Ok(None) };
    let dir = home.work("prepare");
    let marker = dir.join("done");
    let done = fs::read_to_string(&marker).unwrap_or_default();
    let (known, on_tree) = done.split_once('\n').unwrap_or_default();
    let mine = blake3::hash(command.as_bytes()).to_hex();
    let ran = known == mine.as_str();
    let tree = match opening {
        None if ran => return Ok(Some(dir.join("tree"))),
        None => import_baseline(project, store, Start::Snapshot)?.tree,
        Some(opening) => match session_tree(home, opening) {
            Some(tree) => tree,
            None => import_baseline(project, store, opening.start(project)?)?.tree,
        },
    };
    if ran && on_tree == tree.to_string() {
        return Ok(Some(dir.join("tree")));
    }

    observer.tell(&Event::Notice(&format!("preparing with `{command}`, in a checkout of its own")));
    observer.tell(&Event::Stage { run: 0, stage: Stage::Prepare, description: command });
    let workspace = &contract.settings.workspace;
    // What an earlier run made is there for this one to bring up to date.
    let keep: Vec<String> = workspace.read.iter().chain(&workspace.cache).cloned().collect();
    let mut checkout = Checkout::create(&dir, &keep)?;
    remove_if_there(&marker)?;
    checkout.sync(store, &tree)?;
    let invocation = Invocation {
        program: Program::Shell(command.clone()),
        dir: checkout.path().join(&workspace.root),
        env: persons_environment(),
        timeout: contract.settings.run.timeout.build,
        stdout: dir.join("stdout"),
        stderr: dir.join("stderr"),
        stdin: None,
        cpus: None,
        output_limit: OUTPUT_LIMIT,
        disk: None,
        jail: None,
        replayed: None,
    };
    let ended = process::run(&invocation, interrupt)?;
    if !ended.status.is_success() {
        let what = format!("[run] prepare = `{command}` failed: {}", ended.describe(&invocation));
        return Err(SessionError::Refused(what));
    }
    let manifest = store.manifest(&tree)?;
    let known = |path: &str| manifest.contains(path) || manifest.contains_dir(path);
    say_what_stays_behind(&invocation.dir, &workspace.root, &keep, &known, observer);
    fs::write(&marker, format!("{mine}\n{tree}")).map_err(|e| SessionError::io("write", &marker, e))?;
    Ok(Some(checkout.path().to_owned()))
}

/// The tree that the session began with, where one goes on.
fn session_tree(home: &Home, opening: &Opening) -> Option<TreeId> {
    let id = home.current().filter(|_| opening.goes_on())?;
    let log = sprag_ledger::read(&home.ledger(&id)).ok()?;
    let state = State::of(log.records.iter().map(|record| &record.entry)).ok()?;
    parse_tree(&state.segment().ok()?.origin.tree).ok()
}

/// What the command made at the top of the package, and nobody asked for, is not used: better said than wondered at.
fn say_what_stays_behind(
    dir: &Utf8Path,
    package: &str,
    keep: &[String],
    known: &dyn Fn(&str) -> bool,
    observer: &mut dyn Observer,
) {
    let Ok(entries) = dir.read_dir_utf8() else { return };
    let mut made: Vec<String> = entries
        .flatten()
        .map(|entry| match package {
            "." => entry.file_name().to_owned(),
            package => format!("{package}/{}", entry.file_name()),
        })
        .filter(|path| {
            let inside = |kept: &String| kept == path || kept.starts_with(&format!("{path}/"));
            !known(path) && !keep.iter().any(inside)
        })
        .collect();
    made.sort();
    if !made.is_empty() {
        let more = made.len().saturating_sub(NAMED);
        made.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = made.join(", ");
        observer.tell(&Event::Notice(&format!(
            "prepare made {names}{more}, which [workspace] read does not name: nothing of it is used"
        )));
    }
}

fn persons_environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !NOT_PASSED.contains(&name.as_str()))
        .collect()
}

fn remove_if_there(path: &Utf8Path) -> Result<(), SessionError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SessionError::io("remove", path, error))
        }
        _ => Ok(()),
    }
}
