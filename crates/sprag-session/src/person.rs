//! A person as proposer: the working tree, the commits of a branch, or a discarded try once more.

use std::fs;
use std::os::unix::fs::symlink;

use camino::Utf8Path;
use sprag_agent::{Asked, Note, Playbook, Proposal, Proposer, Step, Usage};
use sprag_contract::Standing;
use sprag_workspace::{Change, Edit, Locked, LockedWhy, Start, TreeId, patch};

use crate::SessionError;
use crate::events::Outcome;
use crate::ground::import_baseline;
use crate::open::parse_tree;
use crate::run::StoreBlobs;
use crate::session::Session;

/// What rows say under `agent`.
pub(crate) const PERSON: &str = "person";

impl Session<'_> {
    /// Judges the in-scope files of the working tree, as they are now.
    ///
    /// # Errors
    /// [`SessionError`]: the host, never the change.
    pub fn try_working_tree(&mut self, message: &str) -> Result<Outcome, SessionError> {
        self.calibrate()?;
        self.abandon_turn()?;
        let snapshot = import_baseline(&self.project, &self.store, Start::Snapshot)?;
        let copy = self.copy_of(&self.with_prose_of_the_incumbent(&snapshot.tree)?)?;
        self.put_back_what_was_left_out(copy.path(), &snapshot.locked)?;
        let note = Note { description: message.to_owned(), usage: Usage::FREE, ..Note::default() };
        let outcome = self.experiment(copy.path(), note, PERSON, None)?;
        copy.remove()?;
        Ok(outcome)
    }

    /// A baseline does without links that lead outside and without repositories in the repository. In a candidate they
    /// are edits like any other, and must be seen, and refused, as such.
    fn put_back_what_was_left_out(&self, copy: &Utf8Path, left_out: &[Locked]) -> Result<(), SessionError> {
        for Locked { path, why } in left_out {
            if self.locked.contains(path) || self.scope.standing(path) != Standing::InScope {
                continue;
            }
            let (there, here) = (self.project.root.join(path), copy.join(path));
            let put = match why {
                LockedWhy::LinkOutside => fs::create_dir_all(here.parent().unwrap_or(copy))
                    .and_then(|()| fs::read_link(&there))
                    .and_then(|to| symlink(to, &here)),
                LockedWhy::NestedRepository => fs::create_dir_all(here.join(".git")),
                _ => continue,
            };
            put.map_err(|e| SessionError::io("make", &here, e))?;
        }
        Ok(())
    }

    /// `tree` with the incumbent's spec, settings and hooks: a person may edit them between tries, and where nothing
    /// that decides changed, the session goes on with the incumbent of before.
    fn with_prose_of_the_incumbent(&self, tree: &TreeId) -> Result<TreeId, SessionError> {
        let incumbent = parse_tree(&self.state.segment().map_err(SessionError::Refused)?.incumbent.tree)?;
        let (old, new) = (self.store.manifest(&incumbent)?, self.store.manifest(tree)?);
        let mut changes = Vec::new();
        for (path, entry) in old.iter().filter(|(path, _)| self.project.is_prose(path)) {
            let bytes = self.store.blob(&entry.id)?;
            let edit = match new.get(path) {
                Some(same) if same.id == entry.id && same.mode == entry.mode => continue,
                Some(_) => Edit::Changed { mode: entry.mode, bytes },
                None => Edit::New { mode: entry.mode, bytes },
            };
            changes.push(Change { path: path.to_owned(), edit });
        }
        let gone = new.iter().filter(|(path, _)| self.project.is_prose(path) && !old.contains(path));
        changes.extend(gone.map(|(path, _)| Change { path: path.to_owned(), edit: Edit::Deleted }));
        Ok(self.store.write_tree(tree, &changes)?)
    }

    /// Judges every commit of `range`, oldest first. One whose change no longer applies is skipped.
    ///
    /// # Errors
    /// [`SessionError`]: the host, never a change.
    pub fn try_each(&mut self, range: &str) -> Result<Vec<Outcome>, SessionError> {
        let mut steps = Vec::new();
        let mut before = parse_tree(&self.state.segment().map_err(SessionError::Refused)?.origin.tree)?;
        for commit in self.project.repo.commits(range)? {
            let tree = import_baseline(&self.project, &self.store, Start::Commit(commit.id))?.tree;
            let diff = self.store.diff(&before, &tree)?;
            before = tree;
            let id = Some(commit.id.to_string());
            let note = Note { id, description: commit.subject, usage: Usage::FREE, ..Note::default() };
            steps.push(Step { id: commit.id.to_string(), note, park: false, diff });
        }
        let mut proposer = Playbook::from_steps(steps);
        self.calibrate()?;
        self.abandon_turn()?;
        let mut outcomes = Vec::new();
        loop {
            let copy = self.fresh_copy()?;
            let out = self.transcripts(self.state.last_run + 1);
            let blobs = StoreBlobs(&self.store);
            match proposer.propose(&Asked {
                brief: "",
                goes_on: None,
                copy: copy.path(),
                out: &out,
                sandbox: None,
                blobs: &blobs,
                usd_left: None,
            })? {
                Proposal::Exhausted => return Ok(outcomes),
                Proposal::Edit(note) => outcomes.push(self.experiment(copy.path(), note, PERSON, None)?),
                Proposal::Skipped { note, why } => {
                    let kind = sprag_ledger::EventKind::Skipped;
                    outcomes.push(self.no_row(kind, &note, PERSON, &why, None, Default::default())?);
                }
                Proposal::Idea(_) => {}
            }
            copy.remove()?;
        }
    }

    /// Judges run `number` of this session again, on top of the incumbent of today.
    ///
    /// # Errors
    /// [`SessionError`]: there is no such run, its change no longer applies, or the host failed.
    pub fn try_again(&mut self, number: u64) -> Result<Outcome, SessionError> {
        self.calibrate()?;
        self.abandon_turn()?;
        let run = self.ledger.log().runs().find(|run| run.run == number).cloned();
        let run =
            run.ok_or_else(|| SessionError::Refused(format!("there is no run {number}: see `sprag log`")))?;
        let (Some(tree), Some(parent)) = (&run.tree, &run.parent) else {
            return Err(SessionError::Refused(format!("run {number} changed nothing: it is a baseline")));
        };
        let diff = self.store.diff(&parse_tree(parent)?, &parse_tree(tree)?)?;
        let copy = self.fresh_copy()?;
        if let Some(why) = self.lay(copy.path(), &diff)? {
            return Err(SessionError::Refused(format!("the change no longer applies to {why}")));
        }
        let note = Note { description: run.description, asi: run.asi, usage: Usage::FREE, ..Note::default() };
        let outcome = self.experiment(copy.path(), note, PERSON, None)?;
        copy.remove()?;
        Ok(outcome)
    }

    /// Lays a diff over a copy, by a three-way merge. Answers where and why that was not possible.
    pub(crate) fn lay(&self, copy: &Utf8Path, diff: &str) -> Result<Option<String>, SessionError> {
        if diff.is_empty() {
            return Ok(None);
        }
        let patch = patch::parse(diff).map_err(|e| SessionError::Refused(e.to_string()))?;
        let blob = |id: &str| self.store.blob_by_prefix(id).ok().flatten();
        match patch::apply_to(copy, &patch, &blob)? {
            patch::Outcome::Applied { .. } => Ok(None),
            patch::Outcome::Conflict { path, why } => Ok(Some(format!("{path}: {why}"))),
        }
    }
}
