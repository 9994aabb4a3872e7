//! What `sprag check` prints: plain text, without colours.

use std::fmt::Write;

use crate::{Compiled, Diagnostic, Enforcement, Readiness, Severity, State};

/// Longer lines of a spec are cut in the report.
const MAX_TEXT: usize = 100;

/// The whole report: every line with its standing, the findings, and what is missing.
pub fn report(compiled: &Compiled) -> String {
    let mut out = String::new();
    for line in &compiled.standing {
        let (word, detail) = match &line.standing {
            Enforcement::Enforced { by } => ("ENFORCED", format!("by {by}")),
            Enforcement::Covered { by } => ("COVERED ", format!("by {by}")),
            Enforcement::Advisory { how } => ("ADVISORY", format!("to enforce it: {how}")),
        };
        let _ = writeln!(out, "{:>4}  {word}  {}\n                {detail}", line.line, short(&line.text));
    }
    if !compiled.diagnostics.is_empty() {
        out.push('\n');
        for diagnostic in &compiled.diagnostics {
            out.push_str(&report_diagnostic(diagnostic));
        }
    }
    out.push('\n');
    readiness(&compiled.readiness, &mut out);
    let verdict = match (&compiled.contract, compiled.is_ready()) {
        (Some(contract), true) => format!("ready: contract {}", short_hash(&contract.hash(1))),
        _ => match compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).count() {
            0 => "not ready".to_owned(),
            1 => "not ready: 1 error".to_owned(),
            n => format!("not ready: {n} errors"),
        },
    };
    let _ = writeln!(out, "\n{verdict}");
    out
}

/// One finding: `file:line:column: error: message`, and its help below.
pub fn report_diagnostic(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
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

fn readiness(readiness: &Readiness, out: &mut String) {
    for requirement in &readiness.requirements {
        match &requirement.state {
            State::Present(detail) => {
                let _ = writeln!(out, "  yes  {}: {}", requirement.what, short(detail));
            }
            State::Unknown { why } => {
                let _ = writeln!(out, "  ?    {}: {why}", requirement.what);
            }
            State::Missing { why, add } => {
                let word = if requirement.required { "NO " } else { "no " };
                let _ = writeln!(out, "  {word}  {}: {why}", requirement.what);
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
