//! One or two sides through all cases, in turns.

use std::collections::BTreeMap;
use std::time::Instant;

use rand::RngExt as _;
use rand::seq::SliceRandom;
use sprag_judge::{Finding, Order};

use super::Cases;
use super::lane::{Lane, Lap, Outcome};
use super::values::run_of;
use super::way::Way;
use super::worker::Fault;
use crate::draw::{Purpose, draw};
use crate::drivers::launch::Launch;
use crate::{CpuSet, MeasureError, PairPlan, Run, Side};

/// What became of the sides of one repetition. Where one has a finding the other's numbers are lost with it.
type Laps<const N: usize> = [Result<Lap, Option<Finding>>; N];

/// Runs one or two sides through all repetitions.
pub(super) fn measure_lanes<const N: usize>(
    cases: &Cases,
    way: &Way,
    sides: [&Side<'_>; N],
    plan: PairPlan,
    freeze: bool,
) -> Result<[Run; N], MeasureError> {
    let start = Instant::now();
    let mut laps: [Vec<Lap>; N] = std::array::from_fn(|_| Vec::new());
    let mut coins = Vec::new();
    for repetition in 0..cases.repeat {
        let race = Race { cases, way, sides, plan, repetition, freeze };
        let (outcome, tossed) = race.run()?;
        coins.push(tossed);
        if outcome.iter().any(Result::is_err) {
            let mut runs = outcome.map(|lap| match lap {
                Err(Some(finding)) => Run { failure: Some(finding), ..Run::default() },
                _ => Run { notes: vec!["cut short: the other side failed".to_owned()], ..Run::default() },
            });
            label(&mut runs, sides, repetition, start);
            return Ok(runs);
        }
        for (all, lap) in laps.iter_mut().zip(outcome.into_iter().flatten()) {
            all.push(lap);
        }
    }
    let coins = (N > 1).then(|| coins.join(" "));
    let mut runs = laps.map(|laps| run_of(&cases.file.cases, laps, &cases.wanted));
    for run in &mut runs {
        run.notes.extend(cases.launch.caveats());
        run.coins.clone_from(&coins);
    }
    label(&mut runs, sides, cases.repeat - 1, start);
    Ok(runs)
}

fn label<const N: usize>(runs: &mut [Run; N], sides: [&Side<'_>; N], last: u32, start: Instant) {
    for (run, side) in runs.iter_mut().zip(sides) {
        run.wall = start.elapsed();
        run.logs = (0..=last).flat_map(|repetition| Launch::logs(side, repetition)).collect();
    }
}

/// One repetition.
struct Race<'a, const N: usize> {
    cases: &'a Cases,
    way: &'a Way,
    sides: [&'a Side<'a>; N],
    plan: PairPlan,
    repetition: u32,
    freeze: bool,
}

impl<const N: usize> Race<'_, N> {
    fn run(&self) -> Result<(Laps<N>, String), MeasureError> {
        let started = self.start()?;
        let mut lanes = match all_ok(started) {
            Ok(lanes) => lanes,
            Err(started) => return Ok((Self::without_the_healthy(started)?, String::new())),
        };
        if N > 1
            && let Some(cpus) = &self.cases.launch.cpus
        {
            lanes.iter_mut().try_for_each(|lane| lane.pin(cpus))?;
        }
        let mut coins = String::new();
        match self.all_cases(&mut lanes, &mut coins) {
            Ok(()) => Ok((self.finish(lanes)?, coins)),
            Err((at, fault)) => {
                let mut laps = Vec::new();
                let mut fault = Some(fault);
                // The guilty side first: where it turns out to be nobody's fault, the rest is dropped, and killed.
                for (i, lane) in lanes.into_iter().enumerate() {
                    laps.push(match fault.take_if(|_| i == at) {
                        Some(fault) => Err(Some(lane.give_up(fault)?)),
                        None => {
                            lane.abandon()?;
                            Err(None)
                        }
                    });
                }
                Ok((array(laps), coins))
            }
        }
    }

    /// Starts and warms up all sides at once, each on a CPU of its own: that takes half of the time of one after the
    /// other, and the coin says who gets which, so that the times to ready can be compared.
    fn start(&self) -> Result<[Result<Lane, Finding>; N], MeasureError> {
        let mut places = self.starting_places()?;
        if self.plan.order == Order::Ba {
            places.reverse();
        }
        let one = |i: usize, place: Option<CpuSet>| -> Outcome<Lane> {
            let (side, plan) = (self.sides[i], self.plan.plan());
            let launch = &self.cases.launch;
            let started = Lane::start(launch, self.way, side, &plan, self.repetition, place.as_ref())?;
            let Ok(mut lane) = started else { return Ok(started) };
            for case in &self.cases.file.warmup {
                if let Err(fault) = lane.warm_up(case) {
                    return Ok(Err(lane.give_up(fault)?));
                }
            }
            Ok(Ok(lane))
        };
        let concurrently = N > 1 && distinct(&places);
        let outcomes: Vec<Outcome<Lane>> = match concurrently {
            true => std::thread::scope(|scope| {
                let threads: Vec<_> = places
                    .into_iter()
                    .enumerate()
                    .map(|(i, place)| scope.spawn(move || one(i, place)))
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().expect("starting a side does not panic"))
                    .collect()
            }),
            false => {
                let mut order: Vec<usize> = (0..N).collect();
                if self.plan.order == Order::Ba {
                    order.reverse();
                }
                let mut outcomes: BTreeMap<usize, Outcome<Lane>> = BTreeMap::new();
                for i in order {
                    let outcome = one(i, places[i].clone());
                    // The next one starts alone too.
                    if let (true, Ok(Ok(lane))) = (self.freeze, &outcome) {
                        lane.freeze()?;
                    }
                    outcomes.insert(i, outcome);
                }
                outcomes.into_values().collect()
            }
        };
        Ok(array(outcomes.into_iter().collect::<Result<Vec<_>, _>>()?))
    }

    /// The CPUs that each side starts on.
    fn starting_places(&self) -> Result<Vec<Option<CpuSet>>, MeasureError> {
        let shared = &self.cases.launch.cpus;
        let mut places = vec![shared.clone(); N];
        if let (2, Some(shared)) = (N, shared)
            && shared.count() == 1
            && let Some(others) = CpuSet::allowed()?.without(shared)
        {
            places[1] = Some(others.last());
        }
        Ok(places)
    }

    fn all_cases(&self, lanes: &mut [Lane; N], coins: &mut String) -> Result<(), (usize, Fault)> {
        let freeze = self.freeze && N > 1;
        let ours = |error| (0, Fault::Ours(error));
        if freeze {
            lanes.iter().try_for_each(Lane::freeze).map_err(ours)?;
        }
        let mut coin = draw(self.plan.seed, Purpose::Coins, self.repetition);
        let mut turns = |lanes: &mut [Lane; N], ask: &mut dyn FnMut(&mut Lane) -> Result<(), Fault>| {
            let second_first = N > 1 && coin.random_bool(0.5);
            for turn in 0..N {
                let i = if second_first { N - 1 - turn } else { turn };
                let lane = &mut lanes[i];
                if freeze {
                    lane.thaw();
                }
                ask(lane).map_err(|fault| (i, fault))?;
                if freeze {
                    lane.freeze().map_err(|error| (i, Fault::Ours(error)))?;
                }
            }
            Ok(second_first)
        };
        lanes.iter_mut().try_for_each(Lane::begin_scoring).map_err(ours)?;
        let mut order: Vec<usize> = (0..self.cases.file.cases.len()).collect();
        order.shuffle(&mut draw(self.plan.seed, Purpose::CaseOrder, self.repetition));
        for index in order {
            let case = &self.cases.file.cases[index];
            let second_first = turns(lanes, &mut |lane| lane.score(index, case))?;
            coins.push(if second_first { 'b' } else { 'a' });
        }
        Ok(())
    }

    fn finish(&self, lanes: [Lane; N]) -> Result<Laps<N>, MeasureError> {
        let mut laps = Vec::new();
        for lane in lanes {
            laps.push(lane.finish(&self.cases.file.cases)?.map_err(Some));
        }
        Ok(array(laps))
    }

    fn without_the_healthy(started: [Result<Lane, Finding>; N]) -> Result<Laps<N>, MeasureError> {
        let mut laps = Vec::new();
        for side in started {
            laps.push(match side {
                Ok(lane) => {
                    lane.abandon()?;
                    Err(None)
                }
                Err(finding) => Err(Some(finding)),
            });
        }
        Ok(array(laps))
    }
}

fn distinct(places: &[Option<CpuSet>]) -> bool {
    matches!(places, [Some(a), Some(b)] if a != b) || places.iter().all(Option::is_none)
}

/// All lanes, or what there is where one has a finding.
fn all_ok<const N: usize>(
    started: [Result<Lane, Finding>; N],
) -> Result<[Lane; N], [Result<Lane, Finding>; N]> {
    match started.iter().all(Result::is_ok) {
        true => Ok(array(started.into_iter().flatten().collect())),
        false => Err(started),
    }
}

/// A vector that was made from one element for each side.
fn array<T, const N: usize>(elements: Vec<T>) -> [T; N] {
    elements.try_into().unwrap_or_else(|_| unreachable!("one element for each side"))
}
