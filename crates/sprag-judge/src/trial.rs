//! One candidate on trial: what to measure next, until there is a verdict.
//!
//! The same machine runs live, fed by the session, and in an audit, fed from a ledger row. So the verdict is a
//! function of what [`Evidence`] holds and of nothing else. An input that was not asked for is not recorded: the
//! answer repeats what is asked for.

mod confirming;
mod judging;
mod progress;
mod telling;

use std::collections::BTreeMap;

use crate::{
    Bound, ControlRule, ControlTest, EffectScale, Evidence, Finding, Metrics, Mode, Pair, Reason, Rule,
    RuleError, Status, Verdict, gate, primary::PrimaryTest,
};
use confirming::Earned;

/// What a trial needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The first run of the candidate.
    First,
    /// One more run of the candidate, to confirm a deterministic gain.
    Again,
    /// One more pair of incumbent and candidate.
    Pair,
    /// The answers to the hidden cases, once: the candidate would be kept.
    Hidden,
    /// One more pair to confirm the gain: the candidate would be kept, and it is too good to be believed at once.
    Confirm,
    /// Nothing: this is the verdict.
    Decided(Verdict),
}

/// The trial of one candidate.
#[derive(Debug, Clone)]
pub struct Trial {
    rule: Rule,
    findings: Vec<Finding>,
    first: Option<Metrics>,
    flagged: bool,
    again: Option<Metrics>,
    pairs: Vec<Pair>,
    primary: PrimaryTest,
    controls: BTreeMap<String, ControlTest>,
    /// A deterministic gain, seen twice: the pairs are for the controls alone.
    settled: bool,
    hidden: Option<bool>,
    confirming: Vec<Pair>,
    /// What was earned before the hidden cases and the confirming pairs.
    earned: Option<Earned>,
    next: Next,
}

impl Trial {
    /// A trial under this rule.
    ///
    /// # Errors
    /// Where a value of the rule is out of range or a baseline that a control needs is not there.
    pub fn new(rule: Rule) -> Result<Self, RuleError> {
        rule.validate()?;
        let noisy = rule.controls.iter().filter(|(_, control)| !gate::judged_by_one_run(&rule, control));
        let controls =
            noisy.filter_map(|(name, control)| Some((name.clone(), noisy_test(control)?))).collect();
        Ok(Self {
            primary: PrimaryTest::new(&rule),
            controls,
            rule,
            findings: Vec::new(),
            first: None,
            flagged: false,
            again: None,
            pairs: Vec::new(),
            settled: false,
            hidden: None,
            confirming: Vec::new(),
            earned: None,
            next: Next::First,
        })
    }

    /// Runs a row's evidence through a new trial. Runs and pairs after the decision are not taken: a row that holds
    /// more than [`Trial::n`] pairs was not written by a session.
    ///
    /// # Errors
    /// As [`Trial::new`].
    pub fn replay(evidence: &Evidence) -> Result<Self, RuleError> {
        let mut trial = Trial::new(evidence.rule.clone())?;
        if let Some(first) = &evidence.first {
            trial.first(first.clone(), evidence.flagged);
        }
        if let Some(again) = &evidence.again {
            trial.again(again.clone());
        }
        for pair in &evidence.pairs {
            trial.push(pair.clone());
        }
        if let Some(passed) = evidence.hidden {
            trial.hidden(passed);
        }
        for pair in &evidence.confirming {
            trial.confirm(pair.clone());
        }
        for finding in &evidence.findings {
            trial.finding(finding.clone());
        }
        Ok(trial)
    }

    /// A fact that refuses the candidate, at any time. The first one decides, whatever the numbers say. Facts with a
    /// reason that refuses nothing (keep or discard) are not taken.
    pub fn finding(&mut self, finding: Finding) -> Next {
        if matches!(finding.reason.status(), Status::ChecksFailed | Status::Crash) {
            if self.findings.is_empty() {
                self.decide(Verdict::new(finding.reason, finding.detail.clone()));
            }
            self.findings.push(finding);
        }
        self.next()
    }

    /// The candidate's first run; `flagged`: see [`crate::is_far_worse`]. It is recorded after a finding too, so that
    /// the row shows its numbers.
    pub fn first(&mut self, metrics: Metrics, flagged: bool) -> Next {
        let wanted = self.next == Next::First || (!self.findings.is_empty() && self.pairs.is_empty());
        if self.first.is_some() || !wanted {
            return self.next();
        }
        let metrics = finite(metrics);
        self.flagged = flagged;
        self.first = Some(metrics.clone());
        if self.findings.is_empty() {
            match (self.judge_run(&metrics), self.rule.mode) {
                (Some(verdict), _) => self.decide(verdict),
                (None, Mode::Paired | Mode::Strict) => self.next = Next::Pair,
                (None, Mode::Deterministic) => self.next = self.judge_repeatable(&metrics),
                (None, Mode::Single) => self.decide(self.judge_single(&metrics)),
            }
        }
        self.next()
    }

    /// The confirming run. Equal to the first to the last bit: kept, once the noisy controls allow it. Different: the
    /// metric is not deterministic after all, and the pairs decide, with what the two runs say of the noise.
    pub fn again(&mut self, metrics: Metrics) -> Next {
        let Some(first) = self.first.as_ref().filter(|_| self.next == Next::Again) else {
            return self.next();
        };
        let metrics = finite(metrics);
        let (one, two) = (self.against_incumbent(first).1, self.against_incumbent(&metrics).1);
        let refused = self.judge_run(&metrics);
        self.again = Some(metrics);
        match refused {
            Some(verdict) => self.decide(verdict),
            None if one != two => {
                self.primary = self.noisy_after_all(one, two);
                self.next = Next::Pair;
            }
            None => {
                self.settled = true;
                match self.controls.is_empty() {
                    true => self.decide(Verdict::new(Reason::Improved, self.tell_evidence())),
                    false => self.next = Next::Pair,
                }
            }
        }
        self.next()
    }

    /// One more pair.
    pub fn push(&mut self, pair: Pair) -> Next {
        if self.next != Next::Pair {
            return self.next();
        }
        let mut pair = pair;
        pair.values.retain(|_, [incumbent, candidate]| incumbent.is_finite() && candidate.is_finite());
        let verdict = gate::missing(&self.rule, |name| pair.values.contains_key(name))
            .or_else(|| gate::broken_by_pair(&self.rule, &pair.values))
            .or_else(|| self.take(&pair));
        self.pairs.push(pair);
        if let Some(verdict) = verdict.or_else(|| self.judge_pairs()) {
            self.decide(verdict);
        }
        self.next()
    }

    /// All that decided, for the ledger.
    pub fn into_evidence(self, seed: impl Into<String>) -> Evidence {
        let measured = !self.pairs.is_empty();
        Evidence {
            e: measured.then(|| self.e()),
            e1: measured.then(|| self.e1()),
            rule: self.rule,
            seed: seed.into(),
            findings: self.findings,
            first: self.first,
            flagged: self.flagged,
            again: self.again,
            pairs: self.pairs,
            hidden: self.hidden,
            confirming: self.confirming,
        }
    }

    fn scale(&self) -> EffectScale {
        self.rule.effect_scale()
    }

    /// Feeds the tests with a pair that passed the gate.
    fn take(&mut self, pair: &Pair) -> Option<Verdict> {
        for (name, test) in &mut self.controls {
            let control = &self.rule.controls[name];
            let [incumbent, candidate] = pair.values[name];
            test.push(control.change(incumbent, candidate));
        }
        let [incumbent, candidate] = pair.values[&self.rule.primary];
        let settled_on = self.again.as_ref().map(|run| self.against_incumbent(run));
        self.settled &= settled_on == Some((incumbent, candidate));
        if self.settled {
            return None;
        }
        let levels = (self.scale().level(incumbent), self.scale().level(candidate));
        match levels {
            (Some(incumbent), Some(candidate)) => self.primary.push(incumbent, candidate),
            (None, _) => return Some(telling::not_positive(&self.rule.primary, incumbent)),
            (_, None) => return Some(telling::not_positive(&self.rule.primary, candidate)),
        }
        None
    }

    /// The incumbent's known value and that of this run; NaN where there is none.
    fn against_incumbent(&self, run: &Metrics) -> (f64, f64) {
        let value = run.get(&self.rule.primary).copied();
        (self.rule.incumbent.unwrap_or(f64::NAN), value.unwrap_or(f64::NAN))
    }

    /// A verdict, but that a keep must be earned once more where there is more to ask.
    fn decide(&mut self, verdict: Verdict) {
        self.next = match verdict.status() {
            Status::Keep => self.before_keep(verdict),
            _ => Next::Decided(verdict),
        };
    }
}

fn finite(mut metrics: Metrics) -> Metrics {
    metrics.retain(|_, value| value.is_finite());
    metrics
}

fn noisy_test(control: &ControlRule) -> Option<ControlTest> {
    let Bound::Within { margin, hard } = control.bound else { return None };
    Some(ControlTest::new(control.scale, margin, control.used, hard))
}
