//! A small session with an entry of every kind, the same on every call.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value, json};
use sprag_judge::{
    Bound, ControlRule, Direction, Evidence, Finding, Mode, Order, Pair, Provenance, Reason, Rule, Status,
};
use sprag_ledger::{
    Calibration, Config, Entry, Event, EventKind, Final, Grade, Hook, Idea, Interval, Ledger, Note,
    PhaseStart, Run, RunKind, SandboxInfo, Seconds, StopEntry, Tier, UnixMs, Usage,
};

pub(crate) fn at(seconds: i64) -> Option<UnixMs> {
    Some(UnixMs(1_795_500_000_000 + seconds * 1000))
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn hash(of: &str) -> String {
    sprag_ledger::Hash::of(of.as_bytes()).to_string()
}

pub(crate) const GRADE: Grade = Grade { provenance: Provenance::Observed, tier: Tier::Enforced };

pub(crate) fn config() -> Config {
    Config {
        name: "Faster scoring".into(),
        metric_name: "p95_ms".into(),
        metric_unit: "ms".into(),
        direction: Direction::Lower,
        session: Some("01KDZSAMPLE000000000000000".into()),
        contract: Some(hash("contract")),
        harness: Some(hash("harness")),
        host: json!({"cpu": "an ordinary one", "cores": 2}),
        sandbox: Some(SandboxInfo {
            tier: Tier::Enforced,
            backend: None,
            selftest: Some(hash("selftest")),
            lost: vec![],
        }),
        grade: Some(GRADE),
        phase: Some(1),
        revision: Some("4c0ffee".into()),
        tree: Some("aaaa".into()),
        sprag: Some("0.1.0".into()),
        timestamp: at(0),
        compiled: json!({"name": "Faster scoring", "stop": []}),
        ..Config::default()
    }
}

pub(crate) fn pair(order: Order, p95: [f64; 2]) -> Pair {
    Pair {
        order,
        layout: None,
        values: BTreeMap::from([("p95_ms".into(), p95), ("db_calls".into(), [28.0, 28.0])]),
    }
}

pub(crate) fn evidence() -> Evidence {
    Evidence {
        rule: Rule {
            mode: Mode::Paired,
            primary: "p95_ms".into(),
            direction: Direction::Lower,
            alpha: 0.02,
            beta: 0.1,
            min_pairs: 3,
            max_pairs: 20,
            scale: 0.021,
            delta: 0.02,
            min_effect: 0.01,
            layout: 0.0,
            carried: 1.0,
            unit: None,
            incumbent: None,
            controls: BTreeMap::from([(
                "embedder_calls".into(),
                ControlRule {
                    bound: Bound::Unchanged,
                    direction: Direction::Lower,
                    baseline: Some(7.0),
                    used: 0.0,
                    scale: 0.0,
                },
            )]),
            hidden_cases: false,
            plausible: None,
        },
        seed: "9f3c".into(),
        findings: vec![],
        first: Some(BTreeMap::from([("p95_ms".into(), 101.9), ("embedder_calls".into(), 7.0)])),
        flagged: false,
        again: None,
        pairs: vec![
            pair(Order::Ab, [338.1, 101.2]),
            pair(Order::Ba, [339.4, 101.1]),
            pair(Order::Ab, [337.0, 100.9]),
        ],
        hidden: None,
        confirming: vec![],
        e: Some(412.5),
        e1: Some(97.25),
    }
}

pub(crate) fn run(number: u64, metric: Option<f64>, reason: Option<Reason>, description: &str) -> Run {
    Run {
        run: number,
        commit: format!("c0ffee{number}"),
        metric,
        metrics: BTreeMap::from([("db_calls".into(), 28.0), ("embedder_calls".into(), 7.0)]),
        status: reason.map_or(Status::Keep, Reason::status).into(),
        description: description.into(),
        timestamp: at(60 * number as i64),
        segment: Some(0),
        kind: Some(if reason.is_none() { RunKind::Baseline } else { RunKind::Experiment }),
        reason,
        tree: Some(format!("{number:04}")),
        contract: Some(hash("contract")),
        grade: Some(GRADE),
        seconds: Seconds { measure: Some(12.5), ..Seconds::default() },
        ..Run::default()
    }
}

/// A session of four rows with all that can stand between them.
pub(crate) fn every_kind() -> Vec<Entry> {
    let mut keep = run(2, Some(101.13), Some(Reason::Improved), "Map a column instead of walking its rows");
    keep.evidence = Some(evidence().into());
    keep.parent = Some("0001".into());
    keep.detail = "70.1 % less, E = 412 after 3 pairs".into();
    keep.diff = Some(hash("diff"));
    keep.output = Some(hash("output"));
    keep.agent = Some("claude 2.1".into());
    keep.proposal = Some("p-2".into());
    keep.usage = Usage {
        input: Some(48_000),
        output: Some(3_600),
        cached: Some(31_000),
        reasoning: None,
        usd: Some(0.5),
        price: None,
    };
    keep.seconds = Seconds { propose: Some(41.0), build: Some(2.0), measure: Some(33.0), check: Some(4.5) };
    keep.asi = map(json!({"hypothesis": "row-wise calls dominate", "next": ["look at the copies", 2]}));
    let mut refused = run(3, Some(102.57), Some(Reason::Control), "Remember the embeddings of past queries");
    refused.metrics.insert("embedder_calls".into(), 0.0);
    refused.detail = "embedder_calls must stay 7, but was 0".into();
    refused.asi = map(json!({"rollback_reason": "counts must not change in this phase"}));
    let mut seen = evidence();
    seen.findings.push(Finding { reason: Reason::Control, detail: refused.detail.clone() });
    seen.pairs.clear();
    (seen.e, seen.e1) = (None, None);
    refused.evidence = Some(seen.into());
    refused.caveats = vec!["layout luck is not controlled".into()];
    let scope = run(4, None, Some(Reason::Scope), "Edited the benchmark \u{1b}[31m by mistake");
    let crash = run(5, None, Some(Reason::Build), "A typo");
    let mut event = Event::new(EventKind::NoEdit, "the proposer changed nothing", UnixMs(1_795_500_400_000));
    event.usage = Usage { usd: Some(0.125), ..Usage::default() };
    event.data = map(json!({"attempt": 1}));
    vec![
        config().into(),
        Calibration {
            residuals: vec![0.01, -0.012, 0.003],
            scale: 0.021,
            delta: 0.0209,
            layout: Some(0.0),
            floor: Some(0.04),
            controls: BTreeMap::from([("p50_ms".into(), 0.011)]),
            baseline: BTreeMap::from([("p95_ms".into(), 338.57)]),
            counts: vec!["db_calls".into()],
            pairs: vec![pair(Order::Ba, [338.57, 339.01])],
            caveats: vec!["p95 rests on fewer than 100 samples".into()],
            timestamp: at(30),
            ..Calibration::default()
        }
        .into(),
        run(1, Some(338.57), None, "Baseline").into(),
        Hook {
            stage: "before".into(),
            exit_code: Some(0),
            duration_ms: 12,
            stdout_bytes: 80,
            timed_out: false,
        }
        .into(),
        keep.into(),
        Note { text: "Leave the parser alone".into(), timestamp: at(150) }.into(),
        refused.into(),
        Idea {
            text: "remember embeddings".into(),
            why: "counts are fixed in phase 1".into(),
            from_run: Some(3),
            phase: Some(1),
            proposal: Some("p-3".into()),
            timestamp: at(190),
        }
        .into(),
        scope.into(),
        crash.into(),
        event.into(),
        PhaseStart { phase: 2, title: "relaxed".into(), timestamp: at(500) }.into(),
        Final {
            metric: "p95_ms".into(),
            direction: Direction::Lower,
            baseline: 338.2,
            result: 101.4,
            interval: Some(Interval { effect: 1.2045, low: 1.19, high: 1.22, coverage: 0.95 }),
            demonstrated: true,
            controls: BTreeMap::from([("p50_ms".into(), [201.0, 88.0])]),
            pairs: vec![pair(Order::Ab, [338.2, 101.4])],
            recorded: None,
            experiments: 4,
            keeps: 1,
            false_keeps: Some(0.08),
            grade: Some(GRADE),
            caveats: vec![],
            parent: Some("0001".into()),
            tree: Some("0002".into()),
            timestamp: at(600),
        }
        .into(),
        Entry::Unknown(json!({"type": "weather", "sky": "clear"})),
        StopEntry { reason: "experiments".into(), detail: "after 4 experiments".into(), timestamp: at(601) }
            .into(),
    ]
}

/// A folder of its own, removed with the value.
pub(crate) struct Room(tempfile::TempDir);

impl Room {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.0.path()).unwrap().join(name)
    }
}

/// Writes the entries into a new ledger and returns its bytes.
pub(crate) fn written(entries: Vec<Entry>) -> Vec<u8> {
    let room = Room::new();
    let home = room.path("state/ledger.jsonl");
    let mut ledger = Ledger::create(&home, None).unwrap();
    for entry in entries {
        ledger.append(entry).unwrap();
    }
    std::fs::read(home).unwrap()
}
