//! A numbered run: the baseline, an experiment, a confirmation or an audit.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sprag_judge::{Metrics, Reason, Status};

use crate::{
    Grade,
    entry::{RunStatus, Seconds, StoredEvidence, UnixMs, Usage},
};

/// What a run was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// The code at the start of a segment.
    Baseline,
    /// A candidate.
    #[default]
    Experiment,
    /// A result measured again.
    Confirm,
    /// A check of what earlier keeps claimed.
    Audit,
    /// A kind of a later version.
    #[serde(other)]
    Other,
}

/// One row of the table. Fields in the order of the line; those of other tools' dialects come first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Run {
    /// Its number, from 1.
    pub run: u64,
    /// The commit in the session's store, shortened as its writer liked; empty where unknown.
    #[serde(default)]
    pub commit: String,
    /// The primary metric. Unknown is `None`; on a line it is written as 0, as older readers expect a number there.
    #[serde(default)]
    pub metric: Option<f64>,
    /// The other metrics of the same run.
    #[serde(default)]
    pub metrics: Metrics,
    /// What became of it.
    #[serde(default)]
    pub status: RunStatus,
    /// One line by the proposer. Data: never trusted, always escaped.
    #[serde(default)]
    pub description: String,
    /// When the verdict fell.
    #[serde(default)]
    pub timestamp: Option<UnixMs>,
    /// The writer's segment number, from 0. Readers count config rows instead.
    #[serde(default)]
    pub segment: Option<u64>,
    /// Another tool's score of the keep; Sprag writes `null`.
    #[serde(default)]
    pub confidence: Option<f64>,
    /// What the next try should know: hypothesis, learned, rollback_reason, …
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub asi: Map<String, Value>,
    /// pi's count of tokens used by the iteration; not split into input and output.
    #[serde(default, rename = "iterationTokens", skip_serializing_if = "Option::is_none")]
    pub iteration_tokens: Option<u64>,
    /// What the run was for; `None` in logs that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<RunKind>,
    /// The row of the verdict table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The verdict in one sentence, with the numbers that decided.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The candidate's tree in the session's store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// The incumbent's tree it was judged against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// `b3:` hash of the stored diff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// `b3:` hash of the stored output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The contract in force, as `b3:` and 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// What the proposal cost.
    #[serde(default, skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
    /// The proposer and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The proposal's own id, by which a resumed session knows that it was played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
    /// How long the parts took.
    #[serde(default, skip_serializing_if = "Seconds::is_unknown")]
    pub seconds: Seconds,
    /// How much the number may be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// What was lost or skipped while judging, each in one line: a weaker sandbox, layout luck not controlled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    /// The tool whose log the row was imported from. Such a row is never called verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<StoredEvidence>,
}

impl Run {
    /// Whether it counts as an experiment: in logs that do not say, all but the first of a segment do.
    pub fn is_experiment(&self) -> bool {
        matches!(self.kind, None | Some(RunKind::Experiment))
    }

    /// Whether it was kept.
    pub fn is_keep(&self) -> bool {
        self.status == Status::Keep
    }
}
