//! The floor: what a stand-in takes that does nothing, and what follows from it.

use std::collections::BTreeMap;

use camino::Utf8Path;
use sprag_contract::Primary;
use sprag_judge::{Direction, Metrics, is_of_a_case};
use sprag_ledger::Calibration;
use sprag_measure::Floor;

use crate::SessionError;
use crate::coin::{self, Seed};
use crate::session::Session;

/// Above this share of floor the person is warned, above the second the session is refused.
const FLOOR_WARNING: f64 = 0.5;
const FLOOR_REFUSAL: f64 = 0.9;
/// How often the stand-in is measured.
const FLOOR_RUNS: u32 = 3;
/// How many cases a remark on floors names.
const CASES_NAMED: usize = 5;

impl Session<'_> {
    /// The least that the stand-in took, by metric: one run of it may have been disturbed.
    pub(super) fn floor(&mut self, seed: &Seed, out: &Utf8Path) -> Result<Option<Floor>, SessionError> {
        let mut least: Option<Floor> = None;
        for run in 0..FLOOR_RUNS {
            let seed = seed.toss(coin::FLOOR, run).seed;
            let Some(floor) = self.lab.floor(&self.store, seed, out)? else { return Ok(None) };
            least = Some(match least {
                None => floor,
                Some(least) => least.and(floor),
            });
        }
        Ok(least)
    }

    /// Says how much of the primary metric and of single cases is floor.
    ///
    /// # Errors
    /// [`SessionError::NotWorthIt`] where hardly anything else is left.
    pub(super) fn warn_of_floor(&mut self, calibrated: &Calibration) -> Result<(), SessionError> {
        if let Some(share) = calibrated.floor {
            let percent = 100.0 * share;
            let name = &self.contract.primary.name;
            if share > FLOOR_REFUSAL {
                let what = format!(
                    "{percent:.0} % of {name} is floor: a candidate that does nothing would take as long, so no change could show; give the benchmark more work"
                );
                return Err(SessionError::NotWorthIt { what });
            }
            if share > FLOOR_WARNING {
                self.notice(&format!(
                    "{percent:.0} % of {name} is floor that no change can remove: at best it gets {:.1} times better",
                    1.0 / share
                ));
            }
        }
        if let Some(sentence) = mostly_floor(calibrated) {
            self.notice(&sentence);
        }
        Ok(())
    }
}

/// What no candidate can honestly be below: the floor of the primary metric, and that of each case.
pub(super) fn least_plausible(primary: &Primary, floor: &Floor, baseline: &Metrics) -> Metrics {
    let of_primary = |name: &str| name == primary.name && primary.direction == Direction::Lower;
    // A case is short enough for every answer of the stand-in to have been slow by chance: where its floor is near the
    // case itself it says nothing.
    let of_case = |name: &str, least: f64| {
        is_of_a_case(name) && baseline.get(name).is_some_and(|value| least <= FLOOR_WARNING * value)
    };
    let told = floor.metrics.iter().filter(|(name, least)| of_primary(name) || of_case(name, **least));
    told.map(|(name, least)| (name.clone(), *least)).collect()
}

/// The cases of which more is floor than not, as the share of each by the name of its metric.
pub(super) fn cases_near(floor: &Floor, baseline: &Metrics) -> BTreeMap<String, f64> {
    let shares = baseline.iter().filter(|(name, _)| is_of_a_case(name));
    let shares = shares.filter_map(|(name, value)| Some((name.clone(), floor.share(name, *value)?)));
    shares.filter(|(_, share)| *share > FLOOR_WARNING).collect()
}

/// What a person should know of these cases, the worst first.
fn mostly_floor(calibrated: &Calibration) -> Option<String> {
    let mut cases: Vec<(&String, f64)> =
        calibrated.floors.iter().map(|(name, share)| (name, *share)).collect();
    cases.sort_by(|a, b| b.1.total_cmp(&a.1));
    let told = |(name, share): &(&String, f64)| {
        let value = calibrated.baseline.get(*name).copied().unwrap_or(f64::NAN);
        format!("{name} ({:.0} % of {value:.3} ms)", 100.0 * share)
    };
    let named: Vec<String> = cases.iter().take(CASES_NAMED).map(told).collect();
    let more = match cases.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty())
        .then(|| format!("for the most part floor, which no change can remove: {}{more}", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(values: &[(&str, f64)]) -> Metrics {
        values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn only_what_a_stand_in_can_say_of_times_is_a_limit() {
        let floor = Floor {
            metrics: metrics(&[("total_ms", 0.3), ("case_a_ms", 0.1), ("case_b_ms", 0.1), ("cpu_ms", 0.2)]),
            stand_in: String::new(),
        };
        let baseline =
            metrics(&[("total_ms", 9.2), ("case_a_ms", 9.0), ("case_b_ms", 0.15), ("cpu_ms", 9.0)]);
        let primary = |name: &str, direction| Primary {
            name: name.to_owned(),
            unit: String::new(),
            direction,
            stochastic: false,
        };
        let limits = |name, direction| least_plausible(&primary(name, direction), &floor, &baseline);
        assert_eq!(limits("total_ms", Direction::Lower), metrics(&[("total_ms", 0.3), ("case_a_ms", 0.1)]));
        assert_eq!(limits("case_b_ms", Direction::Lower), metrics(&[("case_a_ms", 0.1), ("case_b_ms", 0.1)]));
        assert_eq!(limits("total_ms", Direction::Higher), metrics(&[("case_a_ms", 0.1)]));
    }

    #[test]
    fn cases_that_are_mostly_floor_are_told_the_worst_first() {
        let floor = Floor {
            metrics: metrics(&[
                ("case_a_ms", 0.1),
                ("case_b_ms", 0.1),
                ("case_c_ms", 0.1),
                ("total_ms", 0.3),
            ]),
            stand_in: String::new(),
        };
        let baseline =
            metrics(&[("case_a_ms", 0.15), ("case_b_ms", 9.0), ("case_c_ms", 0.11), ("total_ms", 0.31)]);
        let floors = cases_near(&floor, &baseline);
        let calibrated = Calibration { floors, baseline, ..Calibration::default() };
        assert_eq!(
            mostly_floor(&calibrated).unwrap(),
            "for the most part floor, which no change can remove: case_c_ms (91 % of 0.110 ms), case_a_ms (67 % of 0.150 ms)"
        );
        assert_eq!(mostly_floor(&Calibration::default()), None);
    }
}
