//! What was tried: a line or three for each try, in their order. Nothing in it changes later, and the oldest are dropped ten
//! at a time, so that it stays a beginning of the next one for as long as it can.

use serde_json::{Map, Value};
use sprag_ledger::{Entry, Event, EventKind, Run, RunKind, view};

use super::Sources;
use super::quote::{TEXT, quoted};
use crate::rule;

/// At least so many of the latest tries are in it, where they have room.
const TRIES: usize = 50;
/// So many are dropped at a time.
const STEP: usize = 10;
/// So many parts of the side information of a try are shown.
const SIDES: usize = 4;
/// And so many characters of the name of one.
const NAME: usize = 40;

/// The tries, in at most `most` bytes.
pub(super) fn of(sources: &Sources<'_>, most: usize) -> String {
    let all = tries(sources);
    let mut dropped = all.len().saturating_sub(TRIES) / STEP * STEP;
    loop {
        let text = text(&all, dropped.min(all.len()));
        if text.len() <= most || dropped >= all.len() {
            return text;
        }
        dropped += STEP;
    }
}

fn text(all: &[String], dropped: usize) -> String {
    let mut text = "\n## What was tried\n".to_owned();
    if all.is_empty() {
        text.push_str("Nothing yet.\n");
    }
    if dropped > 0 {
        text.push_str(&format!("(the oldest {dropped} tries are left out here)\n"));
    }
    all[dropped..].iter().for_each(|one| text.push_str(one));
    text
}

/// Each try as its lines.
fn tries(sources: &Sources<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for segment in sources.log.session().segments() {
        for record in segment.records {
            match &record.entry {
                Entry::Run(run) => all.push(row(run, &sources.contract.primary.name)),
                Entry::Event(event) => all.extend(without_row(event)),
                Entry::Phase(phase) => all.push(format!("-- phase {} begins --\n", phase.phase)),
                _ => {}
            }
        }
    }
    all
}

fn row(run: &Run, primary: &str) -> String {
    let value = run.metric.map_or("unknown".to_owned(), view::number);
    let reason = match (run.reason, run.kind) {
        (Some(reason), _) => format!(" ({reason})"),
        (None, Some(RunKind::Baseline)) => " (baseline)".to_owned(),
        (None, Some(RunKind::Audit)) => " (audit)".to_owned(),
        _ => String::new(),
    };
    let effect = effect(run).map(|effect| format!(", {effect}")).unwrap_or_default();
    let status = view::clip(run.status.word(), NAME);
    let mut text = format!(
        "{} {status}{reason}, {primary} {value}{effect}: {}\n",
        run.run,
        quoted(&run.description, TEXT)
    );
    if !run.detail.is_empty() {
        text.push_str(&format!("    {}\n", quoted(&run.detail, 2 * TEXT)));
    }
    text + &side_information(&run.asi)
}

/// How much better or worse than the best code of its time it was, in words. Of what it was judged by on the hidden cases
/// nothing is in it.
fn effect(run: &Run) -> Option<String> {
    let evidence = run.evidence.as_ref()?.get().ok()?;
    Some(evidence.rule.effect_scale().describe(rule::gain(&evidence)?))
}

/// What the proposer left for the next tries.
fn side_information(asi: &Map<String, Value>) -> String {
    // Ideas are told where they are kept.
    let parts = asi.iter().filter(|(key, _)| *key != "ideas").take(SIDES).map(|(key, value)| {
        let value = match value {
            Value::String(text) => quoted(text, TEXT),
            other => quoted(&other.to_string(), TEXT),
        };
        format!("    {}: {value}\n", view::clip(key, NAME))
    });
    parts.collect()
}

/// A try that came to no row, unless it was the host's or the model's failure.
fn without_row(event: &Event) -> Option<String> {
    let told = matches!(event.event, EventKind::NoEdit | EventKind::Duplicate | EventKind::Skipped);
    let said = event.data.get("description").and_then(Value::as_str).filter(|_| told)?;
    Some(format!("- {}: {} ({})\n", event.event.word(), quoted(said, TEXT), quoted(&event.detail, TEXT)))
}
