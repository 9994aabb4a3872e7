//! The coding agents: which are here, whether they start in the sandbox, and whether one of them answers.

use std::process::ExitCode;
use std::time::Duration;

use camino::Utf8Path;
use miette::{IntoDiagnostic, miette};
use serde_json::json;
use sprag_agent::{Answer, Usage};
use sprag_contract::Settings;
use sprag_contract::settings::AgentName;
use sprag_measure::AgentSandbox;
use sprag_sandbox::Tier;
use sprag_session::{Project, sandbox_of_agents};

use super::Line;
use crate::{jail, needs, show, watch};

/// How long an agent may think about one word, at the most.
const PATIENCE: Duration = Duration::from_secs(300);

/// What agents are locked in here: as the settings say, or where there are none, as far as this machine can.
struct Place {
    settings: Settings,
    sandbox: Option<AgentSandbox>,
}

impl Place {
    fn of(dir: &Utf8Path) -> miette::Result<Self> {
        let project = Project::open(dir).ok().filter(|project| project.contract().is_ok());
        let mut settings = Settings::default();
        match project.as_ref().map(|project| project.contract()) {
            Some(contract) => settings = contract.into_diagnostic()?.settings.clone(),
            None => settings.sandbox.tier = jail::strongest()?,
        }
        let sandbox = sandbox_of_agents(&settings, project.as_ref()).into_diagnostic()?;
        Ok(Self { settings, sandbox })
    }
}

/// The coding agents that Sprag knows how to call, and whether each starts.
pub(super) fn lines(dir: &Utf8Path) -> impl Iterator<Item = Line> {
    // What a sandbox lacks has lines of its own.
    let sandbox = Place::of(dir).ok().and_then(|place| place.sandbox);
    let held = sandbox.is_some();
    sprag_agent::known(sandbox.as_ref()).into_iter().map(move |agent| match (agent.version, agent.shut_out) {
        (Some(version), None) if held => {
            Line::ok(agent.name, format!("{version}, a coding agent; it starts in the sandbox"))
        }
        (Some(version), None) => Line::ok(agent.name, format!("{version}, a coding agent")),
        (Some(version), Some(why)) => Line {
            what: agent.name,
            state: "missing",
            detail: format!("{version}, a coding agent that does not start in the sandbox: {why}"),
            lost: Some("`sprag run --agent` with this name, but in the tier none"),
            remedy: Some("name the folder that it is installed in under `[agent] read`".to_owned()),
        },
        (None, _) => Line {
            what: agent.name,
            state: "missing",
            detail: "a coding agent that does not start here".to_owned(),
            lost: Some("`sprag run --agent` with this name; any one agent is enough"),
            remedy: Some(agent.remedy.to_owned()),
        },
    })
}

/// Asks the named agent for one word.
pub(super) fn ask(dir: &Utf8Path, named: &str, as_json: bool) -> miette::Result<ExitCode> {
    let name = AgentName::parse(named).into_diagnostic()?;
    let Place { settings, sandbox } = Place::of(dir)?;
    if name == AgentName::Builtin {
        needs::of_builtin(&settings)?;
    }
    let interrupt = watch::interrupt()?;
    let patience = PATIENCE.min(settings.run.timeout.propose);
    let asked = sprag_agent::ask(&name, &settings, sandbox.as_ref(), patience, &interrupt);
    let answer = asked.into_diagnostic()?.ok_or_else(|| {
        miette!(
            "{named} asks no model, so there is nothing to ask: name claude, codex, pi, opencode, builtin or command:LINE"
        )
    })?;
    let tier = if sandbox.is_some() { settings.sandbox.tier } else { Tier::None };
    for host in sandbox.iter().flat_map(AgentSandbox::refused) {
        show::aside(&format!("it asked for {host}, which `[agent] network` does not name\n"));
    }
    match as_json {
        true => show::json(&machine(&answer, tier))?,
        false => show::text(&text(&answer, tier))?,
    }
    Ok(if answer.failure.is_none() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn machine(answer: &Answer, tier: Tier) -> serde_json::Value {
    let failure = answer.failure.as_ref();
    json!({
        "agent": answer.agent,
        "tier": tier,
        "answer": failure.is_none().then_some(&answer.words),
        "failure": failure.map(|failure| failure.kind.word()),
        "said": failure.map(|failure| &failure.said),
        "usage": answer.usage,
    })
}

fn text(answer: &Answer, tier: Tier) -> String {
    let place = match tier {
        Tier::None => "with your rights: [sandbox] tier is none".to_owned(),
        tier => format!("in the sandbox, tier {tier}"),
    };
    let (state, said) = match &answer.failure {
        None => ("ok", format!("it answered {place}: {}", answer.words)),
        Some(failure) => ("failed", format!("asked {place}: {failure}")),
    };
    let said = show::clean(&said);
    format!("{state:<8} {:<14} {said}\n{:24}used: {}\n", show::clean(&answer.agent), "", used(&answer.usage))
}

fn used(usage: &Usage) -> String {
    let tokens = [
        ("input", usage.input),
        ("cached", usage.cached),
        ("output", usage.output),
        ("reasoning", usage.reasoning),
    ];
    let known = tokens.iter().filter_map(|(name, count)| Some(format!("{} {name}", (*count)?)));
    let parts: Vec<String> = known.chain(usage.usd.map(|usd| format!("{usd:.4} USD"))).collect();
    if parts.is_empty() { "unknown".to_owned() } else { parts.join(", ") }
}
