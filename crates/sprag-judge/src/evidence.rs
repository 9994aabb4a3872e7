//! Everything that decided about one candidate, as the ledger stores it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Bound, Direction, EffectScale, Metrics, Reason, settings::MAX_PAIRS};

/// How the primary metric is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Pairs of incumbent and candidate; evidence is .8 of the exact process and .2 of the fast path.
    #[default]
    Paired,
    /// Pairs; the exact process alone.
    Strict,
    /// The metric repeats to the bit: one run, and once more to confirm a gain.
    Deterministic,
    /// One run a candidate against a threshold from the incumbent's noise. Never called verified.
    Single,
}

/// Which side of a pair went first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The incumbent first.
    Ab,
    /// The candidate first.
    Ba,
}

/// One run of each side, close in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Which side went first: a fair coin, drawn from the row's seed.
    pub order: Order,
    /// The layout seeds of [incumbent, candidate], where both were relinked for this pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<[u64; 2]>,
    /// By metric: [incumbent, candidate].
    #[serde(flatten)]
    pub values: BTreeMap<String, [f64; 2]>,
}

/// A control as it stood when the candidate was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ControlRule {
    /// What must hold.
    pub bound: Bound,
    /// Which way is better.
    pub direction: Direction,
    /// The original baseline's value, where the bound is relative to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// What earlier keeps used up of the margin, as a log-ratio.
    #[serde(default)]
    pub used: f64,
    /// The pooled noise of one pair's log-ratio.
    #[serde(default)]
    pub scale: f64,
}

/// All that was fixed before the first run of a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// How the primary metric is judged.
    pub mode: Mode,
    /// The primary metric's name.
    pub primary: String,
    /// Which way is better.
    pub direction: Direction,
    /// Error rate for a candidate without effect.
    pub alpha: f64,
    /// Error rate of giving up on a candidate that is δ better.
    pub beta: f64,
    /// Pairs at least before a keep.
    pub min_pairs: u32,
    /// Pairs at most.
    pub max_pairs: u32,
    /// The pooled noise of one pair's x.
    pub scale: f64,
    /// The smallest effect that is looked for, in the unit of x.
    pub delta: f64,
    /// The user's smallest effect as a fraction: decides for deterministic and single.
    pub min_effect: f64,
    /// Allowance for layout luck, subtracted from every x.
    #[serde(default)]
    pub layout: f64,
    /// Exact evidence carried over from an inconclusive test of the same tree against the same incumbent.
    #[serde(default = "one")]
    pub carried: f64,
    /// For metrics that can be zero or negative: x is the difference over this unit instead of a log-ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<f64>,
    /// The incumbent's known value, for deterministic and single.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incumbent: Option<f64>,
    /// The controls, by metric.
    #[serde(default)]
    pub controls: BTreeMap<String, ControlRule>,
}

/// A rule that no trial can be run under: a mistake of the caller, or a row that was tampered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rule of this trial cannot be used: {0}")]
pub struct RuleError(String);

impl Rule {
    /// How values of the primary metric become effects.
    pub fn effect_scale(&self) -> EffectScale {
        EffectScale { direction: self.direction, unit: self.unit }
    }

    /// Checks that every number is in its range and that nothing needed is missing.
    ///
    /// # Errors
    /// The first thing found.
    pub fn validate(&self) -> Result<(), RuleError> {
        let paired = matches!(self.mode, Mode::Paired | Mode::Strict);
        let rate = |value: f64| value > 0.0 && value < 1.0;
        let size = |value: f64| (0.0..=1e6).contains(&value);
        let requirements = [
            (!self.primary.is_empty(), "the primary metric has no name"),
            (rate(self.alpha), "alpha must be between 0 and 1"),
            (rate(self.beta), "beta must be between 0 and 1"),
            ((1..=MAX_PAIRS).contains(&self.max_pairs), "max_pairs must be from 1 to 1000"),
            ((1..=self.max_pairs).contains(&self.min_pairs), "min_pairs must be from 1 to max_pairs"),
            (size(self.scale), "scale must not be negative"),
            (size(self.delta) && (!paired || self.delta > 0.0), "delta must be positive"),
            (size(self.min_effect), "min_effect must not be negative"),
            (size(self.layout), "layout must not be negative"),
            (self.carried.is_finite() && self.carried >= 0.0, "carried must not be negative"),
            (self.unit.is_none_or(|unit| unit.is_finite() && unit > 0.0), "unit must be positive"),
            (self.incumbent.is_none_or(f64::is_finite), "incumbent must be a finite number"),
            (paired || self.incumbent.is_some(), "this mode needs the incumbent's value"),
        ];
        if let Some((_, problem)) = requirements.into_iter().find(|(holds, _)| !holds) {
            return Err(RuleError(problem.into()));
        }
        self.controls.iter().try_for_each(|(name, control)| control.validate(name, paired))
    }
}

impl ControlRule {
    fn validate(&self, name: &str, paired: bool) -> Result<(), RuleError> {
        let needs_baseline = match self.bound {
            Bound::Unchanged | Bound::NotWorse => true,
            Bound::Within { .. } => !paired,
            _ => false,
        };
        let number = match self.bound {
            Bound::Equals { value } | Bound::AtMost { value } | Bound::AtLeast { value } => value,
            Bound::Within { margin, .. } => margin,
            _ => 0.0,
        };
        let margin_fits =
            !matches!(self.bound, Bound::Within { margin, .. } if !(0.0..=10.0).contains(&margin));
        let requirements = [
            (!needs_baseline || self.baseline.is_some(), "its bound needs the baseline's value"),
            (self.baseline.is_none_or(f64::is_finite), "its baseline must be a finite number"),
            (
                number.is_finite() && margin_fits,
                "its bound must be a finite number, and a margin from 0 to 10",
            ),
            ((0.0..=1e6).contains(&self.used), "what is used of its margin must not be negative"),
            ((0.0..=1e6).contains(&self.scale), "its scale must not be negative"),
        ];
        match requirements.into_iter().find(|(holds, _)| !holds) {
            Some((_, problem)) => Err(RuleError(format!("control {name}: {problem}"))),
            None => Ok(()),
        }
    }
}

fn one() -> f64 {
    1.0
}

/// A fact that refuses a candidate whatever the clock says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The row of the verdict table.
    pub reason: Reason,
    /// What was seen, in one line.
    pub detail: String,
}

/// The evidence of one candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was fixed before the first run.
    #[serde(flatten)]
    pub rule: Rule,
    /// Where the coins and shuffles of this candidate come from, in hexadecimal.
    pub seed: String,
    /// Facts that refuse it, in the order seen. The first one decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The first run: correctness and exact controls, never timing evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Metrics>,
    /// The first run was more than four robust standard deviations worse than the incumbent's recent runs.
    #[serde(default)]
    pub flagged: bool,
    /// The confirming run of a deterministic metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Metrics>,
    /// The pairs, in the order measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pair>,
    /// The final evidence against "no effect"; keep needs 1/α.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<f64>,
    /// The part of it from the exact sign process, carried into a repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e1: Option<f64>,
}
