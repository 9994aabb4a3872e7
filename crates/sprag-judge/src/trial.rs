//! One candidate on trial: what to measure next, until there is a verdict.
//!
//! The same machine runs live, fed by the session, and in an audit, fed from a ledger row. So the verdict is a
//! function of what [`Evidence`] holds and of nothing else. An input that was not asked for is not recorded: the
//! answer repeats what is asked for.

use std::collections::BTreeMap;

use crate::{
    Bound, ControlRule, ControlState, ControlTest, EffectScale, Evidence, Finding, Metrics, Mode, Pair,
    Reason, Rule, RuleError, Status, Verdict, gate, minimum_effect, pool_scale,
    primary::PrimaryTest,
    settings::JudgeSettings,
    wording::{evidence, number, pairs},
};

/// What a trial needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The first run of the candidate.
    First,
    /// One more run of the candidate, to confirm a deterministic gain.
    Again,
    /// One more pair of incumbent and candidate.
    Pair,
    /// Nothing: this is the verdict.
    Decided(Verdict),
}

/// A control as it stands during a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlProgress<'a> {
    /// The metric's name.
    pub metric: &'a str,
    /// What is proven so far.
    pub state: ControlState,
    /// Whether a keep could stand now.
    pub allows_keep: bool,
    /// The median change against the incumbent, positive = better, as a log-ratio.
    pub change: f64,
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
        if self.findings.is_empty() {
            self.next = match self.judge_run(&metrics) {
                Some(verdict) => Next::Decided(verdict),
                None => match self.rule.mode {
                    Mode::Paired | Mode::Strict => Next::Pair,
                    Mode::Deterministic => self.judge_repeatable(&metrics),
                    Mode::Single => Next::Decided(self.judge_single(&metrics)),
                },
            };
        }
        self.first = Some(metrics);
        self.next()
    }

    /// The confirming run. Equal to the first to the last bit: kept, once the noisy controls allow it. Different: the
    /// metric is not deterministic after all, and the pairs decide, with what the two runs say of the noise.
    pub fn again(&mut self, metrics: Metrics) -> Next {
        let Some(first) = self.first.as_ref().filter(|_| self.next == Next::Again) else {
            return self.next();
        };
        let metrics = finite(metrics);
        let value = |run: &Metrics| run.get(&self.rule.primary).copied();
        self.next = match (self.judge_run(&metrics), value(first), value(&metrics)) {
            (Some(verdict), ..) => Next::Decided(verdict),
            (None, Some(one), Some(two)) if one != two => {
                self.primary = self.noisy_after_all(one, two);
                Next::Pair
            }
            _ => {
                self.settled = true;
                match self.controls.is_empty() {
                    true => Next::Decided(self.kept_repeatable(value(&metrics).unwrap_or(f64::NAN))),
                    false => Next::Pair,
                }
            }
        };
        self.again = Some(metrics);
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

    /// What is needed now.
    pub fn next(&self) -> Next {
        self.next.clone()
    }

    /// The rule it runs under.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Pairs so far.
    pub fn n(&self) -> usize {
        self.pairs.len()
    }

    /// The evidence against "no effect" so far; [`Trial::needed`] keeps.
    pub fn e(&self) -> f64 {
        self.primary.e()
    }

    /// Its exact part, with what was carried over.
    pub fn e1(&self) -> f64 {
        self.primary.e1()
    }

    /// Its fast part.
    pub fn e2(&self) -> f64 {
        self.primary.e2()
    }

    /// The evidence that a keep needs: 1/α.
    pub fn needed(&self) -> f64 {
        1.0 / self.rule.alpha
    }

    /// The logarithm of the likelihood ratio of "δ better" against "no effect"; ln β and below gives up.
    pub fn futility(&self) -> f64 {
        self.primary.futility()
    }

    /// The median effect of the pairs as measured, without the allowance for layout; `None` before the first.
    pub fn effect(&self) -> Option<f64> {
        (self.primary.pairs() > 0).then(|| self.primary.median() + self.rule.layout)
    }

    /// The effects of the pairs, less the allowance for layout, in the order measured: what the session's pool learns
    /// from.
    pub fn effects(&self) -> &[f64] {
        self.primary.effects()
    }

    /// The changes of a noisy control over the pairs, positive = better; nothing for other metrics.
    pub fn changes(&self, control: &str) -> &[f64] {
        self.controls.get(control).map_or(&[], ControlTest::changes)
    }

    /// The noisy controls, by name.
    pub fn controls(&self) -> impl Iterator<Item = ControlProgress<'_>> {
        self.controls.iter().map(|(name, test)| ControlProgress {
            metric: name,
            state: test.state(),
            allows_keep: test.allows_keep(),
            change: test.median(),
        })
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
        }
    }

    fn decide(&mut self, verdict: Verdict) {
        self.next = Next::Decided(verdict);
    }

    fn scale(&self) -> EffectScale {
        self.rule.effect_scale()
    }

    fn judge_run(&self, run: &Metrics) -> Option<Verdict> {
        gate::missing(&self.rule, |name| run.contains_key(name))
            .or_else(|| gate::broken_by_run(&self.rule, run))
    }

    /// The known value of the incumbent and the value of this run.
    fn against_incumbent(&self, run: &Metrics) -> (f64, f64) {
        // Both are there: `validate` and `judge_run` saw to it.
        (self.rule.incumbent.unwrap_or(f64::NAN), run.get(&self.rule.primary).copied().unwrap_or(f64::NAN))
    }

    fn judge_repeatable(&self, run: &Metrics) -> Next {
        let (incumbent, value) = self.against_incumbent(run);
        let gain = self.rule.direction.sign() * (incumbent - value);
        let least = (self.rule.min_effect * incumbent.abs()).max(self.rule.unit.unwrap_or(0.0));
        // The slack is for a gain of exactly the least in decimal.
        if gain > 0.0 && gain >= least * (1.0 - 1e-9) {
            return Next::Again;
        }
        let (name, value, incumbent) = (&self.rule.primary, number(value), number(incumbent));
        let detail = match gain {
            0.0 => format!("{name} is {value}, the same as the incumbent's"),
            gain if gain > 0.0 => {
                format!(
                    "{name} is {value}, better than the incumbent's {incumbent} by less than {}",
                    number(least)
                )
            }
            _ => format!("{name} is {value}, worse than the incumbent's {incumbent}"),
        };
        Next::Decided(Verdict::new(Reason::NoGain, detail))
    }

    fn kept_repeatable(&self, value: f64) -> Verdict {
        let (name, incumbent) = (&self.rule.primary, self.rule.incumbent.unwrap_or(f64::NAN));
        let gain = match self.scale().effect(incumbent, value) {
            Some(effect) => format!(", {}", self.scale().describe(effect)),
            None => String::new(),
        };
        let detail = format!(
            "{name} went from {} to {}{gain}, the same in two runs",
            number(incumbent),
            number(value)
        );
        Verdict::new(Reason::Improved, detail)
    }

    fn noisy_after_all(&self, one: f64, two: f64) -> PrimaryTest {
        let difference = self.scale().effect(one, two).unwrap_or(0.0);
        let scale = self.rule.scale.max(pool_scale(&[difference]));
        let kappa = JudgeSettings::default().kappa;
        let delta = minimum_effect(scale, self.rule.alpha, self.rule.max_pairs, self.rule.delta, kappa);
        PrimaryTest::with_noise(&self.rule, scale, delta)
    }

    fn judge_single(&self, run: &Metrics) -> Verdict {
        let (incumbent, value) = self.against_incumbent(run);
        let scale = self.scale();
        let Some(effect) = scale.effect(incumbent, value) else {
            return not_positive(&self.rule.primary, value);
        };
        let least =
            scale.of_fraction(self.rule.min_effect, incumbent).unwrap_or(0.0).max(3.0 * self.rule.scale);
        let (name, seen, threshold) = (&self.rule.primary, scale.describe(effect), scale.size(least));
        match effect > 0.0 && effect >= least {
            true => Verdict::new(
                Reason::Improved,
                format!("{name} {seen} in one run (threshold {threshold}), unverified"),
            ),
            false => Verdict::new(
                Reason::NoGain,
                format!("{name} {seen} in one run, the threshold is {threshold}"),
            ),
        }
    }

    /// Feeds the tests with a pair that passed the gate.
    fn take(&mut self, pair: &Pair) -> Option<Verdict> {
        for (name, test) in &mut self.controls {
            let control = &self.rule.controls[name];
            let [incumbent, candidate] = pair.values[name];
            test.push(control.change(incumbent, candidate));
        }
        let [incumbent, candidate] = pair.values[&self.rule.primary];
        if self.settled && Some(incumbent) == self.rule.incumbent && self.again_is(candidate) {
            return None;
        }
        self.settled = false;
        let levels = (self.scale().level(incumbent), self.scale().level(candidate));
        match levels {
            (Some(incumbent), Some(candidate)) => self.primary.push(incumbent, candidate),
            (None, _) => return Some(not_positive(&self.rule.primary, incumbent)),
            (_, None) => return Some(not_positive(&self.rule.primary, candidate)),
        }
        None
    }

    fn again_is(&self, value: f64) -> bool {
        self.again.as_ref().and_then(|run| run.get(&self.rule.primary)) == Some(&value)
    }

    /// The decision after a pair, in the order that the manual gives.
    fn judge_pairs(&self) -> Option<Verdict> {
        if let Some((name, test)) =
            self.controls.iter().find(|(_, test)| test.state() == ControlState::Violated)
        {
            return Some(self.harmed(name, test));
        }
        let last = self.pairs.len() >= self.rule.max_pairs as usize;
        if self.is_proven() {
            let open = self.open_control();
            return match (open, last) {
                (None, _) if self.settled => {
                    let [_, value] = self.pairs.last()?.values[&self.rule.primary];
                    Some(self.kept_repeatable(value))
                }
                (None, _) => Some(Verdict::new(Reason::Improved, self.summary("≥"))),
                (Some(_), false) => None,
                (Some((reason, complaint)), true) => {
                    Some(Verdict::new(reason, format!("{}, but {complaint}", self.summary("≥"))))
                }
            };
        }
        let name = &self.rule.primary;
        if self.primary.pairs() == 1 && self.flagged && self.primary.median() < -2.0 * self.primary.pool() {
            let seen = self.scale().describe(self.primary.median() + self.rule.layout);
            let detail = format!(
                "{name} {seen} in the first pair, after a first run far out of the incumbent's range"
            );
            return Some(Verdict::new(Reason::Regression, detail));
        }
        if !self.settled && self.primary.futility() <= self.rule.beta.ln() {
            let (seen, delta) = (self.seen(), self.scale().size(self.primary.delta() + self.rule.layout));
            let (odds, beta) = (evidence(self.primary.futility().exp()), evidence(self.rule.beta));
            let detail =
                format!("{seen}, not the gain of {delta} that is looked for: likelihood {odds} ≤ {beta}");
            return Some(Verdict::new(Reason::NoGain, detail));
        }
        last.then(|| Verdict::new(Reason::Inconclusive, self.summary("<")))
    }

    fn is_proven(&self) -> bool {
        let enough = self.rule.min_pairs as usize;
        if self.settled {
            return self.pairs.len() >= enough;
        }
        self.primary.pairs() >= enough && self.primary.median() > 0.0 && self.e() >= self.needed()
    }

    /// The first control that does not allow a keep yet, and what the verdict is when no pairs are left.
    fn open_control(&self) -> Option<(Reason, String)> {
        self.rule.controls.iter().find_map(|(name, control)| {
            if let Some(test) = self.controls.get(name) {
                return (!test.allows_keep())
                    .then(|| (Reason::Inconclusive, still_open(name, control, test)));
            }
            let values: Vec<f64> =
                self.pairs.iter().filter_map(|pair| Some(pair.values.get(name)?[1])).collect();
            gate::broken_by_median(name, control, &values).map(|complaint| (Reason::Control, complaint))
        })
    }

    fn harmed(&self, name: &str, test: &ControlTest) -> Verdict {
        let scale = self.rule.controls[name].effect_scale();
        let detail = format!(
            "{name} {} (median of {}) where {} is left of its margin, evidence of harm {} ≥ {}",
            scale.describe(test.median()),
            pairs(self.pairs.len()),
            crate::wording::percent(test.left().max(0.0)),
            evidence(test.harm()),
            crate::control::CONTROL_EVIDENCE,
        );
        Verdict::new(Reason::Control, detail)
    }

    /// `p95_ms 12.3 % better (median of 7 pairs)`
    fn seen(&self) -> String {
        let n = self.primary.pairs();
        let seen = self.scale().describe(self.primary.median() + self.rule.layout);
        let median = if n == 1 { "1 pair".to_owned() } else { format!("median of {n} pairs") };
        format!("{} {seen} ({median})", self.rule.primary)
    }

    /// `p95_ms 12.3 % better (median of 7 pairs), evidence 61 ≥ 50`
    fn summary(&self, relation: &str) -> String {
        if self.settled {
            return self
                .kept_repeatable(self.again.as_ref().map_or(f64::NAN, |run| run[&self.rule.primary]))
                .detail;
        }
        let layout = match self.rule.layout {
            0.0 => String::new(),
            layout => format!(" with {} taken off for layout luck", self.scale().size(layout)),
        };
        let (e, needed) = (evidence(self.e()), evidence(self.needed()));
        format!("{}, evidence {e} {relation} {needed}{layout}", self.seen())
    }
}

/// Replays a row: the verdict that follows from it, or what is still missing.
///
/// # Errors
/// As [`Trial::new`]: the row's rule is not usable.
pub fn decide(evidence: &Evidence) -> Result<Next, RuleError> {
    Ok(Trial::replay(evidence)?.next())
}

fn finite(mut metrics: Metrics) -> Metrics {
    metrics.retain(|_, value| value.is_finite());
    metrics
}

fn noisy_test(control: &ControlRule) -> Option<ControlTest> {
    let Bound::Within { margin, hard } = control.bound else { return None };
    Some(ControlTest::new(control.scale, margin, control.used, hard))
}

fn not_positive(name: &str, value: f64) -> Verdict {
    Verdict::new(Reason::Metric, format!("{name} is {}, and a ratio needs a positive number", number(value)))
}

fn still_open(name: &str, control: &ControlRule, test: &ControlTest) -> String {
    let seen = control.effect_scale().describe(test.median());
    if test.median() > -test.left() {
        format!("{name} ({seen}) was not proven to be within its margin")
    } else {
        format!("{name} was {seen}, outside its margin")
    }
}
