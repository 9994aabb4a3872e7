//! A tree as a flat list: every path with its mode, bytes and size.

use std::collections::BTreeMap;

use crate::change::{Change, Edit};
use crate::id::BlobId;

/// What kind of file an entry is. Submodules are no entries: they are files, or left out, after an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileMode {
    /// An ordinary file (`100644`).
    Regular,
    /// A file with the execute bit (`100755`).
    Executable,
    /// A symbolic link; its bytes are the target (`120000`).
    Symlink,
}

impl FileMode {
    /// The six octal digits that git writes.
    pub fn as_git(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }

    pub(crate) fn from_git(text: &str) -> Option<Self> {
        match text {
            "100755" => Some(Self::Executable),
            "120000" => Some(Self::Symlink),
            // Historic trees carry 100664; git itself checks them out as ordinary files.
            "100644" | "100664" => Some(Self::Regular),
            _ => None,
        }
    }
}

/// One file of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Ordinary, executable or link.
    pub mode: FileMode,
    /// The name of its bytes.
    pub id: BlobId,
    /// How many bytes.
    pub size: u64,
}

/// A tree as a flat list, ordered by path. Paths are relative, UTF-8, with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    pub(crate) entries: BTreeMap<String, Entry>,
}

impl Manifest {
    /// The entry at exactly this path.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Whether a file is at exactly this path.
    pub fn contains(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// Whether any file lies below this directory.
    pub fn contains_dir(&self, dir: &str) -> bool {
        dir.is_empty() && !self.entries.is_empty() || self.under(dir).next().is_some()
    }

    /// The files below a directory.
    pub fn under<'a>(&'a self, dir: &str) -> impl Iterator<Item = (&'a str, &'a Entry)> + use<'a> {
        let start = format!("{dir}/");
        self.entries
            .range(start.clone()..)
            .take_while(move |(path, _)| path.starts_with(&start))
            .map(|(path, entry)| (path.as_str(), entry))
    }

    /// Every file, ordered by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// How many files.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The manifest after these changes.
    pub fn with(&self, changes: &[Change]) -> Self {
        let mut entries = self.entries.clone();
        for change in changes {
            match &change.edit {
                Edit::Deleted => entries.remove(&change.path),
                Edit::New { mode, bytes } | Edit::Changed { mode, bytes } => {
                    let entry = Entry { mode: *mode, id: BlobId::of(bytes), size: bytes.len() as u64 };
                    entries.insert(change.path.clone(), entry)
                }
            };
        }
        Self { entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(paths: &[&str]) -> Manifest {
        let entry = Entry { mode: FileMode::Regular, id: BlobId::of(b""), size: 0 };
        Manifest { entries: paths.iter().map(|path| ((*path).to_owned(), entry)).collect() }
    }

    #[test]
    fn a_directory_is_there_when_a_file_lies_below_it_and_not_when_a_name_only_starts_alike() {
        let tree = manifest(&["a-b/x", "a/x/y", "ab"]);
        assert!(tree.contains_dir("a") && tree.contains_dir("a/x") && tree.contains_dir("a-b"));
        assert!(!tree.contains_dir("ab") && !tree.contains_dir("a/x/y") && tree.contains_dir(""));
    }
}
