//! `sprag check`: how the spec is understood.

mod look;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use camino::Utf8Path;
use serde_json::{Value, json};
use sprag_contract::{Compiled, Enforcement, State, report, report_as};

use crate::{open, show};

/// Show how each line of the spec is understood: enforced by what, covered by which other rule, or only advice; what
/// contradicts; what is missing for a session that can be trusted; and how it would be measured.
///
/// Exit code 3 where the spec is not ready.
///
/// Example: sprag check && sprag run --agent playbook:proposals
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Args {
    /// Print JSON; --help describes it.
    #[arg(long)]
    json: bool,
}

const JSON: &str = "\
JSON: one object
  ready        whether a session can start
  contract     the hash of the contract in phase 1, or null
  lines        [{line, text, standing: enforced|covered|advisory, why}], why being what enforces or covers it, or how
               to have it enforced
  diagnostics  [{severity: error|warning|note, message, file, line, column, help}]; line and column from 1, or null
  readiness    [{what, required, state: present|missing|unknown, detail, add}], add being lines for the spec, or null
  measuring    {sandbox, cpus, judge, budget}: sentences";

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let project = open::project(dir)?;
    let compiled = &project.compiled;
    if args.json {
        show::json(&as_json(compiled))?;
    } else if io::stdout().is_terminal() {
        let look = look::Terminal::new(show::coloured(), show::width());
        show::text(&report_as(compiled, &look))?;
    } else {
        show::text(&report(compiled))?;
    }
    Ok(if compiled.is_ready() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn as_json(compiled: &Compiled) -> Value {
    let lines = compiled.standing.iter().map(|line| {
        let (standing, why) = match &line.standing {
            Enforcement::Enforced { by } => ("enforced", by),
            Enforcement::Covered { by } => ("covered", by),
            Enforcement::Advisory { how } => ("advisory", how),
        };
        json!({ "line": line.line, "text": line.text, "standing": standing, "why": why })
    });
    let diagnostics = compiled.diagnostics.iter().map(|d| {
        let position = d.position();
        json!({
            "severity": d.severity.word(),
            "message": d.message,
            "file": d.source.name,
            "line": position.map(|p| p.line),
            "column": position.map(|p| p.column),
            "help": d.help,
        })
    });
    let readiness = compiled.readiness.requirements.iter().map(|r| {
        let (state, detail, add) = match &r.state {
            State::Present(how) => ("present", how.as_str(), None),
            State::Missing { why, add } => ("missing", *why, Some(add)),
            State::Unknown { why } => ("unknown", *why, None),
        };
        json!({ "what": r.what, "required": r.required, "state": state, "detail": detail, "add": add })
    });
    let measuring = &compiled.measuring;
    json!({
        "ready": compiled.is_ready(),
        "contract": compiled.contract.as_ref().map(|contract| contract.hash(1)),
        "lines": lines.collect::<Vec<_>>(),
        "diagnostics": diagnostics.collect::<Vec<_>>(),
        "readiness": readiness.collect::<Vec<_>>(),
        "measuring": { "sandbox": measuring.sandbox, "cpus": measuring.cpus, "judge": measuring.judge, "budget": measuring.budget },
    })
}
