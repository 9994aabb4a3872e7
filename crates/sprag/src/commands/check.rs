//! `sprag check`: how the spec is understood.

use std::process::ExitCode;

use camino::Utf8Path;
use serde_json::json;
use sprag_contract::{Enforcement, State, report};

use crate::{open, show};

/// Show how each line of the spec is understood: enforced by what, covered by which other rule, or only advice; what
/// contradicts; and what is missing for a session that can be trusted.
///
/// Exit code 3 where the spec is not ready.
///
/// Example: sprag check && sprag run --agent playbook:proposals
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let project = open::project(dir)?;
    let compiled = &project.compiled;
    if args.json {
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
                "severity": format!("{:?}", d.severity).to_lowercase(),
                "message": d.message,
                "file": d.source.name,
                "line": position.map(|p| p.line),
                "column": position.map(|p| p.column),
                "help": d.help,
            })
        });
        let readiness = compiled.readiness.requirements.iter().map(|r| {
            let (present, how) = match &r.state {
                State::Present(how) => (true, how.clone()),
                State::Missing { add, .. } => (false, add.clone()),
                State::Unknown { .. } => (false, "unknown".to_owned()),
            };
            json!({ "what": r.what, "required": r.required, "present": present, "how": how })
        });
        show::json(&json!({
            "ready": compiled.is_ready(),
            "lines": lines.collect::<Vec<_>>(),
            "diagnostics": diagnostics.collect::<Vec<_>>(),
            "readiness": readiness.collect::<Vec<_>>(),
        }))?;
    } else {
        show::text(&report(compiled))?;
    }
    Ok(if compiled.is_ready() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
