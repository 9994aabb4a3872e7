//! What `sprag check` prints. Plain text by default; whoever has a terminal brings a [`Look`].

use std::fmt::Write;

use crate::{Compiled, Diagnostic, Enforcement, Readiness, Severity, State};

/// Longer lines of a spec are cut in the report.
const MAX_TEXT: usize = 100;

/// How good a word of the report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Enforced, present, ready.
    Good,
    /// Covered by something else, or unknown.
    Neutral,
    /// Advice only, or missing and not required.
    Weak,
    /// Missing and required, or not ready.
    Bad,
}

/// How a report looks.
pub trait Look {
    /// A word that states how something stands.
    fn word(&self, _tone: Tone, word: &str) -> String {
        word.to_owned()
    }

    /// A finding, ending in a line break.
    fn diagnostic(&self, diagnostic: &Diagnostic) -> String {
        report_diagnostic(diagnostic)
    }
}

/// Text without colours.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Look for Plain {}

/// The whole report: every line with its standing, the findings, what is missing, and how it would be measured.
pub fn report(compiled: &Compiled) -> String {
    report_as(compiled, &Plain)
}

/// The whole report as `look` shows it.
pub fn report_as(compiled: &Compiled, look: &dyn Look) -> String {
    let mut out = String::new();
    for line in &compiled.standing {
        let (tone, word, detail) = match &line.standing {
            Enforcement::Enforced { by } => (Tone::Good, "ENFORCED", format!("by {by}")),
            Enforcement::Covered { by } => (Tone::Neutral, "COVERED ", format!("by {by}")),
            Enforcement::Advisory { how } => (Tone::Weak, "ADVISORY", format!("to enforce it: {how}")),
        };
        let (word, text) = (look.word(tone, word), short(&line.text));
        let _ = writeln!(out, "{:>4}  {word}  {text}\n                {}", line.line, printable(&detail));
    }
    if !compiled.diagnostics.is_empty() {
        out.push('\n');
        for diagnostic in &compiled.diagnostics {
            out.push_str(&look.diagnostic(diagnostic));
        }
    }
    out.push('\n');
    readiness(&compiled.readiness, look, &mut out);
    if let Some(contract) = &compiled.contract {
        let measuring = &compiled.measuring;
        let _ = writeln!(
            out,
            "\n  sandbox {}\n  cpus    {}\n  judge   {}\n  budget  {}",
            measuring.sandbox, measuring.cpus, measuring.judge, measuring.budget
        );
        if compiled.is_ready() {
            let hash = contract.hash(1);
            let _ = writeln!(out, "\n{}: contract {}", look.word(Tone::Good, "ready"), short_hash(&hash));
            return out;
        }
    }
    let errors = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let missing = compiled.readiness.missing().filter(|requirement| requirement.required).count();
    let counts: Vec<String> =
        [(errors, "error", "errors"), (missing, "required part missing", "required parts missing")]
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
            .collect();
    let _ = writeln!(out, "\n{}: {}", look.word(Tone::Bad, "not ready"), counts.join(", "));
    out
}

/// One finding: `file:line:column: error: message`, and its help below.
pub fn report_diagnostic(diagnostic: &Diagnostic) -> String {
    let severity = diagnostic.severity.word();
    let place = match diagnostic.position() {
        Some(at) => format!("{}:{}:{}", diagnostic.source.name, at.line, at.column),
        None => diagnostic.source.name.clone(),
    };
    let mut out = format!("{place}: {severity}: {}\n", printable(&diagnostic.message));
    if let Some((span, label)) = &diagnostic.related {
        let at = diagnostic.source.position(span.start);
        let _ = writeln!(out, "    {}:{}: {label}", at.line, at.column);
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, "    help: {}", printable(help));
    }
    out
}

fn readiness(readiness: &Readiness, look: &dyn Look, out: &mut String) {
    for requirement in &readiness.requirements {
        let what = requirement.what;
        match &requirement.state {
            State::Present(detail) => {
                let _ = writeln!(out, "  {}  {what}: {}", look.word(Tone::Good, "yes"), short(detail));
            }
            State::Unknown { why } => {
                let _ = writeln!(out, "  {}  {what}: {why}", look.word(Tone::Neutral, "?  "));
            }
            State::Missing { why, add } => {
                let (tone, word) =
                    if requirement.required { (Tone::Bad, "NO ") } else { (Tone::Weak, "no ") };
                let _ = writeln!(out, "  {}  {what}: {why}", look.word(tone, word));
                for (at, line) in add.lines().enumerate() {
                    let _ = writeln!(out, "       {} {line}", if at == 0 { "add:" } else { "    " });
                }
            }
        }
    }
}

fn short_hash(hash: &str) -> &str {
    hash.get(..15).unwrap_or(hash)
}

fn short(text: &str) -> String {
    let text = printable(text);
    if text.chars().count() <= MAX_TEXT {
        return text;
    }
    text.chars().take(MAX_TEXT - 1).chain(['…']).collect()
}

/// A spec may hold escape sequences of a terminal: they are shown, not sent.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
