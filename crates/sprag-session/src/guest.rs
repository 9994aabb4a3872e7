//! A guest as proposer: somebody who sits in an agent of their own, asks for a copy, edits it and hands it in.
//!
//! The loop of `run` turned inside out: between two calls nothing is measured, and nothing is waited for.

use std::fs;

use camino::Utf8Path;
use sprag_agent::{Keys, Note};
use sprag_judge::stop::{Standing, first_to_fire};
use sprag_ledger::{Event as Happening, EventKind, Seconds};
use sprag_measure::Role;
use sprag_workspace::AgentCopy;

use crate::SessionError;
use crate::bench::{Bench, look};
use crate::events::{Outcome, Stage};
use crate::home::{Home, Request};
use crate::hooks::Moment;
use crate::open::parse_tree;
use crate::session::{Session, now};

/// Says in the work folder which session and tree the copy beside it was handed out of. It goes when the copy does.
pub(crate) const HANDED_OUT: &str = "agent-of";

/// What the name of a guest begins with, in rows.
pub const GUEST: &str = "mcp: ";

/// What a guest gets who asks for an experiment.
#[derive(Debug)]
pub enum Handout {
    /// A copy of the incumbent to edit.
    Copy(Begun),
    /// There are no more experiments: a stop rule has fired, and this is what it says.
    Over(String),
}

/// An experiment that a guest has begun.
#[derive(Debug)]
pub struct Begun {
    /// The number that its row will have.
    pub run: u64,
    /// The copy to edit.
    pub copy: AgentCopy,
    /// What the try is told.
    pub brief: String,
    /// What the guest should know before the first edit, such as a stop rule that cannot fire; each in one line.
    pub notices: Vec<String>,
}

impl Session<'_> {
    /// Measures the baseline where that was not done yet, and hands out a fresh copy of the incumbent. Where a stop rule
    /// has fired, the result is measured instead, and the session ends.
    ///
    /// # Errors
    /// [`SessionError`]; everything finished is in the ledger.
    pub fn hand_out(&mut self) -> Result<Handout, SessionError> {
        self.calibrate()?;
        self.take_notes()?;
        if let Some(why) = self.stop_rule() {
            // Asked once more, an ended session has nothing new to measure or to write down.
            if self.log().session().stop().is_none() {
                self.finish("rule", &why)?;
            }
            return Ok(Handout::Over(why));
        }
        // The copy of an agent's turn that was cut short makes room, and what it had cost is recorded.
        self.abandon_turn()?;
        self.profile()?;
        let told = self.hook(Moment::Before)?;
        let copy = self.fresh_copy()?;
        let (path, of) = (self.home.work(HANDED_OUT), self.handed_out_of()?);
        fs::write(&path, of).map_err(|e| SessionError::io("write", &path, e))?;
        Ok(Handout::Copy(self.begun(copy, &told)))
    }

    /// The copy that was handed out last, with whatever the guest did to it, where it was not handed in and the incumbent
    /// is still the one that it was made of. A server that was killed loses nobody's edits.
    ///
    /// # Errors
    /// [`SessionError`]: the ledger cannot be followed.
    pub fn pick_up(&self) -> Result<Option<Begun>, SessionError> {
        let of = fs::read_to_string(self.home.work(HANDED_OUT)).unwrap_or_default();
        let dir = self.home.work(Home::COPY);
        let is_there = of == self.handed_out_of()? && dir.is_dir();
        Ok(is_there.then(|| self.begun(AgentCopy::open(&dir), "")))
    }

    fn handed_out_of(&self) -> Result<String, SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        Ok(format!("{} {}\n", self.id, segment.incumbent.tree))
    }

    fn begun(&self, copy: AgentCopy, hook: &str) -> Begun {
        let progress = &self.state.progress;
        let deaf = self.contract.stop.iter().filter_map(|rule| {
            match (rule.budget(progress), rule.check(progress)) {
                (Some(_), _) => Some(format!(
                    "`{rule}` cannot stop this session: what your agent's model costs is not known here"
                )),
                (None, Standing::Unknown(why)) => Some(why),
                (None, _) => None,
            }
        });
        Begun {
            run: self.state.last_run + 1,
            copy,
            brief: self.brief_from(None, hook),
            notices: deaf.collect(),
        }
    }

    /// What the stop rule says that has fired; nothing while the session may go on.
    pub fn stop_rule(&self) -> Option<String> {
        first_to_fire(&self.contract.stop, &self.state.progress)
    }

    /// Judges what is in a copy that was [handed out](Self::hand_out) of the incumbent of now. A failure of the host is an
    /// event and no verdict.
    ///
    /// # Errors
    /// [`SessionError`]: the host, never the candidate. Nothing was decided then.
    pub fn hand_in(&mut self, copy: &Utf8Path, note: Note, agent: &str) -> Result<Outcome, SessionError> {
        self.calibrate()?;
        let keys = Keys::of_environment(&self.contract.settings.agent.env);
        let note = keys.hidden_in(note);
        let held = match keys.found_in(copy) {
            Ok(None) => None,
            Ok(Some((name, path))) => Some(format!("the change holds the value of {name}, in {path}")),
            Err(error) => Some(format!("the change can't be searched for keys: {error}")),
        };
        // How long a guest took is not known: they may have been to lunch.
        let outcome = match held {
            Some(why) => self.no_row(EventKind::Skipped, &note, agent, &why, None, Seconds::default())?,
            None => self.judge(copy, note, agent, None)?,
        };
        self.follow_up(&outcome)?;
        Ok(outcome)
    }

    /// Builds and measures once what is in a copy. Decides nothing; the time that it takes is in the ledger.
    ///
    /// # Errors
    /// [`SessionError`]: the host, never the candidate.
    pub fn bench_copy(&mut self, copy: &Utf8Path) -> Result<Bench, SessionError> {
        self.calibrate()?;
        let run = self.state.last_run + 1;
        self.stage(run, Stage::Import, "bench");
        let incumbent = parse_tree(&self.state.segment().map_err(SessionError::Refused)?.incumbent.tree)?;
        let candidate = self.import(copy, &incumbent)?;
        let tree = self.store.write_tree(&incumbent, &candidate.changes)?;
        if let Some(finding) = self.scope_finding(&candidate, &incumbent, &tree)? {
            return Ok(Bench { findings: vec![finding], ..Bench::default() });
        }
        self.hold_host()?;
        self.stage(run, Stage::First, "bench");
        let out = self.home.work("bench");
        let (mut bench, outputs) = look(&mut self.lab, &self.store, Role::Candidate, &tree, &out)?;
        let mut check = None;
        if let Some(outputs) = outputs.filter(|_| bench.findings.is_empty()) {
            bench.findings.extend(self.goldens.as_ref().and_then(|goldens| goldens.check(&outputs)));
            self.stage(run, Stage::Checks, "bench");
            let (finding, seconds) = self.lab.checks(&self.store, Role::Candidate, &out)?;
            bench.findings.extend(finding);
            check = seconds;
        }
        let mut event =
            Happening::new(EventKind::Bench, "measured once for the proposer, decides nothing", now());
        event.tree = Some(tree.to_string());
        event.seconds =
            Seconds { build: bench.build_seconds, measure: Some(bench.seconds), check, ..Seconds::default() };
        self.record(event)?;
        Ok(bench)
    }

    /// What a person asked of this session since it was opened.
    pub fn asked(&self) -> Option<Request> {
        self.home.asked()
    }

    /// Lets another session on this machine measure, until this one measures again.
    pub fn rest_host(&mut self) {
        self.host = None;
    }
}
