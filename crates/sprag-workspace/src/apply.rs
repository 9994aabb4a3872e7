//! The one thing that is ever written to the user's repository: a new branch, with a commit for each keep.

use std::collections::BTreeMap;

use crate::baseline::Imported;
use crate::id::{BlobId, CommitId, TreeId};
use crate::manifest::{FileMode, Manifest};
use crate::repo_path::is_within;
use crate::store::{Identity, Store, UnixSeconds};
use crate::transfer::copy_missing;
use crate::user_repo::UserRepo;
use crate::{Error, Result};

/// One commit of the branch.
#[derive(Debug, Clone)]
pub struct KeepStep {
    /// The kept tree, as it was evaluated.
    pub tree: TreeId,
    /// The whole message: a description, a blank line, trailers.
    pub message: String,
    /// When it was kept.
    pub at: UnixSeconds,
}

/// What a branch is made of.
#[derive(Debug)]
pub struct Branch<'a> {
    /// Its name, without `refs/heads/`.
    pub name: &'a str,
    /// The commits, oldest first.
    pub steps: &'a [KeepStep],
    /// Who they are by.
    pub by: &'a Identity,
    /// What the commits stand on, and what the trees were evaluated against.
    pub baseline: &'a Imported,
}

/// Adds a branch to the user's repository and returns its tip. The trees of its commits are the base's own, with the
/// differences between the baseline and each kept tree: a harness that was never committed does not enter. Objects
/// and one new ref are written; no hook runs, and the working tree, index, config, reflogs and other refs stay.
///
/// # Errors
/// [`Error::BranchExists`], [`Error::BadBranch`]; [`Error::LockedPath`] when a step changes a submodule or LFS file.
pub fn apply_branch(repo: &UserRepo, store: &Store, branch: &Branch<'_>) -> Result<CommitId> {
    let git = repo.git();
    let full = format!("refs/heads/{}", branch.name);
    let bad = |why: &str| Error::BadBranch { branch: branch.name.to_owned(), why: why.to_owned() };
    // A name that begins with a dash is legal as a ref and a trap on every command line.
    if branch.name.starts_with('-') || branch.name == "HEAD" {
        return Err(bad("git would take it for something else"));
    }
    if git.answer(&["check-ref-format", &full], b"")?.code != Some(0) {
        return Err(bad("it has characters or parts that git does not allow"));
    }
    if git.answer(&["rev-parse", "--verify", "--quiet", &full], b"")?.code == Some(0) {
        return Err(Error::BranchExists { branch: branch.name.to_owned() });
    }
    let tip = write_commits(store, branch)?;
    copy_missing(store.git(), &git, &[tip.to_string()], true)?;
    let zero = "0".repeat(40);
    let args = ["update-ref", "--no-deref", &full, &tip.to_string(), &zero];
    let answer = git.answer(&args, b"")?;
    if answer.code == Some(0) {
        return Ok(tip);
    }
    if git.answer(&["rev-parse", "--verify", "--quiet", &full], b"")?.code == Some(0) {
        return Err(Error::BranchExists { branch: branch.name.to_owned() });
    }
    // `a` and `a/b` cannot both be branches.
    if answer.stderr.contains("exists; cannot create") {
        return Err(bad(&answer.stderr));
    }
    Err(git.failure(&args, answer))
}

/// Writes the commits into the store.
fn write_commits(store: &Store, branch: &Branch<'_>) -> Result<CommitId> {
    let baseline = branch.baseline;
    let before = store.manifest(&baseline.tree)?;
    let base_tree = store.tree_of(&baseline.base)?;
    let locked = baseline.locked_paths();
    let mut parent = baseline.base;
    for step in branch.steps {
        let after = store.manifest(&step.tree)?;
        let differences = differences(&before, &after);
        if let Some(path) = differences.keys().find(|path| is_within(path, &locked)) {
            return Err(Error::LockedPath { path: (*path).to_owned() });
        }
        let tree = match differences.is_empty() {
            true => base_tree,
            false => store.edit_tree(&base_tree, differences.iter().map(|(path, entry)| (*path, *entry)))?,
        };
        parent = store.commit(&tree, Some(&parent), &step.message, branch.by, step.at)?;
    }
    Ok(parent)
}

/// What one tree has and another has otherwise; `None` where it has nothing.
fn differences<'a>(from: &'a Manifest, to: &'a Manifest) -> BTreeMap<&'a str, Option<(FileMode, BlobId)>> {
    let gone = from.iter().filter(|(path, _)| !to.contains(path)).map(|(path, _)| (path, None));
    let other = to
        .iter()
        .filter(|(path, entry)| from.get(path).is_none_or(|was| (was.mode, was.id) != (entry.mode, entry.id)))
        .map(|(path, entry)| (path, Some((entry.mode, entry.id))));
    gone.chain(other).collect()
}
