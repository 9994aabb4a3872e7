//! The directory that an agent edits: a plain copy with a throwaway repository, of which nothing is believed later.

use camino::{Utf8Path, Utf8PathBuf};

use crate::Result;
use crate::id::TreeId;
use crate::store::Store;

/// A fresh directory for an agent.
#[derive(Debug)]
pub struct AgentCopy {
    dir: Utf8PathBuf,
}

impl AgentCopy {
    /// Makes a directory, which must not exist yet, with the files of the tree, a `.git` of one commit, and an empty
    /// `.sprag/` for the proposal. Nothing is hard-linked.
    pub fn create(dir: &Utf8Path, store: &Store, tree: &TreeId) -> Result<Self> {
        let _ = (dir, store, tree);
        todo!()
    }

    /// The directory.
    pub fn path(&self) -> &Utf8Path {
        &self.dir
    }

    /// Where the agent leaves its proposal: `.sprag/` in the copy.
    pub fn proposal_dir(&self) -> Utf8PathBuf {
        self.dir.join(".sprag")
    }

    /// Removes the directory, whatever the agent has done to it.
    pub fn remove(self) -> Result<()> {
        todo!()
    }
}
