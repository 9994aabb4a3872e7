//! From the times of single cases to the metrics of a run. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use sprag_judge::{Metrics, Provenance, Reason};

use super::file::Case;
use super::lane::Lap;
use crate::drivers::beside::Counted;
use crate::{CaseOutput, Run};

/// Puts the repetitions of one side together.
pub(super) fn run_of(cases: &[Case], laps: Vec<Lap>, wanted: &BTreeSet<String>) -> Run {
    let mut run = Run::default();
    let values = case_values(cases.len(), &laps);
    for (name, value) in summary(&values) {
        run.put(name, value, Provenance::Observed);
    }
    for (case, value) in cases.iter().zip(&values) {
        run.put(format!("case_{}_ms", case.id), *value, Provenance::Observed);
    }
    let of_laps = |f: fn(&Lap) -> f64| median(laps.iter().map(f).collect());
    run.put("cpu_ms", of_laps(|lap| millis(lap.cpu)), Provenance::Observed);
    if let Some(start_ups) = laps.iter().map(|lap| lap.start_up.map(millis)).collect::<Option<Vec<f64>>>() {
        run.put("start_ms", median(start_ups), Provenance::Observed);
    }
    let peak = laps.iter().map(|lap| lap.peak_rss).max().unwrap_or_default();
    run.put("peak_rss_mb", mebibytes(peak), Provenance::Observed);
    let leftovers: usize = laps.iter().map(|lap| lap.leftovers).sum();
    run.note_leftovers(leftovers);
    run.outputs = outputs(cases, &laps);
    match counts(&laps) {
        Ok(counted) => counted.put(&mut run),
        Err(complaint) => run.fail(Reason::Metric, complaint),
    }
    let missing: Vec<&str> =
        wanted.iter().map(String::as_str).filter(|name| !run.metrics.contains_key(*name)).collect();
    if let (None, false) = (&run.failure, missing.is_empty()) {
        run.fail(Reason::Metric, format!("the cases give no value for {}", missing.join(", ")));
    }
    run
}

/// A case's value: the median of its times over the repetitions, in milliseconds.
fn case_values(count: usize, laps: &[Lap]) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(laps.len()); count];
    for answer in laps.iter().flat_map(|lap| &lap.answers) {
        times[answer.case].push(millis(answer.took));
    }
    times.into_iter().map(median).collect()
}

fn summary(values: &[f64]) -> [(&'static str, f64); 4] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [
        ("p50_ms", nearest_rank(&sorted, 50)),
        ("p95_ms", nearest_rank(&sorted, 95)),
        ("max_ms", nearest_rank(&sorted, 100)),
        ("total_ms", sorted.iter().sum()),
    ]
}

/// The smallest value that at least `percent` of all values do not exceed. `sorted` is not empty.
fn nearest_rank(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// Counts hold for each repetition, and must be the same in all. How many bytes and connections carried the requests may
/// differ with the time of day: of those the median counts.
fn counts(laps: &[Lap]) -> Result<Counted, String> {
    let mut first = laps.first().map(|lap| lap.counted.clone()).unwrap_or_default();
    let all = |counted: &Counted| -> Metrics {
        counted.attested.iter().chain(&counted.observed).map(|(name, count)| (name.clone(), *count)).collect()
    };
    let expected = all(&first);
    for (repetition, lap) in laps.iter().enumerate() {
        let differs = |(name, count): &(&String, &f64)| {
            expected.get(*name) != Some(*count)
                && !(lap.counted.observed.contains_key(*name) && may_vary(name))
        };
        if let Some((name, count)) = all(&lap.counted).iter().find(differs) {
            let before = expected.get(name).copied().unwrap_or_default();
            return Err(format!("{name} is {before} in repetition 0 and {count} in repetition {repetition}"));
        }
    }
    for (name, count) in first.observed.iter_mut().filter(|(name, _)| may_vary(name)) {
        *count = median(laps.iter().filter_map(|lap| lap.counted.observed.get(name).copied()).collect());
    }
    Ok(first)
}

fn may_vary(name: &str) -> bool {
    name.ends_with("_bytes") || name.ends_with("_connections")
}

/// In the order of the case file, whatever order they were asked in.
fn outputs(cases: &[Case], laps: &[Lap]) -> Vec<CaseOutput> {
    let mut outputs: Vec<(usize, CaseOutput)> = Vec::new();
    for (repetition, lap) in (0..).zip(laps) {
        outputs.extend(lap.answers.iter().map(|answer| {
            let id = cases[answer.case].id.clone();
            (answer.case, CaseOutput { id, repetition, bytes: answer.output.clone() })
        }));
    }
    outputs.sort_by_key(|(case, output)| (*case, output.repetition));
    outputs.into_iter().map(|(_, output)| output).collect()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Of 2^20 bytes.
pub(in crate::drivers) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let sorted: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(
            summary(&sorted),
            [("p50_ms", 10.0), ("p95_ms", 19.0), ("max_ms", 20.0), ("total_ms", 210.0)]
        );
        assert_eq!(summary(&[5.0]).map(|(_, value)| value), [5.0; 4]);
        // With few cases the 95th percentile is the maximum.
        assert_eq!(nearest_rank(&sorted[..12], 95), 12.0);
    }

    #[test]
    fn a_case_is_worth_the_median_of_its_repetitions() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
    }

    proptest! {
        #[test]
        fn a_percentile_is_one_of_the_values(mut values in proptest::collection::vec(0.0..1e6, 1..50), percent in 0_usize..=100) {
            values.sort_by(f64::total_cmp);
            let value = nearest_rank(&values, percent);
            prop_assert!(values.contains(&value));
            let below = values.iter().filter(|v| **v <= value).count();
            prop_assert!(below * 100 >= percent * values.len());
        }
    }
}
