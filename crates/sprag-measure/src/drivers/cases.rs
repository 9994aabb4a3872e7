//! `cases`: Sprag sends each case itself, times it from outside, and keeps the answers.
//!
//! There are three ways to send one ([`Way`]): a line to a worker, a request to a server, the input of a process of its
//! own. All else is the same for them.
//!
//! A pair runs both sides at once, case by case in turns on one CPU, the waiting side frozen: whatever slows the
//! machine then slows both. With more than one CPU to use, alternating adds noise instead, and the sides run one after
//! the other.

mod answer;
mod each;
mod echo;
mod file;
mod http;
mod lane;
mod stdio;
mod turns;
mod values;
mod way;
mod worker;

use std::collections::BTreeSet;

use sprag_contract::settings::{DriverKind, Lifetime, Settings};
use sprag_judge::Provenance;

use super::launch::Launch;
use super::{Driver, Setup};
use crate::golden::Comparison;
use crate::{Floor, MeasureError, PairPlan, Plan, Role, Run, Side};

pub use echo::{echo_once, echo_server, echo_worker};
use file::CaseFile;
use turns::measure_lanes;
pub(super) use values::mebibytes;
use way::Way;

/// How the two sides of a pair share the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turns {
    /// One side's whole run after the other's.
    Sequential,
    /// Case by case, a coin for each says who is first; the waiting side is left alone.
    Alternating,
    /// The same, and the waiting side is stopped.
    Frozen,
}

/// The driver.
#[derive(Clone)]
pub struct Cases {
    launch: Launch,
    way: Way,
    echo: Option<Way>,
    file: CaseFile,
    repeat: u32,
    turns: Turns,
    wanted: BTreeSet<String>,
}

impl Cases {
    /// Reads the case file of the harness.
    ///
    /// # Errors
    /// [`MeasureError::Harness`] where there are no cases in the settings, or settings or file are wrong.
    pub fn open(settings: &Settings, setup: Setup) -> Result<Self, MeasureError> {
        let cases = settings.cases.as_ref().ok_or_else(|| {
            MeasureError::harness(
                "driver `cases` without a [cases] table",
                "write `file` and `serve` under [cases]",
            )
        })?;
        Comparison::of(&cases.compare)?;
        let mut file = file::load(&setup.harness.join(&cases.file), &cases.serve)?;
        if cases.lifetime == Lifetime::Fresh {
            file.warmup.clear();
        }
        let way = Way::of(&cases.serve, cases.compare.kind);
        let launch = Launch::new(settings, &setup)?;
        let shared_core = launch.cpus.as_ref().is_some_and(|cpus| cpus.count() == 1);
        Ok(Self {
            launch,
            echo: setup.echo.map(|argv| way.echo(argv)),
            turns: if shared_core && way.goes_side_by_side() { Turns::Frozen } else { Turns::Sequential },
            way,
            file,
            repeat: cases.repeat.max(1),
            wanted: setup.wanted,
        })
    }

    /// Measures pairs in another way than the CPUs suggest: for the bench of the noise.
    #[must_use]
    pub fn with_turns(self, turns: Turns) -> Self {
        Self { turns, ..self }
    }

    fn sequential(&self, side: &Side<'_>, plan: &Plan, way: &Way) -> Result<Run, MeasureError> {
        let plan = PairPlan { order: sprag_judge::Order::Ab, seed: plan.seed };
        let [run] = measure_lanes(self, way, [side], plan, false)?;
        Ok(run)
    }
}

impl Driver for Cases {
    fn measure(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Run, MeasureError> {
        self.sequential(side, plan, &self.way)
    }

    fn measure_pair(
        &mut self,
        incumbent: &Side<'_>,
        candidate: &Side<'_>,
        plan: &PairPlan,
    ) -> Result<[Run; 2], MeasureError> {
        debug_assert_eq!((incumbent.role, candidate.role), (Role::Incumbent, Role::Candidate));
        match self.turns {
            Turns::Sequential => super::one_after_the_other(self, incumbent, candidate, plan),
            Turns::Alternating => measure_lanes(self, &self.way, [incumbent, candidate], *plan, false),
            Turns::Frozen => measure_lanes(self, &self.way, [incumbent, candidate], *plan, true),
        }
    }

    fn floor(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Option<Floor>, MeasureError> {
        let Some(echo) = &self.echo else { return Ok(None) };
        // It asks nobody, and gives no counts.
        let launch = self.launch.alone();
        let stand_in = Cases { launch, wanted: BTreeSet::new(), ..self.clone() };
        let run = stand_in.sequential(side, plan, echo)?;
        match run.failure {
            None => Ok(Some(Floor { metrics: run.metrics, stand_in: "an echo worker".to_owned() })),
            Some(finding) => Err(MeasureError::harness(
                format!("the echo worker failed: {}", finding.detail),
                "this is a fault of Sprag's own; please report it",
            )),
        }
    }

    fn provenance(&self, metric: &str) -> Provenance {
        let case = |name: &str| self.file.cases.iter().any(|case| case.id == name);
        match metric.strip_prefix("case_").and_then(|rest| rest.strip_suffix("_ms")) {
            Some(id) if case(id) => Provenance::Observed,
            _ if DriverKind::Cases.metrics().contains(&metric) => Provenance::Observed,
            _ => self.launch.provenance(metric).unwrap_or(Provenance::Attested),
        }
    }
}
