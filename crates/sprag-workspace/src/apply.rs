//! The one thing that is ever written to the user's repository: a new branch, with a commit for each keep.

use crate::Result;
use crate::baseline::Imported;
use crate::id::{CommitId, TreeId};
use crate::store::{Identity, Store, UnixSeconds};
use crate::user_repo::UserRepo;

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

/// Adds a branch with one commit for each keep on top of the base.
pub fn apply_branch(
    repo: &UserRepo,
    store: &Store,
    branch: &str,
    steps: &[KeepStep],
    by: &Identity,
    base: &CommitId,
    baseline_tree: &TreeId,
) -> Result<CommitId> {
    let _ = (repo, store, branch, steps, by, base, baseline_tree);
    let _: Option<Imported> = None;
    todo!()
}
