//! The contract: every rule that Sprag enforces, compiled from the spec and the settings.

use serde::{Deserialize, Serialize};
use sprag_judge::{Bound, Direction, stop::StopRule};

use crate::{Scope, Settings, settings::Agent};

/// A spec and its settings, compiled. Serialized into the ledger's config row; its hash is in every row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// The title of the spec: what the session is called.
    pub name: String,
    /// The prose under `## Objective`.
    pub objective: String,
    /// What is optimized.
    pub primary: Primary,
    /// Secondary metrics in the order of the spec, each with its bound (of the general constraints).
    pub controls: Vec<Control>,
    /// How outputs are compared with the goldens; `None`: no goldens in this contract.
    pub goldens: Option<Goldens>,
    /// What a candidate may change.
    pub scope: Scope,
    /// The checks script must exit 0. On whenever there is one.
    pub checks: bool,
    /// `same tests`: no file that is a test by its name may be changed, added or removed.
    pub same_tests: bool,
    /// Any of these ends the session.
    pub stop: Vec<StopRule>,
    /// The phases in order. Without any `## Phase`, one phase 1 that adds nothing.
    pub phases: Vec<Phase>,
    /// Lines that only the agent can be told.
    pub advisory: Vec<String>,
    /// The command of `## How to Run`, where the spec names one.
    pub how_to_run: Option<String>,
    /// The resolved settings.
    pub settings: Settings,
}

impl Contract {
    /// BLAKE3 of the canonical JSON of what decides in `phase`, as `b3:` and 64 hex digits.
    ///
    /// Left out is what no verdict depends on: the prose, the advice, the stop rules, the other phases, the line numbers,
    /// who proposes, for which price, and what serves recording alone. A session that is given more time, or a better explanation, goes on with its baseline.
    pub fn hash(&self, phase: u32) -> String {
        let Rules { mut controls, goldens } = self.in_phase(phase);
        for control in &mut controls {
            control.line = 0;
        }
        controls.sort_by(|a, b| a.metric.cmp(&b.metric));
        let mut settings = self.settings.clone();
        // Whom to trust while recording is over when anything is judged.
        settings.replay.iter_mut().for_each(|replay| replay.roots = None);
        settings.agent = Agent::default();
        settings.prices.clear();
        let deciding = serde_json::json!({
            "phase": phase,
            "primary": self.primary,
            "controls": controls,
            "goldens": goldens,
            "scope": self.scope,
            "checks": self.checks,
            "same_tests": self.same_tests,
            "how_to_run": self.how_to_run,
            "settings": settings,
        });
        let mut text = String::new();
        canonical(&deciding, &mut text);
        format!("b3:{}", blake3::hash(text.as_bytes()).to_hex())
    }

    /// What is in force in phase `number`: the general rules, and the phase's own in place of those that it names. A
    /// phase that does not exist has the general rules alone.
    pub fn in_phase(&self, number: u32) -> Rules {
        let mut rules = Rules { controls: self.controls.clone(), goldens: self.goldens };
        let Some(phase) = self.phases.iter().find(|phase| phase.number == number) else { return rules };
        for own in &phase.controls {
            match rules.controls.iter_mut().find(|general| general.metric == own.metric) {
                Some(general) => *general = own.clone(),
                None => rules.controls.push(own.clone()),
            }
        }
        rules.goldens = phase.goldens.or(rules.goldens);
        rules
    }
}

/// What is in force in one phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The controls, in the order of the spec.
    pub controls: Vec<Control>,
    /// How outputs are compared with the goldens.
    pub goldens: Option<Goldens>,
}

/// JSON with the keys of every object in byte order and no spaces.
fn canonical(value: &serde_json::Value, out: &mut String) {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (i, (key, value)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(list) => {
            out.push('[');
            for (i, value) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                canonical(value, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// The primary metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primary {
    /// Its name, such as `p95_ms`.
    pub name: String,
    /// Its unit as printed; empty where there is none.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
    /// Seeded or trained: never treated as deterministic.
    pub stochastic: bool,
}

/// A secondary metric and its bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// The metric's name.
    pub metric: String,
    /// Its unit; empty where there is none.
    pub unit: String,
    /// Which way is better (lower unless the spec says otherwise).
    pub direction: Direction,
    /// What must hold.
    pub bound: Bound,
    /// The bound was written by the person. Otherwise it is the default: `unchanged` for counts that are observed or
    /// attested, watched for the rest; the session resolves it once provenance is known.
    pub explicit: bool,
    /// The line of the spec, from 1; 0 where it is a default of Sprag's.
    pub line: u32,
}

impl Control {
    /// Whether it counts things, by its name and unit: `embedder_calls` and `rows`, not `p50_ms` or `hit_rate`. Only
    /// counts repeat exactly, so only they can stay unchanged without a word of the spec.
    pub fn looks_like_count(&self) -> bool {
        const MEASURES: [&str; 32] = [
            "ns",
            "us",
            "µs",
            "ms",
            "s",
            "sec",
            "secs",
            "seconds",
            "min",
            "b",
            "kb",
            "mb",
            "gb",
            "kib",
            "mib",
            "bytes",
            "rss",
            "mem",
            "memory",
            "pct",
            "percent",
            "ratio",
            "rate",
            "score",
            "accuracy",
            "loss",
            "bpb",
            "time",
            "latency",
            "qps",
            "rps",
            "throughput",
        ];
        let lower = self.metric.to_lowercase();
        let measures = |word: &str| MEASURES.contains(&word);
        let unit = self.unit.to_lowercase();
        !lower.split(['_', '.']).any(measures) && !measures(&unit) && !unit.contains(['%', '/'])
    }

    /// A bound that would suit it, as a sentence.
    pub(crate) fn example(&self) -> String {
        let bound = if self.looks_like_count() { "unchanged" } else { "within 5%" };
        format!("{} {bound}", self.metric)
    }
}

/// How outputs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Goldens {
    /// Equal.
    Exact,
    /// Numbers within this absolute difference; all else equal.
    Within {
        /// The largest absolute difference.
        tolerance: f64,
    },
}

/// A stage of the spec with its own constraints; the general ones stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// 1, 2, …
    pub number: u32,
    /// The heading's words after `Phase N`.
    pub title: String,
    /// Bounds that replace the general ones for the same metric.
    pub controls: Vec<Control>,
    /// Replaces the general rule where the phase names one.
    pub goldens: Option<Goldens>,
    /// Lines that only the agent can be told.
    pub advisory: Vec<String>,
}
