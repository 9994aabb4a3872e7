//! The user's repository, which is only read: no index refresh, no config, no refs, no hooks.

use camino::{Utf8Path, Utf8PathBuf};

use crate::Result;
use crate::id::CommitId;
use crate::store::Identity;

/// The user's repository and working tree.
#[derive(Debug)]
pub struct UserRepo {
    root: Utf8PathBuf,
}

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub commit: CommitId,
    /// The branch, without `refs/heads/`; none when HEAD is detached.
    pub branch: Option<String>,
}

/// One commit of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub id: CommitId,
    /// The first line of its message.
    pub subject: String,
}

/// How a path of the working tree differs from HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirtyKind {
    /// Tracked, and its bytes or mode differ; or added to the index.
    Changed,
    /// Tracked, and not in the working tree.
    Deleted,
    /// Neither tracked nor ignored.
    Untracked,
    /// In an unresolved merge.
    Conflicted,
}

/// One uncommitted change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirtyPath {
    /// Relative to the top of the working tree.
    pub path: String,
    /// How it differs.
    pub kind: DirtyKind,
}

impl UserRepo {
    /// Finds the repository at or above a directory.
    ///
    /// # Errors
    /// [`Error::NotARepository`](crate::Error::NotARepository), [`Error::Bare`](crate::Error::Bare),
    /// [`Error::NoCommits`](crate::Error::NoCommits), [`Error::ObjectFormat`](crate::Error::ObjectFormat).
    pub fn discover(cwd: &Utf8Path) -> Result<Self> {
        let _ = cwd;
        todo!()
    }

    /// The top of the working tree, canonical.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// The repository's name in the state directory: `<dirname>-<12 hex digits>`, the digits being those of the
    /// BLAKE3 of the canonical common git directory and the workspace root (`.` or `""` for the top). The same
    /// for every linked worktree.
    pub fn id(&self, workspace_root: &str) -> String {
        let _ = workspace_root;
        todo!()
    }

    /// What is checked out.
    pub fn head(&self) -> Result<Head> {
        todo!()
    }

    /// The commit that a revision names.
    pub fn resolve(&self, rev: &str) -> Result<CommitId> {
        let _ = rev;
        todo!()
    }

    /// The commits of `A..B`, oldest first, along first parents.
    pub fn commits(&self, range: &str) -> Result<Vec<Commit>> {
        let _ = range;
        todo!()
    }

    /// The uncommitted changes, ordered by path, but for those that `ignoring` names (harness, log, ideas).
    pub fn dirty(&self, ignoring: &dyn Fn(&str) -> bool) -> Result<Vec<DirtyPath>> {
        let _ = ignoring;
        todo!()
    }

    /// The tracked paths, as the index has them.
    pub fn files(&self) -> Result<Vec<String>> {
        todo!()
    }

    /// Who commits here, as the user's configuration says; Sprag where it says nothing.
    pub fn identity(&self) -> Result<Identity> {
        todo!()
    }
}
