//! A folder of proposals, played in name order: for demos, tests, and somebody's session on another machine.
//!
//! `NN-slug.patch` is TOML between two lines of `+++`, then a unified diff as `git diff --full-index` writes it:
//!
//! ```text
//! +++
//! description = "hoist the coercion out of the loop"
//! hypothesis = "object columns are parsed again for each request"
//! +++
//! diff --git a/core/scoring.py b/core/scoring.py
//! …
//! ```
//!
//! The diff is applied to the incumbent; where its context has moved, three-way against the blobs it was made from.

use std::collections::{BTreeMap, HashSet};
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use sprag_workspace::patch;

use crate::{Asked, Note, Proposal, ProposeError, Proposer, Usage};

/// The largest patch that is read: what an agent proposes is reviewed by people.
const MAX_PATCH: u64 = 16 << 20;

/// One proposal of a playbook, as read.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The file's name without `.patch`.
    pub id: String,
    /// What is said about it.
    pub note: Note,
    /// It is an idea for a later phase: parked now, and a candidate once it is given back.
    pub park: bool,
    /// The unified diff; may be empty.
    pub diff: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    description: String,
    hypothesis: Option<String>,
    #[serde(default)]
    asi: BTreeMap<String, toml::Value>,
    usage: Option<Usage>,
    #[serde(default)]
    park: bool,
}

/// A playbook cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaybookError {
    /// The folder or a file in it.
    #[error("failed to read {path}: {source}")]
    Read {
        /// Which.
        path: Utf8PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder holds no proposals.
    #[error("{path} holds no proposals: a playbook is a folder of NN-slug.patch files")]
    Empty {
        /// The folder.
        path: Utf8PathBuf,
    },
    /// A file is not a proposal.
    #[error("{path}:{line}: {what}")]
    Malformed {
        /// The file.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what is expected.
        what: String,
    },
}

impl Step {
    fn is_empty(&self) -> bool {
        self.diff.trim().is_empty()
    }

    /// Reads one proposal; `path` names it and stands in errors.
    ///
    /// # Errors
    /// [`PlaybookError::Malformed`] with the line that is wrong.
    pub fn parse(path: &Utf8Path, text: &str) -> Result<Self, PlaybookError> {
        let malformed =
            |line: usize, what: String| PlaybookError::Malformed { path: path.to_owned(), line, what };
        let body = text
            .strip_prefix("+++\n")
            .or_else(|| text.strip_prefix("+++\r\n"))
            .ok_or_else(|| malformed(1, "expected a line of +++ before the description".to_owned()))?;
        let (front, diff) = split_at_fence(body)
            .ok_or_else(|| malformed(1, "the +++ of line 1 is never closed by a second +++".to_owned()))?;
        let front: Front = toml::from_str(front).map_err(|e| {
            let before = e.span().map_or("", |span| front.get(..span.start).unwrap_or(""));
            malformed(2 + before.matches('\n').count(), e.message().to_owned())
        })?;
        let mut asi = serde_json::Map::new();
        if let Some(hypothesis) = front.hypothesis {
            asi.insert("hypothesis".to_owned(), hypothesis.into());
        }
        for (key, value) in front.asi {
            let value = serde_json::to_value(value).map_err(|e| malformed(1, format!("asi.{key}: {e}")))?;
            asi.insert(key, value);
        }
        // Playing a patch asks no model: without a recorded usage it costs nothing.
        let usage = front.usage.unwrap_or(Usage::FREE);
        let id = path.file_stem().unwrap_or("proposal").to_owned();
        let note = Note { id: Some(id.clone()), description: front.description, asi, usage, model: None };
        Ok(Self { id, note, park: front.park, diff: diff.to_owned() })
    }
}

/// Splits `body` at the first line that is `+++`, without it.
fn split_at_fence(body: &str) -> Option<(&str, &str)> {
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        if line.trim_end() == "+++" {
            return Some((&body[..at], &body[at + line.len()..]));
        }
        at += line.len();
    }
    None
}

/// Plays the proposals of a folder.
#[derive(Debug)]
pub struct Playbook {
    steps: std::vec::IntoIter<Step>,
    given_back: HashSet<String>,
    bundled: Utf8PathBuf,
}

impl Playbook {
    /// Reads every proposal of `dir` at once, so that a typo shows before anything is measured.
    ///
    /// # Errors
    /// [`PlaybookError`] when the folder or one of its proposals cannot be read.
    pub fn open(dir: &Utf8Path) -> Result<Self, PlaybookError> {
        let read = |path: &Utf8Path, source| PlaybookError::Read { path: path.to_owned(), source };
        let mut paths = Vec::new();
        for entry in dir.read_dir_utf8().map_err(|e| read(dir, e))? {
            let path = entry.map_err(|e| read(dir, e))?.into_path();
            if path.extension() == Some("patch") {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(PlaybookError::Empty { path: dir.to_owned() });
        }
        paths.sort();
        let mut steps = Vec::new();
        for path in &paths {
            let size = fs::metadata(path).map_err(|e| read(path, e))?.len();
            if size > MAX_PATCH {
                let what = format!("{size} bytes; a proposal may have {MAX_PATCH}");
                return Err(PlaybookError::Malformed { path: path.clone(), line: 1, what });
            }
            steps.push(Step::parse(path, &fs::read_to_string(path).map_err(|e| read(path, e))?)?);
        }
        Ok(Self { steps: steps.into_iter(), given_back: HashSet::new(), bundled: dir.join("blobs") })
    }

    /// A playbook of steps made elsewhere, such as the commits of a branch.
    pub fn from_steps(steps: Vec<Step>) -> Self {
        Self {
            steps: steps.into_iter(),
            given_back: HashSet::new(),
            bundled: Utf8PathBuf::from("/nonexistent"),
        }
    }
}

impl Proposer for Playbook {
    fn name(&self) -> &str {
        "playbook"
    }

    fn resume(&mut self, done: &[String]) {
        let done: HashSet<&str> = done.iter().map(String::as_str).collect();
        let left: Vec<Step> = self.steps.by_ref().filter(|s| !done.contains(s.id.as_str())).collect();
        self.steps = left.into_iter();
    }

    fn given_back(&mut self, ideas: &[String]) {
        self.given_back.extend(ideas.iter().cloned());
    }

    fn propose(&mut self, asked: &Asked<'_>) -> Result<Proposal, ProposeError> {
        let Asked { copy, blobs, .. } = *asked;
        let given_back = &self.given_back;
        // An idea of words alone has nothing to play when it comes back.
        let mut playable =
            self.steps.by_ref().filter(|step| !given_back.contains(&step.id) || !step.is_empty());
        let Some(step) = playable.next() else { return Ok(Proposal::Exhausted) };
        if step.park && !self.given_back.contains(&step.id) {
            return Ok(Proposal::Idea(step.note));
        }
        if step.is_empty() {
            return Ok(Proposal::Edit(step.note));
        }
        let bundled = |id: &str| bundled_blob(&self.bundled, id);
        let blob = |id: &str| blobs.blob(id).or_else(|| bundled(id));
        let applied = patch::parse(&step.diff)
            .map_err(|e| e.to_string())
            .and_then(|patch| patch::apply_to(copy, &patch, &blob).map_err(|e| e.to_string()));
        match applied {
            Ok(patch::Outcome::Applied { .. }) => Ok(Proposal::Edit(step.note)),
            Ok(patch::Outcome::Conflict { path, why }) => {
                Ok(Proposal::Skipped { note: step.note, why: format!("no longer applies to {path}: {why}") })
            }
            Err(why) => Err(ProposeError::Apply { id: step.id, why }),
        }
    }
}

/// A blob that the playbook carries with it, by the beginning of its id.
fn bundled_blob(dir: &Utf8Path, id: &str) -> Option<Vec<u8>> {
    if id.len() < 7 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let entry = dir.read_dir_utf8().ok()?.flatten().find(|e| e.file_name().starts_with(id))?;
    fs::read(entry.path()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Step, PlaybookError> {
        Step::parse(Utf8Path::new("play/03-hoist.patch"), text)
    }

    #[test]
    fn a_proposal_is_read_with_its_notes_and_its_diff() {
        let step = parse(
            "+++\ndescription = \"hoist\"\nhypothesis = \"less work\"\n[asi]\nrisk = \"low\"\n[usage]\ninput = 10\n+++\ndiff --git a/x b/x\n",
        )
        .unwrap();
        assert_eq!(step.id, "03-hoist");
        assert_eq!(step.note.description, "hoist");
        assert_eq!(step.note.asi["hypothesis"], "less work");
        assert_eq!(step.note.asi["risk"], "low");
        assert_eq!(step.note.usage, Usage { input: Some(10), ..Usage::default() });
        assert_eq!(step.diff, "diff --git a/x b/x\n");
    }

    #[test]
    fn a_mistake_in_the_notes_is_told_with_its_line() {
        let error = parse("+++\ndescription = \"x\"\nhypotesis = \"y\"\n+++\n").unwrap_err();
        insta::assert_snapshot!(error, @"play/03-hoist.patch:3: unknown field `hypotesis`, expected one of `description`, `hypothesis`, `asi`, `usage`, `park`");
        let error = parse("+++\ndescription = \"x\"\n").unwrap_err();
        insta::assert_snapshot!(error, @"play/03-hoist.patch:1: the +++ of line 1 is never closed by a second +++");
        let error = parse("diff --git a/x b/x\n").unwrap_err();
        insta::assert_snapshot!(error, @"play/03-hoist.patch:1: expected a line of +++ before the description");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,400}") {
            let _ = parse(&text);
            let _ = parse(&format!("+++\n{text}\n+++\n"));
        }
    }
}
