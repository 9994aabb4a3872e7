//! What the tools answer, in words for a model and the person who reads along.

use std::fmt::Write;

use sprag_contract::Contract;
use sprag_judge::Metrics;
use sprag_ledger::view::{number, sanitize};
use sprag_ledger::{Entry, Run};
use sprag_session::{Begun, Bench, Outcome, Session, SessionError, gates_of};

use crate::tools::{Claims, InitExperiment};

/// A value that a client rounded is the value.
const ROUNDING: f64 = 0.005;

/// An experiment that is open.
pub(crate) fn begun(begun: &Begun, how: &str) -> String {
    let mut text = format!("experiment {} {how}\nfolder: {}\n", begun.run, begun.copy.path());
    text.push_str("Edit the files there, and nowhere else; then call submit_experiment. The brief:\n\n");
    text.push_str(&begun.brief);
    text + &notices(begun)
}

/// The experiment after a verdict: its brief is the old one and the row that was just told.
pub(crate) fn next(begun: &Begun) -> String {
    format!(
        "experiment {} is open\nfolder: {}\nIt holds a fresh copy of the best code so far. `brief` has the table of all tries.{}",
        begun.run,
        begun.copy.path(),
        notices(begun)
    )
}

fn notices(begun: &Begun) -> String {
    begun.notices.iter().map(|notice| format!("\nnote: {notice}")).collect()
}

/// One measurement.
pub(crate) fn bench(bench: &Bench, incumbent: &Metrics) -> String {
    let mut text = String::new();
    for (name, value) in &bench.metrics {
        let best = incumbent.get(name).map(|best| format!(" (the best so far: {})", number(*best)));
        let _ = writeln!(text, "{name} {}{}", number(*value), best.unwrap_or_default());
    }
    for finding in &bench.findings {
        let _ = writeln!(text, "{}: {}", finding.reason, finding.detail);
    }
    for note in &bench.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !bench.findings.is_empty() && !bench.output.is_empty() {
        let _ = writeln!(text, "the end of what it printed:\n{}", bench.output);
    }
    text.push_str("Nothing was decided.");
    text
}

/// What became of what was handed in, and where the client was wrong about it.
pub(crate) fn verdict(session: &Session<'_>, outcome: &Outcome, claims: &Claims) -> String {
    let log = session.log();
    match outcome {
        Outcome::Row { run, .. } => {
            let row = log.runs().find(|row| row.run == *run);
            row.map_or_else(|| format!("run {run} is in the ledger\n"), |row| judged(session, row, claims))
        }
        Outcome::NoRow(word) => {
            let why = log.records.iter().rev().find_map(|record| match &record.entry {
                Entry::Event(event) if event.event.word() == word => Some(sanitize(&event.detail)),
                _ => None,
            });
            let said = claims.status.is_some() || claims.metric.is_some();
            let truth = if said { "What you said of it was not used: nothing was measured.\n" } else { "" };
            format!("no verdict: {word}: {}\n{truth}", why.unwrap_or_default())
        }
    }
}

fn judged(session: &Session<'_>, row: &Run, claims: &Claims) -> String {
    let reason = row.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let mut text = format!("run {}: {}{reason}\n{}\n", row.run, row.status.word(), sanitize(&row.detail));
    if let (Some(reason), Ok(segment)) = (row.reason, session.state().segment()) {
        let _ = writeln!(text, "gates: {}", gates_of(session.contract(), segment.phase, reason));
    }
    for caveat in &row.caveats {
        let _ = writeln!(text, "caveat: {}", sanitize(caveat));
    }
    for lie in differences(row, claims) {
        let _ = writeln!(text, "{lie}");
    }
    text
}

/// Where a client said something else than what was measured and decided, with the truth.
fn differences(row: &Run, claims: &Claims) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(said) = claims.metric {
        let differs = |is: f64| (said - is).abs() > ROUNDING * is.abs();
        match row.metric {
            Some(is) if differs(is) => {
                lines.push(format!("You said metric {}; measured was {}.", number(said), number(is)));
            }
            None => lines.push(format!("You said metric {}; none was measured.", number(said))),
            Some(_) => {}
        }
    }
    let decided = row.status.word();
    if let Some(said) = claims.status.as_deref().filter(|said| *said != decided) {
        lines.push(format!("You said status {}; decided was {decided}.", short(said)));
    }
    let is_recorded = |said: &&str| said.len() < 4 || !row.commit.starts_with(*said);
    if let Some(said) = claims.commit.as_deref().filter(is_recorded) {
        let commit: String = row.commit.chars().take(12).collect();
        lines.push(format!("You said commit {}; recorded is {commit}.", short(said)));
    }
    if !lines.is_empty() {
        lines.push("What was measured and decided is in the ledger; what you said is not.".to_owned());
    }
    lines
}

/// What the contract says about the primary metric.
pub(crate) fn contract(contract: &Contract) -> String {
    let primary = &contract.primary;
    let (name, unit, better) = (&primary.name, &primary.unit, primary.direction.word());
    format!("This repository's contract: {name} ({unit}), {better} is better.")
}

/// Whether a client named another metric than the contract's.
pub(crate) fn differs(init: &InitExperiment, contract: &Contract) -> bool {
    let primary = &contract.primary;
    init.metric_name != primary.name
        || init.metric_unit.as_ref().is_some_and(|unit| *unit != primary.unit)
        || init.direction.is_some_and(|direction| direction != primary.direction)
}

/// Why a session could not do what it was asked.
pub(crate) fn failed(error: &SessionError) -> String {
    match error {
        error if error.is_interruption() => {
            "cut: nothing was decided, and the ledger is whole; an open copy is as you left it".to_owned()
        }
        SessionError::Baseline { output, .. } if !output.is_empty() => {
            format!("{error}\nthe end of what it printed:\n{output}")
        }
        _ => error.to_string(),
    }
}

fn short(text: &str) -> String {
    sprag_ledger::view::clip(text, 40)
}

#[cfg(test)]
mod tests {
    use sprag_judge::Status;

    use super::*;

    fn row() -> Run {
        Run {
            run: 2,
            metric: Some(32.99),
            status: Status::Discard.into(),
            commit: "f00ba4c0ffee".to_owned(),
            ..Run::default()
        }
    }

    #[test]
    fn what_a_client_said_is_compared_and_only_differences_are_told() {
        let claims = |metric, status: &str, commit: &str| Claims {
            metric: Some(metric),
            status: Some(status.to_owned()),
            commit: Some(commit.to_owned()),
        };
        assert_eq!(differences(&row(), &claims(33.0, "discard", "f00ba4c")), Vec::<String>::new());
        assert_eq!(differences(&row(), &Claims::default()), Vec::<String>::new());
        assert_eq!(
            differences(&row(), &claims(0.0001, "keep\u{1b}[2J", "abc1234")),
            [
                "You said metric 0.0001; measured was 32.99.",
                "You said status keep\\u{1b}[2J; decided was discard.",
                "You said commit abc1234; recorded is f00ba4c0ffee.",
                "What was measured and decided is in the ledger; what you said is not.",
            ]
        );
        let unknown = Run { metric: None, ..row() };
        assert_eq!(
            differences(&unknown, &claims(1.0, "discard", "f00b"))[0],
            "You said metric 1; none was measured."
        );
        assert_eq!(differences(&row(), &claims(f64::NAN, "discard", "f00b")), Vec::<String>::new());
    }
}
