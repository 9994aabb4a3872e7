//! What a session stands on: contract, harness, inputs, host and sandbox, read before the ledger is touched.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::Contract;
use sprag_contract::settings::Settings;
use sprag_judge::Provenance;
use sprag_ledger::{Config, Grade, Ledger, SandboxInfo};
use sprag_measure::Interrupt;
use sprag_measure::host::Fingerprint;
use sprag_sandbox::Report;
use sprag_workspace::{
    Baseline, BlobId, Change, Edit, Expected, FileMode, Imported, Start, Store, TreeId, remove_dir,
};
use ulid::Ulid;

use crate::inputs;
use crate::lab::Scripts;
use crate::open::{Opening, StartFrom, parse_tree, told};
use crate::prepare::prepare;
use crate::session::now;
use crate::state::State;
use crate::tier;
use crate::{Home, Observer, Project, SessionError};

/// Where in the work folder a session lies that is thrown away.
const ASIDE: &str = "aside";

/// Everything known before the ledger is touched.
pub(crate) struct Ground {
    pub(crate) project: Project,
    pub(crate) contract: Contract,
    pub(crate) home: Home,
    pub(crate) store: Store,
    pub(crate) harness: Vec<String>,
    harness_hash: String,
    pub(crate) inputs: Vec<(String, Utf8PathBuf)>,
    host: serde_json::Value,
    /// What the sandbox that the settings ask for holds here.
    sandbox: SandboxInfo,
    /// What the self-test of it found; `None` where nothing is locked in.
    pub(crate) found: Option<Report>,
}

/// Where a segment starts.
pub(crate) struct Place {
    pub(crate) base: String,
    pub(crate) tree: TreeId,
    pub(crate) locked: Vec<String>,
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
        let (sandbox, found) = tier::held(&contract.settings)?;
        let store = Store::open_or_create(&home.store())?;
        let prepared = prepare(&project, &home, &store, opening, interrupt, observer)?;
        let harness = project.harness()?;
        refuse_links(&project, &contract, &harness)?;
        refuse_tracked(&project, &contract)?;
        let sources = inputs::Sources { root: &project.root, prepared: prepared.as_deref() };
        let inputs = inputs::copy(&sources, &contract.settings.workspace.read, &home, observer)?;
        let harness_hash = inputs::seal(project.harness_hash(&harness)?, &inputs);
        let inputs = inputs.into_iter().map(|input| (input.path, input.copy)).collect();
        let host = serde_json::to_value(Fingerprint::read()).unwrap_or_default();
        Ok(Self { project, contract, home, store, harness, harness_hash, inputs, host, sandbox, found })
    }

    /// The same for a session that is thrown away: ledger, store and trees are made anew in the work folder, and what
    /// is only read is shared.
    pub(crate) fn aside(self) -> Result<Self, SessionError> {
        let dir = self.home.work(ASIDE);
        if dir.symlink_metadata().is_ok() {
            // One that was killed left it.
            remove_dir(&dir)?;
        }
        let home = Home::at(dir)?;
        let store = Store::open_or_create(&home.store())?;
        Ok(Self { home, store, ..self })
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
    pub(crate) fn begin(
        &self,
        opening: &Opening,
    ) -> Result<(String, Ledger, State, Vec<String>), SessionError> {
        let start = opening.start(&self.project)?;
        let imported = import_baseline(&self.project, &self.store, start)?;
        let id = Ulid::generate().to_string();
        let mirror = (!opening.stands_beside()).then(|| self.project.mirror());
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
        if matches!(opening.baseline, StartFrom::Beside(_)) {
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
        Ok(Config {
            name: contract.name.clone(),
            metric_name: contract.primary.name.clone(),
            metric_unit: contract.primary.unit.clone(),
            direction: contract.primary.direction,
            session: Some(id.to_owned()),
            contract: Some(contract.hash(phase)),
            harness: Some(self.harness_hash.clone()),
            host: self.host.clone(),
            sandbox: Some(self.sandbox.clone()),
            grade: Some(Grade { provenance, tier: self.sandbox.tier }),
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
            (segment.config.sandbox.as_ref() != Some(&self.sandbox), "the sandbox"),
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

/// Of a link in the harness that no tree has which runs, the target would stay in it.
fn refuse_links(project: &Project, contract: &Contract, harness: &[String]) -> Result<(), SessionError> {
    let link = |path: &&String| contract.settings.withholds(path) && project.root.join(path).is_symlink();
    let Some(path) = harness.iter().find(link) else { return Ok(()) };
    Err(SessionError::Refused(format!(
        "{path} is a symbolic link, and a candidate could read what it points to: put the file itself there, outside of the scope"
    )))
}

/// What git tracks is in the tree already, for each candidate as it left it. A link to the person's copy would stand in
/// its place.
fn refuse_tracked(project: &Project, contract: &Contract) -> Result<(), SessionError> {
    let tracked = project.repo.files()?;
    let root = project.root.canonicalize_utf8().unwrap_or_else(|_| project.root.clone());
    let Settings { workspace, sandbox, .. } = &contract.settings;
    let copied = workspace.read.iter().map(|path| ("workspace", path, root.join(path)));
    let seen = sandbox.read.iter().map(|path| ("sandbox", path, whole(path)));
    for (table, path, place) in copied.chain(seen) {
        // A folder around the repository shows it, too.
        let is_inside = |file: &&String| root.join(file.as_str()).starts_with(&place);
        if let Some(first) = tracked.iter().find(is_inside) {
            return Err(SessionError::Refused(format!(
                "[{table}] read names {path}, of which git tracks {first}: take it out, what git tracks is in every tree"
            )));
        }
    }
    Ok(())
}

/// A path of `[sandbox] read`, as whole and real as it can be said: one through a link leads to the same files.
fn whole(path: &str) -> Utf8PathBuf {
    let home = path.strip_prefix("~/").zip(std::env::var("HOME").ok());
    let place =
        home.map_or_else(|| Utf8PathBuf::from(path), |(below, home)| Utf8Path::new(&home).join(below));
    place.canonicalize_utf8().unwrap_or(place)
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
