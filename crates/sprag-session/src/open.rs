//! Opening a session: a new one from a baseline, or the one that the ledger holds, mended where it was cut short.

use sprag_ledger::{EventKind, MirrorState, Opened};
use sprag_measure::Interrupt;
use sprag_measure::process;
use sprag_workspace::{CommitId, Junk, Start, TreeId};

use crate::goldens::{self, Goldens};
use crate::ground::Ground;
use crate::lab::Lab;
use crate::session::Session;
use crate::{Observer, Project, SessionError, events};

/// How to open.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// A new session even where there is one.
    pub fresh: bool,
    /// What a new session starts from.
    pub baseline: StartFrom,
}

/// The baseline of a new session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartFrom {
    /// HEAD, and the working tree must not differ from it.
    #[default]
    CleanHead,
    /// HEAD, whatever the working tree holds.
    Head,
    /// The working tree with its uncommitted changes.
    Snapshot,
    /// This commit, in a session beside the current one that has no log in the repository.
    Beside(CommitId),
    /// The working tree with its uncommitted changes, in a session that is thrown away: its store and its trees lie in
    /// the work folder.
    Aside,
}

impl Opening {
    /// Whether it goes on with the session that there is.
    pub(crate) fn goes_on(&self) -> bool {
        !self.fresh && !self.stands_beside()
    }

    /// Whether it is not the session that commands mean, and has no log in the repository.
    pub(crate) fn stands_beside(&self) -> bool {
        matches!(self.baseline, StartFrom::Beside(_) | StartFrom::Aside)
    }

    /// The code of a new session.
    pub(crate) fn start(&self, project: &Project) -> Result<Start, SessionError> {
        Ok(match self.baseline {
            StartFrom::CleanHead => {
                let dirty = project.dirty()?;
                if let Some(first) = dirty.first() {
                    return Err(SessionError::Dirty { count: dirty.len(), example: first.path.clone() });
                }
                Start::Commit(project.repo.head()?)
            }
            StartFrom::Head => Start::Commit(project.repo.head()?),
            StartFrom::Snapshot | StartFrom::Aside => Start::Snapshot,
            StartFrom::Beside(commit) => Start::Commit(commit),
        })
    }
}

impl<'o> Session<'o> {
    /// Opens the session of `project`: goes on where the ledger ends, or starts a new one.
    ///
    /// # Errors
    /// [`SessionError`] says what is missing and what to do; nothing was lost.
    pub fn open(
        project: Project,
        opening: &Opening,
        interrupt: Interrupt,
        observer: &'o mut dyn Observer,
    ) -> Result<Self, SessionError> {
        let home = project.home()?;
        let held = home.lock()?;
        let strays = process::end_strays(&home.dir().join("work"));
        let decides = Some(opening).filter(|opening| opening.baseline != StartFrom::Aside);
        let ground = Ground::of(project, home, decides, &interrupt, observer)?;
        let ground = if opening.baseline == StartFrom::Aside { ground.aside()? } else { ground };

        let beside = opening.stands_beside();
        let (id, ledger, state, mut found) = match ground.home.current().filter(|_| opening.goes_on()) {
            Some(id) => ground.resume(id, opening)?,
            None => ground.begin(opening)?,
        };
        if strays > 0 {
            found.push(format!("{strays} process(es) that a killed session had left running were ended"));
        }
        let current = state.segment().map_err(SessionError::Refused)?;
        let origin: TreeId = parse_tree(&current.origin.tree)?;
        let segment_tree: TreeId = parse_tree(current.config.tree.as_deref().unwrap_or_default())?;
        let phase = current.phase;
        let mut lab = Lab::open(&ground, &segment_tree, phase, &interrupt)?;
        if current.calibrated.as_ref().is_some_and(|calibrated| calibrated.layout.is_some()) {
            lab.insist_on_shuffling();
        }
        let goldens = match Goldens::of_harness(&ground.store, &segment_tree, &ground.contract, phase)? {
            Some(goldens) => Some(goldens),
            None => {
                let dir = goldens::folder(&ground.home.session(&id), current);
                Goldens::recorded(&dir, &ground.contract, phase)?
            }
        };
        let junk = Junk::of(&ground.store, &*ground.store.manifest(&origin)?)?;
        let locked = state.segment().ok().map(|s| s.config.locked.clone()).unwrap_or_default();
        let scope = ground.project.scope(&ground.harness)?;
        let mut session = Self {
            contract: ground.contract,
            home: ground.home,
            id,
            store: ground.store,
            ledger,
            state,
            lab,
            found: ground.found,
            pairs_again: 0,
            goldens,
            scope,
            junk,
            locked,
            inputs: ground.inputs,
            agent_sandbox: None,
            interrupt,
            observer,
            host: None,
            _held: held,
            project: ground.project,
        };
        if opening.baseline == StartFrom::Aside {
            found.iter().for_each(|what| session.notice(what));
            return Ok(session);
        }
        session.settle(found, beside)?;
        if opening.goes_on() && opening.baseline == StartFrom::Snapshot && session.state.last_run > 0 {
            session.notice(
                "--include-dirty is for the baseline, which this session has already: with --new another one starts",
            );
        }
        Ok(session)
    }

    /// Mends what an interruption left, and says what was found.
    fn settle(&mut self, mut found: Vec<String>, beside: bool) -> Result<(), SessionError> {
        if self.point_at_incumbent()? {
            found.push("the incumbent's ref was behind the ledger; it follows the ledger".to_owned());
        }
        if !beside {
            self.home.set_current(&self.id)?;
        }
        let (name, id, runs) = (self.contract.name.clone(), self.id.clone(), self.state.last_run);
        self.observer.tell(&events::Event::Opened { name: &name, session: &id, runs, found: &found });
        self.tell_where_head_is()?;
        if !found.is_empty() {
            self.event(EventKind::Mended, found.join("; "))?;
        }
        self.take_in_red_team()
    }
}

impl Session<'_> {
    /// A session stays on the commit it began on: somebody who moved on should know.
    fn tell_where_head_is(&mut self) -> Result<(), SessionError> {
        let revision = self.state.segment().ok().and_then(|s| s.config.revision.clone()).unwrap_or_default();
        let Ok(base) = self.project.repo.resolve(&revision) else { return Ok(()) };
        let head = self.project.repo.head()?;
        if head != base {
            let (base, head) = (base.short(), head.short());
            self.notice(&format!(
                "the session began on {base} and stays there; HEAD is {head} now: `sprag run --new` starts from it"
            ));
        }
        Ok(())
    }
}

/// What opening a ledger found, in sentences; nothing where all was well.
pub(crate) fn told(opened: &Opened) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(torn) = opened.torn {
        found.push(format!(
            "line {} of the ledger was unfinished and was cut off: the experiment under way was lost, nothing else",
            torn.line
        ));
    }
    match &opened.mirror {
        MirrorState::Mended => found.push("the log in the repository was mended from the ledger".to_owned()),
        MirrorState::SetAside(path) => {
            found.push(format!(
                "the log in the repository held lines of somebody else; they are kept in {path}"
            ));
        }
        MirrorState::Failed(why) => found.push(format!("the log in the repository cannot be written: {why}")),
        _ => {}
    }
    found
}

pub(crate) fn parse_tree(text: &str) -> Result<TreeId, SessionError> {
    text.parse().map_err(|e| SessionError::Refused(format!("the ledger names a tree that is none: {e}")))
}
