//! The start of a segment, and what calibration found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use sprag_judge::{Direction, Metrics, Pair, Plausible};

use crate::{Grade, Tier, entry::UnixMs};

/// A new segment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Config {
    /// What the session is called: the title of its spec.
    #[serde(default)]
    pub name: String,
    /// The primary metric.
    #[serde(default, rename = "metricName")]
    pub metric_name: String,
    /// Its unit; empty where there is none.
    #[serde(default, rename = "metricUnit")]
    pub metric_unit: String,
    /// Which way is better.
    #[serde(default, rename = "bestDirection")]
    pub direction: Direction,
    /// The session's id, a ULID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The hash of the contract in force, as `b3:` and 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The hash of the harness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<String>,
    /// The machine: whatever tells it from another one.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub host: Value,
    /// What confines candidates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxInfo>,
    /// How much the numbers may be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// The phase of the spec, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<u32>,
    /// The user's revision that the session started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The tree that this segment starts from, in the session's store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// Paths of the baseline that no candidate can change, though the scope may name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locked: Vec<String>,
    /// The version of Sprag that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sprag: Option<String>,
    /// When the segment began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<UnixMs>,
    /// The tool whose log the segment was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The contract compiled, with its resolved settings, as it was written. See [`Config::compiled_contract`].
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub compiled: Value,
}

impl Config {
    /// The compiled contract, as the caller's type of it; `None` where the row has none.
    ///
    /// # Errors
    /// The row's contract is of a version that the caller's type does not understand.
    pub fn compiled_contract<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        if self.compiled.is_null() { Ok(None) } else { T::deserialize(&self.compiled).map(Some) }
    }
}

/// The sandbox of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SandboxInfo {
    /// What it holds.
    pub tier: Tier,
    /// What makes its namespaces, where that is not Sprag itself: `bubblewrap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// `b3:` hash of the self-test's report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selftest: Option<String>,
    /// What is missing, each in one line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
}

/// What the A/A pairs at the start of a segment said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Calibration {
    /// The residuals that seed the noise's scale, in the unit of x.
    #[serde(default)]
    pub residuals: Vec<f64>,
    /// The pooled noise of one pair's x.
    #[serde(default)]
    pub scale: f64,
    /// The smallest effect that is looked for, in the unit of x.
    #[serde(default)]
    pub delta: f64,
    /// The metric repeated to the bit.
    #[serde(default)]
    pub deterministic: bool,
    /// Allowance for layout luck; `None` where it is not controlled.
    #[serde(default)]
    pub layout: Option<f64>,
    /// The share of the metric that no change can remove; `None` where it was not measured.
    #[serde(default)]
    pub floor: Option<f64>,
    /// The same share for the cases of which it is more than half, by the name of the case's metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub floors: BTreeMap<String, f64>,
    /// Which gains are believed at once; `None` in ledgers of versions that believed all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plausible: Option<Plausible>,
    /// For metrics that can be zero or negative: the unit of x.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<f64>,
    /// The noise of one pair's log-ratio, by control.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub controls: BTreeMap<String, f64>,
    /// The baseline's values, by metric: medians over the A/A runs, or the exact value.
    #[serde(default, skip_serializing_if = "Metrics::is_empty")]
    pub baseline: Metrics,
    /// Controls found to be counts: attested or observed, whole, and the same in every A/A run. They must stay
    /// unchanged unless the spec says otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<String>,
    /// Answers of the outside come sooner here than they came when they were recorded: a result is due with their
    /// recorded timing, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hides_delays: bool,
    /// The A/A pairs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pair>,
    /// What a person should know, each in one line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<UnixMs>,
}
