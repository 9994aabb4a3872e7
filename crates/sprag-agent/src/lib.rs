//! Proposers: whoever edits. A proposer gets a brief and a copy of the incumbent to edit; what it says about numbers,
//! verdicts or the harness has no weight. The change is read from the copy's bytes, never from its words.
//!
//! A new proposer is one file here that implements [`Proposer`], and one arm in `open_one`; where it takes no turns with
//! others, its name in [`open`] and among those of which `adapter_of` makes none. A coding agent is smaller still: a file in
//! `adapter/` that says how it is called and what its events mean, and one arm in `adapter_of`. How it is run is the same
//! for all (`runner.rs`).

mod adapter;
mod agent;
pub mod builtin;
mod failure;
mod history;
mod home;
mod knobs;
mod leak;
mod listener;
mod login;
mod playbook;
mod proposal;
mod report;
mod runner;
mod told;
mod turns;

pub use agent::{Answer, Keys, Known, known};
pub use failure::{Failure, FailureKind};
pub use history::{History, Past};
pub use knobs::{KnobError, Knobs};
pub use playbook::{Playbook, PlaybookError, Step};
pub use proposal::{Note, Proposal, ProposeError, Tells, Usage};

use std::time::Duration;

use adapter::{Adapter, Builtin, Claude, Codex, Command, OpenCode, Pi};
use agent::Agent;
use camino::Utf8Path;
use sprag_contract::Contract;
use sprag_contract::settings::{Agent as AgentSettings, AgentName, Settings};
use sprag_measure::{AgentSandbox, Interrupt};
use turns::Turns;

/// Blobs of the baseline, by git object id (full or abbreviated), for proposals that were made against it.
pub trait Blobs {
    /// The bytes of the blob whose id begins with `id`; `None` where the store does not hold it.
    fn blob(&self, id: &str) -> Option<Vec<u8>>;
}

/// What a proposer is given for one try.
pub struct Asked<'a> {
    /// What it is told.
    pub brief: &'a str,
    /// Where it goes on with a turn; `None` in a copy that nobody has worked in.
    pub goes_on: Option<GoesOn<'a>>,
    /// The copy of the incumbent that it edits.
    pub copy: &'a Utf8Path,
    /// A folder that is not there yet, for what it printed.
    pub out: &'a Utf8Path,
    /// What a coding agent is locked in; `None` where it has the rights of the person.
    pub sandbox: Option<&'a AgentSandbox>,
    /// Blobs, for proposals that were made elsewhere.
    pub blobs: &'a dyn Blobs,
    /// The US dollars that are left for this try and all later ones; `None`: there is no limit.
    pub usd_left: Option<f64>,
}

/// A turn that goes on, in the copy as it was left.
#[derive(Debug, Clone, Copy)]
pub struct GoesOn<'a> {
    /// The conversation, as [`Note::conversation`] names it; `None` where the agent has none: then it is told all anew.
    pub conversation: Option<&'a str>,
    /// What it is told.
    pub message: &'a str,
    /// What the ledger, or the try itself, counts of the conversation already.
    pub counted: &'a Usage,
}

/// What is left of a turn whose end was not seen, read from what the agent printed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cut {
    /// It came to a good end all the same: its copy can be judged.
    pub is_over: bool,
    /// What it said, and what it used; at least, where it is not over.
    pub note: Note,
    /// What it tells when the conversation has gone on counts this part, too.
    pub counts_later: bool,
}

/// Edits a copy of the incumbent, once a call.
pub trait Proposer {
    /// What rows say under `agent`, such as `playbook` or `claude 2.1`.
    fn name(&self) -> &str;

    /// What it tells of what a try has used; `None` where it asks no model.
    fn tells(&self) -> Option<Tells> {
        None
    }

    /// Told once before the first try: the ids of the proposals that the ledger already holds.
    fn resume(&mut self, done: &[String]);

    /// Told once before the first try: the ids of the ideas that were parked in an earlier phase, and may be tried now.
    fn given_back(&mut self, _ideas: &[String]) {}

    /// How many agents there are behind it; 0 where what it proposes depends on no brief.
    fn agents(&self) -> usize {
        0
    }

    /// The one with this name proposes from now on. Whether there is one, in whatever version.
    fn be(&mut self, name: &str) -> bool {
        is_same_agent(self.name(), name)
    }

    /// Who proposes after the one with this name, where several take turns.
    fn after(&self, _name: &str) -> Option<String> {
        None
    }

    /// The one whose turn it was cannot reach its model. Whether another one goes on in its place.
    ///
    /// # Errors
    /// Nobody can: the failure that a session waits for, or ends with.
    fn rest(&mut self, failure: Failure) -> Result<(), Failure> {
        Err(failure)
    }

    /// The turn that worked in `copy` is over: what was kept for it can go.
    fn forget(&mut self, _copy: &Utf8Path) {}

    /// What is left of a turn that printed to `out` and worked in `copy`, when nobody saw its end; `counted` is what its
    /// conversation had cost before. All that it started is
    /// dead.
    ///
    /// # Errors
    /// [`ProposeError`]: files that cannot be read or written.
    fn pick_up(&mut self, _out: &Utf8Path, _copy: &Utf8Path, _counted: &Usage) -> Result<Cut, ProposeError> {
        Ok(Cut::default())
    }
    /// Told before each try: what became of those before it.
    fn learn(&mut self, _history: &History<'_>) {}

    /// Makes one try by editing the files under `asked.copy`.
    ///
    /// # Errors
    /// [`ProposeError`] when the proposer itself failed. That is infrastructure, never a verdict on a candidate.
    fn propose(&mut self, asked: &Asked<'_>) -> Result<Proposal, ProposeError>;
}

/// Whether two names are those of one agent, in whatever versions.
fn is_same_agent(one: &str, other: &str) -> bool {
    let word = |name: &str| name.split(' ').next().map(str::to_owned);
    word(one) == word(other)
}

/// Opens the proposers that are named: one, or several that take turns, for the contract of the repository at `root`.
///
/// # Errors
/// [`ProposeError`] when one is not there, or cannot be read.
pub fn open(
    names: &[AgentName],
    contract: &Contract,
    root: &Utf8Path,
    interrupt: &Interrupt,
) -> Result<Box<dyn Proposer>, ProposeError> {
    if let [name] = names {
        return open_one(name, contract, root, interrupt);
    }
    if names.iter().any(|name| matches!(name, AgentName::Playbook(_) | AgentName::Knobs)) {
        return Err(ProposeError::PlaysAlone);
    }
    let agents = names.iter().map(|name| open_one(name, contract, root, interrupt));
    Ok(Box::new(Turns::of(agents.collect::<Result<_, _>>()?)))
}

fn open_one(
    name: &AgentName,
    contract: &Contract,
    root: &Utf8Path,
    interrupt: &Interrupt,
) -> Result<Box<dyn Proposer>, ProposeError> {
    let settings = &of_tier(&contract.settings);
    Ok(match name {
        AgentName::Playbook(dir) => Box::new(Playbook::open(Utf8Path::new(dir))?),
        AgentName::Knobs => Box::new(Knobs::open(&contract.knobs, root)?),
        agent => {
            let Some(adapter) = adapter_of(agent, settings) else { return Err(ProposeError::PlaysAlone) };
            let timeout = contract.settings.run.timeout.propose;
            Box::new(Agent::open(adapter, settings, timeout, interrupt)?)
        }
    })
}

/// Asks an agent for one word, as it would be asked for a change: by its own login, and in the sandbox. `None` for a
/// proposer that nobody can ask.
///
/// # Errors
/// [`ProposeError`]: it is not installed, or cannot be run.
pub fn ask(
    name: &AgentName,
    settings: &Settings,
    sandbox: Option<&AgentSandbox>,
    timeout: Duration,
    interrupt: &Interrupt,
) -> Result<Option<Answer>, ProposeError> {
    let settings = &of_tier(settings);
    let Some(adapter) = adapter_of(name, settings) else { return Ok(None) };
    let agent = Agent::open(adapter, settings, timeout, interrupt)?;
    agent.ask(sandbox).map(Some)
}

/// What `[agent]` means in the tier of the session.
fn of_tier(settings: &Settings) -> AgentSettings {
    settings.agent.clone().in_tier(settings.sandbox.tier)
}

/// How the named agent is called; `None` where it is no agent.
fn adapter_of(name: &AgentName, settings: &AgentSettings) -> Option<Box<dyn Adapter>> {
    Some(match name {
        AgentName::Playbook(_) | AgentName::Knobs => return None,
        AgentName::Claude => Box::new(Claude),
        AgentName::Codex => Box::new(Codex),
        AgentName::Pi => Box::new(Pi),
        AgentName::OpenCode => Box::new(OpenCode),
        AgentName::Builtin => Box::new(Builtin::new(settings)),
        AgentName::Command(line) => Box::new(Command::new(line, &settings.usage)),
    })
}
