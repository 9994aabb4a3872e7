//! The bare repository of Sprag's own, under the state directory: every tree, candidate and keep of a repository.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::Result;
use crate::baseline::{Baseline, Imported};
use crate::change::Change;
use crate::id::{BlobId, CommitId, TreeId};
use crate::manifest::Manifest;
use crate::user_repo::UserRepo;

/// Seconds since 1970-01-01T00:00:00Z, as commits carry them (the ledger carries milliseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixSeconds(pub i64);

impl UnixSeconds {
    /// From milliseconds since the same moment, rounded down.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.div_euclid(1000))
    }
}

/// Who a commit is by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// Where a ref must be for [`Store::update_ref`] to move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It must not exist.
    Absent,
    /// It must be at this commit.
    At(CommitId),
    /// Anywhere, or absent.
    Any,
}

/// How many lines of a file differ between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// The path.
    pub path: String,
    /// Lines that only the second tree has; none for a binary file.
    pub added: Option<u64>,
    /// Lines that only the first tree has; none for a binary file.
    pub deleted: Option<u64>,
}

/// The store. Cheap to share: every method takes `&self`.
#[derive(Debug)]
pub struct Store {
    dir: Utf8PathBuf,
}

impl Store {
    /// Opens the store in a directory, or makes one where there is none.
    ///
    /// # Errors
    /// [`Error::ForeignStore`](crate::Error::ForeignStore) when the directory holds something else.
    pub fn open_or_create(dir: &Utf8Path) -> Result<Self> {
        let _ = dir;
        todo!()
    }

    /// Where it is.
    pub fn dir(&self) -> &Utf8Path {
        &self.dir
    }

    /// Copies a baseline from the user's repository: the commit without its history, and the evaluated tree.
    pub fn import(&self, repo: &UserRepo, baseline: &Baseline<'_>) -> Result<Imported> {
        let _ = (repo, baseline);
        todo!()
    }

    /// Every path of a tree.
    pub fn manifest(&self, tree: &TreeId) -> Result<Arc<Manifest>> {
        let _ = tree;
        todo!()
    }

    /// The tree of a commit.
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId> {
        let _ = commit;
        todo!()
    }

    /// The bytes of a file.
    pub fn blob(&self, id: &BlobId) -> Result<Vec<u8>> {
        let _ = id;
        todo!()
    }

    /// The bytes of a file whose name may be abbreviated (4 digits or more); none when it is unknown or ambiguous.
    pub fn blob_by_prefix(&self, prefix: &str) -> Result<Option<Vec<u8>>> {
        let _ = prefix;
        todo!()
    }

    /// Stores the bytes of a file.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<BlobId> {
        let _ = bytes;
        todo!()
    }

    /// Stores the tree that a change makes of another tree.
    pub fn write_tree(&self, base: &TreeId, changes: &[Change]) -> Result<TreeId> {
        let _ = (base, changes);
        todo!()
    }

    /// Stores the tree without the paths that `leave_out` names (hidden cases, for an agent's copy).
    pub fn tree_without(&self, tree: &TreeId, leave_out: &dyn Fn(&str) -> bool) -> Result<TreeId> {
        let _ = (tree, leave_out);
        todo!()
    }

    /// Stores a commit.
    pub fn commit(
        &self,
        tree: &TreeId,
        parent: Option<&CommitId>,
        message: &str,
        by: &Identity,
        at: UnixSeconds,
    ) -> Result<CommitId> {
        let _ = (tree, parent, message, by, at);
        todo!()
    }

    /// Moves a ref (a full name, `refs/…`), if it is where it is expected.
    ///
    /// # Errors
    /// [`Error::RefMoved`](crate::Error::RefMoved) when it is elsewhere.
    pub fn update_ref(&self, name: &str, new: &CommitId, expected: Expected) -> Result<()> {
        let _ = (name, new, expected);
        todo!()
    }

    /// Where a ref is.
    pub fn read_ref(&self, name: &str) -> Result<Option<CommitId>> {
        let _ = name;
        todo!()
    }

    /// Every ref below a prefix such as `refs/sprag/`, ordered by name.
    pub fn refs(&self, prefix: &str) -> Result<Vec<(String, CommitId)>> {
        let _ = prefix;
        todo!()
    }

    /// The difference of two trees as a unified diff: full object names, no renames, binary files included.
    /// Bytes that are not UTF-8 are replaced; [`diff_bytes`](Self::diff_bytes) keeps them.
    pub fn diff(&self, from: &TreeId, to: &TreeId) -> Result<String> {
        let _ = (from, to);
        todo!()
    }

    /// [`diff`](Self::diff), as bytes.
    pub fn diff_bytes(&self, from: &TreeId, to: &TreeId) -> Result<Vec<u8>> {
        let _ = (from, to);
        todo!()
    }

    /// The lines that differ, file by file.
    pub fn numstat(&self, from: &TreeId, to: &TreeId) -> Result<Vec<FileStat>> {
        let _ = (from, to);
        todo!()
    }

    /// The added and deleted lines of all files together. A binary file counts as one line each way.
    pub fn changed_lines(&self, from: &TreeId, to: &TreeId) -> Result<u64> {
        let _ = (from, to);
        todo!()
    }
}
