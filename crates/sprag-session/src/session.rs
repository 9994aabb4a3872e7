//! An open session: its trees, its ledger and its bench, held under the lock of the repository.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use camino::Utf8PathBuf;
use sprag_contract::{Contract, ScopeMatcher};
use sprag_judge::stop::StopRule;
use sprag_ledger::{Entry, Event, EventKind, Grade, Ledger, Log, MirrorState, Tier, UnixMs};
use sprag_measure::host::HostLock;
use sprag_measure::{AgentSandbox, Interrupt};
use sprag_sandbox::Report;
use sprag_workspace::{CommitId, Expected, Identity, Junk, Store, TreeId, UnixSeconds};

use crate::goldens::Goldens;
use crate::home::Held;
use crate::lab::Lab;
use crate::state::State;
use crate::{Home, Observer, Project, SessionError, events};

/// A session that can judge candidates.
pub struct Session<'o> {
    pub(crate) project: Project,
    pub(crate) contract: Contract,
    pub(crate) home: Home,
    pub(crate) id: String,
    pub(crate) store: Store,
    pub(crate) ledger: Ledger,
    pub(crate) state: State,
    pub(crate) lab: Lab,
    /// What the self-test of the sandbox found; `None` where nothing is locked in.
    pub(crate) found: Option<Report>,
    /// How many pairs of what is measured now may still be measured again.
    pub(crate) pairs_again: u32,
    pub(crate) goldens: Option<Goldens>,
    pub(crate) scope: ScopeMatcher,
    pub(crate) junk: Junk,
    pub(crate) locked: Vec<String>,
    pub(crate) inputs: Vec<(String, Utf8PathBuf)>,
    /// What a coding agent is locked in, once the loop runs with one.
    pub(crate) agent_sandbox: Option<Arc<AgentSandbox>>,
    pub(crate) interrupt: Interrupt,
    pub(crate) observer: &'o mut dyn Observer,
    pub(crate) host: Option<HostLock>,
    pub(crate) _held: Held,
}

impl Session<'_> {
    /// The session's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What judges it.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The stop rules in force.
    pub fn stop_rules(&self) -> &[StopRule] {
        &self.contract.stop
    }

    /// All that its ledger holds.
    pub fn log(&self) -> &Log {
        self.ledger.log()
    }

    /// What its numbers are worth.
    pub fn grade(&self) -> Grade {
        let sandbox = self.state.segment().ok().and_then(|segment| segment.config.sandbox.as_ref());
        let tier = sandbox.map_or(Tier::None, |sandbox| sandbox.tier);
        Grade { provenance: self.lab.provenance(&self.contract.primary.name), tier }
    }

    /// Writes one entry and takes it into the state: the only way in which anything is recorded.
    pub(crate) fn record(&mut self, entry: impl Into<Entry>) -> Result<(), SessionError> {
        let entry = entry.into();
        let appended = self.ledger.append(entry.clone())?;
        if let MirrorState::Failed(why) = appended.mirror {
            let notice =
                format!("the log in the repository could not be written ({why}); the ledger has the entry");
            self.observer.tell(&events::Event::Notice(&notice));
        }
        self.state.apply(&entry).map_err(SessionError::Refused)
    }

    pub(crate) fn notice(&mut self, text: &str) {
        self.observer.tell(&events::Event::Notice(text));
    }

    pub(crate) fn event(&mut self, kind: EventKind, detail: impl Into<String>) -> Result<(), SessionError> {
        self.record(Event::new(kind, detail, now()))
    }

    /// The name of a ref of this session.
    pub(crate) fn ref_name(&self, name: &str) -> String {
        format!("refs/sprag/{}/{name}", self.id)
    }

    /// Takes the host's measuring lock, once; it is held until the session ends.
    pub(crate) fn hold_host(&mut self) -> Result<(), SessionError> {
        if self.host.is_none() {
            let observer = &mut *self.observer;
            let mut told = false;
            let lock = HostLock::acquire(&self.interrupt, |_| {
                if !std::mem::replace(&mut told, true) {
                    observer
                        .tell(&events::Event::Notice("waiting: another sprag is measuring on this machine"));
                }
            })?;
            self.host = Some(lock);
        }
        Ok(())
    }

    /// The output folder of a run.
    pub(crate) fn out(&self, run: u64) -> Utf8PathBuf {
        self.home.session(&self.id).join("output").join(format!("{run:06}"))
    }

    /// The folder of what the proposer printed for a run.
    pub(crate) fn transcripts(&self, run: u64) -> Utf8PathBuf {
        self.home.session(&self.id).join("transcripts").join(format!("{run:06}"))
    }

    /// What is known of a turn under way.
    pub(crate) fn turn_file(&self) -> Utf8PathBuf {
        self.home.session(&self.id).join("turn.json")
    }

    /// Brings the incumbent's ref to where the ledger says it is. The ledger's row is the decision; the ref follows.
    pub(crate) fn point_at_incumbent(&mut self) -> Result<bool, SessionError> {
        let name = self.ref_name("incumbent");
        let Some(want) = self.state.segment().ok().and_then(|s| s.incumbent.commit) else { return Ok(false) };
        let have = self.store.read_ref(&name)?;
        if have == Some(want) {
            return Ok(false);
        }
        let expected = have.map_or(Expected::Absent, Expected::At);
        self.store.update_ref(&name, &want, expected)?;
        Ok(have.is_some())
    }

    /// The commit of a tree in the session's store.
    pub(crate) fn commit(
        &self,
        tree: &TreeId,
        parent: &CommitId,
        message: &str,
    ) -> Result<CommitId, SessionError> {
        Ok(self.store.commit(
            tree,
            Some(parent),
            message,
            &Identity::sprag(),
            UnixSeconds::from_millis(now().0),
        )?)
    }
}

/// The wall clock, for people; no decision rests on it.
pub fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Seconds since `start`, by the monotonic clock.
pub(crate) fn seconds(start: Instant) -> Option<f64> {
    Some(start.elapsed().as_secs_f64())
}
