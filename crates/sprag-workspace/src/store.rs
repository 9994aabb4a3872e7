//! The bare repository of Sprag's own, under the state directory: every tree, candidate and keep of a repository.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

use crate::change::{Change, Edit};
use crate::commit::{Identity, UnixSeconds, commit_bytes};
use crate::git::Git;
use crate::id::{BlobId, CommitId, Oid, TreeId};
use crate::loose::{Batch, Durability, Kind};
use crate::manifest::{Entry, FileMode, Manifest};
use crate::objects::{Found, Objects};
use crate::repo_path;
use crate::tree;
use crate::user_repo::text_path;
use crate::{Error, Result};

/// The format of the store, in its marker file.
const FORMAT: &str = "1";
const MARKER: &str = "sprag-store";

/// How many manifests are remembered: incumbent, candidate, baseline and a few lanes.
const REMEMBERED: usize = 16;

/// How many bytes are collected for one git process.
const STREAMED: usize = 64 << 20;

/// More new files than this go into one pack, which git makes; a candidate has fewer.
const ONE_FILE_EACH: usize = 200;

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

/// The store. Cheap to share: every method takes `&self`.
#[derive(Debug)]
pub struct Store {
    dir: Utf8PathBuf,
    git: Git,
    objects: Objects,
    manifests: Mutex<VecDeque<(TreeId, Arc<Manifest>)>>,
}

impl Store {
    /// Opens the store in a directory, or makes one where there is none.
    ///
    /// # Errors
    /// [`Error::ForeignStore`] when the directory holds something else, [`Error::StoreFormat`] when another
    /// version wrote it.
    pub fn open_or_create(dir: &Utf8Path) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let dir = dir.canonicalize_utf8().map_err(Error::io("resolve", dir))?;
        let marker = dir.join(MARKER);
        match std::fs::read_to_string(&marker) {
            Ok(found) if found.trim() == FORMAT => {}
            Ok(found) => {
                let found = found.trim().chars().take(40).collect();
                return Err(Error::StoreFormat { dir, found, known: FORMAT });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::create(&dir, &marker)?,
            Err(error) => return Err(Error::io("read", marker)(error)),
        }
        let git = Git::bare(&dir);
        Ok(Self { objects: Objects::new(git.clone()), git, manifests: Mutex::default(), dir })
    }

    fn create(dir: &Utf8Path, marker: &Utf8Path) -> Result<()> {
        let empty = dir.read_dir_utf8().map_err(Error::io("read", dir))?.next().is_none();
        // It may be a store whose making was cut: making it again mends it.
        let unfinished = dir.join("sprag-unfinished");
        if !empty && !unfinished.exists() {
            return Err(Error::ForeignStore { dir: dir.to_owned() });
        }
        std::fs::write(&unfinished, "").map_err(Error::io("write", &unfinished))?;
        let init = [
            "init",
            "--bare",
            "--quiet",
            "--template=",
            "--object-format=sha1",
            "--initial-branch=none",
            ".",
        ];
        Git::in_dir(dir).run(&init, b"")?;
        write_durably(marker, FORMAT.as_bytes())?;
        std::fs::remove_file(&unfinished).map_err(Error::io("remove", &unfinished))
    }

    /// Where it is.
    pub fn dir(&self) -> &Utf8Path {
        &self.dir
    }

    pub(crate) fn git(&self) -> &Git {
        &self.git
    }

    /// Every path of a tree. Recently used ones are remembered.
    ///
    /// # Errors
    /// [`Error::MissingObject`], [`Error::PathNotUtf8`]; [`Error::BadPath`] when the tree was made by hand.
    pub fn manifest(&self, tree: &TreeId) -> Result<Arc<Manifest>> {
        if let Some(manifest) = self.recall(tree) {
            return Ok(manifest);
        }
        let manifest = Arc::new(self.list(tree)?.files);
        self.remember(*tree, &manifest);
        Ok(manifest)
    }

    fn recall(&self, tree: &TreeId) -> Option<Arc<Manifest>> {
        let mut remembered = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        let place = remembered.iter().position(|(id, _)| id == tree)?;
        let found = remembered.remove(place)?;
        let manifest = Arc::clone(&found.1);
        remembered.push_front(found);
        Some(manifest)
    }

    fn remember(&self, tree: TreeId, manifest: &Arc<Manifest>) {
        let mut remembered = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.iter().any(|(id, _)| *id == tree) {
            return;
        }
        remembered.push_front((tree, Arc::clone(manifest)));
        remembered.truncate(REMEMBERED);
    }

    /// Every path of a tree, submodules apart.
    pub(crate) fn list(&self, tree: &TreeId) -> Result<Listing> {
        let args = ["ls-tree", "-r", "-l", "-z", "--full-tree", &tree.to_string()];
        let answer = self.git.answer(&args, b"")?;
        if answer.code != Some(0) {
            return Err(match self.has(&tree.to_string())? {
                false => Error::MissingObject { id: tree.to_string(), dir: self.dir.clone() },
                true => self.git.failure(&args, answer),
            });
        }
        let mut listing = Listing::default();
        for record in answer.stdout.split(|&byte| byte == 0).filter(|record| !record.is_empty()) {
            listing.add(record)?;
        }
        Ok(listing)
    }

    /// Whether an object is in the store.
    pub(crate) fn has(&self, name: &str) -> Result<bool> {
        Ok(self.git.answer(&["cat-file", "-e", name], b"")?.code == Some(0))
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// [`Error::MissingObject`].
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId> {
        let spec = format!("{commit}^{{tree}}");
        let answer = self.git.answer(&["rev-parse", "--verify", "--quiet", &spec], b"")?;
        let text = String::from_utf8_lossy(&answer.stdout);
        text.trim()
            .parse()
            .map_err(|_| Error::MissingObject { id: commit.to_string(), dir: self.dir.clone() })
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`Error::MissingObject`].
    pub fn blob(&self, id: &BlobId) -> Result<Vec<u8>> {
        match self.objects.get(&id.to_string())? {
            Found::Bytes(bytes) => Ok(bytes),
            Found::Nothing => Err(Error::MissingObject { id: id.to_string(), dir: self.dir.clone() }),
        }
    }

    /// The bytes of a file whose name may be abbreviated (4 hexadecimal digits or more); none when it is unknown
    /// or ambiguous.
    pub fn blob_by_prefix(&self, prefix: &str) -> Result<Option<Vec<u8>>> {
        if prefix.len() < 4 || prefix.len() > 40 || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        Ok(match self.objects.get(prefix)? {
            Found::Bytes(bytes) => Some(bytes),
            Found::Nothing => None,
        })
    }

    /// The bytes of many files, in order. `take` must not ask the store for more.
    pub(crate) fn blobs(
        &self,
        ids: &[BlobId],
        mut take: impl FnMut(usize, Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        self.objects.each(ids.iter().map(BlobId::to_string), |nth, found| match found {
            Found::Bytes(bytes) => take(nth, bytes),
            Found::Nothing => Err(Error::MissingObject { id: ids[nth].to_string(), dir: self.dir.clone() }),
        })
    }

    /// The bytes of any object.
    pub(crate) fn object(&self, id: Oid) -> Result<Vec<u8>> {
        match self.objects.get(&id.to_string())? {
            Found::Bytes(bytes) => Ok(bytes),
            Found::Nothing => Err(Error::MissingObject { id: id.to_string(), dir: self.dir.clone() }),
        }
    }

    /// Stores the bytes of many files in one go.
    fn put_blobs<'a>(&self, blobs: impl Iterator<Item = &'a [u8]>) -> Result<()> {
        let send = |stream: &mut Vec<u8>| {
            stream.extend_from_slice(b"done\n");
            self.git.run(&["fast-import", "--quiet", "--done"], &std::mem::take(stream))
        };
        let mut stream = Vec::new();
        for bytes in blobs {
            stream.extend_from_slice(format!("blob\ndata {}\n", bytes.len()).as_bytes());
            stream.extend_from_slice(bytes);
            stream.push(b'\n');
            if stream.len() > STREAMED {
                send(&mut stream)?;
            }
        }
        if !stream.is_empty() {
            send(&mut stream)?;
        }
        Ok(())
    }

    /// Stores the tree that changes make of another tree.
    ///
    /// # Errors
    /// [`Error::BadPath`] for a path that leaves the tree or names `.git`.
    pub fn write_tree(&self, base: &TreeId, changes: &[Change]) -> Result<TreeId> {
        for change in changes {
            repo_path::check(&change.path)?;
        }
        if changes.is_empty() {
            return Ok(*base);
        }
        let size: usize = changes.iter().filter_map(Change::bytes).map(<[u8]>::len).sum();
        let mut batch = Batch::default();
        if changes.len() > ONE_FILE_EACH || size > STREAMED {
            self.put_blobs(changes.iter().filter_map(Change::bytes))?;
        } else {
            for bytes in changes.iter().filter_map(Change::bytes) {
                batch.add(Kind::Blob, bytes);
            }
        }
        let edits: Vec<tree::PathEdit<'_>> = changes.iter().map(edit_of).collect();
        let tree = self.edit_into(base, &edits, batch)?;
        if let Some(manifest) = self.recall(base) {
            self.remember(tree, &Arc::new(manifest.with(changes)));
        }
        Ok(tree)
    }

    /// Stores a tree that differs from another in these paths; `None` removes one. The blobs must be stored.
    pub(crate) fn edit_tree<'a>(
        &self,
        base: &TreeId,
        edits: impl Iterator<Item = (&'a str, Option<(FileMode, BlobId)>)>,
    ) -> Result<TreeId> {
        let edits: Vec<tree::PathEdit<'_>> =
            edits.map(|(path, entry)| (path, entry.map(|(mode, id)| (mode, id.0)))).collect();
        self.edit_into(base, &edits, Batch::default())
    }

    fn edit_into(&self, base: &TreeId, edits: &[tree::PathEdit<'_>], mut batch: Batch) -> Result<TreeId> {
        let tree = tree::edit(base.0, edits, &|id| self.object(id), &mut batch)?;
        batch.write(&self.dir, Durability::Synced)?;
        Ok(TreeId(tree))
    }

    /// Stores the tree without the paths that `leave_out` names (hidden cases, for an agent's copy).
    pub fn tree_without(&self, tree: &TreeId, leave_out: &dyn Fn(&str) -> bool) -> Result<TreeId> {
        let manifest = self.manifest(tree)?;
        let gone: Vec<&str> = manifest.iter().map(|(path, _)| path).filter(|path| leave_out(path)).collect();
        if gone.is_empty() { Ok(*tree) } else { self.edit_tree(tree, gone.iter().map(|path| (*path, None))) }
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
        for id in [Some(tree.0), parent.map(|parent| parent.0)].into_iter().flatten() {
            self.object(id)?;
        }
        let mut batch = Batch::default();
        let commit = batch.add(Kind::Commit, &commit_bytes(tree, parent, message, by, at));
        batch.write(&self.dir, Durability::Synced)?;
        Ok(CommitId(commit))
    }

    /// Moves a ref (a full name, `refs/…`), if it is where it is expected.
    ///
    /// # Errors
    /// [`Error::RefMoved`] when it is elsewhere.
    pub fn update_ref(&self, name: &str, new: &CommitId, expected: Expected) -> Result<()> {
        let new = new.to_string();
        let old = match expected {
            Expected::Absent => Some("0".repeat(40)),
            Expected::At(commit) => Some(commit.to_string()),
            Expected::Any => None,
        };
        let mut args = vec!["update-ref", "--no-deref", name, &new];
        args.extend(old.as_deref());
        let answer = self.git.answer(&args, b"")?;
        if answer.code == Some(0) {
            return Ok(());
        }
        let found = self.read_ref(name)?;
        let as_expected = match expected {
            Expected::Absent => found.is_none(),
            Expected::At(commit) => found == Some(commit),
            Expected::Any => true,
        };
        if as_expected {
            return Err(self.git.failure(&args, answer));
        }
        let show =
            |at: Option<CommitId>| at.map_or_else(|| "nothing".to_owned(), |commit| commit.to_string());
        let expected = match expected {
            Expected::At(commit) => Some(commit),
            Expected::Absent | Expected::Any => None,
        };
        Err(Error::RefMoved { name: name.to_owned(), expected: show(expected), found: show(found) })
    }

    /// Where a ref is.
    pub fn read_ref(&self, name: &str) -> Result<Option<CommitId>> {
        let answer = self.git.answer(&["rev-parse", "--verify", "--quiet", "--end-of-options", name], b"")?;
        if answer.code != Some(0) {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&answer.stdout);
        text.trim().parse().map(Some).map_err(Error::git_output("rev-parse"))
    }

    /// Every ref below a prefix such as `refs/sprag/`, ordered by name.
    pub fn refs(&self, prefix: &str) -> Result<Vec<(String, CommitId)>> {
        let text = self.git.run(&["for-each-ref", "--format=%(objectname) %(refname)", prefix], b"")?;
        String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(id, name)| Ok((name.to_owned(), id.parse().map_err(Error::git_output("for-each-ref"))?)))
            .collect()
    }
}

fn edit_of(change: &Change) -> tree::PathEdit<'_> {
    let entry = match &change.edit {
        Edit::Deleted => None,
        Edit::New { mode, bytes } | Edit::Changed { mode, bytes } => Some((*mode, BlobId::of(bytes).0)),
    };
    (change.path.as_str(), entry)
}

/// A tree as git lists it.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: Manifest,
    pub(crate) submodules: Vec<String>,
}

impl Listing {
    /// Reads `<mode> <type> <id> <size>\t<path>`.
    fn add(&mut self, record: &[u8]) -> Result<()> {
        let bad =
            || Error::GitOutput { command: "ls-tree", what: String::from_utf8_lossy(record).into_owned() };
        let tab = record.iter().position(|&byte| byte == b'\t').ok_or_else(bad)?;
        let head = std::str::from_utf8(&record[..tab]).map_err(|_| bad())?;
        let path = text_path(&record[tab + 1..])?;
        repo_path::check(&path)?;
        let mut words = head.split_ascii_whitespace();
        let (mode, _kind, id, size) = (words.next(), words.next(), words.next(), words.next());
        if mode == Some("160000") {
            self.submodules.push(path);
            return Ok(());
        }
        let entry = Entry {
            mode: mode.and_then(FileMode::from_git).ok_or_else(bad)?,
            id: id.and_then(|id| id.parse().ok()).ok_or_else(bad)?,
            size: size.and_then(|size| size.parse().ok()).ok_or_else(bad)?,
        };
        self.files.entries.insert(path, entry);
        Ok(())
    }
}

/// Writes a small file whole or not at all.
pub(crate) fn write_durably(path: &Utf8Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    let dir = path.parent().unwrap_or(Utf8Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(Error::io("write in", dir))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(Error::io("write", path))?;
    file.persist(path).map_err(|error| Error::io("write", path)(error.error))?;
    std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", dir))
}
