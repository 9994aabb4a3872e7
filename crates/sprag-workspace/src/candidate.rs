//! The import of a candidate: a walk of our own over a hostile directory.
//!
//! Nothing is asked of the agent's git. A path is unchanged when its bytes have the name that the incumbent's have;
//! bytes that differ are read once, and travel from there in memory.

use camino::Utf8Path;
use sprag_contract::Standing;

use crate::Result;
use crate::beneath::Beneath;
use crate::change::{Change, Edit};
use crate::collision::Taken;
use crate::examine::{Seen, examine_all};
use crate::junk::Junk;
use crate::manifest::{FileMode, Manifest};
use crate::repo_path::is_within;
use crate::survey::{Survey, survey};
use crate::violation::{Violation, ViolationKind};

/// More violations than this are counted, not listed.
const LISTED: usize = 100;

/// Limits and exceptions of an import.
#[derive(Debug, Clone)]
pub struct ImportRules {
    /// New files are refused (`no new files`).
    pub no_new_files: bool,
    /// Paths that are not looked at: inputs such as `.venv` that were put beside the tree.
    pub skip: Vec<String>,
    /// Paths that cannot change though the scope may name them: submodules, LFS files
    /// ([`Imported::locked_paths`](crate::Imported::locked_paths)).
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

/// What was found in the agent's directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidate {
    /// The in-scope changes, ordered by path. Of use only when there are no violations.
    pub changes: Vec<Change>,
    /// What refuses the candidate, ordered by path; the first 100.
    pub violations: Vec<Violation>,
    /// How many violations there were.
    pub violations_total: u64,
    /// How many new paths were dropped because the baseline ignores them; a dropped directory counts once.
    pub dropped: u64,
}

impl Candidate {
    /// Whether nothing was changed, and nothing was wrong.
    pub fn is_no_edit(&self) -> bool {
        self.changes.is_empty() && self.violations_total == 0
    }
}

/// Where a path stands, and what may be done to it.
pub(crate) struct Law<'a> {
    pub(crate) scope: &'a (dyn Fn(&str) -> Standing + Sync),
    pub(crate) rules: &'a ImportRules,
}

impl Law<'_> {
    /// Why a path may not be touched.
    pub(crate) fn objection(&self, path: &str, outside: ViolationKind) -> Option<ViolationKind> {
        if is_within(path, &self.rules.locked) {
            return Some(ViolationKind::Locked);
        }
        match (self.scope)(path) {
            Standing::InScope => None,
            Standing::OffLimits => Some(ViolationKind::OffLimits),
            Standing::OutOfScope => Some(outside),
        }
    }
}

/// Walks the agent's directory and finds what differs from the incumbent (as the agent saw it: without what
/// [`Store::tree_without`](crate::Store::tree_without) left out).
///
/// The agent's processes must be dead. `.git` and `.sprag` at the top are not looked at.
///
/// # Errors
/// Only when the directory itself is there and cannot be opened: all else is a violation.
pub fn import_candidate(
    copy: &Utf8Path,
    incumbent: &Manifest,
    junk: &Junk,
    scope: &(dyn Fn(&str) -> Standing + Sync),
    rules: &ImportRules,
) -> Result<Candidate> {
    if let Some(kind) = no_folder(copy) {
        let violations = vec![Violation::new(b"the copy itself", kind, "")];
        return Ok(Candidate { violations, violations_total: 1, ..Candidate::default() });
    }
    let root = Beneath::open(copy)?;
    let law = Law { scope, rules };
    let Survey { files, present, mut violations, dropped } = survey(&root, incumbent, junk, rules);
    let mut changes = Vec::new();
    for (file, seen) in files.iter().zip(examine_all(&root, &files, &law)) {
        match (seen, file.known) {
            (Seen::Same, _) => {}
            (Seen::Wrong(kind, detail), _) => {
                violations.push(Violation::new(file.path.as_bytes(), kind, detail))
            }
            (Seen::Bytes(mode, bytes), Some(_)) => {
                changes.push(Change { path: file.path.clone(), edit: Edit::Changed { mode, bytes } });
            }
            (Seen::Bytes(mode, bytes), None) => {
                changes.push(Change { path: file.path.clone(), edit: Edit::New { mode, bytes } });
            }
        }
    }
    for (path, entry) in incumbent.iter().filter(|(path, _)| !present.contains(path) && !is_own(path)) {
        if is_within(path, &rules.skip) {
            continue;
        }
        let objection = law.objection(path, ViolationKind::DeletedOutsideScope);
        match objection {
            Some(kind) => {
                let detail = detail_of(kind, "deleted");
                violations.push(Violation::new(path.as_bytes(), kind, detail));
            }
            None if entry.mode == FileMode::Symlink => {
                violations.push(Violation::new(path.as_bytes(), ViolationKind::Symlink, "deleted"));
            }
            None => changes.push(Change { path: path.to_owned(), edit: Edit::Deleted }),
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    judge_new(incumbent, &changes, rules, &mut violations);
    violations.sort();
    violations.dedup();
    let violations_total = violations.len() as u64;
    violations.truncate(LISTED);
    Ok(Candidate { changes, violations, violations_total, dropped })
}

/// What is wrong where the agent has put something else in the place of its directory, or nothing.
fn no_folder(copy: &Utf8Path) -> Option<ViolationKind> {
    match copy.symlink_metadata() {
        Ok(found) if found.is_dir() => None,
        Ok(found) if found.is_symlink() => Some(ViolationKind::Symlink),
        Ok(_) => Some(ViolationKind::SpecialFile),
        Err(_) => Some(ViolationKind::Unreadable),
    }
}

/// What happened to a path, where the kind of violation does not say it already.
pub(crate) fn detail_of(kind: ViolationKind, what: &str) -> String {
    let silent = matches!(kind, ViolationKind::OffLimits | ViolationKind::Locked);
    if silent { what.to_owned() } else { String::new() }
}

/// The rules that only new files can break.
fn judge_new(incumbent: &Manifest, changes: &[Change], rules: &ImportRules, violations: &mut Vec<Violation>) {
    let new: Vec<&str> = changes
        .iter()
        .filter(|change| matches!(change.edit, Edit::New { .. }))
        .map(|change| change.path.as_str())
        .collect();
    if new.is_empty() {
        return;
    }
    if new.len() > rules.max_new_files {
        let detail = format!("{} new files, at most {}", new.len(), rules.max_new_files);
        violations.push(Violation::new(new[rules.max_new_files].as_bytes(), ViolationKind::TooMuch, detail));
        return;
    }
    let mut taken = Taken::of(incumbent);
    for path in new {
        if rules.no_new_files {
            violations.push(Violation::new(path.as_bytes(), ViolationKind::NewFile, ""));
        }
        if let Some(other) = taken.add(path) {
            violations.push(Violation::new(path.as_bytes(), ViolationKind::Collision, other));
        }
    }
}

/// What Sprag itself puts at the top of an agent's copy.
pub(crate) fn is_own(path: &str) -> bool {
    let top = path.split('/').next().unwrap_or(path);
    top == ".git" || top == ".sprag"
}
