//! What is taken from the user's repository at the start of a session, or of a single try.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::change::{Change, Edit};
use crate::commit::{Identity, UnixSeconds};
use crate::git::Git;
use crate::id::{BlobId, CommitId, TreeId};
use crate::lfs;
use crate::manifest::FileMode;
use crate::repo_path::{self, is_within, link_stays_inside};
use crate::store::{Listing, Store, write_durably};
use crate::transfer::copy_missing;
use crate::user_repo::{DirtyKind, UserRepo, text_path};
use crate::{Error, Result};

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
    /// Directories or files, relative to the top of the repository; none, or `.`, means everything.
    pub prefixes: Vec<String>,
}

impl Region {
    /// Whether a path is copied.
    pub fn holds(&self, path: &str) -> bool {
        self.prefixes.is_empty() || is_within(path, &self.prefixes)
    }
}

/// A baseline to be imported.
pub struct Baseline<'a> {
    /// The code.
    pub start: Start,
    /// Files or directories of the harness. They are read from the working tree, committed or not, ignored or not;
    /// one that is missing there is missing in the baseline. Relative to the top of the repository.
    pub overlay: Vec<String>,
    /// What a [`Start::Snapshot`] leaves aside: harness, log and ideas.
    pub ignoring: &'a dyn Fn(&str) -> bool,
    /// The part of the repository that is copied.
    pub region: Region,
}

/// Why a path of the baseline cannot be changed by a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedWhy {
    /// Git LFS keeps its bytes; those were copied.
    Lfs,
    /// Git LFS keeps its bytes and they are not on this machine; the pointer was copied.
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

impl std::fmt::Display for LockedWhy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LockedWhy::Lfs => "it is kept by Git LFS",
            LockedWhy::LfsMissing => "it is kept by Git LFS, and only its pointer is on this machine",
            LockedWhy::Submodule => "it is a submodule",
            LockedWhy::SubmoduleMissing => "it is a submodule that is not checked out, and was left out",
            LockedWhy::LinkOutside => "it is a link that leads out of the tree, and was left out",
            LockedWhy::NestedRepository => "it is a repository of its own, and was left out",
        })
    }
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

impl Imported {
    /// The locked paths, as [`ImportRules::locked`](crate::ImportRules::locked) takes them.
    pub fn locked_paths(&self) -> Vec<String> {
        self.locked.iter().map(|locked| locked.path.clone()).collect()
    }
}

impl Store {
    /// Copies a baseline from the user's repository: the commit without its history, and the evaluated tree.
    ///
    /// # Errors
    /// [`Error::Conflicted`] for a snapshot of an unresolved merge; [`Error::CannotTakeIn`] for a harness file that
    /// is neither a file nor a link; [`Error::PathNotUtf8`].
    pub fn import(&self, repo: &UserRepo, baseline: &Baseline<'_>) -> Result<Imported> {
        let user_commit = match baseline.start {
            Start::Commit(commit) => commit,
            Start::Snapshot => repo.head()?,
        };
        copy_missing(&repo.git(), self.git(), &[user_commit.to_string()], false)?;
        self.cut_history_at(&user_commit)?;
        let mut taking = Taking {
            store: self,
            repo,
            region: &baseline.region,
            edits: BTreeMap::new(),
            locked: Vec::new(),
        };
        let base = match baseline.start {
            Start::Commit(commit) => commit,
            Start::Snapshot => taking.snapshot(&user_commit, baseline.ignoring)?,
        };
        let base_tree = self.tree_of(&base)?;
        let listing = self.list(&base_tree)?;
        taking.restrict(&listing);
        taking.submodules(&listing)?;
        taking.lfs(&listing)?;
        for path in &baseline.overlay {
            taking.overlay(&listing, path.trim_start_matches("./").trim_end_matches('/'))?;
        }
        taking.links(&listing)?;
        let Taking { edits, mut locked, .. } = taking;
        let tree = self.apply_edits(&base_tree, &listing, edits)?;
        locked.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Imported { user_commit, base, tree, locked })
    }

    /// Tells git that the parents of this commit are not here.
    fn cut_history_at(&self, commit: &CommitId) -> Result<()> {
        let path = self.dir().join("shallow");
        let mut text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let line = commit.to_string();
        if text.lines().any(|known| known == line) {
            return Ok(());
        }
        text.push_str(&line);
        text.push('\n');
        write_durably(&path, text.as_bytes())
    }

    fn apply_edits(
        &self,
        base: &TreeId,
        listing: &Listing,
        edits: BTreeMap<String, Taken>,
    ) -> Result<TreeId> {
        let mut changes = Vec::new();
        let mut moves: Vec<(&str, Option<(FileMode, BlobId)>)> = Vec::new();
        for (path, taken) in &edits {
            match taken {
                Taken::Bytes(mode, bytes) => {
                    let same = |entry: &crate::Entry| entry.mode == *mode && entry.id == BlobId::of(bytes);
                    if !listing.files.get(path).is_some_and(same) {
                        changes.push(Change {
                            path: path.clone(),
                            edit: Edit::New { mode: *mode, bytes: bytes.clone() },
                        });
                    }
                }
                Taken::Gone => moves.push((path, None)),
            }
        }
        let without = if moves.is_empty() { *base } else { self.edit_tree(base, moves.iter().copied())? };
        self.write_tree(&without, &changes)
    }
}

/// What becomes of a path of the base tree.
enum Taken {
    Bytes(FileMode, Vec<u8>),
    Gone,
}

struct Taking<'a> {
    store: &'a Store,
    repo: &'a UserRepo,
    region: &'a Region,
    edits: BTreeMap<String, Taken>,
    locked: Vec<Locked>,
}

impl Taking<'_> {
    /// Commits the uncommitted changes on top of HEAD, in the store.
    fn snapshot(&mut self, head: &CommitId, ignoring: &dyn Fn(&str) -> bool) -> Result<CommitId> {
        let mut changes = Vec::new();
        for dirty in self.repo.dirty(ignoring)? {
            if !self.region.holds(dirty.path.trim_end_matches('/')) {
                continue;
            }
            let path = dirty.path;
            let edit = match dirty.kind {
                DirtyKind::Conflicted => return Err(Error::Conflicted { path }),
                DirtyKind::Deleted => Edit::Deleted,
                DirtyKind::Untracked if path.ends_with('/') => {
                    let path = path.trim_end_matches('/').to_owned();
                    self.locked.push(Locked { path, why: LockedWhy::NestedRepository });
                    continue;
                }
                DirtyKind::Changed | DirtyKind::Untracked => {
                    match read_working_file(&self.repo.root().join(&path), &path)? {
                        Some((mode, bytes)) => Edit::New { mode, bytes },
                        // A submodule at another commit: its files are taken from its working tree anyway.
                        None if self.repo.root().join(&path).is_dir() => continue,
                        None => Edit::Deleted,
                    }
                }
            };
            changes.push(Change { path, edit });
        }
        let head_tree = self.store.tree_of(head)?;
        let tree = self.store.write_tree(&head_tree, &changes)?;
        if tree == head_tree {
            return Ok(*head);
        }
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let at = UnixSeconds(i64::try_from(now).unwrap_or(0));
        self.store.commit(
            &tree,
            Some(head),
            "Uncommitted changes, as they were when Sprag started\n",
            &Identity::sprag(),
            at,
        )
    }

    /// Leaves out what is outside the region.
    fn restrict(&mut self, listing: &Listing) {
        for (path, _) in listing.files.iter().filter(|(path, _)| !self.region.holds(path)) {
            self.edits.insert(path.to_owned(), Taken::Gone);
        }
    }

    /// Puts the tracked files of each submodule in the place of its link.
    fn submodules(&mut self, listing: &Listing) -> Result<()> {
        for path in &listing.submodules {
            self.edits.insert(path.clone(), Taken::Gone);
            if !self.region.holds(path) {
                continue;
            }
            let dir = self.repo.root().join(path);
            if !dir.join(".git").exists() {
                self.locked.push(Locked { path: path.clone(), why: LockedWhy::SubmoduleMissing });
                continue;
            }
            let files = Git::in_dir(&dir).run(&["ls-files", "-z", "--recurse-submodules"], b"")?;
            for file in files.split(|&byte| byte == 0).filter(|file| !file.is_empty()) {
                let inner = format!("{path}/{}", text_path(file)?);
                repo_path::check(&inner)?;
                if let Some((mode, bytes)) = read_working_file(&self.repo.root().join(&inner), &inner)? {
                    self.edits.insert(inner, Taken::Bytes(mode, bytes));
                }
            }
            self.locked.push(Locked { path: path.clone(), why: LockedWhy::Submodule });
        }
        Ok(())
    }

    /// Puts the bytes of LFS files in the place of their pointers.
    fn lfs(&mut self, listing: &Listing) -> Result<()> {
        let attributes: Vec<BlobId> = listing
            .files
            .iter()
            .filter(|(path, _)| path.rsplit('/').next() == Some(".gitattributes"))
            .map(|(_, entry)| entry.id)
            .collect();
        let mut used = false;
        self.store.blobs(&attributes, |_, bytes| {
            used |= bytes.windows(10).any(|window| window == b"filter=lfs");
            Ok(())
        })?;
        if !used {
            return Ok(());
        }
        let small: Vec<(&str, FileMode, BlobId)> = listing
            .files
            .iter()
            .filter(|(path, entry)| entry.size <= lfs::MAX_POINTER && !self.edits.contains_key(*path))
            .map(|(path, entry)| (path, entry.mode, entry.id))
            .collect();
        let ids: Vec<BlobId> = small.iter().map(|(_, _, id)| *id).collect();
        let mut pointers = Vec::new();
        self.store.blobs(&ids, |nth, bytes| {
            pointers.extend(lfs::Pointer::parse(&bytes).map(|pointer| (nth, pointer)));
            Ok(())
        })?;
        for (nth, pointer) in pointers {
            let (path, mode, _) = small[nth];
            let places = [self.repo.root().join(path), self.repo.common_dir().join(pointer.place())];
            let why = match places.iter().find(|place| pointer.matches_file(place)) {
                Some(place) => {
                    let bytes = std::fs::read(place).map_err(Error::io("read", place))?;
                    if !pointer.matches(&bytes) {
                        return Err(Error::CannotTakeIn {
                            path: path.to_owned(),
                            why: "it changes while it is read".into(),
                        });
                    }
                    self.edits.insert(path.to_owned(), Taken::Bytes(mode, bytes));
                    LockedWhy::Lfs
                }
                None => LockedWhy::LfsMissing,
            };
            self.locked.push(Locked { path: path.to_owned(), why });
        }
        Ok(())
    }

    /// Lays a file or directory of the working tree over the base.
    fn overlay(&mut self, listing: &Listing, path: &str) -> Result<()> {
        repo_path::check(path)?;
        let full = self.repo.root().join(path);
        for (gone, _) in listing.files.under(path).filter(|(gone, _)| is_within(gone, &[path.to_owned()])) {
            self.edits.insert(gone.to_owned(), Taken::Gone);
        }
        if listing.files.contains(path) {
            self.edits.insert(path.to_owned(), Taken::Gone);
        }
        let mut pending: Vec<(Utf8PathBuf, String)> = vec![(full, path.to_owned())];
        while let Some((full, path)) = pending.pop() {
            // A link to the harness is followed only at its top: its bytes are what the person named.
            if full.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                for entry in full.read_dir_utf8().map_err(Error::io("read", &full))? {
                    let entry = entry.map_err(Error::io("read", &full))?;
                    if !matches!(entry.file_name(), ".git" | "__pycache__") {
                        pending.push((entry.path().to_owned(), format!("{path}/{}", entry.file_name())));
                    }
                }
            } else if let Some((mode, bytes)) = read_working_file(&full, &path)? {
                self.edits.insert(path, Taken::Bytes(mode, bytes));
            }
        }
        Ok(())
    }

    /// Leaves out the links that leave the tree.
    fn links(&mut self, listing: &Listing) -> Result<()> {
        let in_base: Vec<(&str, BlobId)> = listing
            .files
            .iter()
            .filter(|(path, entry)| entry.mode == FileMode::Symlink && !self.edits.contains_key(*path))
            .map(|(path, entry)| (path, entry.id))
            .collect();
        let ids: Vec<BlobId> = in_base.iter().map(|(_, id)| *id).collect();
        let mut outside = Vec::new();
        self.store.blobs(&ids, |nth, target| {
            let path = in_base[nth].0;
            if !link_stays_inside(path, &target) {
                outside.push(path.to_owned());
            }
            Ok(())
        })?;
        outside.extend(self.edits.iter().filter_map(|(path, taken)| match taken {
            Taken::Bytes(FileMode::Symlink, target) if !link_stays_inside(path, target) => Some(path.clone()),
            _ => None,
        }));
        for path in outside {
            self.edits.insert(path.clone(), Taken::Gone);
            self.locked.push(Locked { path, why: LockedWhy::LinkOutside });
        }
        Ok(())
    }
}

/// The mode and bytes of a file of the user's working tree; none when there is nothing, or a directory.
fn read_working_file(full: &Utf8Path, path: &str) -> Result<Option<(FileMode, Vec<u8>)>> {
    use std::os::unix::fs::PermissionsExt;
    let meta = match full.symlink_metadata() {
        Ok(meta) => meta,
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(Error::io("read", full)(error)),
    };
    if meta.is_symlink() {
        let target = std::fs::read_link(full).map_err(Error::io("read", full))?;
        return Ok(Some((FileMode::Symlink, target.into_os_string().into_encoded_bytes())));
    }
    if meta.is_dir() {
        return Ok(None);
    }
    if !meta.is_file() {
        return Err(Error::CannotTakeIn {
            path: path.to_owned(),
            why: "it is a socket, pipe or device".to_owned(),
        });
    }
    let bytes = std::fs::read(full).map_err(Error::io("read", full))?;
    let executable = meta.permissions().mode() & 0o100 != 0;
    Ok(Some((if executable { FileMode::Executable } else { FileMode::Regular }, bytes)))
}
