//! The one thing that is ever written to the user's repository: a new branch, with a commit for each keep.

use std::collections::BTreeMap;

use crate::commit::{Identity, UnixSeconds};
use crate::id::{BlobId, CommitId, TreeId};
use crate::lfs;
use crate::manifest::{FileMode, Manifest};
use crate::repo_path::is_within;
use crate::store::{Listing, Store};
use crate::transfer::copy_missing;
use crate::user_repo::UserRepo;
use crate::{Error, Result};

/// One commit of the branch.
#[derive(Debug, Clone)]
pub struct KeepStep {
    /// The tree that it was judged against.
    pub from: TreeId,
    /// The kept tree, as it was evaluated.
    pub tree: TreeId,
    /// The whole message: a description, a blank line, trailers.
    pub message: String,
    /// When it was kept.
    pub at: UnixSeconds,
}

/// Adds a branch (its name without `refs/heads/`) to the user's repository and returns its tip. The trees of its
/// commits are the base's own, with what each kept candidate changed on top: a harness that was never committed, or
/// that the person changed between two keeps, does not enter. Objects and one new ref are written; no hook runs, and the working tree, index,
/// config, reflogs and other refs stay as they are.
///
/// # Errors
/// [`Error::BranchExists`], [`Error::BadBranch`]; [`Error::LockedPath`] when a step changes a submodule or LFS file.
pub fn apply_branch(
    repo: &UserRepo,
    store: &Store,
    branch: &str,
    steps: &[KeepStep],
    by: &Identity,
    base: &CommitId,
) -> Result<CommitId> {
    let git = repo.git();
    let full = format!("refs/heads/{}", branch);
    let bad = |why: &str| Error::BadBranch { branch: branch.to_owned(), why: why.to_owned() };
    // A name that begins with a dash is legal as a ref and a trap on every command line.
    if branch.starts_with('-') || branch == "HEAD" {
        return Err(bad("git would take it for something else"));
    }
    if git.answer(&["check-ref-format", &full], b"")?.code != Some(0) {
        return Err(bad("it has characters or parts that git does not allow"));
    }
    if git.answer(&["rev-parse", "--verify", "--quiet", &full], b"")?.code == Some(0) {
        return Err(Error::BranchExists { branch: branch.to_owned() });
    }
    let tip = write_commits(store, steps, by, base)?;
    copy_missing(store.git(), &git, &[tip.to_string()], true)?;
    let zero = "0".repeat(40);
    let args = ["update-ref", "--no-deref", &full, &tip.to_string(), &zero];
    let answer = git.answer(&args, b"")?;
    if answer.code == Some(0) {
        return Ok(tip);
    }
    if git.answer(&["rev-parse", "--verify", "--quiet", &full], b"")?.code == Some(0) {
        return Err(Error::BranchExists { branch: branch.to_owned() });
    }
    // `a` and `a/b` cannot both be branches.
    if answer.stderr.contains("exists; cannot create") {
        return Err(bad(&answer.stderr));
    }
    Err(git.failure(&args, answer))
}

/// Writes the commits into the store.
fn write_commits(store: &Store, steps: &[KeepStep], by: &Identity, base: &CommitId) -> Result<CommitId> {
    let mut tree = store.tree_of(base)?;
    let listing = store.list(&tree)?;
    let mut parent = *base;
    for step in steps {
        let (before, after) = (store.manifest(&step.from)?, store.manifest(&step.tree)?);
        let differences = differences(&before, &after);
        if let Some(path) = locked_among(store, &listing, differences.keys().copied())? {
            return Err(Error::LockedPath { path: path.to_owned() });
        }
        if !differences.is_empty() {
            tree = store.edit_tree(&tree, differences.iter().map(|(path, entry)| (*path, *entry)))?;
        }
        parent = store.commit(&tree, Some(&parent), &step.message, by, step.at)?;
    }
    Ok(parent)
}

/// The first of the paths that is in a submodule, or for which the base has only a pointer.
fn locked_among<'a>(
    store: &Store,
    base: &Listing,
    paths: impl Iterator<Item = &'a str>,
) -> Result<Option<&'a str>> {
    for path in paths {
        if is_within(path, &base.submodules) {
            return Ok(Some(path));
        }
        if let Some(entry) = base.files.get(path).filter(|entry| entry.size <= lfs::MAX_POINTER)
            && lfs::Pointer::parse(&store.blob(&entry.id)?).is_some()
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
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
