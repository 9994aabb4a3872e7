//! JSONL of other tools than pi, and how to tell them apart.

use serde_json::Value;
use sprag_judge::{Direction, Status};

use super::Dialect;
use crate::{Config, Entry, Log, Mark, Record, Run, RunKind, RunStatus, UnixMs};

/// How many lines are looked at before giving up.
const LOOKED_AT: usize = 50;

pub(super) fn detect<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Dialect> {
    lines.take(LOOKED_AT).find_map(|line| {
        let value: Value = serde_json::from_str(line).ok()?;
        let map = value.as_object()?;
        let has = |key: &str| map.contains_key(key);
        if has("prev") && has("seq") {
            Some(Dialect::Sprag)
        } else if has("run") && (has("summary") || has("hash")) && !has("description") {
            Some(Dialect::AutoresearchCrate)
        } else if (has("run") && has("metric")) || has("metricName") {
            Some(Dialect::Pi)
        } else {
            None
        }
    })
}

/// The crate's `experiments.jsonl`. It names neither metric nor direction: the direction is what its keeps agree on.
pub(super) fn read(bytes: &[u8]) -> Log {
    let mut log = Log::default();
    let mut deltas = Vec::new();
    for (index, line) in bytes.split(|&b| b == b'\n').enumerate() {
        let number = index as u64 + 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match row(line) {
            Ok(run) => {
                let kept = run.kind == Some(RunKind::Experiment) && run.is_keep();
                deltas.extend(run.metric.filter(|_| kept));
                let entry = Entry::Run(Box::new(run));
                log.records.push(Record { line: number, entry, stamp: None, mark: Mark::Unverified });
            }
            Err(why) => log.note_bad(number, why),
        }
    }
    log.chain.unverified = log.records.len() as u64;
    let start = log.runs().find(|run| run.kind == Some(RunKind::Baseline)).and_then(|run| run.metric);
    if let Some(direction) = start.and_then(|start| direction(start, &deltas)) {
        let config =
            Config { name: "imported".into(), metric_name: "metric".into(), direction, ..Config::default() };
        log.records.insert(0, Record { line: 0, entry: config.into(), stamp: None, mark: Mark::Unverified });
    }
    log
}

/// The way in which all kept values lie from the first.
fn direction(start: f64, kept: &[f64]) -> Option<Direction> {
    match (kept.iter().any(|&value| value < start), kept.iter().any(|&value| value > start)) {
        (true, false) => Some(Direction::Lower),
        (false, true) => Some(Direction::Higher),
        _ => None,
    }
}

fn row(line: &[u8]) -> Result<Run, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = value.get("run").and_then(Value::as_u64).ok_or("no `run` number")?;
    let (status, kind) = match word("status") {
        "baseline" => (Status::Keep.into(), RunKind::Baseline),
        "kept" => (Status::Keep.into(), RunKind::Experiment),
        "discarded" => (Status::Discard.into(), RunKind::Experiment),
        other => (RunStatus::from(other), RunKind::Experiment),
    };
    let timestamp = match value.get("timestamp") {
        Some(Value::String(text)) => {
            text.parse::<jiff::Timestamp>().ok().map(|at| UnixMs(at.as_millisecond()))
        }
        Some(Value::Number(n)) => n.as_i64().map(UnixMs),
        _ => None,
    };
    Ok(Run {
        run: number,
        commit: word("hash").to_owned(),
        metric: value.get("metric").and_then(Value::as_f64),
        status,
        kind: Some(kind),
        description: word("summary").to_owned(),
        timestamp,
        ..Run::default()
    })
}
