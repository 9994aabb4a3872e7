//! What a proposer is told: made from the ledger without a model, the parts that never change first.

use std::fmt::Write;

use sprag_ledger::Run;

use crate::session::Session;

/// How many rows of the table it gets.
const ROWS: usize = 50;
/// How long a text from the ledger may be in it.
const TEXT: usize = 200;

impl Session<'_> {
    /// The brief of the next try. `hook` is what the person's `before` hook printed.
    pub fn brief(&self, hook: &str) -> String {
        let mut brief = String::new();
        let contract = &self.contract;
        let primary = &contract.primary;
        let _ = writeln!(brief, "# {}\n\n{}\n", contract.name, contract.objective.trim());
        let better = if primary.direction == sprag_judge::Direction::Lower { "lower" } else { "higher" };
        let _ = writeln!(brief, "Primary metric: {} ({}, {better} is better).", primary.name, primary.unit);
        let _ = writeln!(brief, "In scope: {}", contract.scope.in_scope.join(", "));
        let _ = writeln!(brief, "Off limits: {}", contract.scope.off_limits.join(", "));
        for line in &contract.advisory {
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
        if !hook.is_empty() {
            let _ = writeln!(brief, "\n## From the person's hook\n{}", quoted(hook));
        }
        brief
    }
}

/// Text from outside, on one line, capped and in quotes: data, not instructions.
fn quoted(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT).collect();
    format!("\"{}\"", line.replace('"', "'"))
}
