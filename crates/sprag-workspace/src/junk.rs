//! What the baseline's own `.gitignore` files ignore: dropped from a candidate, not judged.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::Result;
use crate::id::BlobId;
use crate::manifest::{FileMode, Manifest};
use crate::store::Store;

/// More of a `.gitignore` than this is not read.
const MAX_BYTES: u64 = 1 << 20;

/// The `.gitignore` files of a baseline. The candidate's own, the user's global one and `info/exclude` do not count.
#[derive(Debug, Default)]
pub struct Junk {
    /// By directory, the top being the empty path.
    files: BTreeMap<String, Gitignore>,
}

impl Junk {
    /// Reads the `.gitignore` files of a tree.
    pub fn of(store: &Store, baseline: &Manifest) -> Result<Self> {
        let found: Vec<(&str, BlobId)> = baseline
            .iter()
            .filter(|(path, entry)| {
                path.rsplit('/').next() == Some(".gitignore")
                    && entry.mode != FileMode::Symlink
                    && entry.size <= MAX_BYTES
            })
            .map(|(path, entry)| (path.rsplit_once('/').map_or("", |(dir, _)| dir), entry.id))
            .collect();
        let ids: Vec<BlobId> = found.iter().map(|(_, id)| *id).collect();
        let mut files = BTreeMap::new();
        store.blobs(&ids, |nth, bytes| {
            files.insert(found[nth].0.to_owned(), compile(&bytes));
            Ok(())
        })?;
        Ok(Self { files })
    }

    /// Whether a new path is ignored by itself. That it lies in an ignored directory is for the caller to know.
    pub(crate) fn ignores(&self, path: &[u8], is_dir: bool) -> bool {
        if self.files.is_empty() {
            return false;
        }
        let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        for end in ends.map(Some).chain([None]) {
            let (dir, rest) = end.map_or((&b""[..], path), |end| (&path[..end], &path[end + 1..]));
            let Some(rules) = std::str::from_utf8(dir).ok().and_then(|dir| self.files.get(dir)) else {
                continue;
            };
            match rules.matched(Path::new(OsStr::from_bytes(rest)), is_dir) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }
}

fn compile(bytes: &[u8]) -> Gitignore {
    let text = String::from_utf8_lossy(bytes);
    let mut builder = GitignoreBuilder::new("");
    for line in text.trim_start_matches('\u{feff}').lines() {
        // A pattern that is none ignores nothing, as with git.
        let _ = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_file_that_speaks_of_a_path_decides() {
        let junk = Junk {
            files: BTreeMap::from([
                (String::new(), compile(b"*.log\n/target/\n__pycache__/\n[bad\n")),
                ("keep".to_owned(), compile("\u{feff}!*.log\r\n".as_bytes())),
            ]),
        };
        assert!(junk.ignores(b"a/b.log", false) && junk.ignores(b"target", true));
        assert!(junk.ignores(b"a/__pycache__", true) && junk.ignores(b"a/\xff.log", false));
        assert!(!junk.ignores(b"a/__pycache__", false) && !junk.ignores(b"a/target", true));
        assert!(!junk.ignores(b"keep/b.log", false) && !junk.ignores(b"b.py", false));
    }
}
