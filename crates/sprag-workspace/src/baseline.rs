//! What is taken from the user's repository at the start of a session, or of a single try.

use crate::id::{CommitId, TreeId};

/// The code to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A commit, whatever the working tree holds.
    Commit(CommitId),
    /// HEAD with all uncommitted changes on top, ignored files excepted.
    Snapshot,
}

/// The part of a repository that is copied. Paths stay relative to the top of the repository, so that what lies
/// side by side there lies side by side in a copy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Region {
    /// Directories or files; none means everything.
    pub prefixes: Vec<String>,
}

/// A baseline to be imported.
pub struct Baseline<'a> {
    /// The code.
    pub start: Start,
    /// Files or directories of the harness. They are read from the working tree, committed or not; one that is
    /// missing there is missing in the baseline. Relative to the top of the repository.
    pub overlay: Vec<String>,
    /// What a [`Start::Snapshot`] leaves aside: harness, log and ideas.
    pub ignoring: &'a dyn Fn(&str) -> bool,
    /// The part of the repository that is copied.
    pub region: Region,
}

/// Why a path of the baseline cannot be changed by a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedWhy {
    /// Git LFS keeps its bytes; those of the working tree were copied.
    Lfs,
    /// Git LFS keeps its bytes and the working tree does not have them; the pointer was copied.
    LfsMissing,
    /// A submodule; the tracked files of its working tree were copied.
    Submodule,
    /// A submodule that is not checked out; nothing was copied.
    SubmoduleMissing,
    /// A symbolic link that leaves the tree, or could; left out.
    LinkOutside,
    /// A repository inside the working tree that is not a submodule; left out.
    NestedRepository,
}

/// A path of the baseline that a candidate cannot change, though the scope may name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The file, or the directory of the submodule.
    pub path: String,
    /// Why.
    pub why: LockedWhy,
}

/// A baseline in the store.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The user's commit, which is in the store without its history.
    pub user_commit: CommitId,
    /// What keeps are committed on: the user's commit, or a snapshot of the uncommitted changes on top of it.
    pub base: CommitId,
    /// The evaluated tree: the tree of the base with the harness laid over it.
    pub tree: TreeId,
    /// What cannot be changed, and is to be told to the user.
    pub locked: Vec<Locked>,
}
