//! One candidate through the pipeline: import, scope, build, first run, outputs, checks, pairs, verdict, row.
//!
//! One direction, one pass; cheap refusals first. The row is the decision: once it is in the ledger, refs follow it.

use camino::{Utf8Path, Utf8PathBuf};
use sprag_agent::Note;
use sprag_judge::stats::median;
use sprag_judge::{Evidence, Finding, Mode, Next, Reason, Status, Trial};
use sprag_ledger::{Event as Happening, EventKind, Run as Row, RunKind, Seconds};
use sprag_workspace::{Candidate, CommitId, Expected, ImportRules, TreeId, import_candidate};

use crate::SessionError;
use crate::coin::Seed;
use crate::events::{Event, Outcome, Stage};
use crate::lab::without_hidden;
use crate::open::parse_tree;
use crate::segment::Known;
use crate::session::{Session, now};

/// How many paths a refusal for scope names.
const NAMED_VIOLATIONS: usize = 5;

/// A candidate in the store, before it is judged.
pub(crate) struct Proposed {
    pub(crate) run: u64,
    pub(crate) note: Note,
    pub(crate) agent: String,
    pub(crate) tree: TreeId,
    pub(crate) commit: CommitId,
    pub(crate) diff: Option<String>,
    pub(crate) seconds: Seconds,
    pub(crate) caveats: Vec<String>,
}

impl Session<'_> {
    /// Judges what is in `copy`, which began as the incumbent. `propose` is how long the proposer took, in seconds.
    ///
    /// # Errors
    /// [`SessionError`]: the host, never the candidate. Nothing was decided then.
    pub fn experiment(
        &mut self,
        copy: &Utf8Path,
        note: Note,
        agent: &str,
        propose: Option<f64>,
    ) -> Result<Outcome, SessionError> {
        let (run, note) = (self.state.last_run + 1, note.capped());
        self.stage(run, Stage::Import, &note.description);
        // A try that came to no row had this number too. What it printed is not this one's.
        set_aside(&self.out(run))?;
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let (incumbent, parent) = (parse_tree(&segment.incumbent.tree)?, segment.incumbent.commit);
        let parent = parent.ok_or_else(|| SessionError::Refused("the incumbent has no commit".to_owned()))?;
        let candidate = self.import(copy, &incumbent)?;
        let seconds = Seconds { propose, ..Seconds::default() };
        if candidate.is_no_edit() {
            let why = match candidate.dropped {
                0 => "nothing was changed".to_owned(),
                n => format!("nothing was changed but {n} ignored path(s)"),
            };
            return self.no_row(EventKind::NoEdit, &note, agent, &why, None, seconds);
        }
        let tree = self.store.write_tree(&incumbent, &candidate.changes)?;
        let mut carried = 1.0;
        if candidate.violations.is_empty() {
            match self.state.segment().map_err(SessionError::Refused)?.known(&tree.to_string()) {
                Known::No => {}
                Known::Undecided { e1 } => carried = e1,
                Known::Duplicate { run } => {
                    let why = format!("the same tree was judged as run {run} against the same incumbent");
                    return self.no_row(EventKind::Duplicate, &note, agent, &why, Some(tree), seconds);
                }
            }
        }
        let commit = self.commit(&tree, &parent, &note.description)?;
        self.store.update_ref(&self.ref_name(&format!("runs/{run}")), &commit, Expected::Any)?;
        let diff = self.keep_blob(&self.store.diff_bytes(&incumbent, &tree)?)?;
        let mut proposed = Proposed {
            run,
            note,
            agent: agent.to_owned(),
            tree,
            commit,
            diff: Some(diff),
            seconds,
            caveats: self.caveats(&candidate),
        };
        let seed = Seed::fresh();
        let rule = self.state.segment().and_then(|s| s.rule(carried)).map_err(SessionError::Refused)?;
        let mut trial = Trial::new(rule).map_err(|e| SessionError::Refused(e.to_string()))?;
        if let Some(finding) = self.scope_finding(&candidate, &incumbent, &tree)? {
            trial.finding(finding);
        } else {
            let out = self.out(run);
            self.measure(&mut proposed, &mut trial, &seed, &out)?;
        }
        self.conclude(proposed, trial, &seed)
    }

    pub(crate) fn import(&self, copy: &Utf8Path, incumbent: &TreeId) -> Result<Candidate, SessionError> {
        let mut skip: Vec<String> = self.inputs.iter().map(|(path, _)| path.clone()).collect();
        skip.push(self.project.layout.log.clone());
        skip.push(self.project.layout.ideas.clone());
        let rules = ImportRules {
            no_new_files: self.contract.scope.no_new_files,
            skip,
            locked: self.locked.clone(),
            ..ImportRules::default()
        };
        let manifest = self.store.manifest(&without_hidden(&self.store, &self.contract, incumbent)?)?;
        let matcher = &self.scope;
        let scope = |path: &str| matcher.standing(path);
        Ok(import_candidate(copy, &manifest, &self.junk, &scope, &rules)?)
    }

    /// What refuses a candidate for what it changed.
    pub(crate) fn scope_finding(
        &self,
        candidate: &Candidate,
        incumbent: &TreeId,
        tree: &TreeId,
    ) -> Result<Option<Finding>, SessionError> {
        if !candidate.violations.is_empty() {
            let named: Vec<String> =
                candidate.violations.iter().take(NAMED_VIOLATIONS).map(ToString::to_string).collect();
            let more = candidate.violations_total.saturating_sub(named.len() as u64);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            let detail = format!("{}{more}", named.join("; "));
            return Ok(Some(Finding { reason: Reason::Scope, detail }));
        }
        if let Some(limit) = self.contract.scope.max_changed_lines {
            let lines = self.store.changed_lines(incumbent, tree)?;
            if lines > u64::from(limit) {
                let detail = format!("{lines} changed lines, the contract allows {limit}");
                return Ok(Some(Finding { reason: Reason::Scope, detail }));
            }
        }
        Ok(None)
    }

    fn caveats(&self, candidate: &Candidate) -> Vec<String> {
        let calibrated = self.state.segment().ok().and_then(|s| s.calibrated.as_ref());
        let mut caveats = calibrated.map(|c| c.caveats.clone()).unwrap_or_default();
        if candidate.dropped > 0 {
            caveats.push(format!("{} ignored path(s) in the copy were dropped", candidate.dropped));
        }
        caveats
    }

    /// What a reader should know of a gain that was too good to be believed at once.
    fn asked_again(&self, why: &str) -> String {
        let on = match self.confirms_on_hidden_cases() {
            true => "on the hidden cases",
            false => "but on the same inputs: there are no hidden cases to ask",
        };
        format!("too good to be believed at once, and measured again {on}: {why}")
    }

    /// Writes the row; on a keep the incumbent's ref and the slots follow.
    fn conclude(&mut self, proposed: Proposed, trial: Trial, seed: &Seed) -> Result<Outcome, SessionError> {
        let Next::Decided(verdict) = trial.next() else {
            return Err(SessionError::Refused("the trial ended without a verdict".to_owned()));
        };
        let mut caveats = proposed.caveats;
        let asked_again = trial.doubt().filter(|_| trial.confirming_pairs() > 0);
        caveats.extend(asked_again.map(|why| self.asked_again(why)));
        let evidence = trial.into_evidence(seed.to_string());
        let (metric, metrics) = shown_metrics(&evidence);
        let usage = self.usage_of(&proposed.note);
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        if evidence.rule.mode == Mode::Single {
            caveats.push("unverified: one run a candidate".to_owned());
        }
        let row = Row {
            run: proposed.run,
            commit: proposed.commit.to_string(),
            metric,
            metrics,
            status: verdict.status().into(),
            description: proposed.note.description,
            timestamp: Some(now()),
            segment: Some(self.state.segments.saturating_sub(1)),
            asi: proposed.note.asi,
            kind: Some(RunKind::Experiment),
            reason: Some(verdict.reason),
            detail: verdict.detail.clone(),
            tree: Some(proposed.tree.to_string()),
            parent: Some(segment.incumbent.tree.clone()),
            diff: proposed.diff,
            output: self.keep_output(proposed.run)?,
            contract: segment.config.contract.clone(),
            usage,
            agent: Some(proposed.agent),
            proposal: proposed.note.id,
            seconds: proposed.seconds,
            grade: Some(self.grade()),
            caveats,
            evidence: Some(evidence.into()),
            ..Row::default()
        };
        self.record(row.clone())?;
        if verdict.status() == Status::Keep {
            self.point_at_incumbent()?;
            self.lab.swap();
        }
        self.observer.tell(&Event::Judged { run: &row, verdict: &verdict });
        Ok(Outcome::Row { run: row.run, reason: verdict.reason })
    }

    /// Records a try that came to no row.
    pub(crate) fn no_row(
        &mut self,
        kind: EventKind,
        note: &Note,
        agent: &str,
        why: &str,
        tree: Option<TreeId>,
        seconds: Seconds,
    ) -> Result<Outcome, SessionError> {
        let note = note.clone().capped();
        let word = kind.word().to_owned();
        let mut event = Happening::new(kind, why, now());
        event.tree = tree.map(|tree| tree.to_string());
        event.usage = self.usage_of(&note);
        event.seconds = seconds;
        event.agent = Some(agent.to_owned());
        event.data.insert("description".to_owned(), note.description.clone().into());
        if let Some(id) = &note.id {
            event.data.insert("proposal".to_owned(), id.clone().into());
        }
        let usage = event.usage.clone();
        self.record(event)?;
        let description = &note.description;
        self.observer.tell(&Event::NoRow { word: &word, description, why, usage: &usage });
        Ok(Outcome::NoRow(word))
    }
}

/// Makes room for a folder: what lies there gets a number.
pub(crate) fn set_aside(out: &Utf8Path) -> Result<(), SessionError> {
    if out.symlink_metadata().is_err() {
        return Ok(());
    }
    let free = (1..).map(|n| Utf8PathBuf::from(format!("{out}.{n}"))).find(|path| !path.exists());
    let aside = free.expect("numbers do not end");
    std::fs::rename(out, &aside).map_err(|e| SessionError::io("rename", out, e))
}

/// The numbers of the row: the candidate's medians over the pairs, else its last single run.
pub(crate) fn shown_metrics(evidence: &Evidence) -> (Option<f64>, sprag_judge::Metrics) {
    let mut metrics = evidence.again.clone().or_else(|| evidence.first.clone()).unwrap_or_default();
    let names: std::collections::BTreeSet<&String> =
        evidence.pairs.iter().flat_map(|pair| pair.values.keys()).collect();
    for name in names {
        let values: Vec<f64> = evidence
            .pairs
            .iter()
            .filter_map(|pair| pair.values.get(name))
            .map(|[_, candidate]| *candidate)
            .collect();
        metrics.insert(name.clone(), median(&values));
    }
    let primary = metrics.remove(&evidence.rule.primary);
    (primary, metrics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_shows_medians_over_pairs_and_first_values_for_what_pairs_lack() {
        let evidence: Evidence = serde_json::from_value(serde_json::json!({
            "mode": "paired", "primary": "ms", "direction": "lower", "alpha": 0.02, "beta": 0.1,
            "min_pairs": 3, "max_pairs": 20, "scale": 0.01, "delta": 0.01, "min_effect": 0.01, "seed": "",
            "first": {"ms": 50.0, "calls": 7.0},
            "pairs": [{"order": "ab", "ms": [10.0, 9.0]}, {"order": "ba", "ms": [10.0, 7.0]}, {"order": "ab", "ms": [10.0, 8.0]}],
        }))
        .unwrap();
        let (metric, metrics) = shown_metrics(&evidence);
        assert_eq!(metric, Some(8.0));
        assert_eq!(metrics, [("calls".to_owned(), 7.0)].into());
    }
}
