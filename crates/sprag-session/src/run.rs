//! The loop: propose, judge, record, until a stop rule fires, the proposer has nothing left, or somebody asks.

use std::collections::BTreeSet;
use std::time::Instant;

use camino::Utf8Path;
use sprag_agent::{Blobs, Note, Proposal, ProposeError, Proposer};
use sprag_judge::Reason;
use sprag_judge::stop::{Standing, first_to_fire};
use sprag_ledger::{EventKind, Seconds};
use sprag_measure::Role;
use sprag_workspace::{AgentCopy, Store, TreeId};

use crate::SessionError;
use crate::coin::Seed;
use crate::events::{Outcome, Stage};
use crate::finish::KEEPS_BETWEEN_AUDITS;
use crate::home::Request;
use crate::hooks::Moment;
use crate::lab::{is_transient, without_hidden};
use crate::open::parse_tree;
use crate::session::{Session, seconds};

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
        self.calibrate()?;
        let given_back = self.proposals_given_back();
        let done: Vec<String> =
            self.state.proposals.iter().filter(|id| !given_back.contains(*id)).cloned().collect();
        proposer.resume(&done);
        proposer.given_back(&given_back);
        let mut warned = BTreeSet::new();
        loop {
            self.interrupt.check()?;
            self.warn_of_deaf_rules(&mut warned);
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
            if self.one_try(proposer)? == Try::Exhausted {
                self.finish("exhausted", "the proposer has nothing more to try")?;
                return Ok(Ending::Done);
            }
        }
    }

    /// Says once which stop rules cannot fire because what they look at is unknown.
    fn warn_of_deaf_rules(&mut self, warned: &mut BTreeSet<String>) {
        let standings = self.contract.stop.iter().map(|rule| rule.check(&self.state.progress));
        let deaf: Vec<String> =
            standings.filter_map(|s| if let Standing::Unknown(why) = s { Some(why) } else { None }).collect();
        for why in deaf {
            if warned.insert(why.clone()) {
                self.notice(&why);
            }
        }
    }

    fn one_try(&mut self, proposer: &mut dyn Proposer) -> Result<Try, SessionError> {
        let told = self.hook(Moment::Before)?;
        let run = self.state.last_run + 1;
        self.stage(run, Stage::Propose, "");
        let copy = self.fresh_copy()?;
        let started = Instant::now();
        let brief = self.brief(&told);
        let proposal = proposer.propose(&brief, copy.path(), &StoreBlobs(&self.store));
        let propose = seconds(started);
        let agent = proposer.name().to_owned();
        let outcome = match proposal {
            Ok(Proposal::Exhausted) => return Ok(Try::Exhausted),
            Ok(Proposal::Edit(note)) => self.judge(copy.path(), note, &agent, propose)?,
            Ok(Proposal::Idea(note)) => {
                self.park(&note)?;
                Outcome::NoRow("idea".to_owned())
            }
            Ok(Proposal::Skipped { note, why }) => {
                let seconds = Seconds { propose, ..Seconds::default() };
                self.no_row(EventKind::Skipped, &note, &agent, &why, None, seconds)?
            }
            Err(ProposeError::Apply { id, why }) => {
                let note = Note { description: id.clone(), id: Some(id), ..Note::default() };
                self.no_row(EventKind::Skipped, &note, &agent, &why, None, Seconds::default())?
            }
            Err(error) => return Err(error.into()),
        };
        copy.remove()?;
        if let Outcome::Row { reason, .. } = outcome {
            self.hook(Moment::After)?;
            if reason == Reason::Improved && self.state.keeps.len().is_multiple_of(KEEPS_BETWEEN_AUDITS) {
                self.audit_ratchet()?;
            }
        }
        Ok(Try::Made)
    }

    /// One experiment. Where the host fails again and again under it, that is an event and no verdict, and the loop
    /// goes on: a candidate that brings its neighbour down must not end the session.
    fn judge(
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

    /// A fresh copy of any tree of the store.
    pub(crate) fn copy_of(&self, tree: &TreeId) -> Result<AgentCopy, SessionError> {
        let dir = self.home.work("agent");
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
}
