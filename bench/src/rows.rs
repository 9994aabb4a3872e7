//! A ledger as a long session leaves it: rows with evidence of realistic size, and numbers that differ.

use camino::Utf8Path;
use serde_json::json;
use sprag_judge::{Direction, Evidence, Provenance, Reason, Status};
use sprag_ledger::{Config, Entry, Grade, Hash, Ledger, Run, RunKind, Seconds, Tier, UnixMs, Usage};

use crate::Result;

/// Metrics of each pair besides the primary one, as the `cases` driver has them for seven cases.
const WATCHED: usize = 12;

/// Writes a ledger of a baseline and `runs` experiments.
///
/// # Errors
/// The ledger refuses an entry, or the disk does.
pub fn write(path: &Utf8Path, session: &str, runs: u64) -> Result<()> {
    let mut ledger = Ledger::create(path, None)?;
    ledger.append(config(session))?;
    ledger.append(run(1, RunKind::Baseline, 340.0)?)?;
    for number in 2..runs + 2 {
        ledger.append(run(number, RunKind::Experiment, 340.0 - (number % 300) as f64)?)?;
    }
    Ok(())
}

fn hash(of: &str) -> Option<String> {
    Some(Hash::of(of.as_bytes()).to_string())
}

fn at(number: u64) -> Option<UnixMs> {
    i64::try_from(number).ok().map(|number| UnixMs(1_795_500_000_000 + number * 61_000))
}

const GRADE: Grade = Grade { provenance: Provenance::Observed, tier: Tier::None };

fn config(session: &str) -> Config {
    Config {
        name: "Faster scoring".into(),
        metric_name: "p95_ms".into(),
        metric_unit: "ms".into(),
        direction: Direction::Lower,
        session: Some(session.into()),
        contract: hash("contract"),
        harness: hash("harness"),
        host: json!({"cpu": "an ordinary one", "cores": 2}),
        grade: Some(GRADE),
        phase: Some(1),
        tree: Some("a".repeat(40)),
        timestamp: at(0),
        compiled: json!({"name": "Faster scoring", "stop": []}),
        ..Config::default()
    }
}

fn run(number: u64, kind: RunKind, value: f64) -> Result<Entry> {
    let reason = match number % 11 {
        _ if kind == RunKind::Baseline => None,
        0 => Some(Reason::Improved),
        1 => Some(Reason::Control),
        2 => Some(Reason::Crash),
        3 => Some(Reason::Inconclusive),
        _ => Some(Reason::NoGain),
    };
    let evidence =
        reason.filter(|reason| *reason != Reason::Crash).map(|_| evidence(number, value)).transpose()?;
    let measured = reason != Some(Reason::Crash);
    Ok(Run {
        run: number,
        commit: hash(&number.to_string()).unwrap_or_default()[3..43].to_owned(),
        metric: measured.then_some(value),
        metrics: (0..WATCHED).map(|nth| (format!("case_{nth}_ms"), value / 7.0 + nth as f64)).collect(),
        status: reason.map_or(Status::Keep, Reason::status).into(),
        description: format!("hoist the coercion of column {number} out of the loop over securities"),
        timestamp: at(number),
        segment: Some(0),
        kind: Some(kind),
        reason,
        detail: "better by 3.1 %: evidence 412.5 of 50 after 8 pairs".to_owned(),
        tree: Some(hash(&format!("tree {number}")).unwrap_or_default()[3..43].to_owned()),
        parent: Some("b".repeat(40)),
        diff: hash(&format!("diff {number}")),
        output: hash(&format!("output {number}")),
        contract: hash("contract"),
        usage: Usage {
            input: Some(12_000),
            output: Some(900),
            cached: Some(80_000),
            reasoning: None,
            usd: Some(0.12),
            price: None,
        },
        agent: Some("playbook".into()),
        proposal: Some(format!("{number:05}-hoist")),
        seconds: Seconds { propose: Some(41.5), build: Some(3.5), measure: Some(12.5), check: Some(1.5) },
        grade: Some(GRADE),
        asi: json!({"hypothesis": "object columns are parsed again for each request", "risk": "low"})
            .as_object()
            .cloned()
            .unwrap_or_default(),
        evidence: evidence.map(Into::into),
        ..Run::default()
    }
    .into())
}

fn evidence(number: u64, value: f64) -> Result<Evidence> {
    let pairs: Vec<_> = (0..8_u64)
        .map(|nth| {
            let noise = ((number * 31 + nth * 17) % 101) as f64 / 1000.0;
            let mut pair = json!({"order": if nth % 2 == 0 { "ab" } else { "ba" },
                "p95_ms": [value * (1.05 + noise), value * (1.0 + noise / 3.0)]});
            for watched in 0..WATCHED {
                pair[format!("case_{watched}_ms")] =
                    json!([value / 7.0 * (1.0 + noise), value / 7.3 * (1.0 + noise)]);
            }
            pair
        })
        .collect();
    let controls = json!({"embedder_calls": {"bound": {"kind": "unchanged"}, "direction": "lower", "baseline": 7.0, "used": 0.0, "scale": 0.0}});
    Ok(serde_json::from_value(json!({
        "mode": "paired", "primary": "p95_ms", "direction": "lower", "alpha": 0.02, "beta": 0.1,
        "min_pairs": 3, "max_pairs": 20, "scale": 0.021, "delta": 0.02, "min_effect": 0.01, "layout": 0.0,
        "carried": 1.0, "controls": controls, "seed": format!("{number:032x}"),
        "first": {"p95_ms": value, "embedder_calls": 7.0}, "pairs": pairs, "e": 412.5, "e1": 97.25,
    }))?)
}
