//! The bench: two slots that hold incumbent and candidate, the locked harness beside them, and the driver.

mod hidden;
mod profile;
mod shuffle;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::Contract;
use sprag_contract::settings::replay::Pace;
use sprag_judge::{Finding, Order, Provenance};
use sprag_measure::build::{self, LayoutControl};
use sprag_measure::{
    Driver, Floor, Interrupt, MeasureError, PairPlan, Plan, Role, Run, Sandbox, Setup, Side, cpus_beside,
    drivers,
};
use sprag_replay::{Mode, Proxy};
use sprag_workspace::{Checkout, Store, TreeId, remove_dir};

use crate::SessionError;
use crate::coin::Toss;
use crate::ground::Ground;
use crate::slot::Slot;
pub(crate) use hidden::without_hidden;

/// Where trees are built and measured. Everything it holds on disk can be deleted and made again.
pub(crate) struct Lab {
    slots: [Slot; 2],
    /// Which slot holds the incumbent. A keep swaps the roles, so the candidate's build cache becomes the incumbent's.
    incumbent: usize,
    driver: Box<dyn Driver>,
    /// What the driver was opened with, and that of the hidden cases is: what answers in place of the outside, what
    /// everything that is run is locked in, and what ends it.
    setup: Setup,
    contract: Contract,
    checks: Option<String>,
    tmp: Utf8PathBuf,
    /// The linker refused the seeds: layout luck stays what it is.
    cannot_shuffle: bool,
    /// The segment was calibrated with layouts shuffled: a pair without would be judged by another noise.
    must_shuffle: bool,
}

/// What came of putting a tree into a slot.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The build failed.
    pub(crate) finding: Option<Finding>,
    /// How long the build took, in seconds; `None` where there was nothing to build.
    pub(crate) seconds: Option<f64>,
    /// What was done about layout luck.
    pub(crate) layout: LayoutControl,
}

impl Lab {
    /// Opens the bench for one segment: `baseline` is the tree whose harness is locked.
    ///
    /// # Errors
    /// [`SessionError`] when a slot cannot be made, or the settings do not fit the driver.
    pub(crate) fn open(
        ground: &Ground,
        baseline: &TreeId,
        phase: u32,
        interrupt: &Interrupt,
    ) -> Result<Self, SessionError> {
        Self::open_with(ground, baseline, phase, interrupt, None)
    }

    /// The same, where another proxy than that of the cassette stands between the code and the outside.
    pub(crate) fn open_with(
        ground: &Ground,
        baseline: &TreeId,
        phase: u32,
        interrupt: &Interrupt,
        proxy: Option<Arc<Proxy>>,
    ) -> Result<Self, SessionError> {
        let Ground { home, store, contract, inputs, .. } = ground;
        let scripts = ground.scripts();
        let mut harness = Checkout::create(&home.work("harness"), &[])?;
        harness.sync(store, baseline)?;
        let slot = |name: &str| -> Result<Slot, SessionError> {
            let (dir, keep) = (home.work(name), contract.settings.workspace.cache.clone());
            Slot::open(&dir, &keep, inputs)
        };
        // Equal lengths: a path in argv or in an error message must not shift one side's memory.
        let slots = [slot("a")?, slot("b")?];
        let rules = contract.in_phase(phase);
        let mut wanted: std::collections::BTreeSet<String> =
            rules.controls.iter().map(|control| control.metric.clone()).collect();
        wanted.insert(contract.primary.name.clone());
        let replay = match proxy {
            Some(proxy) => Some(proxy),
            None => open_cassette(contract, harness.path())?,
        };
        let copies: Vec<Utf8PathBuf> = inputs.iter().map(|(_, copy)| copy.clone()).collect();
        let jail = own(sprag_sandbox::COMMAND)?;
        let sandbox = Sandbox::of(&contract.settings, &jail, ground.found.as_ref(), &copies)?;
        let setup = Setup {
            how_to_run: scripts.measure,
            wanted,
            harness: harness.path().to_owned(),
            echo: Some(own("__echo-worker")?),
            replay,
            jail: Some(jail),
            sandbox,
            interrupt: interrupt.clone(),
        };
        Ok(Self {
            slots,
            incumbent: 0,
            driver: drivers::open(&contract.settings, setup.clone())?,
            setup,
            contract: contract.clone(),
            checks: scripts.checks,
            tmp: home.work("tmp"),
            cannot_shuffle: false,
            must_shuffle: false,
        })
    }

    /// Where a metric comes from.
    pub(crate) fn provenance(&self, metric: &str) -> Provenance {
        self.driver.provenance(metric)
    }

    /// Whether it is known how long the recorded answers took, and they are played without that delay.
    pub(crate) fn hides_delays(&self) -> bool {
        let timed = |proxy: &&Arc<Proxy>| proxy.has_timings() && proxy.settings().timing != Pace::Recorded;
        self.setup.replay.as_ref().is_some_and(|proxy| timed(&proxy))
    }

    /// From now on recorded answers take as long as they took when they were recorded; or what the settings say, again.
    pub(crate) fn set_delays(&self, delays: bool) {
        if let Some(proxy) = &self.setup.replay {
            proxy.set_pace(if delays { Pace::Recorded } else { proxy.settings().timing });
        }
    }

    /// The candidate was kept: its slot is the incumbent's from now on.
    pub(crate) fn swap(&mut self) {
        self.incumbent = 1 - self.incumbent;
    }

    fn slot(&self, role: Role) -> usize {
        if role == Role::Incumbent { self.incumbent } else { 1 - self.incumbent }
    }

    /// Puts `tree` into the slot of `role` and builds it there, unless that very build is still there.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn load(
        &mut self,
        store: &Store,
        role: Role,
        tree: &TreeId,
        layout: Option<u64>,
        out: &Utf8Path,
    ) -> Result<Loaded, SessionError> {
        let index = self.slot(role);
        let settings = &self.contract.settings;
        let tree = &store.tree_without(tree, &|path| settings.withholds(path))?;
        self.slots[index].sync(store, tree)?;
        if self.contract.settings.run.build.is_none() || self.slots[index].has_built(tree, layout) {
            return Ok(Loaded { finding: None, seconds: None, layout: LayoutControl::Off });
        }
        self.slots[index].forget_build();
        let step = self.with_side(role, out, |lab, side| {
            let Setup { sandbox, interrupt, .. } = &lab.setup;
            Ok(build::build(&lab.contract.settings, side, layout, sandbox.as_ref(), interrupt)?)
        })?;
        if step.failure.is_none() {
            let package = &self.contract.settings.workspace.root;
            self.slots[index].has_been_built(store, tree, layout, package)?;
        }
        Ok(Loaded { finding: step.failure, seconds: Some(step.wall.as_secs_f64()), layout: step.layout })
    }

    /// Removes what an earlier run left in the slot of `role`.
    fn clean(&mut self, store: &Store, role: Role) -> Result<(), SessionError> {
        let index = self.slot(role);
        let tree = self.slots[index].tree();
        self.slots[index].sync(store, &tree)
    }

    /// One run of one side.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn run(
        &mut self,
        store: &Store,
        role: Role,
        seed: u64,
        out: &Utf8Path,
    ) -> Result<Run, SessionError> {
        self.clean(store, role)?;
        self.with_side(role, out, |lab, side| Ok(lab.driver.measure(side, &Plan { seed })?))
    }

    /// One pair, `[incumbent, candidate]`, by the driver's best way of measuring two sides together.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn pair(
        &mut self,
        store: &Store,
        toss: Toss,
        out: &Utf8Path,
    ) -> Result<[Run; 2], SessionError> {
        self.pair_by(store, toss, out, |lab, incumbent, candidate, plan| {
            lab.driver.measure_pair(incumbent, candidate, plan)
        })
    }

    /// One pair of two clean slots, relinked where that is done, by whichever driver `measure` asks.
    fn pair_by(
        &mut self,
        store: &Store,
        toss: Toss,
        out: &Utf8Path,
        measure: impl FnOnce(&mut Self, &Side<'_>, &Side<'_>, &PairPlan) -> Result<[Run; 2], MeasureError>,
    ) -> Result<[Run; 2], SessionError> {
        if let Some(finding) = self.shuffle(store, toss, out)? {
            return Ok(refused(finding));
        }
        self.clean(store, Role::Incumbent)?;
        self.clean(store, Role::Candidate)?;
        let plan = PairPlan { order: toss.order, seed: toss.seed };
        self.with_both(out, |lab, incumbent, candidate| Ok(measure(lab, incumbent, candidate, &plan)?))
    }

    /// One pair, one side after the other, so that the result does not rest on sharing a core.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn sequential_pair(
        &mut self,
        store: &Store,
        toss: Toss,
        out: &Utf8Path,
    ) -> Result<[Run; 2], SessionError> {
        if let Some(finding) = self.shuffle(store, toss, out)? {
            return Ok(refused(finding));
        }
        let (first, second) = match toss.order {
            Order::Ab => (Role::Incumbent, Role::Candidate),
            Order::Ba => (Role::Candidate, Role::Incumbent),
        };
        let a = self.run(store, first, toss.seed, out)?;
        let b = self.run(store, second, toss.seed, out)?;
        Ok(if first == Role::Incumbent { [a, b] } else { [b, a] })
    }

    /// The share of each metric that no change can remove.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn floor(
        &mut self,
        store: &Store,
        seed: u64,
        out: &Utf8Path,
    ) -> Result<Option<Floor>, SessionError> {
        self.clean(store, Role::Incumbent)?;
        self.with_side(Role::Incumbent, out, |lab, side| Ok(lab.driver.floor(side, &Plan { seed })?))
    }

    /// Runs the checks on the side of `role`. Answers the finding and the seconds; nothing where there are no checks.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn checks(
        &mut self,
        store: &Store,
        role: Role,
        out: &Utf8Path,
    ) -> Result<(Option<Finding>, Option<f64>), SessionError> {
        let Some(command) = self.checks.clone().filter(|_| self.contract.checks) else {
            return Ok((None, None));
        };
        self.clean(store, role)?;
        let step = self.with_side(role, out, |lab, side| {
            let Setup { sandbox, interrupt, .. } = &lab.setup;
            Ok(build::checks(&command, &lab.contract.settings, side, sandbox.as_ref(), interrupt)?)
        })?;
        Ok((step.failure, Some(step.wall.as_secs_f64())))
    }

    fn with_side<T>(
        &mut self,
        role: Role,
        out: &Utf8Path,
        act: impl FnOnce(&mut Self, &Side<'_>) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        let (dir, tmp, out) = self.folders(role, out)?;
        let env = BTreeMap::new();
        act(self, &Side { dir: &dir, tmp: &tmp, out: &out, role, env: &env })
    }

    fn with_both<T>(
        &mut self,
        out: &Utf8Path,
        act: impl FnOnce(&mut Self, &Side<'_>, &Side<'_>) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        let (dir_a, tmp_a, out_a) = self.folders(Role::Incumbent, out)?;
        let (dir_b, tmp_b, out_b) = self.folders(Role::Candidate, out)?;
        let env = BTreeMap::new();
        let incumbent = Side { dir: &dir_a, tmp: &tmp_a, out: &out_a, role: Role::Incumbent, env: &env };
        let candidate = Side { dir: &dir_b, tmp: &tmp_b, out: &out_b, role: Role::Candidate, env: &env };
        act(self, &incumbent, &candidate)
    }

    /// Directory, scratch and output folder of a side, made and empty where they must be.
    fn folders(
        &mut self,
        role: Role,
        out: &Utf8Path,
    ) -> Result<(Utf8PathBuf, Utf8PathBuf, Utf8PathBuf), SessionError> {
        // Something is about to run, and nothing keeps it from writing into either slot.
        self.slots.iter_mut().for_each(Slot::soil);
        let index = self.slot(role);
        let name = ["a", "b"][index];
        let (tmp, out) = (self.tmp.join(name), out.join(role.name()));
        if tmp.symlink_metadata().is_ok() {
            // Candidate code wrote it, and may have shut folders in it, as caches of modules do.
            remove_dir(&tmp)?;
        }
        for dir in [&tmp, &out] {
            fs::create_dir_all(dir).map_err(|e| SessionError::io("make", dir, e))?;
        }
        let root = &self.contract.settings.workspace.root;
        let tree = self.slots[index].path();
        let dir = if root == "." { tree.to_owned() } else { tree.join(root) };
        Ok((dir, tmp, out))
    }
}

/// A hidden command of this very program.
///
/// # Errors
/// [`SessionError::NoProgram`] where the system does not say which file that is, or its path is not UTF-8.
pub(crate) fn own(command: &str) -> Result<Vec<String>, SessionError> {
    let lost = |why: String| SessionError::NoProgram { why };
    let program = std::env::current_exe().map_err(|error| lost(error.to_string()))?;
    let program = program.into_os_string().into_string();
    let program = program.map_err(|path| lost(format!("the path {} is not UTF-8", path.display())))?;
    Ok(vec![program, command.to_owned()])
}

/// The cassette of the locked harness, played in every run.
fn open_cassette(contract: &Contract, harness: &Utf8Path) -> Result<Option<Arc<Proxy>>, SessionError> {
    let Some(replay) = &contract.settings.replay else { return Ok(None) };
    if !harness.join(&replay.cassette).is_dir() {
        return Err(SessionError::NoCassette { folder: replay.cassette.clone() });
    }
    let cpus = cpus_beside(&contract.settings)?;
    Ok(Some(Arc::new(Proxy::open(replay, harness, Mode::Replay, cpus.as_deref())?)))
}

/// A pair in which nothing was run, for what is wrong with the candidate.
fn refused(finding: Finding) -> [Run; 2] {
    [Run::default(), Run { failure: Some(finding), ..Run::default() }]
}

/// The scripts that the layout or the settings name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scripts {
    /// What measures, where the settings name nothing.
    pub(crate) measure: Option<String>,
    /// What checks.
    pub(crate) checks: Option<String>,
}

/// Whether a failure may pass when the same thing is tried again.
pub(crate) fn is_transient(error: &SessionError) -> bool {
    match error {
        SessionError::Measure(MeasureError::Interrupted) | SessionError::Interrupted => false,
        SessionError::Measure(error) => error.is_transient(),
        SessionError::IncumbentFailed { .. } => true,
        _ => false,
    }
}
