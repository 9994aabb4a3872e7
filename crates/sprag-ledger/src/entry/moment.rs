//! Entries that are no run: events, notes, ideas, phases, the end, hooks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sprag_judge::{Direction, Pair};

use crate::{
    Grade,
    entry::{Seconds, UnixMs, Usage},
};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The proposer changed nothing.
    NoEdit,
    /// The same tree against the same incumbent and contract is known already.
    Duplicate,
    /// A patch applies no longer, or an agent refused, died, ran out of time or left a key.
    Skipped,
    /// Disk, host, agent, model or network failed.
    Infrastructure,
    /// The session went on after an interruption.
    Resumed,
    /// An agent's turn was cut short with the session: what it had cost until then.
    Interrupted,
    /// Nothing was kept for a while: what is done about it.
    Stalled,
    /// What an agent left is nearly something that was judged before: it was shown that.
    Resembles,
    /// Something on disk was mended at the start.
    Mended,
    /// An audit found less than the keeps had claimed.
    Alarm,
    /// `[run] profile` was run on an incumbent; its detail is why it failed, where it did.
    Profiled,
    /// A proposer had its copy measured once. It cost time, and decided nothing.
    Bench,
    /// A kind of a later version.
    #[serde(untagged)]
    Other(String),
}

impl EventKind {
    /// Its stable name.
    pub fn word(&self) -> &str {
        match self {
            EventKind::NoEdit => "no_edit",
            EventKind::Duplicate => "duplicate",
            EventKind::Skipped => "skipped",
            EventKind::Infrastructure => "infrastructure",
            EventKind::Resumed => "resumed",
            EventKind::Interrupted => "interrupted",
            EventKind::Stalled => "stalled",
            EventKind::Resembles => "resembles",
            EventKind::Mended => "mended",
            EventKind::Alarm => "alarm",
            EventKind::Profiled => "profiled",
            EventKind::Bench => "bench",
            EventKind::Other(word) => word,
        }
    }

    /// Whether it stands for a try that came to no row. Ten of them in a row end a session.
    pub fn is_try(&self) -> bool {
        matches!(
            self,
            EventKind::NoEdit | EventKind::Duplicate | EventKind::Skipped | EventKind::Infrastructure
        )
    }
}

/// Something that happened without a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub event: EventKind,
    /// One sentence for a person.
    #[serde(default)]
    pub detail: String,
    /// When.
    #[serde(default)]
    pub timestamp: Option<UnixMs>,
    /// The tree that was proposed, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// What it cost all the same.
    #[serde(default, skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Seconds::is_unknown")]
    pub seconds: Seconds,
    /// The proposer and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Whatever else belongs to it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

impl Event {
    /// The key under `data` that says of an interrupted try that its usage is part of what a later entry tells.
    pub const COUNTS_LATER: &str = "counts_later";

    /// Whether somebody was asked for it: then it has a part in the bill, known or not. Besides tries that came to no row
    /// that is one that was lost to an interruption, unless it went on and is billed then.
    pub fn is_billed(&self) -> bool {
        let counts_later = || self.data.get(Self::COUNTS_LATER).is_some_and(|later| *later == true);
        let was_lost = || self.event == EventKind::Interrupted && self.agent.is_some() && !counts_later();
        self.event.is_try() || was_lost()
    }

    /// An event with its sentence.
    pub fn new(event: EventKind, detail: impl Into<String>, timestamp: UnixMs) -> Self {
        Self {
            event,
            detail: detail.into(),
            timestamp: Some(timestamp),
            tree: None,
            usage: Usage::default(),
            seconds: Seconds::default(),
            agent: None,
            data: Map::new(),
        }
    }
}

/// A remark of the person's, for the next brief.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Note {
    /// The remark.
    #[serde(default)]
    pub text: String,
    /// When.
    #[serde(default)]
    pub timestamp: Option<UnixMs>,
}

/// A parked idea.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Idea {
    /// The idea.
    #[serde(default)]
    pub text: String,
    /// Why it waits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The run, or the try without one, in whose report it stood beside a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_run: Option<u64>,
    /// The phase in which it was parked, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<u32>,
    /// The proposal's own id, by which a resumed session knows that it was parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
    /// When.
    #[serde(default)]
    pub timestamp: Option<UnixMs>,
}

/// The next phase of the spec begins; a config entry follows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PhaseStart {
    /// Its number, from 1.
    #[serde(default)]
    pub phase: u32,
    /// Its title in the spec.
    #[serde(default)]
    pub title: String,
    /// When.
    #[serde(default)]
    pub timestamp: Option<UnixMs>,
}

/// An estimate with its interval, in the unit of x: the log-ratio, positive where the final code is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The Hodges–Lehmann estimate.
    pub effect: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The probability that such an interval covers the truth: .95.
    pub coverage: f64,
}

/// The measured result at the end: original baseline against final code, in fresh pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Final {
    /// The primary metric.
    pub metric: String,
    /// Which way is better.
    pub direction: Direction,
    /// The median of the baseline's runs.
    pub baseline: f64,
    /// The median of the final code's runs.
    #[serde(rename = "final")]
    pub result: f64,
    /// The effect and its interval; `None` where no pairs were measured.
    #[serde(default)]
    pub interval: Option<Interval>,
    /// The interval excludes "no gain".
    pub demonstrated: bool,
    /// Medians of the controls: [baseline, final].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub controls: BTreeMap<String, [f64; 2]>,
    /// The pairs, in the order measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pair>,
    /// The same with answers of the outside that take as long as they took when they were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
    /// Experiments that were judged.
    #[serde(default)]
    pub experiments: u64,
    /// Experiments that were kept.
    #[serde(default)]
    pub keeps: u64,
    /// How many of the keeps are false, expected at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_keeps: Option<f64>,
    /// How much the numbers may be trusted: the weakest grade of what went in.
    #[serde(default)]
    pub grade: Option<Grade>,
    /// What a reader should know, each in one line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    /// The baseline's tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The final tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// When.
    #[serde(default)]
    pub timestamp: Option<UnixMs>,
}

/// The fresh measurement where recorded answers took their time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The median of the baseline's runs.
    pub baseline: f64,
    /// The median of the final code's runs.
    #[serde(rename = "final")]
    pub result: f64,
    /// The effect and its interval; `None` where there are too few pairs for one.
    #[serde(default)]
    pub interval: Option<Interval>,
    /// The interval excludes "no gain".
    pub demonstrated: bool,
    /// The pairs, in the order measured.
    pub pairs: Vec<Pair>,
}

/// The session ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StopEntry {
    /// A stable name: the kind of the stop rule, or `interrupted`, `asked`, `exhausted`, `failed`.
    #[serde(default)]
    pub reason: String,
    /// One sentence for a person.
    #[serde(default)]
    pub detail: String,
    /// When.
    #[serde(default)]
    pub timestamp: Option<UnixMs>,
}

/// A hook ran. The keys are pi's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hook {
    /// `before`, `after` or `session`.
    #[serde(default)]
    pub stage: String,
    /// Its exit code; `None` where a signal ended it.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// How long it ran, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// How much it printed, in bytes.
    #[serde(default)]
    pub stdout_bytes: u64,
    /// It was ended at its deadline.
    #[serde(default)]
    pub timed_out: bool,
}
