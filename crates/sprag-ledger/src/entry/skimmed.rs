//! The part of a run that tables and sums show. Reading only this takes half of the time.

use serde::Deserialize;
use sprag_judge::Reason;

use crate::entry::{Run, RunKind, RunStatus, Seconds, UnixMs, Usage};

/// A run without its other metrics, its notes and its hashes.
#[derive(Deserialize)]
pub(crate) struct Skimmed {
    run: u64,
    #[serde(default)]
    commit: String,
    #[serde(default)]
    metric: Option<f64>,
    #[serde(default)]
    status: RunStatus,
    #[serde(default)]
    description: String,
    #[serde(default)]
    timestamp: Option<UnixMs>,
    #[serde(default)]
    segment: Option<u64>,
    #[serde(default)]
    kind: Option<RunKind>,
    #[serde(default)]
    reason: Option<Reason>,
    #[serde(default)]
    usage: Usage,
    #[serde(default)]
    seconds: Seconds,
    #[serde(default)]
    source: Option<String>,
}

impl From<Skimmed> for Run {
    fn from(skimmed: Skimmed) -> Self {
        let Skimmed { run, commit, metric, status, description, timestamp, .. } = skimmed;
        let Skimmed { segment, kind, reason, usage, seconds, source, .. } = skimmed;
        Self {
            run,
            commit,
            metric,
            status,
            description,
            timestamp,
            segment,
            kind,
            reason,
            usage,
            seconds,
            source,
            ..Self::default()
        }
    }
}
