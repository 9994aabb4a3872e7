//! The start of a segment: the baseline must pass its own gates, then A/A pairs say how noisy it is.

mod floor;

use std::collections::BTreeMap;
use std::time::Instant;

use sprag_contract::settings::DriverKind;
use sprag_judge::stats::median;
use sprag_judge::{
    Bound, Finding, Metrics, Noise, Pair, Plausible, Provenance, repeats_exactly, smallest_margin,
};
use sprag_ledger::{Calibration, Run as Row, RunKind, Seconds, Tier, Usage};
use sprag_measure::{Role, Run, process};

use crate::SessionError;
use crate::coin::{Seed, Toss};
use crate::events::{Event, Stage};
use crate::goldens::{self, Goldens};
use crate::open::parse_tree;
use crate::rule;
use crate::session::{Session, now, seconds};

/// A/A pairs of a noisy metric.
const PAIRS: usize = 8;
/// After this many pairs, four runs, a metric that repeated to the bit is taken as deterministic.
const PAIRS_TO_SEE_REPEATS: usize = 2;
/// What fails for reasons of the host is measured this often at most.
pub(crate) const ATTEMPTS: u32 = 3;
/// And of all the pairs of one candidate together so many: a candidate that could void every pair that it does not like
/// would choose its own evidence.
pub(crate) const PAIRS_AGAIN: u32 = 3;

/// What may be new to code that works outside of a sandbox.
const LOCKED_IN: &str = "\n  It ran in the sandbox: there the tree is read-only while it is measured, but for [sandbox] write, and outside of the tree there are only the system's folders, those of PATH, [workspace] read and [sandbox] read";

impl Session<'_> {
    /// Measures the baseline of the segment, unless the ledger has it.
    ///
    /// # Errors
    /// [`SessionError::Baseline`] where the baseline fails its own gates; [`SessionError::NotWorthIt`] where nothing
    /// could be seen through noise or floor.
    pub fn calibrate(&mut self) -> Result<(), SessionError> {
        self.calibrate_by(PAIRS)
    }

    /// The same where no time decides: of the few pairs that are measured, nothing follows about noise, and nothing is
    /// said of it.
    pub(crate) fn calibrate_roughly(&mut self) -> Result<(), SessionError> {
        self.calibrate_by(PAIRS_TO_SEE_REPEATS)
    }

    fn calibrate_by(&mut self, most: usize) -> Result<(), SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let done = segment.calibrated.is_some() && segment.incumbent.commit.is_some();
        if done {
            return Ok(());
        }
        self.hold_host()?;
        let started = Instant::now();
        let run = self.state.last_run + 1;
        let out = self.out(run);
        let tree = parse_tree(&self.state.segment().map_err(SessionError::Refused)?.incumbent.tree)?;
        let seed = Seed::fresh();

        self.stage(run, Stage::Build, "baseline");
        let mut build = None;
        for role in [Role::Incumbent, Role::Candidate] {
            let loaded = self.lab.load(&self.store, role, &tree, None, &out)?;
            self.pass(loaded.finding, None)?;
            build = loaded.seconds.or(build);
        }
        self.stage(run, Stage::First, "baseline");
        let first = self.lab.run(&self.store, Role::Incumbent, seed.toss(0, 0).seed, &out)?;
        self.pass(first.failure.clone(), Some(&first))?;
        self.take_goldens(&first)?;
        self.stage(run, Stage::Checks, "baseline");
        let (finding, check) = self.lab.checks(&self.store, Role::Incumbent, &out)?;
        self.pass(finding, None)?;
        self.baseline_passes_hidden(&seed, run)?;

        self.stage(run, Stage::Pairs, "baseline");
        let (pairs, steady) = self.measure_aa(most, &seed, &first, &out)?;
        let mut calibrated = self.calibrated(&first, pairs, &seed, &out)?;
        calibrated.caveats.extend(self.take_printed(&first, steady)?);
        calibrated.hides_delays = self.lab.hides_delays();
        if most == PAIRS {
            self.warn_about(&calibrated)?;
        }
        let row = self.baseline_row(run, &tree, &first, &calibrated)?;
        let seconds = Seconds { build, measure: seconds(started), check, ..Seconds::default() };
        self.lab.insist_on_shuffling();
        self.record(calibrated)?;
        self.record(Row { seconds, ..row })?;
        self.point_at_incumbent()?;
        self.observer.tell(&Event::Calibrated(
            self.state.segment().ok().and_then(|s| s.calibrated.as_ref()).expect("it was just recorded"),
        ));
        Ok(())
    }

    pub(crate) fn stage(&mut self, run: u64, stage: Stage, description: &str) {
        self.observer.tell(&Event::Stage { run, stage, description });
    }

    /// A baseline that fails a gate ends the session before anything is spent.
    fn pass(&self, finding: Option<Finding>, run: Option<&Run>) -> Result<(), SessionError> {
        let Some(finding) = finding else { return Ok(()) };
        let output =
            run.and_then(|run| run.logs.iter().map(|log| process::capped(log)).find(|text| !text.is_empty()));
        let mut what = SessionError::told(&finding);
        if self.grade().tier != Tier::None {
            what.push_str(LOCKED_IN);
        }
        Err(SessionError::Baseline { what, output: output.unwrap_or_default() })
    }

    /// Compares the baseline with the goldens, or takes its answers as goldens where there are none.
    fn take_goldens(&mut self, first: &Run) -> Result<(), SessionError> {
        if let Some(goldens) = &self.goldens {
            return self.pass(goldens.check(&first.outputs), Some(first));
        }
        if first.outputs.is_empty() || self.contract.settings.measure.driver == DriverKind::Command {
            return Ok(());
        }
        self.record_goldens(first)?;
        self.notice("no goldens are named: the baseline's own answers are the goldens of this session");
        Ok(())
    }

    /// What a command prints is a golden only where the baseline prints it again each time. Answers a caveat where not.
    fn take_printed(&mut self, first: &Run, steady: bool) -> Result<Option<String>, SessionError> {
        if self.goldens.is_some() || self.contract.settings.measure.driver != DriverKind::Command {
            return Ok(None);
        }
        if !steady {
            let what = "what the command prints differs from run to run, so it is compared with nothing";
            return Ok(Some(what.to_owned()));
        }
        self.record_goldens(first)?;
        self.notice(
            "the command prints the same in every run: a candidate that prints something else is refused",
        );
        Ok(None)
    }

    fn record_goldens(&mut self, first: &Run) -> Result<(), SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let dir = goldens::folder(&self.home.session(&self.id), segment);
        self.goldens = Some(Goldens::record(&dir, &first.outputs, &self.contract, segment.phase)?);
        Ok(())
    }

    /// The A/A pairs, and whether all runs gave the outputs of the first.
    fn measure_aa(
        &mut self,
        most: usize,
        seed: &Seed,
        first: &Run,
        out: &camino::Utf8Path,
    ) -> Result<(Vec<Pair>, bool), SessionError> {
        let mut steady = true;
        let primary = self.contract.primary.name.clone();
        let stochastic = self.contract.primary.stochastic;
        let mut pairs: Vec<Pair> = Vec::new();
        self.pairs_again = ATTEMPTS * most as u32;
        while pairs.len() < most {
            let (toss, [a, b]) = self.measure_pair(seed, pairs.len(), |session, toss| {
                let runs = session.lab.pair(&session.store, toss, out)?;
                for run in &runs {
                    session.pass(run.failure.clone(), Some(run))?;
                    if let Some(goldens) = &session.goldens {
                        session.pass(goldens.check(&run.outputs), Some(run))?;
                    }
                    steady &= run.outputs == first.outputs;
                }
                Ok(runs)
            })?;
            pairs.push(a_pair(toss, self.lab.shuffles(), &a, &b));
            self.observer.tell(&Event::Calibrating { done: pairs.len(), of: most });
            if pairs.len() == PAIRS_TO_SEE_REPEATS && !stochastic {
                let runs = pairs.iter().filter_map(|pair| pair.values.get(&primary)).flatten().copied();
                let runs: Vec<f64> = first.metrics.get(&primary).copied().into_iter().chain(runs).collect();
                if repeats_exactly(&runs) {
                    break;
                }
            }
        }
        Ok((pairs, steady))
    }

    /// Measures one pair, and again with a new coin where the host failed. Answers the toss and runs that held.
    pub(crate) fn measure_pair(
        &mut self,
        seed: &Seed,
        index: usize,
        mut measure: impl FnMut(&mut Self, Toss) -> Result<[Run; 2], SessionError>,
    ) -> Result<(Toss, [Run; 2]), SessionError> {
        let mut attempt = 0;
        loop {
            let toss = seed.toss(index, attempt);
            match measure(self, toss) {
                Err(error)
                    if crate::lab::is_transient(&error) && attempt + 1 < ATTEMPTS && self.pairs_again > 0 =>
                {
                    attempt += 1;
                    self.pairs_again -= 1;
                    self.notice(&format!("a pair is measured again: {error}"));
                }
                other => return other.map(|runs| (toss, runs)),
            }
        }
    }

    fn calibrated(
        &mut self,
        first: &Run,
        pairs: Vec<Pair>,
        seed: &Seed,
        out: &camino::Utf8Path,
    ) -> Result<Calibration, SessionError> {
        let primary = self.contract.primary.name.clone();
        let baseline = medians(&pairs, first);
        let value = baseline.get(&primary).copied().unwrap_or(f64::NAN);
        let mut caveats = Vec::new();
        let floor = self.floor(seed, out)?;
        let floors = floor.as_ref().map(|floor| floor::cases_near(floor, &baseline)).unwrap_or_default();
        let least =
            floor.as_ref().map(|floor| floor::least_plausible(&self.contract.primary, floor, &baseline));
        let least = least.unwrap_or_default();
        let floor = floor.and_then(|floor| floor.share(&primary, value));
        let layout = match self.contract.settings.run.build {
            None => Some(0.0),
            Some(_) if self.lab.shuffles() => Some(0.0),
            Some(_) => {
                caveats.push("layout luck not controlled".to_owned());
                None
            }
        };
        let unit = (value <= 0.0).then(|| unit_of(&pairs, &primary));
        let counts = baseline
            .iter()
            .filter(|(name, value)| value.fract() == 0.0 && self.lab.provenance(name) >= Provenance::Attested)
            .filter(|(name, value)| {
                pairs.iter().filter_map(|pair| pair.values.get(*name)).flatten().all(|other| other == *value)
            })
            .map(|(name, _)| name.clone())
            .collect();
        let mut calibrated = Calibration {
            layout,
            floor,
            floors,
            plausible: Some(Plausible { floors: least, ..Plausible::default() }),
            unit,
            baseline,
            counts,
            pairs,
            caveats,
            timestamp: Some(now()),
            ..Calibration::default()
        };
        let noise = rule::noise(&self.contract, &calibrated);
        calibrated.residuals = noise.residuals.clone();
        calibrated.scale = noise.scale;
        calibrated.delta = noise.delta;
        calibrated.deterministic = noise.deterministic;
        calibrated.controls =
            noise.controls.keys().map(|name| (name.clone(), noise.control_scale(name))).collect();
        calibrated.caveats.extend(noise.warning());
        calibrated.caveats.extend(self.project.uncommitted_cassette()?);
        calibrated.caveats.extend(first.notes.iter().cloned());
        Ok(calibrated)
    }

    fn warn_about(&mut self, calibrated: &Calibration) -> Result<(), SessionError> {
        self.warn_of_floor(calibrated)?;
        for caveat in &calibrated.caveats {
            self.notice(caveat);
        }
        let noise = rule::noise(&self.contract, calibrated);
        self.refuse_narrow_margins(&noise)?;
        let sentence = noise.sentence(&self.contract.settings.judge);
        self.notice(&sentence);
        Ok(())
    }

    /// A margin that the pairs cannot resolve would refuse or allow by luck.
    fn refuse_narrow_margins(&self, noise: &Noise) -> Result<(), SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let settings = &self.contract.settings.judge;
        for control in self.contract.in_phase(segment.phase).controls {
            let Bound::Within { margin, .. } = control.bound else { continue };
            let least =
                smallest_margin(noise.control_scale(&control.metric), settings.max_pairs, settings.kappa);
            if margin < least {
                let (name, percent) = (&control.metric, 100.0 * least);
                let what = format!(
                    "the noise of {name} hides changes below {percent:.1} %, and the spec allows {:.1} %: widen the margin in line {}, raise [judge] max_pairs, or measure more in a run",
                    100.0 * margin,
                    control.line
                );
                return Err(SessionError::NotWorthIt { what });
            }
        }
        Ok(())
    }

    fn baseline_row(
        &self,
        run: u64,
        tree: &sprag_workspace::TreeId,
        first: &Run,
        calibrated: &Calibration,
    ) -> Result<Row, SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let base = segment.config.revision.as_deref().and_then(|text| text.parse().ok());
        let base = base.ok_or_else(|| SessionError::Refused("the ledger names no base commit".to_owned()))?;
        let commit = self.commit(tree, &base, "Baseline")?;
        let mut metrics = calibrated.baseline.clone();
        for (name, value) in &first.metrics {
            metrics.entry(name.clone()).or_insert(*value);
        }
        let metric = metrics.remove(&self.contract.primary.name);
        Ok(Row {
            run,
            commit: commit.to_string(),
            metric,
            metrics,
            status: sprag_judge::Status::Keep.into(),
            description: "Baseline".to_owned(),
            timestamp: Some(now()),
            segment: Some(self.state.segments.saturating_sub(1)),
            kind: Some(RunKind::Baseline),
            tree: Some(tree.to_string()),
            output: self.keep_output(run)?,
            contract: segment.config.contract.clone(),
            usage: Usage::FREE,
            grade: Some(self.grade()),
            caveats: calibrated.caveats.clone(),
            ..Row::default()
        })
    }
}

/// The values of both runs, by metric, for those that both have; with the layout seeds where both were relinked.
pub(crate) fn a_pair(toss: Toss, shuffled: bool, incumbent: &Run, candidate: &Run) -> Pair {
    let values: BTreeMap<String, [f64; 2]> = incumbent
        .metrics
        .iter()
        .filter_map(|(name, a)| Some((name.clone(), [*a, *candidate.metrics.get(name)?])))
        .collect();
    Pair { order: toss.order, layout: shuffled.then_some(toss.layout), values }
}

/// The median of each metric over both sides of all pairs; the first run's value where there are no pairs.
pub(crate) fn medians(pairs: &[Pair], first: &Run) -> Metrics {
    let mut all: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for pair in pairs {
        for (name, values) in &pair.values {
            all.entry(name).or_default().extend(values);
        }
    }
    let mut metrics = first.metrics.clone();
    metrics.extend(all.into_iter().map(|(name, values)| (name.to_owned(), median(&values))));
    metrics
}

/// For a metric that can be zero or negative: the size of its values, so that x is a share of it.
fn unit_of(pairs: &[Pair], primary: &str) -> f64 {
    let values: Vec<f64> =
        pairs.iter().filter_map(|pair| pair.values.get(primary)).flatten().map(|value| value.abs()).collect();
    let size = if values.is_empty() { 0.0 } else { median(&values) };
    if size > 0.0 { size } else { 1.0 }
}
