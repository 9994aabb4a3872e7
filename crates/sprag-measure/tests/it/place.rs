//! A temporary harness and two sides.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use sprag_contract::Settings;
use sprag_judge::{Order, Reason};
use sprag_measure::{Driver, MeasureError, PairPlan, Plan, Role, Run, Setup, Side, drivers};

pub(crate) struct Place {
    _keep: tempfile::TempDir,
    pub(crate) root: Utf8PathBuf,
    env: BTreeMap<String, String>,
}

pub(crate) const PLAN: Plan = Plan { seed: 42 };

impl Place {
    pub(crate) fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::try_from(keep.path().canonicalize().unwrap()).unwrap();
        for side in ["incumbent", "candidate"] {
            for folder in ["dir", "tmp", "out"] {
                std::fs::create_dir_all(root.join(side).join(folder)).unwrap();
            }
        }
        // The paths of the harness.
        std::fs::create_dir_all(root.join("harness")).unwrap();
        Self { _keep: keep, root, env: BTreeMap::new() }
    }

    /// Writes a file of the harness.
    pub(crate) fn harness(&self, name: &str, text: &str) {
        write(&self.root.join("harness").join(name), text);
    }

    /// Writes a file of both sides.
    pub(crate) fn both(&self, name: &str, text: &str) {
        self.of(Role::Incumbent, name, text);
        self.of(Role::Candidate, name, text);
    }

    /// Writes a file of one side.
    pub(crate) fn of(&self, role: Role, name: &str, text: &str) {
        write(&self.dir(role).join(name), text);
    }

    pub(crate) fn dir(&self, role: Role) -> Utf8PathBuf {
        self.root.join(role_name(role)).join("dir")
    }

    pub(crate) fn read(&self, role: Role, name: &str) -> String {
        std::fs::read_to_string(self.dir(role).join(name)).unwrap()
    }

    pub(crate) fn setup(&self) -> Setup {
        Setup { harness: self.root.join("harness"), ..Setup::default() }
    }

    pub(crate) fn with_side<T>(&self, role: Role, f: impl FnOnce(&Side<'_>) -> T) -> T {
        let folder = |name: &str| self.root.join(role_name(role)).join(name);
        let (dir, tmp, out) = (folder("dir"), folder("tmp"), folder("out"));
        f(&Side { dir: &dir, tmp: &tmp, out: &out, role, env: &self.env })
    }

    /// One run of the candidate.
    pub(crate) fn measure(&self, settings: Value, wanted: &[&str]) -> Result<Run, MeasureError> {
        let wanted: BTreeSet<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let mut driver = drivers::open(&self::settings(settings), Setup { wanted, ..self.setup() })?;
        self.with_side(Role::Candidate, |side| driver.measure(side, &PLAN))
    }

    pub(crate) fn pair(&self, driver: &mut dyn Driver, seed: u64) -> Result<[Run; 2], MeasureError> {
        let order = if seed.is_multiple_of(2) { Order::Ab } else { Order::Ba };
        self.with_side(Role::Incumbent, |incumbent| {
            self.with_side(Role::Candidate, |candidate| {
                driver.measure_pair(incumbent, candidate, &PairPlan { order, seed })
            })
        })
    }
}

pub(crate) fn settings(json: Value) -> Settings {
    serde_json::from_value(json).unwrap()
}

/// The reason and the detail of a run that must have failed.
pub(crate) fn failure(run: &Run) -> (Reason, String) {
    assert!(run.metrics.is_empty(), "a failed run has no numbers: {run:?}");
    let finding = run.failure.as_ref().unwrap_or_else(|| panic!("no failure: {run:?}"));
    (finding.reason, finding.detail.clone())
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Incumbent => "incumbent",
        Role::Candidate => "candidate",
    }
}

fn write(path: &Utf8Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    if text.starts_with("#!") {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}
