//! The loop: propose, judge, record, until a stop rule fires, the proposer has nothing left, or somebody asks.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use sprag_agent::{Blobs, Failure, Note, Proposal, ProposeError, Proposer, Usage};
use sprag_contract::settings::format_duration;
use sprag_judge::Reason;
use sprag_judge::stop::first_to_fire;
use sprag_ledger::{EventKind, Seconds};
use sprag_measure::{AgentSandbox, Role};
use sprag_workspace::{AgentCopy, Store, TreeId};

use crate::SessionError;
use crate::coin::Seed;
use crate::events::Outcome;
use crate::finish::KEEPS_BETWEEN_AUDITS;
use crate::guest::HANDED_OUT;
use crate::home::{Home, Request};
use crate::hooks::Moment;
use crate::lab::{is_transient, without_hidden};
use crate::open::parse_tree;
use crate::session::Session;
use crate::stall::STALLED;
use crate::tier;
use crate::turn::Taken;

/// How often it is looked whether somebody asks, during a wait.
const LOOK: Duration = Duration::from_millis(200);
/// So many tries in a row without a row end the session.
const IDLE_LIMIT: u32 = 10;

/// How the loop ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The session is over: a stop rule, `sprag stop`, or nothing left to try.
    Done,
    /// `sprag pause`: the next `run` goes on.
    Paused,
}

/// Blobs of the baseline and of everything else in the store, for a playbook's three-way merges.
pub(crate) struct StoreBlobs<'a>(pub(crate) &'a Store);

impl Blobs for StoreBlobs<'_> {
    fn blob(&self, id: &str) -> Option<Vec<u8>> {
        self.0.blob_by_prefix(id).ok().flatten()
    }
}

impl Session<'_> {
    /// Runs the loop with `proposer` until something ends it.
    ///
    /// # Errors
    /// [`SessionError`]; everything finished is in the ledger.
    pub fn run(&mut self, proposer: &mut dyn Proposer) -> Result<Ending, SessionError> {
        self.agent_sandbox = self.sandbox_of(proposer)?.map(Arc::new);
        self.calibrate()?;
        self.settle_turn(proposer)?;
        let given_back = self.proposals_given_back();
        let done: Vec<String> =
            self.state.proposals.iter().filter(|id| !given_back.contains(*id)).cloned().collect();
        proposer.resume(&done);
        proposer.given_back(&given_back);
        let mut warned = BTreeSet::new();
        // How often in a row the proposer could not reach its model.
        let mut unavailable = 0;
        loop {
            self.interrupt.check()?;
            self.warn_of_limits(proposer, &mut warned);
            self.take_notes()?;
            match self.home.asked() {
                Some(Request::Pause) => {
                    self.notice("paused; `sprag run` goes on from here");
                    return Ok(Ending::Paused);
                }
                Some(Request::Stop) => {
                    self.finish("asked", "a person asked to stop")?;
                    return Ok(Ending::Done);
                }
                None => {}
            }
            if let Some(message) = first_to_fire(&self.contract.stop, &self.state.progress) {
                self.finish("rule", &message)?;
                return Ok(Ending::Done);
            }
            if self.state.idle >= IDLE_LIMIT {
                let why = format!("{IDLE_LIMIT} tries in a row came to nothing; the last events say why");
                self.finish("failed", &why)?;
                return Err(SessionError::GaveUp { what: why });
            }
            if self.is_stuck(proposer)? {
                self.finish(STALLED, "nothing was kept for a while, and nothing else is left to start from")?;
                return Ok(Ending::Done);
            }
            let tried = self.one_try(proposer);
            if tried.as_ref().is_err_and(SessionError::is_interruption) {
                // Whoever looks now should see what it has cost.
                self.settle_turn(proposer)?;
            }
            match tried? {
                Try::Made => unavailable = 0,
                Try::Exhausted => {
                    self.finish("exhausted", "the proposer has nothing more to try")?;
                    return Ok(Ending::Done);
                }
                Try::Unavailable { agent, failure } => {
                    self.go_on_without(proposer, &agent, failure, &mut unavailable)?;
                }
            }
        }
    }

    /// What a proposer that is a program is locked in; where it is not, that is said.
    fn sandbox_of(&mut self, proposer: &dyn Proposer) -> Result<Option<AgentSandbox>, SessionError> {
        if proposer.agents() == 0 {
            return Ok(None);
        }
        let settings = &self.contract.settings;
        let sandbox = tier::held_agents(settings, self.found.as_ref(), Some(&self.project))?;
        if sandbox.is_none() {
            let name = proposer.name().to_owned();
            self.notice(&format!("{name} runs with your rights: [sandbox] tier is none"));
        }
        Ok(sandbox)
    }

    fn one_try(&mut self, proposer: &mut dyn Proposer) -> Result<Try, SessionError> {
        self.profile()?;
        proposer.learn(&self.history());
        let Taken { copy, agent, seconds: propose, answer, .. } = self.take_turn(proposer)?;
        let seconds = Seconds { propose, ..Seconds::default() };
        let outcome = match answer {
            Ok(Proposal::Exhausted) => return Ok(Try::Exhausted),
            Ok(Proposal::Edit(note)) => self.judge(copy.path(), note, &agent, propose)?,
            Ok(Proposal::Idea(note)) => {
                self.park(&note)?;
                Outcome::NoRow("idea".to_owned())
            }
            Ok(Proposal::Skipped { note, why }) => {
                self.no_row(EventKind::Skipped, &note, &agent, &why, None, seconds)?
            }
            Err(ProposeError::Apply { id, why }) => {
                let usage = Usage::FREE;
                let note = Note { description: id.clone(), id: Some(id), usage, ..Note::default() };
                self.no_row(EventKind::Skipped, &note, &agent, &why, None, Seconds::default())?
            }
            Err(ProposeError::Unavailable { agent, failure, note }) => {
                self.no_row(EventKind::Infrastructure, &note, &agent, &failure.to_string(), None, seconds)?;
                proposer.forget(copy.path());
                copy.remove()?;
                return Ok(Try::Unavailable { agent, failure });
            }
            Err(error) => return Err(error.into()),
        };
        self.forget_turn()?;
        proposer.forget(copy.path());
        copy.remove()?;
        self.follow_up(&outcome)?;
        Ok(Try::Made)
    }

    /// What follows a row: the person's hook, and now and then an audit of what the keeps have claimed.
    pub(crate) fn follow_up(&mut self, outcome: &Outcome) -> Result<(), SessionError> {
        let Outcome::Row { reason, .. } = outcome else { return Ok(()) };
        self.hook(Moment::After)?;
        if *reason == Reason::Improved && self.state.keeps.len().is_multiple_of(KEEPS_BETWEEN_AUDITS) {
            self.audit_ratchet()?;
        }
        Ok(())
    }

    /// Another one goes on in the place of a proposer that could not reach its model; where there is none, it is waited.
    fn go_on_without(
        &mut self,
        proposer: &mut dyn Proposer,
        agent: &str,
        failure: Failure,
        nth: &mut usize,
    ) -> Result<(), SessionError> {
        match proposer.rest(failure) {
            Ok(()) => {
                self.notice(&format!("{agent} rests; {} goes on", proposer.name()));
                Ok(())
            }
            Err(failure) => {
                self.back_off(agent, &failure, *nth)?;
                *nth += 1;
                Ok(())
            }
        }
    }

    /// Waits after the proposer could not reach its model, for the `nth` time in a row; where waiting does not help, or
    /// has been tried, the session ends. Nothing of this is a verdict.
    fn back_off(&mut self, agent: &str, failure: &Failure, nth: usize) -> Result<(), SessionError> {
        let wait = self.contract.settings.agent.retry.get(nth).filter(|_| failure.kind.passes());
        let Some(&wait) = wait else {
            let what = format!("{agent}: {failure}");
            self.finish("failed", &what)?;
            return Err(SessionError::GaveUp { what });
        };
        self.notice(&format!("{agent} is asked again in {}", format_duration(wait)));
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.interrupt.check()?;
            if self.home.asked().is_some() {
                break;
            }
            thread::sleep(left.min(LOOK));
        }
        Ok(())
    }

    /// One experiment. Where the host fails again and again under it, that is an event and no verdict, and the loop
    /// goes on: a candidate that brings its neighbour down must not end the session.
    pub(crate) fn judge(
        &mut self,
        copy: &Utf8Path,
        note: Note,
        agent: &str,
        propose: Option<f64>,
    ) -> Result<Outcome, SessionError> {
        match self.experiment(copy, note.clone(), agent, propose) {
            Err(error) if is_transient(&error) => {
                let seconds = Seconds { propose, ..Seconds::default() };
                self.no_row(EventKind::Infrastructure, &note, agent, &error.to_string(), None, seconds)
            }
            other => other,
        }
    }

    /// A fresh copy of the incumbent for a proposer.
    pub(crate) fn fresh_copy(&self) -> Result<AgentCopy, SessionError> {
        self.copy_of(&parse_tree(&self.state.segment().map_err(SessionError::Refused)?.incumbent.tree)?)
    }

    /// A fresh copy of the session's original baseline, for edits that were made against it.
    ///
    /// # Errors
    /// [`SessionError`] when it cannot be made.
    pub fn baseline_copy(&self) -> Result<AgentCopy, SessionError> {
        self.copy_of(&parse_tree(&self.state.segment().map_err(SessionError::Refused)?.origin.tree)?)
    }

    /// The primary metric of `runs` runs in a row of one side, as it was last loaded. They decide nothing and are not
    /// recorded: for comparing with the rules of others.
    ///
    /// # Errors
    /// [`SessionError`]: the host.
    pub fn block(&mut self, role: Role, runs: usize) -> Result<Vec<f64>, SessionError> {
        let out = self.home.work("block");
        let seed = Seed::fresh();
        let mut values = Vec::new();
        for index in 0..runs {
            let run = self.lab.run(&self.store, role, seed.toss(index, 0).seed, &out)?;
            values.extend(run.metrics.get(&self.contract.primary.name).copied());
        }
        Ok(values)
    }

    /// A fresh copy of any tree of the store, for a proposer.
    pub(crate) fn copy_of(&self, tree: &TreeId) -> Result<AgentCopy, SessionError> {
        self.copy_in(self.copy_name(), tree)
    }

    /// The folder of the proposer's copy in the work folder. A session beside the one that commands mean leaves that one's
    /// alone: a turn may go on in it.
    pub(crate) fn copy_name(&self) -> &'static str {
        if self.home.current().as_ref() == Some(&self.id) { Home::COPY } else { "beside" }
    }

    /// The same in the folder `name` of the work folder.
    pub(crate) fn copy_in(&self, name: &str, tree: &TreeId) -> Result<AgentCopy, SessionError> {
        let dir = self.home.work(name);
        if name == Home::COPY {
            let handed_out = self.home.work(HANDED_OUT);
            match fs::remove_file(&handed_out) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(SessionError::io("remove", &handed_out, error));
                }
                _ => {}
            }
        }
        if dir.symlink_metadata().is_ok() {
            // An interrupted try left it; what it held was never judged.
            AgentCopy::open(&dir).remove()?;
        }
        let seen = without_hidden(&self.store, &self.contract, tree)?;
        Ok(AgentCopy::create(&dir, &self.store, &seen)?)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Try {
    Made,
    Exhausted,
    /// The proposer could not reach its model.
    Unavailable {
        agent: String,
        failure: Failure,
    },
}
