//! What the knobs may be together, as a grid, and which point of it is tried next: a spread over the grid first, then by turns
//! what TPE asks for and what lies between the best and the next to it, at last the neighbours of the best.
//!
//! Which point is next follows from the session's id and from what was tried, and from nothing else: a resumed session goes
//! on as it would have.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use sprag_contract::Domain;
use tpe::{
    TpeOptimizer, TpeOptimizerBuilder, categorical_range, histogram_estimator, parzen_estimator, range,
};

use super::assignment::unquoted;

/// A number that is not whole is tried in so many steps.
const STEPS: u64 = 1000;
/// So many tries are spread over the grid before TPE knows enough to be asked.
const SPREAD: usize = 6;
/// Levels that differ by less are as good as each other: a tenth of a percent.
const SAME: f64 = 1e-3;
/// So often TPE is asked for a point that was not tried.
const ASKED: usize = 16;
/// The share of the tries that TPE takes for the good ones.
const GOOD: f64 = 0.2;
/// So many points of a large grid are looked at for one that was not tried.
const LOOKED_AT: usize = 4096;

/// A point of the grid: the step of each knob, from 0.
pub(super) type Point = Vec<u64>;

/// All that the knobs may be.
#[derive(Debug)]
pub(super) struct Space {
    axes: Vec<Axis>,
}

#[derive(Debug)]
struct Axis {
    domain: Domain,
    /// How many steps it has.
    steps: u64,
}

impl Axis {
    fn of(domain: &Domain) -> Self {
        let steps = match domain {
            Domain::Whole { low, high, .. } => high.abs_diff(*low).saturating_add(1),
            Domain::Real { .. } => STEPS + 1,
            Domain::OneOf { choices } => choices.len() as u64,
        };
        Self { domain: domain.clone(), steps }
    }

    /// As it is written in the code.
    fn literal(&self, step: u64) -> String {
        match &self.domain {
            Domain::Whole { low, .. } => (i128::from(*low) + i128::from(step)).to_string(),
            Domain::Real { low, high, log } => {
                let share = step as f64 / STEPS as f64;
                let value = match log {
                    true => low * (high / low).powf(share),
                    false => low + (high - low) * share,
                };
                // Six digits: what comes after them is no setting that anybody would write.
                let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
                format!("{rounded:?}")
            }
            Domain::OneOf { choices } => choices.get(step as usize).cloned().unwrap_or_default(),
        }
    }

    /// Where TPE sees a step: on the scale of the knob.
    fn place(&self, step: u64) -> f64 {
        match self.domain {
            Domain::Whole { low, log: true, .. } => (low as f64 + step as f64).ln(),
            _ => step as f64,
        }
    }

    /// The step that a value in the code is, however it is written; `None` where it is none.
    fn step_of(&self, value: &str) -> Option<u64> {
        match &self.domain {
            Domain::Whole { low, high, .. } => {
                let whole = integer(value)?;
                (*low..=*high).contains(&whole).then(|| whole.abs_diff(*low))
            }
            Domain::Real { low, high, log } => {
                let real: f64 =
                    value.replace('_', "").parse().ok().filter(|real| (*low..=*high).contains(real))?;
                let share = match log {
                    true => (real / low).ln() / (high / low).ln(),
                    false => (real - low) / (high - low),
                };
                Some((share * STEPS as f64).round() as u64)
            }
            Domain::OneOf { choices } => {
                let same = |choice: &String| choice == value || unquoted(choice) == unquoted(value);
                choices.iter().position(same).map(|at| at as u64)
            }
        }
    }

    /// From where to where TPE sees it.
    fn ends(&self) -> (f64, f64) {
        match self.domain {
            Domain::Whole { low, high, log: true } => {
                ((low as f64 - 0.5).max(0.5).ln(), (high as f64 + 0.5).ln())
            }
            Domain::OneOf { .. } => (0.0, self.steps as f64),
            _ => (-0.5, self.steps as f64 - 0.5),
        }
    }

    /// The step at a place.
    fn step(&self, place: f64) -> u64 {
        let step = match self.domain {
            Domain::Whole { low, log: true, .. } => place.exp().round() - low as f64,
            Domain::OneOf { .. } => place.floor(),
            _ => place.round(),
        };
        (step.max(0.0) as u64).min(self.steps - 1)
    }

    /// What is left to look at beside `here` when the steps of `line` were tried: each with its share of the range. A choice
    /// has less of it for each of the `times` that it was tried with others.
    fn gaps(&self, here: u64, line: &BTreeSet<u64>, times: &dyn Fn(u64) -> usize) -> Vec<(f64, u64)> {
        if let Domain::OneOf { .. } = self.domain {
            let share = |step| 0.5_f64.powi(times(step) as i32) / self.steps as f64;
            return (0..self.steps)
                .filter(|step| !line.contains(step))
                .map(|step| (share(step), step))
                .collect();
        }
        let (low, high) = self.ends();
        let place = self.place(here);
        let below = line.range(..here).next_back().map_or(low, |step| self.place(*step));
        let above = line.range(here + 1..).next().map_or(high, |step| self.place(*step));
        let halves = [below, above]
            .into_iter()
            .map(|end| ((end - place).abs() / (high - low), f64::midpoint(place, end)));
        let steps = halves.map(|(gap, place)| (gap, self.step(place)));
        steps.filter(|(_, step)| !line.contains(step)).collect()
    }

    fn optimizer(&self, trials: impl Iterator<Item = (u64, f64)>) -> Option<TpeOptimizer> {
        let (low, high) = self.ends();
        let mut builder = TpeOptimizerBuilder::new();
        builder.gamma(GOOD);
        let built = match self.domain {
            Domain::OneOf { .. } => {
                builder.build(histogram_estimator(), categorical_range(self.steps as usize).ok()?)
            }
            _ => builder.build(parzen_estimator(), range(low, high).ok()?),
        };
        let mut optimizer = built.ok()?;
        for (step, value) in trials {
            optimizer.tell(self.place(step), value).ok()?;
        }
        Some(optimizer)
    }
}

impl Space {
    pub(super) fn of<'a>(domains: impl Iterator<Item = &'a Domain>) -> Self {
        Self { axes: domains.map(Axis::of).collect() }
    }

    /// What each knob is at a point, as it is written in the code.
    pub(super) fn literals(&self, point: &Point) -> Vec<String> {
        self.axes.iter().zip(point).map(|(axis, step)| axis.literal(*step)).collect()
    }

    /// The point of these values, one a knob; `None` where one is none of its steps.
    pub(super) fn point<'a>(&self, values: impl IntoIterator<Item = Option<&'a str>>) -> Option<Point> {
        self.axes.iter().zip(values).map(|(axis, value)| axis.step_of(value?)).collect()
    }

    /// The next point to try; `None` where all were tried. `tried` has the level of each, more being better, and none where
    /// it was refused.
    pub(super) fn next(&self, session: &str, tried: &BTreeMap<Point, Option<f64>>) -> Option<Point> {
        if self.size().is_some_and(|size| tried.len() as u64 >= size) {
            return None;
        }
        let is_new = |point: &Point| !tried.contains_key(point);
        let mut rng = rng(session, tried.len());
        if tried.len() < SPREAD {
            let spread = self.spread(session, tried.len(), &mut rng);
            if is_new(&spread) {
                return Some(spread);
            }
        }
        // By turns: where the good ones lie, and what is left between the best and the next to it.
        let narrowed = || narrowed(&self.axes, tried).filter(is_new);
        let first = if tried.len().is_multiple_of(3) { None } else { narrowed() };
        first
            .or_else(|| self.asked(tried, &mut rng))
            .or_else(narrowed)
            .or_else(|| self.beside_the_best(tried, &mut rng))
    }

    /// How many points there are, where that is no astronomical number.
    fn size(&self) -> Option<u64> {
        self.axes.iter().try_fold(1_u64, |size, axis| size.checked_mul(axis.steps))
    }

    /// The `nth` of some points of which each knob has one in every part of its range.
    fn spread(&self, session: &str, nth: usize, rng: &mut ChaCha8Rng) -> Point {
        let mut parts = self::rng(session, usize::MAX);
        let step = |axis: &Axis| {
            let mut order: Vec<usize> = (0..SPREAD).collect();
            order.shuffle(&mut parts);
            let (low, high) = axis.ends();
            let share = (order[nth] as f64 + rng.random::<f64>()) / SPREAD as f64;
            axis.step(low + (high - low) * share)
        };
        self.axes.iter().map(step).collect()
    }

    /// What TPE asks for.
    fn asked(&self, tried: &BTreeMap<Point, Option<f64>>, rng: &mut ChaCha8Rng) -> Option<Point> {
        // It looks for the least; what was refused is worse than anything that was measured.
        let worst = tried.values().flatten().copied().fold(0.0, f64::min);
        let value = |level: &Option<f64>| level.map_or(1.0 - worst, |level| -level);
        let trials = |at: usize| tried.iter().map(move |(point, level)| (point[at], value(level)));
        let mut optimizers: Vec<TpeOptimizer> = self
            .axes
            .iter()
            .enumerate()
            .map(|(at, axis)| axis.optimizer(trials(at)))
            .collect::<Option<_>>()?;
        let mut ask = || -> Point {
            let steps = self.axes.iter().zip(&mut optimizers);
            steps.map(|(axis, tpe)| axis.step(tpe.ask(rng).unwrap_or_else(|never| match never {}))).collect()
        };
        let mut asked = (0..ASKED).map(|_| ask());
        asked.find(|point| !tried.contains_key(point))
    }

    /// A point that was not tried, as near to the best as there is one.
    fn beside_the_best(&self, tried: &BTreeMap<Point, Option<f64>>, rng: &mut ChaCha8Rng) -> Option<Point> {
        let best = best_of(tried).cloned().unwrap_or_else(|| vec![0; self.axes.len()]);
        let mut seen = BTreeSet::from([best.clone()]);
        let mut ring = vec![best];
        while !ring.is_empty() && seen.len() < LOOKED_AT {
            let mut next: Vec<Point> = ring.iter().flat_map(|point| self.neighbours(point)).collect();
            next.retain(|point| seen.insert(point.clone()));
            next.shuffle(rng);
            if let Some(new) = next.iter().find(|point| !tried.contains_key(*point)) {
                return Some(new.clone());
            }
            ring = next;
        }
        None
    }

    /// The points that differ by one step of one knob; by any other choice, where it is one of several.
    fn neighbours(&self, point: &Point) -> Vec<Point> {
        let mut all = Vec::new();
        for (at, axis) in self.axes.iter().enumerate() {
            let here = point[at];
            let steps: Vec<u64> = match axis.domain {
                Domain::OneOf { .. } => (0..axis.steps).filter(|step| *step != here).collect(),
                _ => here
                    .checked_sub(1)
                    .into_iter()
                    .chain(Some(here + 1).filter(|s| *s < axis.steps))
                    .collect(),
            };
            all.extend(steps.into_iter().map(|step| {
                let mut other = point.clone();
                other[at] = step;
                other
            }));
        }
        all
    }
}

fn best_of(tried: &BTreeMap<Point, Option<f64>>) -> Option<&Point> {
    let measured = tried.iter().filter_map(|(point, level)| Some((point, (*level)?)));
    measured.max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(point, _)| point)
}

/// One of the best points with one knob turned: halfway to the next value that was tried, where that is farthest away, or to
/// a choice that was not tried with the others as they are.
fn narrowed(axes: &[Axis], tried: &BTreeMap<Point, Option<f64>>) -> Option<Point> {
    let best = tried.get(best_of(tried)?).copied().flatten()?;
    let as_good = |level: &Option<f64>| level.is_some_and(|level| level > best - SAME);
    let mut widest: Option<(f64, Point)> = None;
    for point in tried.iter().filter(|(_, level)| as_good(level)).map(|(point, _)| point) {
        for (at, axis) in axes.iter().enumerate() {
            let turned = |step: u64| -> Point {
                let mut turned = point.clone();
                turned[at] = step;
                turned
            };
            // The steps of this knob that were tried with the others as they are here.
            let line =
                tried.keys().filter(|other| turned(other[at]) == **other).map(|other| other[at]).collect();
            let times = |step: u64| tried.keys().filter(|other| other[at] == step).count();
            for (gap, step) in axis.gaps(point[at], &line, &times) {
                if widest.as_ref().is_none_or(|(most, _)| gap > *most) {
                    widest = Some((gap, turned(step)));
                }
            }
        }
    }
    widest.map(|(_, point)| point)
}

/// A whole number as code writes it, in any of its bases.
fn integer(text: &str) -> Option<i64> {
    let plain = text.replace('_', "").to_ascii_lowercase();
    let based = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(mark, base)| Some(i64::from_str_radix(plain.strip_prefix(mark)?, base)));
    match based {
        Some(read) => read.ok(),
        None => plain.parse().ok(),
    }
}

/// What is drawn for the try that follows `tried` others.
fn rng(session: &str, tried: usize) -> ChaCha8Rng {
    let mut seed = [0; 32];
    // An id has 26 characters; of a longer one the beginning tells sessions apart, too.
    seed.iter_mut().zip(session.bytes().take(24)).for_each(|(to, from)| *to = from);
    seed[24..].copy_from_slice(&(tried as u64).to_le_bytes());
    ChaCha8Rng::from_seed(seed)
}
