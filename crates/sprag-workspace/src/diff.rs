//! Differences between trees of the store, for people and for limits.

use crate::id::TreeId;
use crate::manifest::Manifest;
use crate::store::Store;
use crate::user_repo::text_path;
use crate::{Error, Result};

/// How many lines of a file differ between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// The path.
    pub path: String,
    /// Lines that only the second tree has; none for a binary file.
    pub added: Option<u64>,
    /// Lines that only the first tree has; none for a binary file.
    pub deleted: Option<u64>,
}

/// Options that make the output depend on the two trees alone.
const PLAIN: &[&str] = &["diff-tree", "-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"];

impl Store {
    /// The difference of two trees as a unified diff: full object names, no renames, binary files included.
    /// Bytes that are not UTF-8 are replaced; [`diff_bytes`](Self::diff_bytes) keeps them.
    pub fn diff(&self, from: &TreeId, to: &TreeId) -> Result<String> {
        let bytes = self.diff_bytes(from, to)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()))
    }

    /// [`diff`](Self::diff), as bytes.
    pub fn diff_bytes(&self, from: &TreeId, to: &TreeId) -> Result<Vec<u8>> {
        let (from, to) = (from.to_string(), to.to_string());
        let shape = ["-p", "--full-index", "--binary", "--src-prefix=a/", "--dst-prefix=b/", &from, &to];
        self.git().run(&[PLAIN, &shape].concat(), b"")
    }

    /// The lines that differ, file by file.
    pub fn numstat(&self, from: &TreeId, to: &TreeId) -> Result<Vec<FileStat>> {
        let (from, to) = (from.to_string(), to.to_string());
        let bytes = self.git().run(&[PLAIN, &["--numstat", "-z", &from, &to]].concat(), b"")?;
        bytes
            .split(|&byte| byte == 0)
            .filter(|record| !record.is_empty())
            .map(|record| {
                let mut fields = record.splitn(3, |&byte| byte == b'\t');
                let mut number = || fields.next().and_then(|field| std::str::from_utf8(field).ok());
                let (added, deleted) = (number(), number());
                let path = fields.next().ok_or_else(|| Error::GitOutput {
                    command: "diff-tree --numstat",
                    what: String::from_utf8_lossy(record).into_owned(),
                })?;
                let count = |text: Option<&str>| text.and_then(|text| text.parse().ok());
                Ok(FileStat { path: text_path(path)?, added: count(added), deleted: count(deleted) })
            })
            .collect()
    }

    /// The added and deleted lines of all files together. Of what git takes for binary, all lines count: else a NUL in
    /// a comment would hide them.
    pub fn changed_lines(&self, from: &TreeId, to: &TreeId) -> Result<u64> {
        let (before, after) = (self.manifest(from)?, self.manifest(to)?);
        let lines = |manifest: &Manifest, path: &str| -> Result<u64> {
            let Some(entry) = manifest.get(path) else { return Ok(0) };
            let ends = self.blob(&entry.id)?.iter().filter(|&&byte| byte == b'\n').count();
            Ok(ends.max(1) as u64)
        };
        let mut sum = 0;
        for stat in self.numstat(from, to)? {
            sum += match (stat.added, stat.deleted) {
                (Some(added), Some(deleted)) => added + deleted,
                _ => lines(&before, &stat.path)? + lines(&after, &stat.path)?,
            };
        }
        Ok(sum)
    }
}
