//! `sprag run`: the loop.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::IntoDiagnostic;
use sprag_contract::settings::AgentName;
use sprag_ledger::view::status_view;
use sprag_session::{Opening, Session, StartFrom};

use crate::failed::failed;
use crate::{needs, open, show, watch};

/// Run the loop: propose, measure, keep or discard, until a stop rule fires.
///
/// Goes on with the session of this repository where there is one. Every experiment is in the ledger as soon as it is
/// judged: after Ctrl-C, a crash or a power cut, the next `sprag run` goes on.
///
/// Example: sprag run --agent claude
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who proposes: claude, codex, pi, opencode, builtin, command:LINE, knobs, or playbook:DIR, a folder of patches. Without it: `use`
    /// in the settings' table `agent`.
    ///
    /// Given again, for several agents that take turns: `turns` in that table says when.
    #[arg(long, value_name = "NAME")]
    agent: Vec<String>,
    /// Start a new session; the old one stays readable.
    #[arg(long)]
    new: bool,
    /// Take uncommitted changes into the baseline of a new session.
    #[arg(long)]
    include_dirty: bool,
    /// Print at the end where the session stands, as `sprag status --json` does.
    #[arg(long)]
    json: bool,
}

/// What a person reads who names no proposer.
const NO_AGENT: &str = "\
error: nobody is named to propose changes
  sprag run --agent claude         a coding agent: claude, codex, pi or opencode; `sprag doctor` shows which are here
  sprag run --agent builtin        Sprag's own agent, with a key or a local model; `model` in the settings names it
  sprag run --agent command:LINE   any program that edits the folder it is started in, with the brief on standard input
  sprag run --agent knobs          turns the settings that the spec names under ## Knobs, without a model
  sprag run --agent playbook:DIR   plays a folder of patches; `sprag export --playbook DIR` writes one from a session
  sprag try                        judges what you changed in the working tree yourself
  sprag try --each A..B            judges each commit of a branch
";

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let named = args.agent.iter().map(|name| AgentName::parse(name));
    let named: Vec<AgentName> = named.collect::<Result<_, _>>().into_diagnostic()?;
    let named: Vec<AgentName> = named.into_iter().map(|name| beneath(dir, name)).collect();
    let project = open::project(dir)?;
    let contract = project.contract().into_diagnostic()?.clone();
    let root = project.root.clone();
    let names = if named.is_empty() {
        contract.settings.agent.names.iter().map(|name| beneath(&root, name.clone())).collect()
    } else {
        named
    };
    if names.is_empty() {
        show::aside(NO_AGENT);
        return Ok(ExitCode::from(2));
    }
    if names.contains(&AgentName::Builtin) {
        needs::of_builtin(&contract.settings)?;
    }
    let interrupt = watch::interrupt()?;
    let mut proposer = sprag_agent::open(&names, &contract, &root, &interrupt).into_diagnostic()?;
    let baseline = if args.include_dirty { StartFrom::Snapshot } else { StartFrom::CleanHead };
    let opening = Opening { fresh: args.new, baseline };
    let mut view = watch::view();
    let ended = Session::open(project, &opening, interrupt, &mut *view).and_then(|mut session| {
        session.suggest_red_team();
        session.run(&mut *proposer)?;
        Ok(args.json.then(|| status_view(session.log(), session.stop_rules())))
    });
    drop(view);
    match ended {
        Ok(status) => {
            status.map_or(Ok(()), |status| show::json(&status))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => failed(error),
    }
}

/// A playbook's folder is named from where the command works, and in the settings from the top of the repository.
fn beneath(dir: &Utf8Path, name: AgentName) -> AgentName {
    match name {
        AgentName::Playbook(path) => AgentName::Playbook(dir.join(path).into_string()),
        other => other,
    }
}
