//! `bench`: measures the working tree once and decides nothing.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sprag_judge::{Finding, Metrics};
use sprag_measure::{Interrupt, Role, process};
use sprag_replay::Proxy;
use sprag_workspace::Start;

use crate::coin::Seed;
use crate::goldens::Goldens;
use crate::ground::{Ground, import_baseline};
use crate::lab::Lab;
use crate::{Home, Observer, Project, SessionError};

/// One measurement of the working tree. It decides nothing, and no ledger knows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    let loaded = lab.load(&ground.store, Role::Incumbent, &tree, None, &out)?;
    let mut bench = Bench {
        metrics: Metrics::new(),
        findings: loaded.finding.into_iter().collect(),
        seconds: 0.0,
        build_seconds: loaded.seconds,
        notes: Vec::new(),
        output: String::new(),
    };
    if bench.findings.is_empty() {
        let started = Instant::now();
        let run = lab.run(&ground.store, Role::Incumbent, Seed::fresh().toss(0, 0).seed, &out)?;
        bench.seconds = started.elapsed().as_secs_f64();
        bench.output =
            run.logs.iter().map(|log| process::capped(log)).find(|t| !t.is_empty()).unwrap_or_default();
        bench.findings.extend(run.failure.map(|finding| {
            let detail = SessionError::told(&finding);
            Finding { detail, ..finding }
        }));
        bench.metrics = run.metrics;
        bench.notes = run.notes;
        if beside {
            return Ok(bench);
        }
        let goldens = Goldens::of_harness(&ground.store, &tree, &ground.contract, 1)?;
        bench.findings.extend(goldens.and_then(|goldens| goldens.check(&run.outputs)));
        let (finding, _) = lab.checks(&ground.store, Role::Incumbent, &out)?;
        bench.findings.extend(finding);
    }
    remember(&ground.home, &bench)?;
    Ok(bench)
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
