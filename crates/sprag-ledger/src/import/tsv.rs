//! Tables separated by tabs: karpathy's, uditgoenka's, SkyPilot's.

use serde_json::Map;
use sprag_judge::{Direction, Metrics, Status};

use super::Dialect;
use crate::{Config, Log, Mark, Record, Run, RunKind, RunStatus, UnixMs};

pub(super) fn detect<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<Dialect> {
    let header = lines.find(|line| !line.starts_with('#'))?;
    dialect_of(&names(header))
}

fn names(header: &str) -> Vec<String> {
    header.split('\t').map(|name| name.trim().to_ascii_lowercase().replace('_', "-")).collect()
}

/// By the header: the metric's own column may have any name.
fn dialect_of(names: &[String]) -> Option<Dialect> {
    let has = |name: &str| names.iter().any(|other| other == name);
    match names.first()?.as_str() {
        "commit" if has("status") && has("description") && names.len() >= 4 => Some(Dialect::Karpathy),
        "iteration" if has("metric") && has("status") => Some(Dialect::Uditgoenka),
        "experiment-id" if has("status") && names.len() >= 4 => Some(Dialect::SkyPilot),
        _ => None,
    }
}

/// The columns of one dialect, by position.
struct Columns {
    dialect: Dialect,
    names: Vec<String>,
    metric: usize,
}

impl Columns {
    fn of(dialect: Dialect, header: &str) -> Option<Self> {
        let names = names(header);
        if dialect_of(&names) != Some(dialect) {
            return None;
        }
        let metric = match dialect {
            Dialect::Uditgoenka => names.iter().position(|name| name == "metric")?,
            Dialect::SkyPilot => 2,
            _ => 1,
        };
        Some(Self { dialect, names, metric })
    }

    fn cell<'a>(&self, cells: &[&'a str], name: &str) -> &'a str {
        let at = self.names.iter().position(|other| other == name);
        at.and_then(|at| cells.get(at)).map(|cell| cell.trim()).unwrap_or_default()
    }

    fn run(&self, number: u64, line: &str) -> Result<Run, String> {
        // A description may hold tabs: it is the last column, and takes the rest.
        let cells: Vec<&str> = line.splitn(self.names.len(), '\t').collect();
        if cells.len() + 1 < self.names.len() || cells.len() <= self.metric {
            return Err(format!("{} columns instead of {}", cells.len(), self.names.len()));
        }
        let word = self.cell(&cells, "status");
        let (status, kind) = status(word, number);
        let metric = finite(cells[self.metric]).filter(|&metric| {
            metric != 0.0 || matches!(status.known(), Some(Status::Keep | Status::Discard))
        });
        let mut asi = Map::new();
        for name in ["guard", "experiment-id"] {
            let cell = self.cell(&cells, name);
            if !matches!(cell, "" | "-") {
                asi.insert(name.replace('-', "_"), cell.into());
            }
        }
        let number = match self.dialect {
            Dialect::Uditgoenka => self.cell(&cells, "iteration").parse().unwrap_or(number),
            _ => number,
        };
        Ok(Run {
            run: number,
            commit: Some(self.cell(&cells, "commit"))
                .filter(|&commit| commit != "-")
                .unwrap_or_default()
                .to_owned(),
            metric,
            metrics: self.metrics(&cells, status == Status::Crash),
            status,
            kind: Some(kind),
            description: self.cell(&cells, "description").to_owned(),
            timestamp: moment(self.cell(&cells, "timestamp")),
            asi,
            ..Run::default()
        })
    }

    /// The other numbers of the row. A crash has none: 0.0 stands for them.
    fn metrics(&self, cells: &[&str], crashed: bool) -> Metrics {
        ["memory-gb", "guard-metric"]
            .into_iter()
            .filter_map(|name| Some((name.replace('-', "_"), finite(self.cell(cells, name))?)))
            .filter(|(_, value)| !(crashed && *value == 0.0))
            .collect()
    }
}

/// The first row is the baseline, where a table does not say so itself.
fn status(word: &str, number: u64) -> (RunStatus, RunKind) {
    let status = match word.to_ascii_lowercase().as_str() {
        "baseline" => return (Status::Keep.into(), RunKind::Baseline),
        "keep" | "kept" => Status::Keep.into(),
        "discard" | "discarded" => Status::Discard.into(),
        // A later version's remark in brackets does not change what became of it.
        other if other.starts_with("keep ") => Status::Keep.into(),
        other => RunStatus::from(other),
    };
    let first = number == 1 && status == Status::Keep;
    (status, if first { RunKind::Baseline } else { RunKind::Experiment })
}

fn finite(cell: &str) -> Option<f64> {
    cell.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn moment(cell: &str) -> Option<UnixMs> {
    cell.parse::<jiff::Timestamp>().ok().map(|at| UnixMs(at.as_millisecond()))
}

pub(super) fn read(dialect: Dialect, bytes: &[u8]) -> Log {
    let text = String::from_utf8_lossy(bytes);
    let mut log = Log::default();
    let mut direction = None;
    let mut columns: Option<Columns> = None;
    let mut number = 0;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let at = index as u64 + 1;
        if line.trim().is_empty() {
            continue;
        }
        if let Some(remark) = line.strip_prefix('#') {
            direction = direction_of(remark).or(direction);
            continue;
        }
        let Some(columns) = &columns else {
            columns = Columns::of(dialect, line);
            if let Some(columns) = &columns {
                let entry = config(columns, direction).into();
                log.records.push(Record { line: at, entry, stamp: None, mark: Mark::Unverified });
            }
            continue;
        };
        match columns.run(number + 1, line) {
            Ok(run) => {
                number += 1;
                let entry = run.into();
                log.records.push(Record { line: at, entry, stamp: None, mark: Mark::Unverified });
            }
            Err(why) => log.note_bad(at, why),
        }
    }
    log.chain.unverified = log.records.len() as u64;
    log
}

fn direction_of(remark: &str) -> Option<Direction> {
    let (key, value) = remark.split_once(':')?;
    match (key.trim(), value.trim()) {
        ("metric_direction", way) if way.starts_with("lower") => Some(Direction::Lower),
        ("metric_direction", way) if way.starts_with("higher") => Some(Direction::Higher),
        _ => None,
    }
}

/// karpathy's and SkyPilot's metric is a loss: lower is better.
fn config(columns: &Columns, direction: Option<Direction>) -> Config {
    Config {
        name: format!("imported from {}", columns.dialect),
        metric_name: columns.names[columns.metric].replace('-', "_"),
        direction: direction.unwrap_or_default(),
        ..Config::default()
    }
}
