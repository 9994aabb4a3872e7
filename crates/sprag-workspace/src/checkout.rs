//! A slot: a directory that is made to hold exactly one tree, again and again.
//!
//! Candidate code has run in it, so nothing in it is believed: a file is left alone only when its status is the one
//! that was recorded when Sprag wrote it, which includes the change time that no program can set.

use std::collections::{BTreeMap, HashSet};
use std::os::fd::OwnedFd;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;

use crate::beneath::{Beneath, join, names, status};
use crate::hash::hash_file;
use crate::id::{BlobId, TreeId};
use crate::manifest::{Entry, FileMode, Manifest};
use crate::materialize::write_files;
use crate::repo_path;
use crate::stamp::{Stamp, Stamps};
use crate::store::Store;
use crate::trash::Trash;
use crate::{Error, Result};

/// A directory in which trees are built and measured.
#[derive(Debug)]
pub struct Checkout {
    tree_dir: Utf8PathBuf,
    stamps_file: Utf8PathBuf,
    trash_dir: Utf8PathBuf,
    keep: Vec<String>,
    links: BTreeMap<String, Utf8PathBuf>,
    stamps: Stamps,
    /// Files whose stamps are not in the file beside the slot yet.
    unsaved: usize,
}

/// A sync that touched more files than this saves the stamps at once; fewer are saved when the slot is closed. Stamps
/// that are too old cost a killed session some rewriting, and never deceive: they hold the change time of a file.
const WORTH_SAVING: usize = 500;

/// What [`Checkout::sync`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// Files written because this tree has them with other bytes than the last one.
    pub written: usize,
    /// Files left alone; their bytes and times are as they were.
    pub unchanged: usize,
    /// Files rewritten although this tree has them as the last one had: somebody had touched them. Ordered.
    pub restored: Vec<String>,
    /// Files and directories removed that are not of the tree; a directory counts once.
    pub removed: usize,
}

impl Checkout {
    /// Opens the slot in a directory, or makes one. `keep` names, relative to the tree, what a sync leaves alone at
    /// its place: caches such as `target`, and inputs such as `.venv`. Files of the tree below such a place are
    /// kept to the tree all the same.
    pub fn create(dir: &Utf8Path, keep: &[String]) -> Result<Self> {
        for path in keep {
            repo_path::check(path.trim_start_matches("./").trim_end_matches('/'))?;
        }
        let tree_dir = dir.join("tree");
        std::fs::create_dir_all(&tree_dir).map_err(Error::io("create", &tree_dir))?;
        let stamps_file = dir.join("stamps.json");
        let stamps = Stamps::load(&stamps_file);
        Ok(Self {
            tree_dir,
            stamps_file,
            trash_dir: dir.join("trash"),
            keep: keep.to_vec(),
            links: BTreeMap::new(),
            stamps,
            unsaved: 0,
        })
    }

    /// From now on a sync leaves these alone, and no others.
    pub fn keep_only(&mut self, keep: Vec<String>) {
        self.keep = keep;
    }

    /// The directory that holds the tree.
    pub fn path(&self) -> &Utf8Path {
        &self.tree_dir
    }

    /// Puts a link to an input from outside (a virtual environment, data) into the tree, in the place of whatever is
    /// there, and keeps it there.
    ///
    /// # Errors
    /// [`Error::BadPath`]; [`Error::Io`] where the file system refuses.
    pub fn link(&mut self, path: &str, target: &Utf8Path) -> Result<()> {
        let path = plain(path);
        repo_path::check(path)?;
        let failed = |errno: Errno| Error::sys("link", self.tree_dir.join(path))(errno);
        let at = Beneath::open(&self.tree_dir)?.make_parent(path).map_err(failed)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let found = rustix::fs::readlinkat(&at, name, Vec::new());
        if !found.is_ok_and(|found| found.as_bytes() == target.as_str().as_bytes()) {
            if let Ok(there) = rustix::fs::statat(&at, name, AtFlags::SYMLINK_NOFOLLOW) {
                let mut trash = Trash::open(&self.trash_dir)?;
                let kind = FileType::from_raw_mode(there.st_mode);
                trash.take(&at, name.as_bytes(), kind).map_err(failed)?;
                trash.empty()?;
            }
            rustix::fs::symlinkat(target.as_str(), &at, name).map_err(failed)?;
        }
        self.links.insert(path.to_owned(), target.to_owned());
        Ok(())
    }

    /// Makes the directory hold exactly this tree, and what is kept. No process may be at work in it.
    ///
    /// # Errors
    /// [`Error::MissingObject`]; [`Error::Io`] when the file system refuses.
    pub fn sync(&mut self, store: &Store, tree: &TreeId) -> Result<SyncReport> {
        let manifest = store.manifest(tree)?;
        let root = Beneath::open(&self.tree_dir)?;
        let mut trash = Trash::open(&self.trash_dir)?;
        let mut look = Look {
            checkout: self,
            root: &root,
            manifest: &manifest,
            trash: &mut trash,
            good: HashSet::new(),
            fresh: Vec::new(),
            report: SyncReport::default(),
        };
        look.walk()?;
        let Look { good, fresh, mut report, .. } = look;
        trash.empty()?;
        for (path, target) in self.links.clone() {
            self.link(&path, &target)?;
        }
        let missing: Vec<(&str, Entry)> = manifest
            .iter()
            .filter(|(path, _)| !good.contains(*path))
            .map(|(path, entry)| (path, *entry))
            .collect();
        report.unchanged = good.len();
        for (path, entry) in &missing {
            match self.stamps.files.get(*path) {
                Some(stamp) if stamp.id == entry.id => report.restored.push((*path).to_owned()),
                _ => report.written += 1,
            }
        }
        let stale = self.stamps.files.len() != manifest.len() || !missing.is_empty() || !fresh.is_empty();
        if !stale {
            return Ok(report);
        }
        self.stamps.files.retain(|path, _| good.contains(path.as_str()));
        self.unsaved += missing.len() + fresh.len();
        self.stamps.files.extend(fresh);
        let stamps = &mut self.stamps;
        write_files(&root, store, &missing, |path, entry, stat| {
            stamps.files.insert(path.to_owned(), Stamp::of(entry.id, stat));
        })?;
        stamps.taken_now();
        if self.unsaved > WORTH_SAVING {
            self.save()?;
        }
        Ok(report)
    }

    fn save(&mut self) -> Result<()> {
        self.unsaved = 0;
        self.stamps.save(&self.stamps_file)
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if self.unsaved > 0 {
            // Failing, it costs the next session some rewriting.
            let _ = self.save();
        }
    }
}

/// One look through the directory.
struct Look<'a, 'tree> {
    checkout: &'a Checkout,
    root: &'a Beneath,
    manifest: &'tree Manifest,
    trash: &'a mut Trash,
    good: HashSet<&'tree str>,
    fresh: Vec<(String, Stamp)>,
    report: SyncReport,
}

impl<'tree> Look<'_, 'tree> {
    fn walk(&mut self) -> Result<()> {
        // Directories to look into, and whether what is not of the tree may stay in them.
        let mut pending = vec![(Vec::new(), false)];
        while let Some((dir, lenient)) = pending.pop() {
            let failed = |errno| {
                Error::sys("read", self.root.path().join(String::from_utf8_lossy(&dir).as_ref()))(errno)
            };
            let at = self.root.dir(&dir).map_err(failed)?;
            // Removing names while they are listed may skip some: they are listed first.
            let (found, _) = names(&at, usize::MAX).map_err(failed)?;
            for name in found {
                let relative = join(&dir, &name.bytes);
                let text = std::str::from_utf8(&relative).ok();
                let known = text.and_then(|text| self.manifest.entries.get_key_value(text));
                if let Some((path, entry)) = known {
                    if self.is_good(&at, &name.bytes, path, entry).map_err(failed)? {
                        self.good.insert(path);
                    } else {
                        self.trash.take(&at, &name.bytes, name.kind).map_err(failed)?;
                    }
                    continue;
                }
                let of_tree = text.is_some_and(|text| self.manifest.contains_dir(text));
                let is_dir = name.kind == FileType::Directory;
                let top = text.filter(|text| self.is_kept_top(text));
                let stays = match top {
                    _ if of_tree => is_dir,
                    _ if lenient => true,
                    // A cache that has become a link would have the next build write elsewhere; and in the place of a link
                    // to an input nothing but that link may stand.
                    Some(top) if name.kind == FileType::Symlink || self.checkout.links.contains_key(top) => {
                        self.is_our_link(&at, &name.bytes, top)
                    }
                    Some(_) => true,
                    None => is_dir && text.is_some_and(|text| self.leads_to_kept(text)),
                };
                if !stays {
                    self.trash.take(&at, &name.bytes, name.kind).map_err(failed)?;
                    self.report.removed += 1;
                } else if is_dir && (of_tree || (top.is_none() && !lenient)) {
                    open_up(&at, &name.bytes).map_err(failed)?;
                    let lenient = lenient || top.is_some();
                    pending.push((relative, lenient));
                }
            }
        }
        Ok(())
    }

    fn is_kept_top(&self, path: &str) -> bool {
        self.checkout.keep.iter().any(|top| plain(top) == path) || self.checkout.links.contains_key(path)
    }

    fn is_our_link(&self, at: &OwnedFd, name: &[u8], path: &str) -> bool {
        let target = rustix::fs::readlinkat(at, name, Vec::new());
        let ours = self.checkout.links.get(path);
        ours.is_some_and(|ours| target.is_ok_and(|target| target.as_bytes() == ours.as_str().as_bytes()))
    }

    fn leads_to_kept(&self, path: &str) -> bool {
        let keep = self.checkout.keep.iter().map(|top| plain(top));
        let mut tops = keep.chain(self.checkout.links.keys().map(String::as_str));
        tops.any(|top| top.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }

    /// Whether what is at a path is what the tree has there, untouched since it was written.
    fn is_good(
        &mut self,
        at: &OwnedFd,
        name: &[u8],
        path: &'tree str,
        entry: &Entry,
    ) -> std::result::Result<bool, Errno> {
        let stat = status(at, name)?;
        let stamp = Stamp::of(entry.id, &stat);
        let recorded = self.checkout.stamps.files.get(path);
        if recorded.is_some_and(|recorded| *recorded != stamp) {
            return Ok(false);
        }
        if recorded.is_some_and(|recorded| self.checkout.stamps.settled(recorded)) {
            return Ok(true);
        }
        // No stamp, or one that was taken too early to tell: the bytes decide.
        let as_wanted = match (FileType::from_raw_mode(stat.st_mode), entry.mode) {
            (FileType::Symlink, FileMode::Symlink) => {
                BlobId::of(rustix::fs::readlinkat(at, name, Vec::new())?.as_bytes()) == entry.id
            }
            (FileType::RegularFile, FileMode::Regular | FileMode::Executable) => {
                let mode = if entry.mode == FileMode::Executable { 0o755 } else { 0o644 };
                stat.st_nlink == 1
                    && stat.st_mode & 0o7777 == mode
                    && stat.st_size.try_into() == Ok(entry.size)
                    && hash_file(
                        &rustix::fs::openat(
                            at,
                            name,
                            rustix::fs::OFlags::RDONLY
                                | rustix::fs::OFlags::NOFOLLOW
                                | rustix::fs::OFlags::CLOEXEC,
                            Mode::empty(),
                        )?,
                        entry.size,
                    )? == Some(entry.id)
            }
            _ => false,
        };
        if as_wanted {
            self.fresh.push((path.to_owned(), stamp));
        }
        Ok(as_wanted)
    }
}

/// Somebody may have shut the directory.
fn open_up(at: &OwnedFd, name: &[u8]) -> std::result::Result<(), Errno> {
    if status(at, name)?.st_mode & 0o700 == 0o700 {
        return Ok(());
    }
    rustix::fs::chmodat(at, name, Mode::from_raw_mode(0o755), AtFlags::empty())
}

fn plain(path: &str) -> &str {
    path.trim_start_matches("./").trim_end_matches('/')
}
