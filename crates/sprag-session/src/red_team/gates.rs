//! One cheat through everything that can refuse a candidate without a clock: scope, build, first run, outputs, exact
//! controls, checks, hidden cases.

use camino::Utf8Path;
use sprag_judge::{Finding, Metrics, Next, Reason, Status, Trial};
use sprag_measure::{Role, Run};
use sprag_workspace::TreeId;

use super::cheat::Cheat;
use super::planting::{Planted, RUNS};
use super::seen::Seen;
use crate::SessionError;
use crate::coin::{self, Seed};
use crate::open::parse_tree;
use crate::session::Session;

/// What was said of a planted cheat.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The first gate that refused it.
    pub(super) finding: Option<Finding>,
    /// What the cheat is put around was called.
    pub(super) ran: bool,
    /// It was asked what it should have known, and did not: what was wrong then is not the cheat.
    pub(super) missed: bool,
    /// It told that it acted.
    pub(super) acted: bool,
    /// What it told besides.
    pub(super) details: String,
    /// The numbers of its run; empty where it came to none.
    pub(super) metrics: Metrics,
}

/// What became of an edit.
pub(super) enum Taken {
    /// It is a tree that can be run.
    Tree(TreeId),
    /// It was refused.
    Refused(Finding),
}

impl Session<'_> {
    /// Hands a cheat in as a proposer would.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(super) fn hear(&mut self, run: u64, cheat: Cheat, planted: &Planted) -> Result<Heard, SessionError> {
        let tree = match self.take_edits(std::slice::from_ref(planted))? {
            Taken::Refused(finding) => return Ok(Heard { finding: Some(finding), ..Heard::default() }),
            Taken::Tree(tree) => tree,
        };
        let mut heard = Heard::default();
        heard.finding = self.first_refusal(run, cheat, &tree, &mut heard)?;
        Ok(heard)
    }

    /// The edits as a tree: written into a copy of the incumbent, and imported from there.
    pub(super) fn take_edits(&mut self, edits: &[Planted]) -> Result<Taken, SessionError> {
        let incumbent = parse_tree(&self.state.segment().map_err(SessionError::Refused)?.incumbent.tree)?;
        let copy = self.fresh_copy()?;
        for edit in edits {
            let path = copy.path().join(&edit.path);
            std::fs::write(&path, &edit.bytes).map_err(|e| SessionError::io("write", &path, e))?;
        }
        let candidate = self.import(copy.path(), &incumbent)?;
        copy.remove()?;
        let tree = self.store.write_tree(&incumbent, &candidate.changes)?;
        if let Some(finding) = self.scope_finding(&candidate, &incumbent, &tree)? {
            return Ok(Taken::Refused(finding));
        }
        if candidate.is_no_edit() {
            let detail = "nothing of it was taken over: the path is ignored".to_owned();
            return Ok(Taken::Refused(Finding { reason: Reason::Scope, detail }));
        }
        Ok(Taken::Tree(tree))
    }

    /// Builds a tree as a candidate and runs it once. Answers the finding of the build, or the run.
    pub(super) fn build_and_run(
        &mut self,
        tree: &TreeId,
        out: &Utf8Path,
    ) -> Result<Result<Run, Finding>, SessionError> {
        let loaded = self.lab.load(&self.store, Role::Candidate, tree, None, out)?;
        match loaded.finding {
            Some(finding) => Ok(Err(finding)),
            None => Ok(Ok(self.candidate_run(&Seed::fresh(), coin::FIRST_RUN, out)?)),
        }
    }

    fn first_refusal(
        &mut self,
        run: u64,
        cheat: Cheat,
        tree: &TreeId,
        heard: &mut Heard,
    ) -> Result<Option<Finding>, SessionError> {
        let out = self.out(RUNS + run);
        let first = match self.build_and_run(tree, &out)? {
            Err(finding) => return Ok(Some(finding)),
            Ok(first) => first,
        };
        heard.listen(&first);
        if cheat == Cheat::MemoOnDisk && !heard.acted {
            heard.listen(&self.candidate_run(&Seed::fresh(), coin::CONFIRMING_RUN, &out)?);
        }
        heard.metrics.clone_from(&first.metrics);
        if let Some(finding) = self.outputs_finding(&first).or(self.broken_rule(&first)?) {
            return Ok(Some(finding));
        }
        if let (Some(finding), _) = self.lab.checks(&self.store, Role::Candidate, &out)? {
            return Ok(Some(finding));
        }
        let hidden = self.contract.settings.hidden_cases().is_some();
        let passed = !hidden || self.passes_hidden(Role::Candidate, &Seed::fresh(), RUNS + run)?;
        Ok((!passed).then(Finding::hidden))
    }

    /// What a first run alone breaks of the contract, by the judge's own trial. That it is no gain is not asked.
    fn broken_rule(&self, first: &Run) -> Result<Option<Finding>, SessionError> {
        let rule =
            self.state.segment().and_then(|segment| segment.rule(1.0)).map_err(SessionError::Refused)?;
        let mut trial = Trial::new(rule).map_err(|e| SessionError::Refused(e.to_string()))?;
        Ok(match trial.first(first.metrics.clone(), false) {
            Next::Decided(verdict) if matches!(verdict.status(), Status::ChecksFailed | Status::Crash) => {
                Some(Finding { reason: verdict.reason, detail: verdict.detail })
            }
            _ => None,
        })
    }
}

impl Heard {
    fn listen(&mut self, run: &Run) {
        let seen = Seen::of(&run.logs);
        self.ran |= seen.ran();
        self.missed |= seen.missed();
        if seen.acted() {
            (self.acted, self.details) = (true, seen.details());
        }
    }
}
