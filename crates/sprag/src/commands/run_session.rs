//! `sprag run`: the loop.

use std::process::ExitCode;

use camino::Utf8Path;
use miette::IntoDiagnostic;
use sprag_contract::settings::AgentName;
use sprag_ledger::view::status_view;
use sprag_session::{Opening, Session, StartFrom};

use crate::failed::failed;
use crate::{open, show, watch};

/// Run the loop: propose, measure, keep or discard, until a stop rule fires.
///
/// Goes on with the session of this repository where there is one. Every experiment is in the ledger as soon as it is
/// judged: after Ctrl-C, a crash or a power cut, the next `sprag run` goes on.
///
/// Example: sprag run --agent claude
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who proposes: claude, codex, pi, opencode, command:LINE, or playbook:DIR, a folder of patches. Without it: `use`
    /// in the settings' table `agent`.
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
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
  sprag run --agent command:LINE   any program that edits the folder it is started in, with the brief on standard input
  sprag run --agent playbook:DIR   plays a folder of patches; `sprag export --playbook DIR` writes one from a session
  sprag try                        judges what you changed in the working tree yourself
  sprag try --each A..B            judges each commit of a branch
";

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let named = args.agent.as_deref().map(AgentName::parse).transpose().into_diagnostic()?;
    let named = named.map(|name| beneath(dir, name));
    let project = open::project(dir)?;
    let settings = project.contract().into_diagnostic()?.settings.clone();
    let root = project.root.clone();
    let Some(name) = named.or_else(|| settings.agent.name.clone().map(|name| beneath(&root, name))) else {
        show::aside(NO_AGENT);
        return Ok(ExitCode::from(2));
    };
    let interrupt = watch::interrupt()?;
    let timeout = settings.run.timeout.propose;
    let mut proposer = sprag_agent::open(&name, &settings.agent, timeout, &interrupt).into_diagnostic()?;
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
