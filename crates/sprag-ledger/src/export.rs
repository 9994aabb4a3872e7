//! Logs for other programs: JSONL in pi's dialect, CSV for spreadsheets, karpathy's TSV.
//!
//! An export has no chain. Who wants to keep what can be verified copies the ledger's file.

use std::{collections::BTreeSet, io, io::Write};

use sprag_judge::Status;

use crate::{Run, Session, entry::encode, log::relative, view};

/// One JSON object a line, as pi's tools read it.
///
/// # Errors
/// Only what the writer says.
pub fn jsonl(session: &Session<'_>, out: &mut impl Write) -> io::Result<()> {
    for record in session.records {
        writeln!(out, "{}}}", encode(&record.entry).map_err(io::Error::other)?)?;
    }
    Ok(())
}

/// One run a line, with a column for each metric of the session, in the form of RFC 4180. Unknown numbers are empty.
/// Text that a spreadsheet would take for a formula gets an apostrophe before it.
///
/// # Errors
/// Only what the writer says.
pub fn csv(session: &Session<'_>, out: &mut impl Write) -> io::Result<()> {
    let names: BTreeSet<&str> =
        session.runs().flat_map(|run| run.metrics.keys().map(String::as_str)).collect();
    let fixed = [
        "segment",
        "run",
        "kind",
        "status",
        "reason",
        "metric_name",
        "metric",
        "change",
        "timestamp",
        "commit",
        "agent",
        "usd",
        "input_tokens",
        "output_tokens",
        "seconds",
        "description",
        "detail",
    ];
    let header: Vec<String> = fixed.into_iter().chain(names.iter().copied()).map(cell).collect();
    write!(out, "{}\r\n", header.join(","))?;
    for segment in session.segments() {
        let metric = segment.config.map(|config| config.metric_name.as_str()).unwrap_or_default();
        let baseline = segment.baseline();
        let value = baseline.and_then(|run| run.metric);
        for run in segment.runs() {
            let is_baseline = baseline.is_some_and(|base| std::ptr::eq(base, run));
            let change = run.metric.zip(value).and_then(|(metric, base)| relative(metric, base));
            let mut cells = vec![
                segment.index.to_string(),
                run.run.to_string(),
                if is_baseline { "baseline".to_owned() } else { word(&run.kind.unwrap_or_default()) },
                cell(run.status.word()),
                run.reason.map(|reason| reason.to_string()).unwrap_or_default(),
                cell(metric),
                number(run.metric),
                number(change),
                run.timestamp.map(|at| at.to_text()).unwrap_or_default(),
                cell(&run.commit),
                cell(run.agent.as_deref().unwrap_or_default()),
                number(run.usage.usd),
                run.usage.input.map(|n| n.to_string()).unwrap_or_default(),
                run.usage.output.map(|n| n.to_string()).unwrap_or_default(),
                if run.seconds.is_unknown() { String::new() } else { run.seconds.total().to_string() },
                cell(&run.description),
                cell(&run.detail),
            ];
            cells.extend(names.iter().map(|&name| number(run.metrics.get(name).copied())));
            write!(out, "{}\r\n", cells.join(","))?;
        }
    }
    Ok(())
}

/// karpathy's `results.tsv`: commit, metric, `memory_gb`, status, description. Its readers know `keep`, `discard` and
/// `crash`; failed checks are a `discard` there, and unknown numbers are zeros.
///
/// # Errors
/// Only what the writer says.
pub fn karpathy(session: &Session<'_>, out: &mut impl Write) -> io::Result<()> {
    let name = session.config().map_or("metric", |config| config.metric_name.as_str());
    writeln!(out, "commit\t{}\tmemory_gb\tstatus\tdescription", flat(name))?;
    for run in session.runs() {
        let status = match run.status.known() {
            Some(Status::Keep) => "keep",
            Some(Status::Crash) => "crash",
            Some(Status::Discard | Status::ChecksFailed) | None => "discard",
        };
        writeln!(
            out,
            "{}\t{:.6}\t{:.1}\t{status}\t{}",
            flat(&run.commit),
            run.metric.unwrap_or(0.0),
            memory_gb(run).unwrap_or(0.0),
            flat(&run.description),
        )?;
    }
    Ok(())
}

fn memory_gb(run: &Run) -> Option<f64> {
    let metric = |name: &str| run.metrics.get(name).copied();
    metric("memory_gb").or_else(|| metric("peak_rss_mb").map(|mb| mb / 1024.0))
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A text cell of a CSV file.
fn cell(text: &str) -> String {
    let risky = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if risky { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// A cell of a TSV file: no tabs, no line breaks.
fn flat(text: &str) -> String {
    view::sanitize(text)
}
