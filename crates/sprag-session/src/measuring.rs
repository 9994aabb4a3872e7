//! Feeds a trial from the bench: build, first run, outputs, checks, pairs, until it has a verdict.

use std::time::Instant;

use camino::Utf8Path;
use sprag_judge::{Finding, Next, Pair, Status, Trial, is_far_worse};
use sprag_measure::{Role, Run};

use crate::SessionError;
use crate::calibrate::{ATTEMPTS, PAIRS_AGAIN, a_pair};
use crate::coin::{self, Seed};
use crate::events::{Event, Stage};
use crate::experiment::Proposed;
use crate::lab::is_transient;
use crate::open::parse_tree;
use crate::session::{Session, seconds};

impl Session<'_> {
    /// Build, first run, outputs, checks, pairs: until the trial has what it needs.
    pub(crate) fn measure(
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
        let first = self.candidate_run(seed, coin::FIRST_RUN, out)?;
        if let Some(finding) = self.outputs_finding(&first) {
            trial.finding(finding);
        }
        for note in &first.notes {
            if !proposed.caveats.contains(note) {
                proposed.caveats.push(note.clone());
            }
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
        self.pairs_again = PAIRS_AGAIN;
        let result = self.measure_on(run, &description, trial, seed, out);
        let again = PAIRS_AGAIN - self.pairs_again;
        if again > 0 {
            proposed.caveats.push(format!("{again} pair(s) were measured again: the host failed under them"));
        }
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
                    let again = self.candidate_run(seed, coin::CONFIRMING_RUN, out)?;
                    match self.outputs_finding(&again) {
                        Some(finding) => trial.finding(finding),
                        None => trial.again(again.metrics),
                    };
                }
                Next::Hidden => {
                    self.stage(run, Stage::Hidden, description);
                    let passed = self.passes_hidden(Role::Candidate, seed, run)?;
                    trial.hidden(passed);
                }
                Next::Confirm => {
                    self.stage(run, Stage::Confirm, description);
                    self.load_incumbent(out)?;
                    self.confirming_pair(run, trial, seed, out)?;
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

    /// One more pair to confirm a gain: on the hidden cases, or where there are none on the same inputs in another order.
    fn confirming_pair(
        &mut self,
        run: u64,
        trial: &mut Trial,
        seed: &Seed,
        out: &Utf8Path,
    ) -> Result<(), SessionError> {
        if self.confirms_on_hidden_cases() {
            return self.hidden_pair(run, trial, seed);
        }
        match self.one_pair(seed, coin::CONFIRMING_PAIRS + trial.confirming_pairs(), out)? {
            Ok(pair) => trial.confirm(pair),
            Err(finding) => trial.finding(finding),
        };
        Ok(())
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

    pub(crate) fn candidate_run(
        &mut self,
        seed: &Seed,
        index: usize,
        out: &Utf8Path,
    ) -> Result<Run, SessionError> {
        let mut attempt = 0;
        loop {
            match self.lab.run(&self.store, Role::Candidate, seed.toss(index, attempt).seed, out) {
                Err(error) if is_transient(&error) && attempt + 1 < ATTEMPTS => attempt += 1,
                other => return other,
            }
        }
    }

    /// What the run itself says against the candidate: its failure, else the first output that differs.
    pub(crate) fn outputs_finding(&self, run: &Run) -> Option<Finding> {
        run.failure.clone().or_else(|| self.goldens.as_ref().and_then(|goldens| goldens.check(&run.outputs)))
    }

    fn is_flagged(&self, trial: &Trial, first: &Run) -> bool {
        let Ok(segment) = self.state.segment() else { return false };
        let Some(value) = first.metrics.get(&trial.rule().primary) else { return false };
        is_far_worse(trial.rule().effect_scale(), &segment.recent, *value)
    }
}
