//! What a metric is to the judge: a name, a number, a direction and where the number came from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The numbers of one run, by metric name. A number that is missing is unknown: never zero.
pub type Metrics = BTreeMap<String, f64>;

/// Whether a metric is the time of one case: `case_<id>_ms`.
pub fn is_of_a_case(metric: &str) -> bool {
    metric.starts_with("case_") && metric.ends_with("_ms")
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Smaller is better: times, sizes, counts of calls.
    #[default]
    Lower,
    /// Larger is better: throughput, accuracy.
    Higher,
}

impl Direction {
    /// +1 for lower is better, −1 for higher: the factor that makes an improvement positive.
    pub fn sign(self) -> f64 {
        match self {
            Direction::Lower => 1.0,
            Direction::Higher => -1.0,
        }
    }

    /// As people write it before "is better".
    pub fn word(self) -> &'static str {
        match self {
            Direction::Lower => "lower",
            Direction::Higher => "higher",
        }
    }

    /// Whether `a` is strictly better than `b`.
    pub fn better(self, a: f64, b: f64) -> bool {
        match self {
            Direction::Lower => a < b,
            Direction::Higher => a > b,
        }
    }
}

/// Where a number came from, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// Printed by a process that loads candidate code, or that might.
    SelfReported,
    /// Printed by locked code that never loads candidate code.
    Attested,
    /// Measured by Sprag outside the candidate's process.
    Observed,
}
