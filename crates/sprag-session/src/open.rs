//! Opening a session: a new one from a baseline, or the one that the ledger holds, mended where it was cut short.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::Contract;
use sprag_judge::Provenance;
use sprag_ledger::{Config, EventKind, Grade, Ledger, MirrorState, Opened, SandboxInfo, Tier};
use sprag_measure::Interrupt;
use sprag_measure::host::Fingerprint;
use sprag_measure::process;
use sprag_workspace::{
    Baseline, BlobId, Change, CommitId, Edit, Expected, FileMode, Imported, Junk, Start, Store, TreeId,
};
use ulid::Ulid;

use crate::goldens::{self, Goldens};
use crate::inputs;
use crate::lab::{Lab, Scripts};
use crate::prepare::prepare;
use crate::session::{Session, now};
use crate::state::State;
use crate::{Home, Observer, Project, SessionError, events};

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
}

impl Opening {
    /// Whether it goes on with the session that there is.
    pub(crate) fn goes_on(&self) -> bool {
        !self.fresh && !matches!(self.baseline, StartFrom::Beside(_))
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
            StartFrom::Snapshot => Start::Snapshot,
            StartFrom::Beside(commit) => Start::Commit(commit),
        })
    }
}

/// Everything known before the ledger is touched.
pub(crate) struct Ground {
    pub(crate) project: Project,
    pub(crate) contract: Contract,
    pub(crate) home: Home,
    pub(crate) store: Store,
    harness: Vec<String>,
    harness_hash: String,
    pub(crate) inputs: Vec<(String, Utf8PathBuf)>,
    host: serde_json::Value,
}

/// Where a segment starts.
pub(crate) struct Place {
    pub(crate) base: String,
    pub(crate) tree: TreeId,
    pub(crate) locked: Vec<String>,
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
        let ground = Ground::of(project, home, Some(opening), &interrupt, observer)?;

        let beside = matches!(opening.baseline, StartFrom::Beside(_));
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
            pairs_again: 0,
            goldens,
            scope,
            junk,
            locked,
            inputs: ground.inputs,
            interrupt,
            observer,
            host: None,
            _held: held,
            project: ground.project,
        };
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
        Ok(())
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

impl Ground {
    /// Reads the harness and brings the inputs; `opening` is `None` for what decides nothing.
    pub(crate) fn of(
        project: Project,
        home: Home,
        opening: Option<&Opening>,
        interrupt: &Interrupt,
        observer: &mut dyn Observer,
    ) -> Result<Self, SessionError> {
        let contract = project.contract()?.clone();
        let store = Store::open_or_create(&home.store())?;
        let prepared = prepare(&project, &home, &store, opening, interrupt, observer)?;
        let harness = project.harness()?;
        let sources = inputs::Sources { root: &project.root, prepared: prepared.as_deref() };
        let inputs = inputs::copy(&sources, &contract.settings.workspace.read, &home, observer)?;
        let harness_hash = inputs::seal(project.harness_hash(&harness)?, &inputs);
        let inputs = inputs.into_iter().map(|input| (input.path, input.copy)).collect();
        let host = serde_json::to_value(Fingerprint::read()).unwrap_or_default();
        Ok(Self { project, contract, home, store, harness, harness_hash, inputs, host })
    }

    pub(crate) fn scripts(&self) -> Scripts {
        let exists = |path: &str| self.project.root.join(path).is_file();
        let layout = &self.project.layout;
        let script = |path: &String| exists(path).then(|| format!("./{path}"));
        Scripts {
            measure: self.contract.how_to_run.clone().or_else(|| script(&layout.measure)),
            checks: self.contract.settings.run.checks.clone().or_else(|| script(&layout.checks)),
        }
    }

    /// Starts a new session: imports the baseline and writes the first row.
    fn begin(&self, opening: &Opening) -> Result<(String, Ledger, State, Vec<String>), SessionError> {
        let start = opening.start(&self.project)?;
        let imported = import_baseline(&self.project, &self.store, start)?;
        let id = Ulid::generate().to_string();
        let beside = matches!(opening.baseline, StartFrom::Beside(_));
        let mirror = (!beside).then(|| self.project.mirror());
        let mut ledger = Ledger::create(&self.home.ledger(&id), mirror.as_deref())?;
        self.store.update_ref(&format!("refs/sprag/{id}/base"), &imported.base, Expected::Any)?;
        let mut state = State::default();
        let locked = imported.locked_paths();
        let place = Place { base: imported.base.to_string(), tree: imported.tree, locked };
        let config = self.config(&id, 1, &place)?;
        ledger.append(config.clone())?;
        state.apply(&config.into()).map_err(SessionError::Refused)?;
        let found =
            imported.locked.iter().map(|locked| format!("{} cannot be changed: {}", locked.path, locked.why));
        let mut found: Vec<String> = found.collect();
        if beside {
            found.extend(self.harness_of_another_day(&imported)?);
        }
        Ok((id, ledger, state, found))
    }

    /// A change that is judged against a revision may have changed what judges it: that must be seen.
    fn harness_of_another_day(&self, imported: &Imported) -> Result<Option<String>, SessionError> {
        let then = self.store.manifest(&self.store.tree_of(&imported.base)?)?;
        let today = self.store.manifest(&imported.tree)?;
        let is = |path: &String| today.get(path).map(|entry| (entry.id, entry.mode));
        let was = |path: &String| then.get(path).map(|entry| (entry.id, entry.mode));
        let other: Vec<&String> = self.harness.iter().filter(|&path| is(path) != was(path)).collect();
        let Some(first) = other.first() else { return Ok(None) };
        let more = if other.len() > 1 { format!(" and {} more", other.len() - 1) } else { String::new() };
        Ok(Some(format!(
            "{first}{more} of the harness is not as it was in {}: what is checked out judges both sides",
            imported.base.short()
        )))
    }

    pub(crate) fn config(&self, id: &str, phase: u32, place: &Place) -> Result<Config, SessionError> {
        let contract = &self.contract;
        let provenance = match contract.settings.measure.driver {
            sprag_contract::settings::DriverKind::Script => Provenance::from(contract.settings.measure.trust),
            _ => Provenance::Observed,
        };
        let lost =
            vec!["no sandbox in this version: a candidate runs with the rights of the person".to_owned()];
        Ok(Config {
            name: contract.name.clone(),
            metric_name: contract.primary.name.clone(),
            metric_unit: contract.primary.unit.clone(),
            direction: contract.primary.direction,
            session: Some(id.to_owned()),
            contract: Some(contract.hash(phase)),
            harness: Some(self.harness_hash.clone()),
            host: self.host.clone(),
            sandbox: Some(SandboxInfo { tier: Tier::None, selftest: None, lost }),
            grade: Some(Grade { provenance, tier: Tier::None }),
            phase: Some(phase),
            revision: Some(place.base.clone()),
            tree: Some(place.tree.to_string()),
            sprag: Some(env!("CARGO_PKG_VERSION").to_owned()),
            timestamp: Some(now()),
            compiled: serde_json::to_value(contract)
                .map_err(|e| SessionError::Refused(format!("the contract cannot be written down: {e}")))?,
            locked: place.locked.clone(),
            ..Config::default()
        })
    }

    /// Goes on with the session `id`; starts a new segment where contract, harness or host changed.
    pub(crate) fn resume(
        &self,
        id: String,
        opening: &Opening,
    ) -> Result<(String, Ledger, State, Vec<String>), SessionError> {
        let mirror = self.project.mirror();
        let (mut ledger, opened) = Ledger::open(&self.home.ledger(&id), Some(&mirror))?;
        let mut found = told(&opened);
        let mut state =
            State::of(ledger.log().records.iter().map(|record| &record.entry)).map_err(|what| {
                SessionError::Refused(format!("the ledger of session {id} cannot be followed: {what}"))
            })?;
        let Ok(segment) = state.segment() else {
            // Killed between the ledger's creation and its first row: there is nothing to go on with.
            drop(ledger);
            return self.begin(opening);
        };
        let phase = segment.phase;
        let changed = [
            (segment.config.contract != Some(self.contract.hash(phase)), "the contract"),
            (segment.config.harness.as_ref() != Some(&self.harness_hash), "the harness"),
            (segment.config.host != self.host, "the host"),
        ];
        let changed: Vec<&str> = changed.into_iter().filter_map(|(is, what)| is.then_some(what)).collect();
        if !changed.is_empty() {
            let place = Place {
                base: segment.config.revision.clone().unwrap_or_default(),
                tree: self.carry_over(&parse_tree(&segment.incumbent.tree)?)?,
                locked: segment.config.locked.clone(),
            };
            let config = self.config(&id, phase, &place)?;
            ledger.append(config.clone())?;
            state.apply(&config.into()).map_err(SessionError::Refused)?;
            found.push(format!("{} changed: a new segment starts from the incumbent", changed.join(" and ")));
        }
        Ok((id, ledger, state, found))
    }

    /// The incumbent's code under the harness of today.
    fn carry_over(&self, incumbent: &TreeId) -> Result<TreeId, SessionError> {
        let old = self.store.manifest(incumbent)?;
        let mut changes = Vec::new();
        for path in &self.harness {
            let (mode, bytes) = read_harness(&self.project.root.join(path))?;
            let edit = match old.get(path) {
                Some(same) if same.id == BlobId::of(&bytes) && same.mode == mode => continue,
                Some(_) => Edit::Changed { mode, bytes },
                None => Edit::New { mode, bytes },
            };
            changes.push(Change { path: path.clone(), edit });
        }
        for (path, _) in old.iter() {
            if self.project.is_harness_path(path)?
                && self.harness.binary_search_by(|h| h.as_str().cmp(path)).is_err()
            {
                changes.push(Change { path: path.to_owned(), edit: Edit::Deleted });
            }
        }
        Ok(self.store.write_tree(incumbent, &changes)?)
    }
}

fn read_harness(path: &Utf8Path) -> Result<(FileMode, Vec<u8>), SessionError> {
    let read = || -> std::io::Result<(FileMode, Vec<u8>)> {
        let meta = fs::symlink_metadata(path)?;
        if meta.is_symlink() {
            return Ok((FileMode::Symlink, fs::read_link(path)?.into_os_string().into_encoded_bytes()));
        }
        let executable = meta.permissions().mode() & 0o111 != 0;
        Ok((if executable { FileMode::Executable } else { FileMode::Regular }, fs::read(path)?))
    };
    read().map_err(|e| SessionError::io("read", path, e))
}

/// Takes a baseline into the store: the code of `start` with the harness of today over it.
pub(crate) fn import_baseline(
    project: &Project,
    store: &Store,
    start: Start,
) -> Result<Imported, SessionError> {
    let harness = project.harness()?;
    let ignoring = project.left_aside()?;
    let baseline =
        Baseline { start, overlay: harness.clone(), ignoring: &ignoring, region: project.region()? };
    Ok(store.import(&project.repo, &baseline)?)
}

/// What opening a ledger found, in sentences; nothing where all was well.
fn told(opened: &Opened) -> Vec<String> {
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
