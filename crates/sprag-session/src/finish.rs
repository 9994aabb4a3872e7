//! The end of a session: the original baseline against the final code, in fresh pairs. Only this is the result.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use sprag_judge::stats::{hodges_lehmann, median, signed_rank_interval};
use sprag_judge::{EffectScale, Mode, Pair};
use sprag_ledger::{Final, Interval, StopEntry};
use sprag_measure::Role;

use crate::calibrate::a_pair;
use crate::coin::Seed;
use crate::events::{Event, Stage};
use crate::open::parse_tree;
use crate::session::{Session, now};
use crate::{SessionError, State};

/// Pairs of the fresh measurement, fixed before looking, in groups that lie apart in time.
const PAIRS: usize = 20;
const GROUP: usize = 5;
const BETWEEN_GROUPS: Duration = Duration::from_secs(10);
/// Where one run takes longer than this, fewer pairs.
const SLOW_RUN: f64 = 60.0;
const PAIRS_OF_SLOW_RUNS: usize = 6;
/// The interval's coverage.
const COVERAGE: f64 = 0.95;

impl Session<'_> {
    /// Measures the result where anything was kept since the last time, and ends the session with the reason.
    ///
    /// # Errors
    /// [`SessionError`]; what was kept stays kept.
    pub fn finish(&mut self, reason: &str, detail: &str) -> Result<(), SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let stale = segment.origin.tree != segment.incumbent.tree
            && self.state.measured_result.as_deref() != Some(segment.incumbent.tree.as_str());
        if stale {
            self.measure_result()?;
        }
        let stop = StopEntry { reason: reason.to_owned(), detail: detail.to_owned(), timestamp: Some(now()) };
        self.record(stop)?;
        self.observer.tell(&Event::Stopped { why: detail });
        Ok(())
    }

    fn measure_result(&mut self) -> Result<(), SessionError> {
        self.hold_host()?;
        let run = self.state.last_run + 1;
        let out = self.home.session(&self.id).join("output").join("final");
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let (origin, last) = (parse_tree(&segment.origin.tree)?, parse_tree(&segment.incumbent.tree)?);
        self.stage(run, Stage::Final, "original baseline against final code");
        // The final code goes where the candidate was: its build is the one furthest from being cached away.
        for (role, tree) in [(Role::Incumbent, origin), (Role::Candidate, last)] {
            let loaded = self.lab.load(&self.store, role, &tree, None, &out)?;
            if let Some(finding) = loaded.finding {
                return Err(SessionError::Refused(format!("a kept tree no longer builds: {}", finding.detail)));
            }
        }
        let seed = Seed::fresh();
        let deterministic = self.state.segment().ok().and_then(|s| s.noise.as_ref()).is_some_and(|n| n.deterministic);
        let shuffles = self.lab.shuffles();
        let mut pairs: Vec<Pair> = Vec::new();
        let mut n = if deterministic { 1 } else { PAIRS };
        while pairs.len() < n {
            if !pairs.is_empty() && pairs.len().is_multiple_of(GROUP) {
                self.rest()?;
            }
            let started = Instant::now();
            let index = pairs.len();
            let mut toss = seed.toss(index, 0);
            let [a, b] = self.measure_pair(&seed, index, &out, |session, drawn| {
                toss = drawn;
                if shuffles {
                    session.lab.shuffle(&session.store, drawn, &out)?;
                }
                let runs = session.lab.sequential_pair(&session.store, drawn, &out)?;
                for run in &runs {
                    if let Some(finding) = &run.failure {
                        return Err(SessionError::IncumbentFailed { what: finding.detail.clone() });
                    }
                }
                Ok(runs)
            })?;
            pairs.push(a_pair(toss, shuffles.then_some(toss.layout), &a, &b));
            if index == 0 && started.elapsed().as_secs_f64() > 2.0 * SLOW_RUN {
                n = n.min(PAIRS_OF_SLOW_RUNS);
            }
            self.observer.tell(&Event::Finishing { done: pairs.len(), of: n });
        }
        let result = self.result(pairs)?;
        self.observer.tell(&Event::Finished(&result));
        self.record(result)
    }

    /// Lets time pass between groups, so that one bad minute of the machine is not the result.
    fn rest(&self) -> Result<(), SessionError> {
        let until = Instant::now() + BETWEEN_GROUPS;
        while Instant::now() < until {
            self.interrupt.check()?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn result(&self, pairs: Vec<Pair>) -> Result<Final, SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let primary = &self.contract.primary;
        let unit = segment.calibrated.as_ref().and_then(|c| c.unit);
        let mut result = of_pairs(&primary.name, EffectScale { direction: primary.direction, unit }, &pairs);
        let rules = self.contract.in_phase(segment.phase);
        for control in &rules.controls {
            if let Some(medians) = medians(&pairs, &control.metric) {
                result.controls.insert(control.metric.clone(), medians);
            }
        }
        let noise = segment.noise.as_ref();
        if noise.is_some_and(|noise| noise.deterministic) {
            result.demonstrated = primary.direction.better(result.result, result.baseline);
            result.caveats.push("the metric repeats to the bit: one pair tells all, there is no interval".to_owned());
        }
        result.experiments = u64::from(self.state.totals.experiments);
        result.keeps = self.state.keeps.len() as u64;
        result.false_keeps = Some(expected_false_keeps(&self.state, self.contract.settings.judge.alpha));
        result.grade = Some(self.grade());
        result.caveats.extend(segment.calibrated.iter().flat_map(|c| c.caveats.clone()));
        if segment.noise.is_some() && segment.rule(1.0).is_ok_and(|rule| rule.mode == Mode::Single) {
            result.caveats.push("the keeps were judged by one run each, unverified".to_owned());
        }
        result.parent = Some(segment.origin.tree.clone());
        result.tree = Some(segment.incumbent.tree.clone());
        result.timestamp = Some(now());
        result.pairs = pairs;
        Ok(result)
    }
}

/// How many keeps are false, expected at most: α for each candidate, as if every one that was not kept, and every
/// false keep, had been a no-op.
pub fn expected_false_keeps(state: &State, alpha: f64) -> f64 {
    alpha * f64::from(state.totals.experiments)
}

/// The result that follows from fresh pairs: an audit computes it again from the row.
pub(crate) fn of_pairs(metric: &str, scale: EffectScale, pairs: &[Pair]) -> Final {
    let values: Vec<[f64; 2]> = pairs.iter().filter_map(|pair| pair.values.get(metric).copied()).collect();
    let effects: Vec<f64> = values.iter().filter_map(|[a, b]| scale.effect(*a, *b)).collect();
    let interval = signed_rank_interval(&effects, COVERAGE).filter(|_| effects.len() >= PAIRS_OF_SLOW_RUNS);
    let interval = interval.map(|interval| Interval {
        effect: hodges_lehmann(&effects),
        low: interval.low,
        high: interval.high,
        coverage: COVERAGE,
    });
    let [baseline, result] = medians(pairs, metric).unwrap_or([f64::NAN; 2]);
    Final {
        metric: metric.to_owned(),
        direction: scale.direction,
        baseline,
        result,
        demonstrated: interval.is_some_and(|interval| interval.low > 0.0),
        interval,
        controls: BTreeMap::new(),
        pairs: Vec::new(),
        experiments: 0,
        keeps: 0,
        false_keeps: None,
        grade: None,
        caveats: Vec::new(),
        parent: None,
        tree: None,
        timestamp: None,
    }
}

fn medians(pairs: &[Pair], metric: &str) -> Option<[f64; 2]> {
    let side = |i: usize| -> Vec<f64> { pairs.iter().filter_map(|p| p.values.get(metric)).map(|v| v[i]).collect() };
    let (a, b) = (side(0), side(1));
    (!a.is_empty()).then(|| [median(&a), median(&b)])
}
