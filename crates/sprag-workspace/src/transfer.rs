//! Copying objects from one repository to another: by value, without alternates, and only those that are missing.

use std::collections::HashSet;
use std::io::Read;

use crate::git::Git;
use crate::{Error, Result};

/// Below this many objects they are stored one file each, as git's own `fetch.unpackLimit` has it.
const UNPACK_BELOW: usize = 100;

/// Copies what `tips` reach and the other repository lacks. Commits are followed to their parents only if
/// `with_history`.
pub(crate) fn copy_missing(from: &Git, to: &Git, tips: &[String], with_history: bool) -> Result<usize> {
    let mut args = vec!["rev-list", "--objects", "--no-object-names", "--stdin"];
    if !with_history {
        args.push("--no-walk=unsorted");
    }
    let listed = from.run(&args, (tips.join("\n") + "\n").as_bytes())?;
    let missing = missing(to, &listed)?;
    if missing.is_empty() {
        return Ok(0);
    }
    let count = missing.len();
    let wanted = missing.join("\n") + "\n";
    let pack_args = ["pack-objects", "--stdout", "-q", "--window=0", "--threads=1"];
    // The pack goes through a file: it may be larger than memory, and one end may fail without the other.
    let mut pack = from.run_to_file(&pack_args, wanted.as_bytes())?;
    if count < UNPACK_BELOW {
        let mut bytes = Vec::new();
        pack.read_to_end(&mut bytes).map_err(Error::io("read the pack from", from.place()))?;
        to.run(&["unpack-objects", "-q"], &bytes)?;
    } else {
        to.run_on_file(&["index-pack", "--stdin", "--threads=1"], pack)?;
    }
    Ok(count)
}

/// Those of the listed objects that a repository does not have.
fn missing(git: &Git, listed: &[u8]) -> Result<Vec<String>> {
    let answers = git.run(&["cat-file", "--batch-check=%(objectname)", "--buffer"], listed)?;
    let mut seen = HashSet::new();
    Ok(String::from_utf8_lossy(&answers)
        .lines()
        .filter_map(|line| line.strip_suffix(" missing"))
        .filter(|name| seen.insert((*name).to_owned()))
        .map(str::to_owned)
        .collect())
}
