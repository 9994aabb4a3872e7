//! `bench`: measures a tree once and decides nothing.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use sprag_judge::{Finding, Metrics};
use sprag_measure::{CaseOutput, Interrupt, Role, process};
use sprag_replay::Proxy;
use sprag_workspace::{Start, Store, TreeId};

use crate::coin::Seed;
use crate::goldens::Goldens;
use crate::ground::{Ground, import_baseline};
use crate::lab::Lab;
use crate::{Home, Observer, Project, SessionError};

/// One measurement of the working tree, of which no ledger knows, or of a guest's copy. It decides nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bench {
    /// The numbers; empty where something went wrong.
    pub metrics: Metrics,
    /// What went wrong: the failure, the first wrong output, the checks.
    pub findings: Vec<Finding>,
    /// How long the run took, in seconds.
    pub seconds: f64,
    /// How long the build took, in seconds.
    pub build_seconds: Option<f64>,
    /// Remarks of the driver.
    pub notes: Vec<String>,
    /// The end of what was printed, capped and cleaned.
    pub output: String,
}

/// Builds and measures the working tree once, with its uncommitted changes.
///
/// # Errors
/// [`SessionError`]: the spec, the harness or the host.
pub fn bench(
    project: Project,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<Bench, SessionError> {
    measure_once(project, None, interrupt, observer)
}

/// The same with one repetition of the cases and without goldens, while `proxy` stands between them and the outside: it
/// records, compares or plays, as it was opened, and each exchange belongs to its case. It is on no CPU of the measured
/// processes where it was opened on those that [`sprag_measure::cpus_beside`] names.
///
/// # Errors
/// As [`bench()`].
pub fn bench_beside(
    project: Project,
    proxy: Arc<Proxy>,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<Bench, SessionError> {
    measure_once(project, Some(proxy), interrupt, observer)
}

fn measure_once(
    project: Project,
    proxy: Option<Arc<Proxy>>,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<Bench, SessionError> {
    let home = project.home()?;
    let _held = home.lock()?;
    let mut ground = Ground::of(project, home, None, interrupt, observer)?;
    let beside = proxy.is_some();
    if let Some(cases) = ground.contract.settings.cases.as_mut().filter(|_| beside) {
        cases.repeat = 1;
    }
    let tree = import_baseline(&ground.project, &ground.store, Start::Snapshot)?.tree;
    let out = ground.home.work("bench");
    let mut lab = Lab::open_with(&ground, &tree, 1, interrupt, proxy)?;
    let (mut bench, outputs) = look(&mut lab, &ground.store, Role::Incumbent, &tree, &out)?;
    match outputs {
        Some(_) if beside => return Ok(bench),
        Some(outputs) => {
            let goldens = Goldens::of_harness(&ground.store, &tree, &ground.contract, 1)?;
            bench.findings.extend(goldens.and_then(|goldens| goldens.check(&outputs)));
            let (finding, _) = lab.checks(&ground.store, Role::Incumbent, &out)?;
            bench.findings.extend(finding);
        }
        None => {}
    }
    remember(&ground.home, &bench)?;
    Ok(bench)
}

/// Builds and runs `tree` once, in the slot of `role`. Answers what came of it, and what the cases answered where
/// there was a run.
pub(crate) fn look(
    lab: &mut Lab,
    store: &Store,
    role: Role,
    tree: &TreeId,
    out: &Utf8Path,
) -> Result<(Bench, Option<Vec<CaseOutput>>), SessionError> {
    let loaded = lab.load(store, role, tree, None, out)?;
    let mut bench = Bench { build_seconds: loaded.seconds, ..Bench::default() };
    if let Some(finding) = loaded.finding {
        bench.findings.push(finding);
        return Ok((bench, None));
    }
    let started = Instant::now();
    let run = lab.run(store, role, Seed::fresh().toss(0, 0).seed, out)?;
    bench.seconds = started.elapsed().as_secs_f64();
    bench.output =
        run.logs.iter().map(|log| process::capped(log)).find(|t| !t.is_empty()).unwrap_or_default();
    bench.findings.extend(run.failure.map(|finding| {
        let detail = SessionError::told(&finding);
        Finding { detail, ..finding }
    }));
    bench.metrics = run.metrics;
    bench.notes = run.notes;
    Ok((bench, Some(run.outputs)))
}

/// Keeps the numbers for `sprag check`, which says how fast the loop would be.
fn remember(home: &Home, bench: &Bench) -> Result<(), SessionError> {
    let path = home.dir().join("bench.json");
    let text = serde_json::to_string(bench).unwrap_or_default();
    fs::write(&path, text).map_err(|e| SessionError::io("write", &path, e))
}

/// The latest measurement by `bench`, if there was one.
pub fn latest(home: &Home) -> Option<Bench> {
    serde_json::from_str(&fs::read_to_string(home.dir().join("bench.json")).ok()?).ok()
}
