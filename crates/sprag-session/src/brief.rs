//! What a proposer is told: made from the ledger without a model, the parts that never change first.

use std::fmt::Write;

use sprag_ledger::{Entry, Note, Run};

use crate::one_line::one_line;
use crate::session::Session;

/// How many rows of the table it gets.
const ROWS: usize = 50;
/// How many of the person's notes it gets, the latest.
const NOTES: usize = 20;
/// How long a text from the ledger may be in it.
const TEXT: usize = 200;

impl Session<'_> {
    /// The brief of the next try. `hook` is what the person's `before` hook printed.
    pub(crate) fn brief(&self, hook: &str) -> String {
        let mut brief = String::new();
        let contract = &self.contract;
        let primary = &contract.primary;
        let _ = writeln!(brief, "# {}\n\n{}\n", contract.name, contract.objective.trim());
        let better = primary.direction.word();
        let _ = writeln!(brief, "Primary metric: {} ({}, {better} is better).", primary.name, primary.unit);
        let _ = writeln!(brief, "In scope: {}", contract.scope.in_scope.join(", "));
        let _ = writeln!(brief, "Off limits: {}", contract.scope.off_limits.join(", "));
        if contract.settings.hidden_cases().is_some() {
            let _ = writeln!(
                brief,
                "Hidden: before a keep, cases are asked that are in no copy; only yes or no comes back."
            );
        }
        let now = self.state.segment().map_or(1, |segment| segment.phase);
        let phase = contract.phases.iter().filter(|phase| phase.number == now);
        for line in contract.advisory.iter().chain(phase.flat_map(|phase| &phase.advisory)) {
            let _ = writeln!(brief, "Asked: {}", quoted(line));
        }
        let _ = writeln!(brief, "\n## What was tried");
        let runs: Vec<&Run> = self.ledger.log().runs().collect();
        for run in &runs[runs.len().saturating_sub(ROWS)..] {
            let metric = run.metric.map_or("unknown".to_owned(), |value| format!("{value:.4}"));
            let _ =
                writeln!(brief, "{} {} {metric}: {}", run.run, run.status.word(), quoted(&run.description));
            if !run.detail.is_empty() {
                let _ = writeln!(brief, "    {}", quoted(&run.detail));
            }
        }
        let ideas = self.ideas_given_back();
        if !ideas.is_empty() {
            let _ = writeln!(brief, "\n## Ideas that this phase allows");
            for idea in ideas {
                let _ = writeln!(brief, "- {}", quoted(&idea.text));
            }
        }
        let notes = self.notes();
        if !notes.is_empty() {
            let _ = writeln!(brief, "\n## Notes of the person");
            for note in &notes[notes.len().saturating_sub(NOTES)..] {
                let _ = writeln!(brief, "{}", block(&note.text));
            }
        }
        if !hook.is_empty() {
            let _ = writeln!(brief, "\n## From the person's hook\n{}", block(hook));
        }
        brief
    }

    fn notes(&self) -> Vec<&Note> {
        let notes = self.ledger.log().records.iter().filter_map(|record| match &record.entry {
            Entry::Note(note) => Some(note),
            _ => None,
        });
        notes.collect()
    }
}

/// A person's own text, whole, set off from what is Sprag's. It was capped where it came in.
fn block(text: &str) -> String {
    let lines = text.lines().map(|line| format!("> {}", one_line(line, usize::MAX)).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// Text from outside, on one line, capped and in quotes: data, not instructions.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", one_line(text, TEXT).replace('"', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_log_is_one_quoted_line_and_text_of_the_person_is_a_block() {
        assert_eq!(quoted("faster\n## Stop \"now\""), "\"faster ## Stop 'now'\"");
        assert_eq!(quoted(&"x".repeat(1000)).len(), TEXT + 2);
        assert_eq!(
            block("leave the cache alone\n\n- it is shared\u{1b}[2J"),
            "> leave the cache alone\n>\n> - it is shared [2J"
        );
        let long = "x".repeat(8 << 10);
        assert_eq!(block(&long), format!("> {long}"));
    }
}
