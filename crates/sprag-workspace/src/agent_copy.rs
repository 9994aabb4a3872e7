//! The directory that an agent edits: a plain copy with a throwaway repository, of which nothing is believed later.

use camino::{Utf8Path, Utf8PathBuf};

use crate::beneath::Beneath;
use crate::git::Git;
use crate::id::TreeId;
use crate::manifest::Entry;
use crate::materialize::write_files;
use crate::store::{Identity, Store, UnixSeconds};
use crate::transfer::copy_missing;
use crate::trash::remove_dir;
use crate::{Error, Result};

/// A fresh directory for an agent.
#[derive(Debug)]
pub struct AgentCopy {
    dir: Utf8PathBuf,
}

impl AgentCopy {
    /// Makes a directory, which must not exist yet, with the files of the tree, a `.git` of one commit, and an empty
    /// `.sprag/` for the proposal. Nothing is hard-linked. What the agent must not see is left out of the tree
    /// beforehand, by [`Store::tree_without`].
    pub fn create(dir: &Utf8Path, store: &Store, tree: &TreeId) -> Result<Self> {
        if let Some(parent) = dir.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        std::fs::create_dir(dir).map_err(Error::io("create", dir))?;
        let copy = Self { dir: dir.to_owned() };
        let manifest = store.manifest(tree)?;
        let files: Vec<(&str, Entry)> = manifest.iter().map(|(path, entry)| (path, *entry)).collect();
        write_files(&Beneath::open(dir)?, store, &files, |_, _, _| {})?;
        copy.make_repository(store, tree)?;
        let proposal = copy.proposal_dir();
        std::fs::create_dir_all(&proposal).map_err(Error::io("create", proposal))?;
        Ok(copy)
    }

    /// Takes a directory that an earlier process made.
    pub fn open(dir: &Utf8Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The repository is for the agent's own `git diff`.
    fn make_repository(&self, store: &Store, tree: &TreeId) -> Result<()> {
        // It is thrown away: nothing is worth waiting for the disk.
        let unsynced = |git: Git| git.with_config("core.fsync=none".to_owned());
        let init = ["init", "--quiet", "--template=", "--object-format=sha1", "--initial-branch=main"];
        unsynced(Git::in_dir(&self.dir)).run(&init, b"")?;
        let git_dir = self.dir.join(".git");
        let git = unsynced(Git::with_work_tree(&git_dir, &self.dir));
        let by = Identity { name: "Sprag".to_owned(), email: "sprag@localhost".to_owned() };
        let commit = store.commit(tree, None, "Start of this try\n", &by, UnixSeconds(0))?.to_string();
        copy_missing(store.git(), &git, std::slice::from_ref(&commit), false)?;
        git.run(&["update-ref", "refs/heads/main", &commit], b"")?;
        git.run(&["read-tree", &commit], b"")?;
        git.answer(&["update-index", "-q", "--refresh"], b"")?;
        let info = git_dir.join("info");
        std::fs::create_dir_all(&info).map_err(Error::io("create", &info))?;
        let exclude = info.join("exclude");
        std::fs::write(&exclude, "/.sprag/\n").map_err(Error::io("write", exclude))
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
        remove_dir(&self.dir)
    }
}
