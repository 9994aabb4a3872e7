//! What one run of one side gave.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use sprag_judge::{Finding, Metrics, Provenance, Reason};

/// One run of one side.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// The numbers. What is not here is unknown. Empty where `failure` is set.
    pub metrics: Metrics,
    /// Where each number came from.
    pub provenance: BTreeMap<String, Provenance>,
    /// What the cases answered, in the order of the case file; with several repetitions, each repetition's answer.
    /// Read after the process was dead. Compared by a [`Comparison`](crate::golden::Comparison).
    pub outputs: Vec<CaseOutput>,
    /// The fault of the code that ran: crash, timeout, protocol or metric. On the incumbent's side the caller treats
    /// it as infrastructure.
    pub failure: Option<Finding>,
    /// Things to show beside the result: too short a run, leftover processes that were killed.
    pub notes: Vec<String>,
    /// For cases measured in turns: who answered each first, one letter a case in the order asked (`a` incumbent,
    /// `b` candidate), repetitions separated by a space.
    pub coins: Option<String>,
    /// From the first process's start to the last one's end.
    pub wall: Duration,
    /// Everything that was printed, whole (up to the limit), in the order of the processes.
    pub logs: Vec<Utf8PathBuf>,
}

/// What one case answered.
#[derive(Clone, PartialEq, Eq)]
pub struct CaseOutput {
    /// The case's id.
    pub id: String,
    /// From 0.
    pub repetition: u32,
    /// The output, byte for byte: the JSON text that a worker wrote, what a process printed, or an HTTP answer as it
    /// is written down for the comparison.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for CaseOutput {
    /// An output may be megabytes; its beginning says enough.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(80)]);
        f.debug_struct("CaseOutput")
            .field("id", &self.id)
            .field("repetition", &self.repetition)
            .field("length", &self.bytes.len())
            .field("head", &head)
            .finish()
    }
}

/// What a do-nothing candidate costs: the share of a metric that no change can remove.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// What the do-nothing run measured, under the names of the driver's metrics.
    pub metrics: Metrics,
    /// What stood in for the candidate: `an echo worker`, `true`.
    pub stand_in: String,
}

impl Floor {
    /// The lower one of two, metric by metric: nothing else can make a stand-in faster than it is.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (name, value) in other.metrics {
            let least = self.metrics.entry(name).or_insert(value);
            *least = least.min(value);
        }
        self
    }

    /// The share of `value` of `metric` that is floor, from 0 to 1; `None` where it was not measured.
    pub fn share(&self, metric: &str, value: f64) -> Option<f64> {
        let floor = *self.metrics.get(metric)?;
        (floor.is_finite() && value > 0.0).then(|| (floor / value).clamp(0.0, 1.0))
    }
}

impl Run {
    pub(crate) fn put(&mut self, name: impl Into<String>, value: f64, provenance: Provenance) {
        let name = name.into();
        self.provenance.insert(name.clone(), provenance);
        self.metrics.insert(name, value);
    }

    pub(crate) fn note_leftovers(&mut self, count: usize) {
        if count > 0 {
            self.notes.push(format!("{count} processes were left running and were killed"));
        }
    }

    /// Turns what was measured so far into a failure: its numbers decide nothing.
    pub(crate) fn fail(&mut self, reason: Reason, detail: impl Into<String>) {
        self.metrics.clear();
        self.provenance.clear();
        self.failure = Some(Finding { reason, detail: detail.into() });
    }
}
