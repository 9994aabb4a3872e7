//! One run in full: `sprag show N`.

use serde::Serialize;
use serde_json::Value;
use sprag_judge::Evidence;
use sprag_judge::stop::Resource;

use super::{MetricView, RowView, SessionView, change, count, duration, number, sanitize};
use crate::{Hash, Price, Run, Session, Usage};

/// One run. As JSON: `sprag show N --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunView {
    /// The version of this shape.
    pub v: u32,
    /// Which session.
    pub session: SessionView,
    /// What is optimized.
    pub metric: MetricView,
    /// The baseline's value; `null` where unknown.
    pub baseline: Option<f64>,
    /// The run as in the table.
    pub row: RowView,
    /// The whole row, as the ledger has it, with its evidence; an unknown metric is `null`.
    pub run: Run,
    /// The line in the file, from 1.
    pub line: u64,
    /// The hash of the line; `null` without a chain.
    pub hash: Option<Hash>,
}

/// Run `number` of a session; `None` where there is none.
pub fn run_view(session: &Session<'_>, wanted: u64) -> Option<RunView> {
    let (segment, record) = session.run(wanted)?;
    let run = record.entry.as_run()?;
    let baseline = segment.baseline();
    let value = baseline.and_then(|run| run.metric);
    Some(RunView {
        v: 1,
        session: SessionView::of(session),
        metric: MetricView::of(&segment),
        baseline: value,
        row: RowView::of(run, record.mark, value, baseline.is_some_and(|base| std::ptr::eq(base, run))),
        run: run.clone(),
        line: record.line,
        hash: record.stamp.map(|stamp| stamp.hash),
    })
}

impl RunView {
    /// As lines of a label and its text, in plain text. Lines are not cut: what a run says is shown whole.
    pub fn to_text(&self) -> String {
        let mut lines = Lines::default();
        let run = &self.run;
        let reason = run.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        lines.0.push_str(&format!("run {}: {}{reason}\n", run.run, sanitize(run.status.word())));
        lines.add("what", &run.description);
        lines.add("why", &run.detail);
        lines.add(&self.metric.name, &self.metric_text());
        let others: Vec<String> =
            run.metrics.iter().map(|(name, value)| format!("{name} {}", number(*value))).collect();
        lines.add("metrics", &others.join(", "));
        match run.evidence.as_ref().map(|evidence| evidence.get()) {
            Some(Ok(evidence)) => lines.judged(&evidence),
            Some(Err(error)) => lines.add("judged", &format!("the evidence does not read: {error}")),
            None => {}
        }
        for caveat in &run.caveats {
            lines.add("caveat", caveat);
        }
        lines.add(
            "trees",
            &[run.tree.as_deref(), run.parent.as_deref()].map(|t| t.unwrap_or("?")).join(" after "),
        );
        lines.add("commit", &run.commit);
        lines.add("diff", run.diff.as_deref().unwrap_or_default());
        lines.add("output", run.output.as_deref().unwrap_or_default());
        lines.add("agent", run.agent.as_deref().unwrap_or_default());
        lines.add("cost", &cost(&run.usage));
        lines.add("time", &self.time_text());
        lines.add("when", &run.timestamp.map(|at| at.to_text()).unwrap_or_default());
        lines.add("grade", &run.grade.map(|grade| grade.to_string()).unwrap_or_default());
        let hash = self.hash.map(|hash| format!(", {hash}")).unwrap_or_default();
        lines.add("chain", &format!("{}, line {}{hash}", self.row.chain, self.line));
        for (key, value) in &run.asi {
            lines.add(
                key,
                &match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                },
            );
        }
        lines.0
    }

    fn metric_text(&self) -> String {
        let Some(metric) = self.run.metric else { return "unknown".to_owned() };
        let unit = if self.metric.unit.is_empty() { String::new() } else { format!(" {}", self.metric.unit) };
        let against = match (self.row.delta, self.baseline) {
            (Some(delta), Some(base)) => {
                format!(" ({} against the baseline's {})", change(delta), number(base))
            }
            _ => String::new(),
        };
        format!("{}{unit}{against}", number(metric))
    }

    fn time_text(&self) -> String {
        let seconds = &self.run.seconds;
        let parts = [
            ("propose", seconds.propose),
            ("build", seconds.build),
            ("measure", seconds.measure),
            ("check", seconds.check),
        ];
        let parts: Vec<String> =
            parts.iter().filter_map(|(name, part)| Some(format!("{name} {}", duration((*part)?)))).collect();
        parts.join(", ")
    }
}

fn cost(usage: &Usage) -> String {
    let tokens = [
        ("in", usage.input),
        ("out", usage.output),
        ("cached", usage.cached),
        ("reasoning", usage.reasoning),
    ];
    let mut parts: Vec<String> = usage.usd.map(|usd| Resource::Money.spell(usd)).into_iter().collect();
    parts.extend(tokens.iter().filter_map(|(name, n)| Some(format!("{} {name}", count((*n)? as f64)))));
    parts.join(", ") + &usage.price.as_ref().map(computed).unwrap_or_default()
}

/// That the dollars are Sprag's own arithmetic, and on what it rests.
fn computed(price: &Price) -> String {
    let Price { model, date, input, cached, output, .. } = price;
    let reasoning = price.reasoning.map(|each| format!(", ${each} reasoning")).unwrap_or_default();
    format!(
        "; the dollars are computed: {model} of {date}, a million tokens at ${input} in, ${cached} cached, ${output} out{reasoning}"
    )
}

/// Labels in a column of their own.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, label: &str, text: &str) {
        if text.is_empty() || text == "? after ?" {
            return;
        }
        let label = super::clip(label, 24);
        self.0.push_str(&format!("  {}  {}\n", super::safe::pad(&label, 9), sanitize(text)));
    }

    fn judged(&mut self, evidence: &Evidence) {
        let rule = &evidence.rule;
        let e =
            evidence.e.map(|e| format!(", E = {} (a keep needs {})", number(e), number(1.0 / rule.alpha)));
        self.add(
            "judged",
            &format!(
                "{} pairs{}, noise {:.1}%, looking for {:.1}%",
                evidence.pairs.len(),
                e.unwrap_or_default(),
                rule.scale * 100.0,
                rule.delta * 100.0,
            ),
        );
        for finding in &evidence.findings {
            self.add("finding", &format!("{}: {}", finding.reason, finding.detail));
        }
    }
}
