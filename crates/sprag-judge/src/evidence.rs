//! Everything that decided about one candidate, as the ledger stores it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Bound, Direction, Metrics, Plausible, Reason};

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
    /// The pooled noise of one pair's x; in mode single, the robust standard deviation of one run of the incumbent.
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
    /// There are hidden cases, and a keep needs them passed.
    #[serde(default, skip_serializing_if = "is_not_so")]
    pub hidden_cases: bool,
    /// Which gains are believed at once; `None`: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plausible: Option<Plausible>,
}

fn is_not_so(flag: &bool) -> bool {
    !flag
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

impl Finding {
    /// A hidden case failed. Nothing else is said of it: whoever proposes reads the sentence.
    pub fn hidden() -> Self {
        Self { reason: Reason::Hidden, detail: "the hidden cases are not passed".to_owned() }
    }
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
    /// Whether the hidden cases were passed. Asked once, of a candidate that would be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<bool>,
    /// The pairs, in the order measured, of a gain that was too good to be believed at once and was measured again: on the
    /// hidden cases, or where there are none on the same inputs in another order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirming: Vec<Pair>,
    /// The final evidence against "no effect"; keep needs 1/α.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<f64>,
    /// The part of it from the exact sign process, carried into a repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e1: Option<f64>,
}
