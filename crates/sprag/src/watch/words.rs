//! The sentences that both views share. Whatever somebody else wrote is cleaned here, before it gets to a terminal.

use crate::show::clean;
use sprag_ledger::{Final, Interval, Run};
use sprag_session::Event;

/// How long a description may be in a line.
const DESCRIPTION: usize = 72;

/// A text from outside on one short line without control characters.
pub(crate) fn short(text: &str) -> String {
    let line = clean(text).replace('\n', " ");
    match line.char_indices().nth(DESCRIPTION) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// The line that stays for an event; `None` where it is only progress.
pub(crate) fn line(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Opened { name, session, runs, found } => {
            let state =
                if *runs == 0 { "new session".to_owned() } else { format!("goes on after run {runs}") };
            let found: String = found.iter().map(|what| format!("\n  {}", short_note(what))).collect();
            format!("{} · {state} · {session}{found}", short(name))
        }
        Event::Notice(text) => format!("  {}", short_note(text)),
        Event::Judged { run, verdict } => judged(run, &verdict.detail),
        Event::NoRow { word, description, why, .. } => {
            format!("   –  {word:<13} {}\n      {}", short(description), short_note(why))
        }
        Event::Parked { text } => format!("   –  {:<13} {}", "idea parked", short(text)),
        Event::Finished(result) => finished(result),
        Event::Stopped { why } => format!("stopped: {}", short_note(why)),
        Event::Calibrated(_)
        | Event::Stage { .. }
        | Event::Calibrating { .. }
        | Event::Pair { .. }
        | Event::Finishing { .. } => {
            return None;
        }
    })
}

/// A sentence of Sprag's own that may quote a candidate.
fn short_note(text: &str) -> String {
    clean(text).replace('\n', "\n      ")
}

fn judged(run: &Run, detail: &str) -> String {
    let metric = run.metric.map_or("unknown".to_owned(), |value| format!("{value:.2}"));
    let detail = clean(detail);
    let mut lines = detail.lines().filter(|line| !line.trim().is_empty());
    let mut told = lines.next().unwrap_or_default().to_owned();
    // Of what a command printed, the end says most: `sprag show` has more of it.
    if let Some(last) = lines.next_back() {
        told.push_str(&format!("\n        {}", last.trim()));
    }
    format!(
        "{:>4}  {:<13} {metric:>10}  {}\n      {told}",
        run.run,
        run.status.word(),
        short(&run.description)
    )
}

fn finished(result: &Final) -> String {
    let told = gain(&result.metric, [result.baseline, result.result], result.interval, result.demonstrated);
    let recorded = result.recorded.as_ref().map(|recorded| {
        let values = [recorded.baseline, recorded.result];
        let told = gain(&result.metric, values, recorded.interval, recorded.demonstrated);
        format!("\n      with recorded timing: {told}")
    });
    format!("{told}{}", recorded.unwrap_or_default())
}

fn gain(metric: &str, [a, b]: [f64; 2], interval: Option<Interval>, demonstrated: bool) -> String {
    let ratio = if b != 0.0 { format!(", {:.1} times", a / b) } else { String::new() };
    match interval {
        Some(interval) => {
            let [effect, low, high] = [interval.effect, interval.low, interval.high].map(f64::exp);
            let claim = if demonstrated { "" } else { "no demonstrated gain: " };
            format!(
                "{claim}{metric} {a:.2} → {b:.2}, {effect:.2} times better by fresh pairs (95 % interval {low:.2} to {high:.2})"
            )
        }
        None => format!("{metric} {a:.2} → {b:.2}{ratio}"),
    }
}
