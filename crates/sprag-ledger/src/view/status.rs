//! The state of a session: `sprag status`.

use serde::Serialize;

use super::{
    BillView, MetricView, RedTeamView, RowView, SessionView, bill_view, change, count, duration, number,
    sanitize, table::not_understood,
};
use crate::{Final, Interval, Log, Point, StopEntry, Sum, Totals};
use sprag_judge::stop::StopRule;

/// The state of a session. As JSON: `sprag status --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusView {
    /// The version of this shape.
    pub v: u32,
    /// Which session.
    pub session: SessionView,
    /// The phase of the spec, from 1; `null` in other tools' logs.
    pub phase: Option<u32>,
    /// How many segments there are; the numbers below are of the last one.
    pub segments: usize,
    /// What is optimized.
    pub metric: MetricView,
    /// The baseline's value; `null` where unknown.
    pub baseline: Option<f64>,
    /// The best kept run; `null` where there is none.
    pub best: Option<Point>,
    /// Its change from the baseline as a fraction; `null`: unknown.
    pub delta: Option<f64>,
    /// The last run; `null` where there is none.
    pub last: Option<RowView>,
    /// Counts and sums over the whole session.
    pub totals: Totals,
    /// What it has cost, and what was got for it.
    pub bill: BillView,
    /// The measured result; `null` before the end.
    pub result: Option<Final>,
    /// Why it ended; `null` while it goes on.
    pub stop: Option<StopEntry>,
    /// The known cheats that were planted last, and what the harness said of them; left out where none were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redteam: Option<RedTeamView>,
    /// How many lines were not understood.
    pub bad_count: u64,
}

/// The state of a log's last session. `rules` are the stop rules in force now: they may change while a session lasts,
/// and are in no entry. Without any it has no budgets.
pub fn status_view(log: &Log, rules: &[StopRule]) -> StatusView {
    let session = log.session();
    let segments = session.segments();
    let segment = session.segment();
    let baseline = segment.baseline();
    let value = baseline.and_then(|run| run.metric);
    let best = segment.best();
    let last = segment.records.iter().rev().find_map(|record| {
        let run = record.entry.as_run()?;
        Some(RowView::of(run, record.mark, value, baseline.is_some_and(|base| std::ptr::eq(base, run))))
    });
    StatusView {
        v: 1,
        session: SessionView::of(&session),
        phase: segment.config.and_then(|config| config.phase),
        segments: segments.len(),
        metric: MetricView::of(&segment),
        baseline: value,
        best,
        delta: best.and_then(|best| segment.delta(best.metric)),
        last,
        totals: session.totals(),
        bill: bill_view(&session, rules),
        result: session.result().cloned(),
        stop: session.stop().cloned(),
        redteam: RedTeamView::of(&session),
        bad_count: log.bad_count,
    }
}

impl StatusView {
    /// In a few lines of plain text.
    pub fn to_text(&self) -> String {
        if self.segments == 0 {
            return "no session yet\n".to_owned();
        }
        let mut lines = vec![self.title()];
        lines.push(self.progress());
        lines.push(self.counts());
        lines.push(self.used());
        lines.push(self.bill.money());
        lines.extend(self.bill.bars());
        if let Some(last) = &self.last {
            let reason = last.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            let words = super::clip(&last.description, 80);
            lines.push(format!("last: run {} {}{reason} {words}", last.run, sanitize(&last.status)));
        }
        if let Some(result) = &self.result {
            lines.push(measured(result));
        }
        lines.extend(self.redteam.as_ref().map(RedTeamView::to_text));
        if let Some(stop) = &self.stop {
            lines.push(format!("stopped: {}", sanitize(&stop.detail)));
        }
        match self.session.chain {
            "broken" => {
                lines.push("the chain is broken: `sprag audit` names the first changed line".to_owned())
            }
            "unverified" => lines.push("unverified: another tool's log, without a chain".to_owned()),
            _ => {}
        }
        if self.bad_count > 0 {
            lines.push(not_understood(self.bad_count));
        }
        lines.retain(|line| !line.is_empty());
        lines.join("\n") + "\n"
    }

    fn title(&self) -> String {
        let phase = self.phase.map(|phase| format!(", phase {phase}")).unwrap_or_default();
        let grade = self.session.grade.map(|grade| format!("  {grade}")).unwrap_or_default();
        let name = match self.session.name.as_str() {
            "" => "unnamed".to_owned(),
            name => sanitize(name),
        };
        format!("{name}{phase}  {}{grade}", self.metric.to_text())
    }

    fn progress(&self) -> String {
        let value = |value: Option<f64>| value.map_or("unknown".to_owned(), number);
        let best = match (self.best, self.delta) {
            (Some(best), Some(delta)) => {
                format!("  best {} (run {}, {})", number(best.metric), best.run, change(delta))
            }
            (Some(best), None) => format!("  best {} (run {})", number(best.metric), best.run),
            (None, _) => String::new(),
        };
        format!("baseline {}{best}", value(self.baseline))
    }

    fn counts(&self) -> String {
        let totals = &self.totals;
        let parts = [
            (totals.keep, "kept"),
            (totals.discard, "discarded"),
            (totals.checks_failed, "failed checks"),
            (totals.crash, "crashed"),
            (totals.unknown, "of unknown status"),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        let detail = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        let row = match totals.consecutive_discards {
            0 | 1 => String::new(),
            n => format!("; {n} in a row without a keep"),
        };
        let s = if totals.experiments == 1 { "" } else { "s" };
        format!("{} experiment{s}{detail}{row}", totals.experiments)
    }

    /// Time and tokens.
    fn used(&self) -> String {
        let totals = &self.totals;
        let mut parts = Vec::new();
        if totals.seconds.total() > 0.0 {
            parts.push(duration(totals.seconds.total()));
        }
        parts.extend(sum(totals.input, |n| format!("{} tokens in", count(n)), "input tokens"));
        parts.extend(sum(totals.cached, |n| format!("{} cached", count(n)), "cached tokens"));
        parts.extend(sum(totals.output, |n| format!("{} out", count(n)), "output tokens"));
        // Most agents do not tell reasoning apart.
        let reasoning = Some(totals.reasoning).filter(|sum| sum.known > 0.0);
        parts.extend(
            reasoning.and_then(|sum_of| sum(sum_of, |n| format!("{} of it reasoning", count(n)), "")),
        );
        parts.extend(self.bill.tokens_each());
        parts.join("; ")
    }
}

/// A sum is a lower bound where some of its numbers are unknown, and says so.
fn sum(sum: Sum, text: impl Fn(f64) -> String, what: &str) -> Option<String> {
    match sum {
        Sum { known: 0.0, unknown: 0 } => None,
        Sum { known, unknown: 0 } => Some(text(known)),
        Sum { known: 0.0, .. } => Some(format!("{what} unknown")),
        Sum { known, unknown } => Some(format!("{} or more ({unknown} unknown)", text(known))),
    }
}

fn measured(result: &Final) -> String {
    let name = sanitize(&result.metric);
    let gain = |from: f64, to: f64, interval: Option<Interval>, demonstrated: bool| {
        let (from, to) = (number(from), number(to));
        if !demonstrated {
            return format!("no demonstrated gain ({name} {from} to {to})");
        }
        let interval = interval.map(|x| {
            // x is a log-ratio: positive is better, so the metric went by exp(−x) where lower is better.
            let ratio = |x: f64| change((-x * result.direction.sign()).exp() - 1.0);
            format!(", {} ({} to {})", ratio(x.effect), ratio(x.low), ratio(x.high))
        });
        format!("{name} {from} to {to}{}", interval.unwrap_or_default())
    };
    let told = gain(result.baseline, result.result, result.interval, result.demonstrated);
    let recorded = result.recorded.as_ref().map(|r| {
        format!("; with recorded timing: {}", gain(r.baseline, r.result, r.interval, r.demonstrated))
    });
    format!("result: {told}{}", recorded.unwrap_or_default())
}
