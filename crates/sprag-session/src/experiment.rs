//! One candidate through the pipeline: import, scope, build, first run, outputs, checks, pairs, verdict, row.
//!
//! One direction, one pass; cheap refusals first. The row is the decision: once it is in the ledger, refs follow it.

use std::fs;
use std::time::Instant;

use camino::Utf8Path;
use sprag_agent::Note;
use sprag_judge::stats::median;
use sprag_judge::{Evidence, Finding, Mode, Next, Pair, Reason, Status, Trial, is_far_worse};
use sprag_ledger::{Event as Happening, EventKind, Hash, Run as Row, RunKind, Seconds, Usage};
use sprag_measure::{Role, Run, process};
use sprag_workspace::{Candidate, CommitId, Expected, ImportRules, TreeId, import_candidate};

use crate::SessionError;
use crate::calibrate::a_pair;
use crate::coin::Seed;
use crate::events::{Event, Outcome, Stage};
use crate::lab::is_transient;
use crate::open::parse_tree;
use crate::session::{Session, now, seconds};

/// How many paths a refusal for scope names.
const NAMED_VIOLATIONS: usize = 5;

/// A candidate in the store, before it is judged.
struct Proposed {
    run: u64,
    note: Note,
    agent: String,
    tree: TreeId,
    commit: CommitId,
    diff: Option<String>,
    seconds: Seconds,
    caveats: Vec<String>,
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
        let run = self.state.last_run + 1;
        self.stage(run, Stage::Import, &note.description);
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let (incumbent, parent) = (parse_tree(&segment.incumbent.tree)?, segment.incumbent.commit);
        let parent = parent.ok_or_else(|| SessionError::Refused("the incumbent has no commit".to_owned()))?;
        let candidate = self.import(copy, &incumbent)?;
        let seconds = Seconds { propose, ..Seconds::default() };
        if candidate.changes.is_empty() && candidate.violations.is_empty() {
            let why = match candidate.dropped {
                0 => "nothing was changed".to_owned(),
                n => format!("nothing was changed but {n} ignored path(s)"),
            };
            return self.no_row(EventKind::NoEdit, &note, agent, &why, None, seconds);
        }
        let tree = self.store.write_tree(&incumbent, &candidate.changes)?;
        let mut carried = 1.0;
        if candidate.violations.is_empty() {
            match self.known(&tree) {
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

    fn import(&self, copy: &Utf8Path, incumbent: &TreeId) -> Result<Candidate, SessionError> {
        let mut skip: Vec<String> = self.inputs.iter().map(|(path, _)| path.clone()).collect();
        skip.push(self.project.layout.log.clone());
        skip.push(self.project.layout.ideas.clone());
        let rules = ImportRules {
            no_new_files: self.contract.scope.no_new_files,
            skip,
            locked: self.locked.clone(),
            ..ImportRules::default()
        };
        let manifest = self.store.manifest(incumbent)?;
        let matcher = &self.scope;
        let scope = |path: &str| matcher.standing(path);
        Ok(import_candidate(copy, &manifest, &self.junk, &scope, &rules)?)
    }

    fn known(&self, tree: &TreeId) -> Known {
        let Ok(segment) = self.state.segment() else { return Known::No };
        match segment.tested.get(&tree.to_string()) {
            Some(tested) if tested.incumbent == segment.incumbent.tree => match tested.reason {
                Reason::Inconclusive if !tested.repeated => Known::Undecided { e1: tested.e1 },
                _ => Known::Duplicate { run: tested.run },
            },
            _ if tree.to_string() == segment.incumbent.tree => {
                Known::Duplicate { run: segment.incumbent.run }
            }
            _ => Known::No,
        }
    }

    /// What refuses a candidate for what it changed.
    fn scope_finding(
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

    /// Build, first run, outputs, checks, pairs: until the trial has what it needs.
    fn measure(
        &mut self,
        proposed: &mut Proposed,
        trial: &mut Trial,
        seed: &Seed,
        out: &Utf8Path,
    ) -> Result<(), SessionError> {
        self.hold_host()?;
        let (run, description) = (proposed.run, proposed.note.description.clone());
        self.stage(run, Stage::Build, &description);
        let loaded = self.lab.load(&self.store, Role::Candidate, &proposed.tree, None, out)?;
        proposed.seconds.build = loaded.seconds;
        if let Some(finding) = loaded.finding {
            trial.finding(finding);
            return Ok(());
        }
        self.stage(run, Stage::First, &description);
        let started = Instant::now();
        let first = self.candidate_run(seed, 2_000_000, out)?;
        if let Some(finding) = self.outputs_finding(&first) {
            trial.finding(finding);
        }
        let flagged = self.is_flagged(trial, &first);
        trial.first(first.metrics.clone(), flagged);
        proposed.seconds.measure = seconds(started);
        if matches!(trial.next(), Next::Decided(ref v) if v.status() != Status::Keep) {
            return Ok(());
        }
        self.stage(run, Stage::Checks, &description);
        let (finding, check) = self.lab.checks(&self.store, Role::Candidate, out)?;
        proposed.seconds.check = check;
        if let Some(finding) = finding {
            trial.finding(finding);
            return Ok(());
        }
        let result = self.measure_on(run, &description, trial, seed, out);
        proposed.seconds.measure = seconds(started).map(|all| all - check.unwrap_or(0.0));
        result
    }

    fn measure_on(
        &mut self,
        run: u64,
        description: &str,
        trial: &mut Trial,
        seed: &Seed,
        out: &Utf8Path,
    ) -> Result<(), SessionError> {
        let mut loaded = false;
        loop {
            match trial.next() {
                Next::First | Next::Decided(_) => return Ok(()),
                Next::Again => {
                    let again = self.candidate_run(seed, 2_000_001, out)?;
                    match self.outputs_finding(&again) {
                        Some(finding) => trial.finding(finding),
                        None => trial.again(again.metrics),
                    };
                }
                Next::Pair if !loaded => {
                    self.load_incumbent(out)?;
                    loaded = true;
                    self.stage(run, Stage::Pairs, description);
                }
                Next::Pair => match self.one_pair(seed, trial.n(), out)? {
                    Ok(pair) => {
                        trial.push(pair);
                        self.observer.tell(&Event::Pair {
                            run,
                            done: trial.n(),
                            of: trial.rule().max_pairs,
                            e: trial.e(),
                            needed: trial.needed(),
                            effect: trial.effect().unwrap_or(0.0),
                        });
                    }
                    Err(finding) => {
                        trial.finding(finding);
                    }
                },
            }
        }
    }

    fn load_incumbent(&mut self, out: &Utf8Path) -> Result<(), SessionError> {
        let tree = parse_tree(&self.state.segment().map_err(SessionError::Refused)?.incumbent.tree)?;
        match self.lab.load(&self.store, Role::Incumbent, &tree, None, out)?.finding {
            Some(finding) => Err(SessionError::IncumbentFailed { what: finding.detail }),
            None => Ok(()),
        }
    }

    /// One pair, or what the candidate did wrong in it. A fault on the incumbent's side is the host's.
    fn one_pair(
        &mut self,
        seed: &Seed,
        index: usize,
        out: &Utf8Path,
    ) -> Result<Result<Pair, Finding>, SessionError> {
        let (toss, [incumbent, candidate]) = self.measure_pair(seed, index, |session, toss| {
            let runs = session.lab.pair(&session.store, toss, out)?;
            match &runs[0].failure {
                Some(finding) => Err(SessionError::IncumbentFailed { what: finding.detail.clone() }),
                None => Ok(runs),
            }
        })?;
        if let Some(finding) = self.outputs_finding(&candidate) {
            return Ok(Err(finding));
        }
        Ok(Ok(a_pair(toss, self.lab.shuffles(), &incumbent, &candidate)))
    }

    fn candidate_run(&mut self, seed: &Seed, index: usize, out: &Utf8Path) -> Result<Run, SessionError> {
        let mut attempt = 0;
        loop {
            match self.lab.run(&self.store, Role::Candidate, seed.toss(index, attempt).seed, out) {
                Err(error) if is_transient(&error) && attempt < 2 => attempt += 1,
                other => return other,
            }
        }
    }

    /// What the run itself says against the candidate: its failure, else the first output that differs.
    fn outputs_finding(&self, run: &Run) -> Option<Finding> {
        run.failure.clone().or_else(|| self.goldens.as_ref().and_then(|goldens| goldens.check(&run.outputs)))
    }

    fn is_flagged(&self, trial: &Trial, first: &Run) -> bool {
        let Ok(segment) = self.state.segment() else { return false };
        let Some(value) = first.metrics.get(&trial.rule().primary) else { return false };
        is_far_worse(trial.rule().effect_scale(), &segment.recent, *value)
    }

    /// Writes the row; on a keep the incumbent's ref and the slots follow.
    fn conclude(&mut self, proposed: Proposed, trial: Trial, seed: &Seed) -> Result<Outcome, SessionError> {
        let Next::Decided(verdict) = trial.next() else {
            return Err(SessionError::Refused("the trial ended without a verdict".to_owned()));
        };
        let evidence = trial.into_evidence(seed.to_string());
        let (metric, metrics) = shown_metrics(&evidence);
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let mut caveats = proposed.caveats;
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
            usage: usage(&proposed.note.usage),
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
        let word = kind.word().to_owned();
        let mut event = Happening::new(kind, why, now());
        event.tree = tree.map(|tree| tree.to_string());
        event.usage = usage(&note.usage);
        event.seconds = seconds;
        event.agent = Some(agent.to_owned());
        event.data.insert("description".to_owned(), note.description.clone().into());
        if let Some(id) = &note.id {
            event.data.insert("proposal".to_owned(), id.clone().into());
        }
        self.record(event)?;
        self.observer.tell(&Event::NoRow { word: &word, description: &note.description, why });
        Ok(Outcome::NoRow(word))
    }

    /// Keeps bytes under their hash in the session's folder.
    fn keep_blob(&self, bytes: &[u8]) -> Result<String, SessionError> {
        let hash = Hash::of(bytes).to_string();
        let dir = self.home.session(&self.id).join("blobs");
        let path = dir.join(hash.trim_start_matches("b3:"));
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&dir)?;
            let part = path.with_extension("part");
            fs::write(&part, bytes)?;
            fs::rename(&part, &path)
        };
        if !path.exists() {
            write().map_err(|e| SessionError::io("write", &path, e))?;
        }
        Ok(hash)
    }

    /// Keeps the last lines of what the candidate printed; the whole of it stays in the output folder.
    fn keep_output(&self, run: u64) -> Result<Option<String>, SessionError> {
        let dir = self.out(run).join(Role::Candidate.name());
        let Ok(entries) = dir.read_dir_utf8() else { return Ok(None) };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path().to_owned()).collect();
        files.sort();
        let texts: Vec<String> =
            files.iter().map(|file| process::capped(file)).filter(|text| !text.is_empty()).collect();
        if texts.is_empty() { Ok(None) } else { self.keep_blob(texts.join("\n").as_bytes()).map(Some) }
    }
}

/// Whether a tree was judged before under the same conditions.
enum Known {
    No,
    /// It was inconclusive: one repetition, with the exact evidence carried on.
    Undecided {
        e1: f64,
    },
    Duplicate {
        run: u64,
    },
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

pub(crate) fn usage(usage: &sprag_agent::Usage) -> Usage {
    let sprag_agent::Usage { input, cached, output, reasoning, usd } = *usage;
    Usage { input, output, cached, reasoning, usd }
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
