//! Proposers: whoever edits. A proposer gets a brief and a copy of the incumbent to edit; what it says about numbers,
//! verdicts or the harness has no weight. The change is read from the copy's bytes, never from its words.
//!
//! A new proposer is one file here that implements [`Proposer`], and one line in [`open`]. A coding agent is smaller still:
//! a file in `adapter/` that says how it is called and what its events mean. How it is run is the same for all
//! (`runner.rs`).

mod adapter;
mod agent;
mod failure;
mod listener;
mod playbook;
mod proposal;
mod report;
mod runner;
mod told;

pub use agent::{Known, known};
pub use failure::{Failure, FailureKind};
pub use playbook::{Playbook, PlaybookError, Step};
pub use proposal::{Note, Proposal, ProposeError, Tells, Usage};

use std::time::Duration;

use adapter::{Adapter, Claude, Codex, Command, OpenCode, Pi};
use agent::Agent;
use camino::Utf8Path;
use sprag_contract::settings::{Agent as Settings, AgentName};
use sprag_measure::Interrupt;

/// Blobs of the baseline, by git object id (full or abbreviated), for proposals that were made against it.
pub trait Blobs {
    /// The bytes of the blob whose id begins with `id`; `None` where the store does not hold it.
    fn blob(&self, id: &str) -> Option<Vec<u8>>;
}

/// What a proposer is given for one try.
pub struct Asked<'a> {
    /// What it is told.
    pub brief: &'a str,
    /// The copy of the incumbent that it edits.
    pub copy: &'a Utf8Path,
    /// A folder that is not there yet, for what it printed.
    pub out: &'a Utf8Path,
    /// Blobs, for proposals that were made elsewhere.
    pub blobs: &'a dyn Blobs,
    /// The US dollars that are left for this try and all later ones; `None`: there is no limit.
    pub usd_left: Option<f64>,
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

    /// Makes one try by editing the files under `asked.copy`.
    ///
    /// # Errors
    /// [`ProposeError`] when the proposer itself failed. That is infrastructure, never a verdict on a candidate.
    fn propose(&mut self, asked: &Asked<'_>) -> Result<Proposal, ProposeError>;
}

/// Opens the proposer that is named. `timeout` is that of one try.
///
/// # Errors
/// [`ProposeError`] when it is not there, or cannot be read.
pub fn open(
    name: &AgentName,
    settings: &Settings,
    timeout: Duration,
    interrupt: &Interrupt,
) -> Result<Box<dyn Proposer>, ProposeError> {
    let adapter: Box<dyn Adapter> = match name {
        AgentName::Playbook(dir) => return Ok(Box::new(Playbook::open(Utf8Path::new(dir))?)),
        AgentName::Claude => Box::new(Claude),
        AgentName::Codex => Box::new(Codex),
        AgentName::Pi => Box::new(Pi),
        AgentName::OpenCode => Box::new(OpenCode),
        AgentName::Command(line) => Box::new(Command::new(line, &settings.usage)),
    };
    Ok(Box::new(Agent::open(adapter, settings, timeout, interrupt)?))
}
