//! The table of runs: `sprag log`.

use serde::Serialize;
use sprag_judge::Reason;
use sprag_judge::stop::Resource;

use super::{
    MetricView, RedTeamView, SessionView, change, clip, mark_word, number,
    safe::{columns, pad, pad_left},
    sanitize,
};
use crate::{BadLine, Log, Mark, Run, RunKind, Segment, Session, Totals, UnixMs, Usage, log::relative};

/// The runs of one session. As JSON: `sprag log --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogView {
    /// The version of this shape.
    pub v: u32,
    /// Which session.
    pub session: SessionView,
    /// Its segments, in order.
    pub segments: Vec<SegmentView>,
    /// Counts and sums.
    pub totals: Totals,
    /// The known cheats that were planted last, and what the harness said of them; left out where none were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redteam: Option<RedTeamView>,
    /// Lines of the file that were not understood, with their numbers; the first thousand.
    pub bad_lines: Vec<BadLine>,
    /// How many lines were not understood.
    pub bad_count: u64,
}

/// The runs that can be compared with each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentView {
    /// From 0.
    pub index: usize,
    /// What another tool's segment is called; the session's name otherwise.
    pub name: String,
    /// The phase of the spec, from 1; `null` in other tools' logs.
    pub phase: Option<u32>,
    /// What is optimized.
    pub metric: MetricView,
    /// The baseline's value; `null` where unknown.
    pub baseline: Option<f64>,
    /// The number of the best kept run; `null` where there is none.
    pub best: Option<u64>,
    /// The runs, in order.
    pub runs: Vec<RowView>,
}

/// One run in the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowView {
    /// Its number.
    pub run: u64,
    /// `baseline`, `experiment`, `confirm`, `audit` or `other`.
    pub kind: RunKind,
    /// The primary metric; `null`: unknown.
    pub metric: Option<f64>,
    /// The change from the baseline as a fraction; `null`: unknown.
    pub delta: Option<f64>,
    /// The word in the log.
    pub status: String,
    /// The row of the verdict table; `null` in other tools' logs and for baselines.
    pub reason: Option<Reason>,
    /// One line by the proposer: data, not made safe for a terminal.
    pub description: String,
    /// What its proposal used; numbers that are left out are unknown.
    pub usage: Usage,
    /// The commit; empty where unknown.
    pub commit: String,
    /// When, in milliseconds since 1970; `null`: unknown.
    pub timestamp: Option<UnixMs>,
    /// `verified`, `unverified` or `broken`.
    pub chain: &'static str,
}

/// The table of a log's last session.
pub fn log_view(log: &Log) -> LogView {
    LogView::of(log, &log.session())
}

impl LogView {
    /// The table of one session of a log.
    pub fn of(log: &Log, session: &Session<'_>) -> Self {
        Self {
            v: 1,
            session: SessionView::of(session),
            segments: session.segments().iter().map(SegmentView::of).collect(),
            totals: session.totals(),
            redteam: RedTeamView::of(session),
            bad_lines: log.bad.clone(),
            bad_count: log.bad_count,
        }
    }

    /// As a table of at most `width` columns, in plain text. Descriptions take what is left of a line.
    pub fn to_text(&self, width: usize) -> String {
        let mut text = String::new();
        let several = self.segments.len() > 1;
        for segment in &self.segments {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&clip(&segment.title(several), width));
            text.push('\n');
            segment.table(width, &mut text);
        }
        if self.segments.is_empty() {
            text.push_str("no runs yet\n");
        }
        for note in self.notes() {
            text.push_str(&format!("{}\n", clip(&note, width)));
        }
        text
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.redteam.iter().map(RedTeamView::to_text).collect();
        if self.session.chain == "broken" {
            notes.push("The chain is broken: lines were changed. `sprag audit` names the first.".to_owned());
        }
        if self.bad_count > 0 {
            let lines: Vec<String> = self.bad_lines.iter().take(5).map(|bad| bad.line.to_string()).collect();
            let more = if self.bad_count > 5 { ", …" } else { "" };
            notes.push(format!("{}: {}{more}", not_understood(self.bad_count), lines.join(", ")));
        }
        notes
    }
}

impl SegmentView {
    fn of(segment: &Segment<'_>) -> Self {
        let baseline = segment.baseline();
        let value = baseline.and_then(|run| run.metric);
        let runs = segment
            .records
            .iter()
            .filter_map(|record| record.entry.as_run().map(|run| (run, record.mark)))
            .map(|(run, mark)| {
                let is_baseline = baseline.is_some_and(|base| std::ptr::eq(base, run));
                RowView::of(run, mark, value, is_baseline)
            })
            .collect();
        Self {
            index: segment.index,
            name: segment.config.map(|config| config.name.clone()).unwrap_or_default(),
            phase: segment.config.and_then(|config| config.phase),
            metric: MetricView::of(segment),
            baseline: value,
            best: segment.best().map(|best| best.run),
            runs,
        }
    }

    fn title(&self, several: bool) -> String {
        let part = match (several, self.phase) {
            (false, _) => String::new(),
            (true, Some(phase)) => format!("segment {}, phase {phase}: ", self.index + 1),
            (true, None) => format!("segment {}: ", self.index + 1),
        };
        let name = if self.name.is_empty() { String::new() } else { format!("{} · ", sanitize(&self.name)) };
        format!("{part}{name}{}", self.metric.to_text())
    }

    fn table(&self, width: usize, text: &mut String) {
        if self.runs.is_empty() {
            text.push_str("no runs yet\n");
            return;
        }
        let header = ["run", &self.metric.name, "change", "status", "reason", "cost", "description"]
            .map(|cell| clip(cell, 20));
        let rows: Vec<[String; 7]> = self.runs.iter().map(|run| run.cells(self.best)).collect();
        let mut widths = header.each_ref().map(|cell| columns(cell));
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(columns(cell));
            }
        }
        // A column that says nothing is left out.
        let says = |column: usize| rows.iter().any(|row| !row[column].is_empty());
        let (with_reason, with_cost) = (says(4), says(5));
        let optional = [(with_reason, widths[4]), (with_cost, widths[5])];
        let optional = optional.iter().filter(|(is_shown, _)| *is_shown).map(|(_, width)| width + 2);
        let used = widths[..4].iter().map(|w| w + 2).sum::<usize>() + optional.sum::<usize>();
        let left = width.saturating_sub(used).max(10);
        for row in std::iter::once(&header).chain(&rows) {
            let mut line = format!(
                "{}  {}  {}  {}  ",
                pad_left(&row[0], widths[0]),
                pad_left(&row[1], widths[1]),
                pad_left(&row[2], widths[2]),
                pad(&row[3], widths[3]),
            );
            if with_reason {
                line.push_str(&format!("{}  ", pad(&row[4], widths[4])));
            }
            if with_cost {
                line.push_str(&format!("{}  ", pad_left(&row[5], widths[5])));
            }
            line.push_str(&clip(&row[6], left));
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
}

impl RowView {
    pub(super) fn of(run: &Run, mark: Mark, baseline: Option<f64>, is_baseline: bool) -> Self {
        let kind = if is_baseline { RunKind::Baseline } else { run.kind.unwrap_or_default() };
        let delta = run.metric.zip(baseline).and_then(|(metric, base)| relative(metric, base));
        let mark = if run.source.is_some() && mark == Mark::Verified { Mark::Unverified } else { mark };
        Self {
            run: run.run,
            kind,
            metric: run.metric,
            delta: delta.filter(|_| !is_baseline),
            status: run.status.word().to_owned(),
            reason: run.reason,
            description: run.description.clone(),
            usage: run.usage.clone(),
            commit: run.commit.clone(),
            timestamp: run.timestamp,
            chain: mark_word(mark),
        }
    }

    fn cells(&self, best: Option<u64>) -> [String; 7] {
        let status = match self.status.as_str() {
            "" => "?".to_owned(),
            word => clip(word, 16),
        };
        let reason = match (self.reason, self.kind) {
            (Some(reason), _) => reason.to_string(),
            (None, RunKind::Baseline) => "baseline".to_owned(),
            (None, RunKind::Confirm) => "confirm".to_owned(),
            (None, RunKind::Audit) => "audit".to_owned(),
            (None, _) => String::new(),
        };
        let star = if best == Some(self.run) { "*" } else { "" };
        [
            format!("{star}{}", self.run),
            self.metric.map_or("?".to_owned(), number),
            self.delta.map_or(String::new(), change),
            status,
            reason,
            self.usage.usd.filter(|usd| *usd > 0.0).map_or(String::new(), |usd| Resource::Money.spell(usd)),
            self.description.clone(),
        ]
    }
}

/// That some lines of a file say nothing to us.
pub(crate) fn not_understood(count: u64) -> String {
    if count == 1 {
        "1 line was not understood".to_owned()
    } else {
        format!("{count} lines were not understood")
    }
}
