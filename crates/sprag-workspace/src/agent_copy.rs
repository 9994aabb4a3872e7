//! The directory that an agent edits: a plain copy with a throwaway repository, of which nothing is believed later.

use camino::{Utf8Path, Utf8PathBuf};

use crate::beneath::Beneath;
use crate::commit::{Identity, UnixSeconds, commit_bytes};
use crate::id::TreeId;
use crate::index::Index;
use crate::loose::{Batch, Durability, Kind};
use crate::manifest::Entry;
use crate::materialize::write_files;
use crate::store::Store;
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
        let mut index = Index::with_room(files.len());
        write_files(&Beneath::open(dir)?, store, &files, |path, entry, stat| index.add(path, entry, stat))?;
        copy.make_repository(store, tree, index)?;
        let proposal = copy.proposal_dir();
        std::fs::create_dir_all(&proposal).map_err(Error::io("create", proposal))?;
        Ok(copy)
    }

    /// Takes a directory that an earlier process made.
    pub fn open(dir: &Utf8Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The repository is for the agent's own `git diff`. It is written here, file by file: a dozen git processes for
    /// each try would take longer than all the rest. It is thrown away: nothing is worth waiting for the disk.
    fn make_repository(&self, store: &Store, tree: &TreeId, index: Index) -> Result<()> {
        let git_dir = self.dir.join(".git");
        let pack_dir = git_dir.join("objects/pack");
        for dir in [&pack_dir, &git_dir.join("refs/heads"), &git_dir.join("info")] {
            std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        }
        let by = Identity::sprag();
        let mut batch = Batch::default();
        let start = commit_bytes(tree, None, "Start of this try\n", &by, UnixSeconds(0));
        let commit = batch.add(Kind::Commit, &start);
        store.copy_tree_objects(tree, &pack_dir, &mut batch)?;
        batch.write(&git_dir, Durability::Unsynced)?;
        let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n";
        let texts = [
            ("config", config.as_bytes()),
            ("HEAD", b"ref: refs/heads/main\n"),
            ("refs/heads/main", format!("{commit}\n").as_bytes()),
            ("info/exclude", b"/.sprag/\n"),
            ("index", &index.finish()),
        ]
        .map(|(name, bytes)| (git_dir.join(name), bytes.to_vec()));
        for (path, bytes) in texts {
            std::fs::write(&path, bytes).map_err(Error::io("write", path))?;
        }
        Ok(())
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
