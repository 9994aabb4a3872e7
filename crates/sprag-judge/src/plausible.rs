//! What a gain must not be to be believed at once: below the floor of doing nothing, above a ceiling, or that of a
//! single case. Such a gain may be real, and is measured again and confirmed before it counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Metrics, Rule,
    metric::is_of_a_case,
    wording::{evidence as factor, number},
};

/// How many times better one step may be. The rule of decision was checked for gains up to tenfold; twice that is still
/// near what it knows.
const CEILING: f64 = 20.0;
/// One case stands out where it is this many times better …
const OUTLYING: f64 = 5.0;
/// … and no other one is more than so many times better: a case's median of a few pairs wanders that far by itself.
const UNMOVED: f64 = 1.25;
/// With fewer cases "all the others" is too few to be told by.
const CASES: usize = 3;

/// The limits of a gain that is believed at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plausible {
    /// What a candidate that does nothing takes, by metric, each in its own unit. Lower is better for all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub floors: Metrics,
    /// The largest ratio of incumbent to candidate, or the other way round where higher is better.
    pub ceiling: f64,
}

impl Default for Plausible {
    fn default() -> Self {
        Self { floors: Metrics::new(), ceiling: CEILING }
    }
}

/// A gain as it was measured.
pub(crate) struct Seen<'a> {
    pub(crate) rule: &'a Rule,
    /// On the scale of the rule's effects.
    pub(crate) effect: Option<f64>,
    /// [incumbent, candidate], medians by metric.
    pub(crate) sides: BTreeMap<&'a str, [f64; 2]>,
}

impl Plausible {
    /// Whether the limits are limits.
    pub(crate) fn is_usable(&self) -> bool {
        self.ceiling.is_finite() && self.ceiling > 1.0 && self.floors.values().all(|floor| floor.is_finite())
    }

    /// Why a gain is too good to be believed at once, in words.
    pub(crate) fn doubt(&self, seen: &Seen<'_>) -> Option<String> {
        self.below_floor(seen).or_else(|| self.above_ceiling(seen)).or_else(|| one_case_only(seen))
    }

    /// The step that crosses a floor is doubted. Of an incumbent that is below it already no more can be said.
    fn below_floor(&self, seen: &Seen<'_>) -> Option<String> {
        self.floors.iter().find_map(|(name, floor)| {
            let [incumbent, candidate] = *seen.sides.get(name.as_str())?;
            (candidate < *floor && *floor <= incumbent).then(|| {
                format!("{name} is {}, and doing nothing takes {}", number(candidate), number(*floor))
            })
        })
    }

    fn above_ceiling(&self, seen: &Seen<'_>) -> Option<String> {
        let ratio = seen.effect.filter(|_| seen.rule.unit.is_none())?.exp();
        let name = &seen.rule.primary;
        (ratio > self.ceiling).then(|| {
            format!(
                "{name} is {} times better in one step, more than {}",
                factor(ratio),
                factor(self.ceiling)
            )
        })
    }
}

/// A case that is much faster among others that are as they were: its answer may be written down.
fn one_case_only(seen: &Seen<'_>) -> Option<String> {
    if is_of_a_case(&seen.rule.primary) {
        // That one case is what is asked for.
        return None;
    }
    let ratio = |(name, [incumbent, candidate]): (&&str, &[f64; 2])| {
        let ratio = incumbent / candidate;
        (is_of_a_case(name) && ratio.is_finite()).then(|| (ratio, (*name).to_owned()))
    };
    let mut ratios: Vec<(f64, String)> = seen.sides.iter().filter_map(ratio).collect();
    ratios.sort_by(|a, b| b.0.total_cmp(&a.0));
    let [(best, name), (second, _), ..] = ratios.as_slice() else { return None };
    (ratios.len() >= CASES && *best >= OUTLYING && *second <= UNMOVED)
        .then(|| format!("{name} alone is {} times better, and no other case is", factor(*best)))
}
