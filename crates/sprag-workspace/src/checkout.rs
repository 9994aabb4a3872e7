//! A slot: a directory that is made to hold exactly one tree, again and again.

use camino::{Utf8Path, Utf8PathBuf};

use crate::Result;
use crate::id::TreeId;
use crate::store::Store;

/// A directory in which trees are built and measured.
#[derive(Debug)]
pub struct Checkout {
    tree_dir: Utf8PathBuf,
}

/// What [`Checkout::sync`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// Files written because the tree has them with other bytes than the last one.
    pub written: usize,
    /// Files left alone; their bytes and times are as they were.
    pub unchanged: usize,
    /// Files rewritten although the tree asked for nothing new: somebody had touched them.
    pub restored: Vec<String>,
    /// Files and directories removed that are not of the tree.
    pub removed: usize,
}

impl Checkout {
    /// Opens the slot in a directory, or makes one. `keep` names what a sync leaves alone at its place: caches such
    /// as `target`, and inputs such as `.venv`.
    pub fn create(dir: &Utf8Path, keep: &[String]) -> Result<Self> {
        let _ = (dir, keep);
        todo!()
    }

    /// The directory that holds the tree.
    pub fn path(&self) -> &Utf8Path {
        &self.tree_dir
    }

    /// Makes the directory hold exactly this tree, and what is kept.
    pub fn sync(&mut self, store: &Store, tree: &TreeId) -> Result<SyncReport> {
        let _ = (store, tree);
        todo!()
    }
}
