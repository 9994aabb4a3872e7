//! Three-way merge of one file.

use camino::Utf8Path;

use crate::git::Git;
use crate::{Error, Result};

/// What both sides made of a file, or none when their changes touch, or the file is binary and both changed it.
pub fn merge_file(base: &[u8], ours: &[u8], theirs: &[u8]) -> Result<Option<Vec<u8>>> {
    if base == theirs || ours == theirs {
        return Ok(Some(ours.to_vec()));
    }
    if base == ours {
        return Ok(Some(theirs.to_vec()));
    }
    let scratch = tempfile::tempdir().map_err(Error::io("make a directory in", "the temporary directory"))?;
    let dir = Utf8Path::from_path(scratch.path())
        .ok_or_else(|| Error::PathNotUtf8 { path: scratch.path().to_string_lossy().into_owned() })?;
    for (name, bytes) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        std::fs::write(dir.join(name), bytes).map_err(Error::io("write", dir.join(name)))?;
    }
    let args = ["merge-file", "-p", "-q", "ours", "base", "theirs"];
    let answer = Git::outside(dir).answer(&args, b"")?;
    match answer.code {
        Some(0) => Ok(Some(answer.stdout)),
        // The number of conflicts, or 255 for a file that cannot be merged.
        Some(_) => Ok(None),
        None => Err(Git::outside(dir).failure(&args, answer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &[u8] = b"1\n2\n3\n4\n5\n6\n7\n8\n9\n";

    #[test]
    fn changes_apart_are_merged_and_changes_of_the_same_line_are_not() {
        let ours = b"one\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let theirs = b"1\n2\n3\n4\n5\n6\n7\n8\nnine\n";
        let both = merge_file(BASE, ours, theirs).unwrap();
        assert_eq!(both.as_deref(), Some(&b"one\n2\n3\n4\n5\n6\n7\n8\nnine\n"[..]));
        assert_eq!(merge_file(BASE, ours, b"uno\n2\n3\n4\n5\n6\n7\n8\n9\n").unwrap(), None);
    }

    #[test]
    fn what_only_one_side_changed_is_taken_from_it_even_when_binary() {
        assert_eq!(merge_file(b"\0a", b"\0a", b"\0b").unwrap().as_deref(), Some(&b"\0b"[..]));
        assert_eq!(merge_file(b"\0a", b"\0c", b"\0a").unwrap().as_deref(), Some(&b"\0c"[..]));
        assert_eq!(merge_file(b"\0a", b"\0b", b"\0c").unwrap(), None);
    }
}
