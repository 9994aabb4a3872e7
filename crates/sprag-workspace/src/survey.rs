//! The first pass over the agent's directory: names and kinds, without opening a file.

use std::collections::HashSet;

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::beneath::{Beneath, join, names};
use crate::candidate::ImportRules;
use crate::id::BlobId;
use crate::junk::Junk;
use crate::manifest::{Entry, FileMode, Manifest};
use crate::repo_path::{is_dot_git, is_within};
use crate::violation::{Violation, ViolationKind};

/// The longest path that is looked at; the system's limit for one call is 4096.
const MAX_PATH: usize = 4_000;

/// A file whose bytes are to be examined.
pub(crate) struct File {
    pub(crate) path: String,
    /// What the incumbent has there.
    pub(crate) known: Option<Entry>,
}

/// What the first pass found.
#[derive(Default)]
pub(crate) struct Survey<'a> {
    pub(crate) files: Vec<File>,
    /// The incumbent's paths that are still there, in whatever shape.
    pub(crate) present: HashSet<&'a str>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) dropped: u64,
}

/// Lists the directory.
pub(crate) fn survey<'a>(
    root: &Beneath,
    incumbent: &'a Manifest,
    junk: &Junk,
    rules: &ImportRules,
) -> Survey<'a> {
    let mut walk =
        Walk { incumbent, junk, rules, looked_at: 0, found: Survey::default(), pending: Vec::new() };
    walk.pending.push(Dir { path: Vec::new(), depth: 0, ignored: false });
    while let Some(dir) = walk.pending.pop() {
        if let Err(errno) = walk.look_into(root, &dir) {
            walk.object(&dir.path, ViolationKind::Unreadable, errno.to_string());
        }
        if walk.looked_at >= rules.max_entries {
            walk.object(&dir.path, ViolationKind::TooMuch, format!("more than {} names", rules.max_entries));
            break;
        }
    }
    walk.found
}

struct Dir {
    path: Vec<u8>,
    depth: usize,
    /// A pattern ignores it, though files of the tree are in it: what is new in it is ignored.
    ignored: bool,
}

struct Walk<'a, 'b> {
    incumbent: &'a Manifest,
    junk: &'b Junk,
    rules: &'b ImportRules,
    looked_at: usize,
    found: Survey<'a>,
    pending: Vec<Dir>,
}

impl Walk<'_, '_> {
    fn object(&mut self, path: &[u8], kind: ViolationKind, detail: impl Into<String>) {
        self.found.violations.push(Violation::new(path, kind, detail));
    }

    fn look_into(&mut self, root: &Beneath, dir: &Dir) -> std::result::Result<(), Errno> {
        let at = root.dir(&dir.path)?;
        let (found, _) = names(&at, self.rules.max_entries.saturating_sub(self.looked_at))?;
        self.looked_at += found.len();
        for name in found {
            if dir.path.is_empty() && matches!(name.bytes.as_slice(), b".git" | b".sprag") {
                continue;
            }
            let path = join(&dir.path, &name.bytes);
            let text = std::str::from_utf8(&path).ok();
            if text.is_some_and(|text| is_within(text, &self.rules.skip)) {
                continue;
            }
            let is_dir = name.kind == FileType::Directory;
            let known = text.and_then(|text| self.incumbent.entries.get_key_value(text));
            let holds_known = is_dir && text.is_some_and(|text| self.incumbent.contains_dir(text));
            let ignored = dir.ignored || self.junk.ignores(&path, is_dir);
            if let Some((path, _)) = known {
                self.found.present.insert(path);
            } else if ignored && !holds_known {
                self.found.dropped += 1;
                continue;
            }
            let Some(text) = text.filter(|_| !name.bytes.iter().any(u8::is_ascii_control)) else {
                self.object(&path, ViolationKind::BadName, "");
                continue;
            };
            if is_dot_git(&String::from_utf8_lossy(&name.bytes)) {
                self.object(&path, ViolationKind::NestedGit, "");
                continue;
            }
            let entry = known.map(|(_, entry)| *entry);
            match (name.kind, entry) {
                (FileType::Directory, _) if dir.depth >= self.rules.max_depth || path.len() > MAX_PATH => {
                    self.object(&path, ViolationKind::TooMuch, "too deep");
                }
                (FileType::Directory, _) => {
                    if entry.is_some() {
                        // A directory in the place of a file: the file is deleted, the rest is new.
                        self.found.present.remove(text);
                    }
                    self.pending.push(Dir { path, depth: dir.depth + 1, ignored });
                }
                (FileType::RegularFile, Some(Entry { mode: FileMode::Symlink, .. })) => {
                    self.object(&path, ViolationKind::Symlink, "replaced by a file");
                }
                (FileType::RegularFile, known) => {
                    self.found.files.push(File { path: text.to_owned(), known });
                }
                (FileType::Symlink, Some(Entry { mode: FileMode::Symlink, id, .. })) => {
                    let target = rustix::fs::readlinkat(&at, name.bytes.as_slice(), Vec::new())?;
                    if BlobId::of(target.as_bytes()) != id {
                        self.object(&path, ViolationKind::Symlink, "its target changed");
                    }
                }
                (FileType::Symlink, _) => self.object(&path, ViolationKind::Symlink, ""),
                _ => self.object(&path, ViolationKind::SpecialFile, ""),
            }
        }
        Ok(())
    }
}
