//! The end of a session: the original baseline against the final code, in fresh pairs. Only this is the result.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use sprag_judge::stats::median;
use sprag_judge::{Confirmation, EffectScale, LEVEL, Mode, Pair, Status};
use sprag_ledger::{EventKind, Final, Interval, Recorded, Run as Row, RunKind, Seconds, StopEntry, Usage};
use sprag_measure::Role;

use crate::calibrate::a_pair;
use crate::coin::Seed;
use crate::events::{Event, Stage};
use crate::open::parse_tree;
use crate::session::{Session, now, seconds};
use crate::{SessionError, State};

/// Pairs of the fresh measurement, fixed before looking, in groups that lie apart in time.
const PAIRS: usize = 20;
const GROUP: usize = 5;
const BETWEEN_GROUPS: Duration = Duration::from_secs(10);
/// Where one run takes longer than this, fewer pairs.
const SLOW_RUN: f64 = 60.0;
const PAIRS_OF_SLOW_RUNS: usize = 6;
/// How the caveat begins where the result with recorded timing is missing.
pub(crate) const NOT_RECORDED: &str = "it could not be measured with recorded timing";
/// Keeps between two audits of what they claimed, and the pairs of one.
pub(crate) const KEEPS_BETWEEN_AUDITS: usize = 10;
const RATCHET_PAIRS: usize = 10;

impl Session<'_> {
    /// Measures the result where anything was kept since the last time, and ends the session with the reason.
    ///
    /// # Errors
    /// [`SessionError`]; what was kept stays kept.
    pub fn finish(&mut self, reason: &str, detail: &str) -> Result<(), SessionError> {
        // A turn that is not judged any more is paid for all the same.
        self.abandon_turn()?;
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let stale = segment.origin.tree != segment.incumbent.tree
            && self.state.measured_result.as_deref() != Some(segment.incumbent.tree.as_str());
        if stale {
            self.measure_result()?;
        }
        let stop = StopEntry { reason: reason.to_owned(), detail: detail.to_owned(), timestamp: Some(now()) };
        self.record(stop)?;
        self.tell_bill();
        self.observer.tell(&Event::Stopped { why: detail });
        Ok(())
    }

    fn measure_result(&mut self) -> Result<(), SessionError> {
        let deterministic =
            self.state.segment().ok().and_then(|s| s.noise.as_ref()).is_some_and(|n| n.deterministic);
        let wanted = if deterministic { 1 } else { PAIRS };
        let pairs = self.fresh_pairs(wanted, "final")?;
        let mut result = self.result(pairs)?;
        if self.lab.hides_delays() {
            self.lab.set_delays(true);
            let pairs = self.fresh_pairs(wanted, "final-recorded");
            self.lab.set_delays(false);
            match pairs {
                Ok(pairs) => result.recorded = Some(self.recorded(pairs)),
                Err(error) if error.is_interruption() => return Err(error),
                Err(error) => {
                    result.caveats.push(format!("{NOT_RECORDED}: {error}"));
                }
            }
        }
        self.observer.tell(&Event::Finished(&result));
        self.record(result)
    }

    /// The result where answers took as long as they did when they were recorded: instant ones hide calls that a
    /// candidate has made one after the other.
    fn recorded(&self, pairs: Vec<Pair>) -> Recorded {
        let primary = &self.contract.primary;
        let segment = self.state.segment().ok();
        let unit = segment.and_then(|s| s.calibrated.as_ref()).and_then(|c| c.unit);
        let exact = segment.and_then(|s| s.noise.as_ref()).is_some_and(|noise| noise.deterministic);
        recorded_of_pairs(&primary.name, EffectScale { direction: primary.direction, unit }, exact, pairs)
    }

    /// Fresh pairs of the original baseline against the incumbent, one side after the other, their number fixed
    /// before looking; fewer where a run is slow.
    fn fresh_pairs(&mut self, wanted: usize, out: &str) -> Result<Vec<Pair>, SessionError> {
        self.hold_host()?;
        let run = self.state.last_run + 1;
        let out = self.home.session(&self.id).join("output").join(out);
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let (origin, last) = (parse_tree(&segment.origin.tree)?, parse_tree(&segment.incumbent.tree)?);
        self.stage(run, Stage::Final, "original baseline against the incumbent");
        for (role, tree) in [(Role::Incumbent, origin), (Role::Candidate, last)] {
            let loaded = self.lab.load(&self.store, role, &tree, None, &out)?;
            if let Some(finding) = loaded.finding {
                return Err(SessionError::Refused(format!(
                    "a kept tree no longer builds: {}",
                    finding.detail
                )));
            }
        }
        let seed = Seed::fresh();
        let mut pairs: Vec<Pair> = Vec::new();
        let mut n = wanted;
        self.pairs_again = crate::calibrate::ATTEMPTS * wanted as u32;
        while pairs.len() < n {
            if !pairs.is_empty() && pairs.len().is_multiple_of(GROUP) {
                self.rest()?;
            }
            let started = Instant::now();
            let index = pairs.len();
            let (toss, [a, b]) = self.measure_pair(&seed, index, |session, toss| {
                let runs = session.lab.sequential_pair(&session.store, toss, &out)?;
                match runs.iter().find_map(|run| session.outputs_finding(run)) {
                    Some(finding) => Err(SessionError::IncumbentFailed { what: finding.detail }),
                    None => Ok(runs),
                }
            })?;
            pairs.push(a_pair(toss, self.lab.shuffles(), &a, &b));
            if index == 0 && started.elapsed().as_secs_f64() > 2.0 * SLOW_RUN {
                n = n.min(PAIRS_OF_SLOW_RUNS);
            }
            self.observer.tell(&Event::Finishing { done: pairs.len(), of: n });
        }
        Ok(pairs)
    }

    /// After every ten keeps: do fresh pairs show at least half of what the keeps claimed? Says so where they do not.
    pub(crate) fn audit_ratchet(&mut self) -> Result<(), SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let noise = segment.noise.as_ref().filter(|noise| !noise.deterministic);
        let Some(scale) = noise.map(|noise| noise.effect_scale) else { return Ok(()) };
        let keeps = self.state.keeps.iter().skip(segment.origin.kept_before);
        let claimed: f64 = keeps.filter_map(|keep| keep.effect).sum();
        let (primary, tree) = (self.contract.primary.name.clone(), segment.incumbent.tree.clone());
        let (parent, commit) = (segment.origin.tree.clone(), segment.incumbent.commit);
        let started = Instant::now();
        let pairs = self.fresh_pairs(RATCHET_PAIRS, "audit")?;
        let values: Vec<[f64; 2]> =
            pairs.iter().filter_map(|pair| pair.values.get(&primary).copied()).collect();
        let Some(seen) = Confirmation::new(scale, &values) else { return Ok(()) };
        let detail = format!(
            "after {} keeps, against the original baseline: {}; the keeps claimed {}",
            self.state.keeps.len(),
            seen.sentence(&primary, scale),
            scale.describe(claimed)
        );
        let value = medians(&pairs, &primary).map(|[_, value]| value);
        self.record(Row {
            run: self.state.last_run + 1,
            commit: commit.map(|commit| commit.to_string()).unwrap_or_default(),
            metric: value,
            status: Status::Keep.into(),
            description: "Audit of the keeps so far".to_owned(),
            timestamp: Some(now()),
            segment: Some(self.state.segments.saturating_sub(1)),
            kind: Some(RunKind::Audit),
            detail: detail.clone(),
            tree: Some(tree),
            parent: Some(parent),
            usage: Usage::FREE,
            seconds: Seconds { measure: seconds(started), ..Seconds::default() },
            grade: Some(self.grade()),
            ..Row::default()
        })?;
        self.notice(&detail);
        if seen.is_far_below(claimed) {
            self.event(EventKind::Alarm, format!("less than half of what was claimed is there: {detail}"))?;
        }
        Ok(())
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
            result
                .caveats
                .push("the metric repeats to the bit: one pair tells all, there is no interval".to_owned());
        }
        result.experiments = u64::from(self.state.progress.experiments);
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
    alpha * f64::from(state.progress.experiments)
}

/// The result that follows from fresh pairs: an audit computes it again from the row.
pub(crate) fn of_pairs(metric: &str, scale: EffectScale, pairs: &[Pair]) -> Final {
    let values: Vec<[f64; 2]> = pairs.iter().filter_map(|pair| pair.values.get(metric).copied()).collect();
    let confirmation = Confirmation::new(scale, &values).filter(|found| found.pairs >= PAIRS_OF_SLOW_RUNS);
    let interval = confirmation.map(|Confirmation { effect, low, high, .. }| Interval {
        effect,
        low,
        high,
        coverage: LEVEL,
    });
    let [baseline, result] = medians(pairs, metric).unwrap_or([f64::NAN; 2]);
    Final {
        metric: metric.to_owned(),
        direction: scale.direction,
        baseline,
        result,
        demonstrated: confirmation.is_some_and(|found| found.is_gain()),
        interval,
        controls: BTreeMap::new(),
        pairs: Vec::new(),
        recorded: None,
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

/// The same for pairs with recorded timing; of an `exact` metric one pair tells all.
pub(crate) fn recorded_of_pairs(metric: &str, scale: EffectScale, exact: bool, pairs: Vec<Pair>) -> Recorded {
    let Final { baseline, result, interval, demonstrated, .. } = of_pairs(metric, scale, &pairs);
    let demonstrated = if exact { scale.direction.better(result, baseline) } else { demonstrated };
    Recorded { baseline, result, interval, demonstrated, pairs }
}

fn medians(pairs: &[Pair], metric: &str) -> Option<[f64; 2]> {
    let side =
        |i: usize| -> Vec<f64> { pairs.iter().filter_map(|p| p.values.get(metric)).map(|v| v[i]).collect() };
    let (a, b) = (side(0), side(1));
    (!a.is_empty()).then(|| [median(&a), median(&b)])
}
