//! The import of a candidate: a walk of our own over a hostile directory.

use std::fmt;

use camino::Utf8Path;
use sprag_contract::Standing;

use crate::Result;
use crate::change::Change;
use crate::manifest::Manifest;
use crate::store::Store;

/// What the baseline's `.gitignore` files ignore.
#[derive(Debug)]
pub struct Junk {}

impl Junk {
    /// Reads the `.gitignore` files of a tree.
    pub fn of(store: &Store, baseline: &Manifest) -> Result<Self> {
        let _ = (store, baseline);
        todo!()
    }
}

/// Limits and exceptions of an import.
#[derive(Debug, Clone)]
pub struct ImportRules {
    /// New files refused by the contract (`no new files`).
    pub no_new_files: bool,
    /// Paths that are not looked at: inputs such as `.venv` that were put beside the tree.
    pub skip: Vec<String>,
    /// Paths that cannot change though the scope may name them: submodules, LFS files
    /// ([`Imported::locked`](crate::Imported::locked)).
    pub locked: Vec<String>,
    /// The most new files.
    pub max_new_files: usize,
    /// The most bytes of one changed or new file.
    pub max_file_bytes: u64,
    /// The most bytes of all changed and new files together.
    pub max_total_bytes: u64,
    /// The most directories in one path.
    pub max_depth: usize,
    /// The most directory entries that are looked at.
    pub max_entries: usize,
}

impl Default for ImportRules {
    fn default() -> Self {
        Self {
            no_new_files: false,
            skip: Vec::new(),
            locked: Vec::new(),
            max_new_files: 1_000,
            max_file_bytes: 16 << 20,
            max_total_bytes: 64 << 20,
            max_depth: 64,
            max_entries: 1_000_000,
        }
    }
}

/// What a candidate did that no candidate may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ViolationKind {
    /// A path that is not in scope was added.
    NewOutsideScope,
    /// A path that is not in scope was changed.
    ChangedOutsideScope,
    /// A path that is not in scope was deleted.
    DeletedOutsideScope,
    /// A path that is off limits was added, changed or deleted.
    OffLimits,
    /// A submodule or an LFS file was changed.
    Locked,
    /// A new file, where the contract forbids new files.
    NewFile,
    /// The execute bit changed, or a set-user-id bit is set.
    Mode,
    /// A symbolic link, new or changed or in the place of a file.
    Symlink,
    /// A file with more than one name.
    HardLink,
    /// A socket, pipe or device.
    SpecialFile,
    /// A repository inside the tree.
    NestedGit,
    /// Extended attributes of the user's kind.
    Xattr,
    /// A name that differs from another only by case or by Unicode form.
    Collision,
    /// A name that is not UTF-8, or has control characters.
    BadName,
    /// More files, bytes or depth than the limits allow.
    TooMuch,
    /// A file that cannot be read.
    Unreadable,
}

/// One violation, with the path and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path, with unprintable characters escaped.
    pub path: String,
    /// What kind of violation.
    pub kind: ViolationKind,
    /// More about it, such as the path that a name collides with; may be empty.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path, self.kind)
    }
}

/// What was found in the agent's directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidate {
    /// The in-scope changes, ordered by path.
    pub changes: Vec<Change>,
    /// What refuses the candidate, ordered by path; capped at 100.
    pub violations: Vec<Violation>,
    /// How many violations there were.
    pub violations_total: u64,
    /// How many new paths were dropped because the baseline ignores them (a dropped directory counts once).
    pub dropped: u64,
}

/// Walks the agent's directory and finds what differs from the incumbent.
///
/// # Errors
/// Only when the directory itself cannot be opened: all else is a violation.
pub fn import_candidate(
    copy: &Utf8Path,
    incumbent: &Manifest,
    junk: &Junk,
    scope: &(dyn Fn(&str) -> Standing + Sync),
    rules: &ImportRules,
) -> Result<Candidate> {
    let _ = (copy, incumbent, junk, scope, rules);
    todo!()
}
