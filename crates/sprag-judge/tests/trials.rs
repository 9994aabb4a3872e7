//! How a trial goes, as a session and an audit see it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sprag_judge::{
    Bound, ControlRule, Direction, Evidence, Finding, Metrics, Mode, Next, Order, Pair, Plausible, Reason,
    Rule, Trial,
};

fn rule() -> Rule {
    Rule {
        mode: Mode::Paired,
        primary: "p95_ms".into(),
        direction: Direction::Lower,
        alpha: 0.02,
        beta: 0.10,
        min_pairs: 3,
        max_pairs: 20,
        scale: 0.02,
        delta: 0.02,
        min_effect: 0.01,
        layout: 0.0,
        carried: 1.0,
        unit: None,
        incumbent: Some(100.0),
        controls: BTreeMap::new(),
        hidden_cases: false,
        plausible: None,
    }
}

fn with_control(name: &str, bound: Bound, baseline: f64, scale: f64) -> Rule {
    let control =
        ControlRule { bound, direction: Direction::Lower, baseline: Some(baseline), used: 0.0, scale };
    Rule { controls: [(name.to_owned(), control)].into(), ..rule() }
}

fn run(values: &[(&str, f64)]) -> Metrics {
    values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

fn pair(values: &[(&str, [f64; 2])]) -> Pair {
    let values = values.iter().map(|(name, sides)| ((*name).to_owned(), *sides)).collect();
    Pair { order: Order::Ab, layout: None, values }
}

/// Small wobble that repeats, so that no test depends on a random number.
fn wobble(i: usize) -> f64 {
    1.0 + [0.004, -0.006, 0.009, -0.002, 0.0, 0.007, -0.009][i % 7]
}

fn verdict(next: Next) -> (Reason, String) {
    match next {
        Next::Decided(verdict) => (verdict.reason, verdict.detail),
        other => panic!("not decided: {other:?}"),
    }
}

/// Runs pairs at this ratio of the primary (and of `control`, where named) until there is a verdict.
fn judge(rule: Rule, ratio: f64, control: Option<(&str, f64)>) -> (Reason, String, Evidence) {
    let mut trial = Trial::new(rule).expect("a valid rule");
    let mut first = vec![("p95_ms", 100.0 * ratio)];
    first.extend(control.map(|(name, ratio)| (name, 50.0 * ratio)));
    let mut next = trial.first(run(&first), false);
    for i in 0..1000 {
        let Next::Pair = next else { break };
        let mut values = vec![("p95_ms", [100.0 * wobble(i), 100.0 * ratio * wobble(i + 3)])];
        values.extend(
            control.map(|(name, ratio)| (name, [50.0 * wobble(i + 1), 50.0 * ratio * wobble(i + 5)])),
        );
        next = trial.push(pair(&values));
    }
    let (reason, detail) = verdict(next.clone());
    let evidence = trial.into_evidence("5eed");
    assert_eq!(replayed(&evidence), next);
    (reason, detail, evidence)
}

/// What an audit finds in the row.
fn replayed(evidence: &Evidence) -> Next {
    Trial::replay(evidence).expect("a usable rule").next()
}

fn told(rule: Rule, ratio: f64, control: Option<(&str, f64)>) -> String {
    let (reason, detail, _) = judge(rule, ratio, control);
    format!("{reason:?}: {detail}")
}

#[test]
fn verdicts_on_the_primary_metric_are_told_with_their_numbers() {
    insta::assert_snapshot!(told(rule(), 0.877, None), @"Improved: p95_ms 12.5 % better (median of 3 pairs), evidence 3506 ≥ 50");
    insta::assert_snapshot!(told(rule(), 1.0, None), @"NoGain: p95_ms 0.20 % better (median of 5 pairs), not the gain of 2.0 % that is looked for: likelihood 0.09 ≤ 0.10");
    insta::assert_snapshot!(told(Rule { max_pairs: 5, ..rule() }, 0.989, None), @"Inconclusive: p95_ms 1.3 % better (median of 5 pairs), evidence 5.9 < 50");
    insta::assert_snapshot!(told(Rule { layout: 0.012, ..rule() }, 0.877, None), @"Improved: p95_ms 12.5 % better (median of 3 pairs), evidence 8712 ≥ 50 with 1.2 % taken off for layout luck");
    insta::assert_snapshot!(told(Rule { direction: Direction::Higher, ..rule() }, 1.2, None), @"Improved: p95_ms 19.8 % better (median of 3 pairs), evidence 154 ≥ 50");
    let additive = Rule { unit: Some(1.0), scale: 1.0, delta: 1.0, ..rule() };
    insta::assert_snapshot!(told(additive, 0.8, None), @"Improved: p95_ms 20.34 better (median of 3 pairs), evidence 1e12 ≥ 50");
}

#[test]
fn a_flagged_first_run_and_a_clear_loss_in_the_first_pair_end_it() {
    let mut trial = Trial::new(rule()).unwrap();
    assert_eq!(trial.first(run(&[("p95_ms", 150.0)]), true), Next::Pair);
    let (reason, detail) = verdict(trial.push(pair(&[("p95_ms", [100.0, 134.0])])));
    assert_eq!(reason, Reason::Regression);
    insta::assert_snapshot!(detail, @"p95_ms 34.0 % worse (1 pair), after a first run far out of the incumbent's range");
}

#[test]
fn an_exact_control_refuses_on_the_first_run() {
    let seven = with_control("embedder_calls", Bound::Equals { value: 7.0 }, 7.0, 0.0);
    let unchanged = with_control("db_calls", Bound::Unchanged, 28.0, 0.0);
    let kb = with_control("bundle_kb", Bound::NotWorse, 412.5, 0.0);
    let rss = with_control("peak_rss_mb", Bound::AtMost { value: 512.0 }, 400.0, 0.0);
    let refuse = |rule: Rule, name, value| {
        verdict(Trial::new(rule).unwrap().first(run(&[("p95_ms", 35.0), (name, value)]), false))
    };
    insta::assert_snapshot!(refuse(seven, "embedder_calls", 0.0).1, @"embedder_calls is 0, the contract says 7");
    insta::assert_snapshot!(refuse(unchanged, "db_calls", 14.0).1, @"db_calls is 14, the baseline's 28 must stay unchanged");
    insta::assert_snapshot!(refuse(kb, "bundle_kb", 413.0).1, @"bundle_kb is 413, the baseline's 412.5 must not increase");
    insta::assert_snapshot!(refuse(rss.clone(), "peak_rss_mb", 600.0).1, @"peak_rss_mb is 600, the contract says at most 512");
    let (reason, detail) = refuse(rss, "unrelated", 1.0);
    assert_eq!(reason, Reason::Metric);
    insta::assert_snapshot!(detail, @"peak_rss_mb is missing or not a finite number, and the contract needs it");
}

#[test]
fn an_exact_control_refuses_in_any_pair_too() {
    let rule = with_control("embedder_calls", Bound::Equals { value: 7.0 }, 7.0, 0.0);
    let mut trial = Trial::new(rule).unwrap();
    assert_eq!(trial.first(run(&[("p95_ms", 80.0), ("embedder_calls", 7.0)]), false), Next::Pair);
    let honest = pair(&[("p95_ms", [100.0, 80.0]), ("embedder_calls", [7.0, 7.0])]);
    let caching = pair(&[("p95_ms", [100.0, 80.0]), ("embedder_calls", [7.0, 0.0])]);
    assert_eq!(trial.push(honest), Next::Pair);
    assert_eq!(verdict(trial.push(caching)).0, Reason::Control);
}

#[test]
fn a_noisy_control_refuses_harm_and_lets_an_open_one_be_measured_on() {
    let soft = |margin| with_control("p50_ms", Bound::Within { margin, hard: false }, 50.0, 0.01);
    let hard = |margin| with_control("p50_ms", Bound::Within { margin, hard: true }, 50.0, 0.01);
    insta::assert_snapshot!(told(soft(0.05), 0.8, Some(("p50_ms", 1.4))), @"Control: p50_ms 40.3 % worse (median of 5 pairs) where 5.0 % is left of its margin, evidence of harm 24 ≥ 20");
    insta::assert_snapshot!(told(soft(0.05), 0.8, Some(("p50_ms", 1.0))), @"Improved: p95_ms 20.2 % better (median of 3 pairs), evidence 3696 ≥ 50");
    insta::assert_snapshot!(told(soft(0.05), 0.8, Some(("p50_ms", 1.055))), @"Inconclusive: p95_ms 20.2 % better (median of 20 pairs), evidence 4e32 ≥ 50, but p50_ms was 5.7 % worse, outside its margin");
    insta::assert_snapshot!(told(hard(0.05), 0.8, Some(("p50_ms", 1.0))), @"Improved: p95_ms 20.2 % better (median of 5 pairs), evidence 1e7 ≥ 50");
    insta::assert_snapshot!(told(hard(0.005), 0.8, Some(("p50_ms", 1.0))), @"Inconclusive: p95_ms 20.2 % better (median of 20 pairs), evidence 4e32 ≥ 50, but p50_ms (0.20 % worse) was not proven to be within its margin");
}

#[test]
fn an_absolute_bound_holds_for_the_median_of_the_pairs() {
    let rule = with_control("peak_rss_mb", Bound::AtMost { value: 52.0 }, 50.0, 0.0);
    let mut trial = Trial::new(rule).unwrap();
    let mut next = trial.first(run(&[("p95_ms", 80.0), ("peak_rss_mb", 50.0)]), false);
    while next == Next::Pair {
        next = trial.push(pair(&[("p95_ms", [100.0, 80.0]), ("peak_rss_mb", [50.0, 53.0])]));
    }
    let (reason, detail) = verdict(next);
    assert_eq!(reason, Reason::Control);
    insta::assert_snapshot!(detail, @"p95_ms 20.0 % better (median of 20 pairs), evidence 1e32 ≥ 50, but peak_rss_mb is 53 in the median of 20 pairs, the contract says at most 52");
}

#[test]
fn a_deterministic_metric_costs_one_run_to_refuse_and_two_to_keep() {
    let rule =
        || Rule { mode: Mode::Deterministic, primary: "bundle_kb".into(), incumbent: Some(400.0), ..rule() };
    let first = |kb: f64| {
        let mut trial = Trial::new(rule()).unwrap();
        let next = trial.first(run(&[("bundle_kb", kb)]), false);
        (trial, next)
    };
    insta::assert_snapshot!(verdict(first(400.0).1).1, @"bundle_kb is 400, the same as the incumbent's");
    insta::assert_snapshot!(verdict(first(401.0).1).1, @"bundle_kb is 401, worse than the incumbent's 400");
    insta::assert_snapshot!(verdict(first(398.0).1).1, @"bundle_kb is 398, better than the incumbent's 400 by less than 4");
    let (mut trial, next) = first(396.0);
    assert_eq!(next, Next::Again);
    let (reason, detail) = verdict(trial.again(run(&[("bundle_kb", 396.0)])));
    assert_eq!(reason, Reason::Improved);
    insta::assert_snapshot!(detail, @"bundle_kb went from 400 to 396, 1.0 % better, the same in two runs");
}

#[test]
fn a_count_may_fall_to_zero() {
    let calls = Rule { mode: Mode::Deterministic, incumbent: Some(3.0), ..rule() };
    let mut trial = Trial::new(calls).unwrap();
    assert_eq!(trial.first(run(&[("p95_ms", 0.0)]), false), Next::Again);
    insta::assert_snapshot!(verdict(trial.again(run(&[("p95_ms", 0.0)]))).1, @"p95_ms went from 3 to 0, the same in two runs");
}

#[test]
fn a_gain_that_does_not_repeat_is_judged_as_noise_by_pairs() {
    let rule = Rule { mode: Mode::Deterministic, scale: 0.0, delta: 0.01, ..rule() };
    let mut trial = Trial::new(rule).unwrap();
    assert_eq!(trial.first(run(&[("p95_ms", 90.0)]), false), Next::Again);
    assert_eq!(trial.again(run(&[("p95_ms", 99.0)])), Next::Pair);
    let mut next = Next::Pair;
    for i in 0..20 {
        next = trial.push(pair(&[("p95_ms", [100.0 * wobble(i), 100.0 * wobble(i + 2)])]));
        if next != Next::Pair {
            break;
        }
    }
    assert_eq!(verdict(next.clone()).0, Reason::NoGain);
    assert_eq!(replayed(&trial.into_evidence("")), next);
}

#[test]
fn a_settled_deterministic_gain_waits_for_the_noisy_controls_only() {
    let bound = Bound::Within { margin: 0.05, hard: false };
    let rule = Rule { mode: Mode::Deterministic, ..with_control("build_s", bound, 50.0, 0.01) };
    let mut trial = Trial::new(rule).unwrap();
    let one = run(&[("p95_ms", 80.0), ("build_s", 50.5)]);
    assert_eq!(trial.first(one.clone(), false), Next::Again);
    let mut next = trial.again(one);
    assert_eq!(next, Next::Pair);
    while next == Next::Pair {
        next = trial.push(pair(&[("p95_ms", [100.0, 80.0]), ("build_s", [50.0, 50.5])]));
    }
    assert_eq!(trial.n(), 3);
    let (reason, detail) = verdict(next);
    assert_eq!(reason, Reason::Improved);
    insta::assert_snapshot!(detail, @"p95_ms went from 100 to 80, 20.0 % better, the same in two runs");
}

#[test]
fn a_settled_gain_that_stops_repeating_must_earn_its_keep_by_pairs() {
    let bound = Bound::Within { margin: 0.05, hard: true };
    let rule = Rule { mode: Mode::Deterministic, ..with_control("build_s", bound, 50.0, 0.01) };
    let mut trial = Trial::new(rule).unwrap();
    let one = run(&[("p95_ms", 80.0), ("build_s", 50.0)]);
    trial.first(one.clone(), false);
    let mut next = trial.again(one);
    assert!((trial.effect().unwrap() - (100f64 / 80.0).ln()).abs() < 1e-12);
    for i in 0..20 {
        let now = if i == 0 { 80.0 } else { 100.0 * wobble(i + 2) };
        next = trial.push(pair(&[("p95_ms", [100.0 * wobble(i + 4), now]), ("build_s", [50.0, 50.0])]));
        if next != Next::Pair {
            break;
        }
    }
    assert_eq!(verdict(next.clone()).0, Reason::NoGain);
    assert_eq!(replayed(&trial.into_evidence("")), next);
}

#[test]
fn a_single_run_is_held_against_the_noise_and_called_unverified() {
    let rule = || Rule { mode: Mode::Single, ..rule() };
    let judge = |ms| verdict(Trial::new(rule()).unwrap().first(run(&[("p95_ms", ms)]), false));
    insta::assert_snapshot!(judge(93.0).1, @"p95_ms 7.0 % better in one run, unverified: the threshold is 5.8 %");
    insta::assert_snapshot!(judge(95.0).1, @"p95_ms 5.0 % better in one run, unverified: the threshold is 5.8 %");
    assert_eq!((judge(93.0).0, judge(95.0).0), (Reason::Improved, Reason::NoGain));
    assert_eq!(judge(-1.0).0, Reason::Metric);
}

#[test]
fn a_finding_decides_whatever_the_clock_says_and_the_first_one_is_the_reason() {
    let finding = |reason, detail: &str| Finding { reason, detail: detail.into() };
    let mut trial = Trial::new(rule()).unwrap();
    trial.finding(finding(Reason::Output, "case clean-energy differs from its golden"));
    trial.first(run(&[("p95_ms", 10.0)]), false);
    let next = trial.finding(finding(Reason::Checks, "checks.sh ended with 1"));
    assert_eq!(verdict(next.clone()).0, Reason::Output);
    let evidence = trial.into_evidence("");
    assert!(evidence.first.is_some(), "the row shows the numbers of the run");
    assert_eq!(replayed(&evidence), next);
}

#[test]
fn a_finding_that_refuses_nothing_cannot_buy_a_keep() {
    let mut trial = Trial::new(rule()).unwrap();
    let next = trial.finding(Finding { reason: Reason::Improved, detail: "trust me".into() });
    assert_eq!(next, Next::First);
    assert!(trial.into_evidence("").findings.is_empty());
}

#[test]
fn a_number_that_is_missing_or_not_finite_is_a_bad_metric_and_never_stored() {
    let mut trial = Trial::new(rule()).unwrap();
    assert_eq!(verdict(trial.first(run(&[("p95_ms", f64::NAN)]), false)).0, Reason::Metric);
    assert!(trial.into_evidence("").first.unwrap().is_empty());
    let mut trial = Trial::new(rule()).unwrap();
    trial.first(run(&[("p95_ms", 1.0)]), false);
    let next = trial.push(pair(&[("p95_ms", [100.0, f64::INFINITY])]));
    assert_eq!(verdict(next.clone()).0, Reason::Metric);
    assert_eq!(replayed(&trial.into_evidence("")), next);
}

#[test]
fn what_was_not_asked_for_is_not_recorded() {
    let mut trial = Trial::new(rule()).unwrap();
    assert_eq!(trial.push(pair(&[("p95_ms", [1.0, 1.0])])), Next::First);
    assert_eq!(trial.again(run(&[("p95_ms", 1.0)])), Next::First);
    trial.first(run(&[("p95_ms", 1.0)]), false);
    assert_eq!(trial.first(run(&[("p95_ms", 9.0)]), true), Next::Pair);
    let evidence = trial.into_evidence("");
    assert_eq!((evidence.pairs.len(), evidence.again, evidence.flagged), (0, None, false));
}

#[test]
fn the_evidence_of_an_inconclusive_test_is_carried_into_its_repetition() {
    let (reason, _, evidence) = judge(Rule { max_pairs: 5, ..rule() }, 0.989, None);
    assert_eq!(reason, Reason::Inconclusive);
    let again = Trial::new(Rule { carried: evidence.e1.unwrap(), ..rule() }).unwrap();
    assert_eq!(again.e1(), evidence.e1.unwrap());
}

#[test]
fn a_rule_that_cannot_be_used_is_refused_with_its_reason() {
    let problem = |rule: Rule| Trial::new(rule).unwrap_err().to_string();
    insta::assert_snapshot!(problem(Rule { alpha: 0.0, ..rule() }), @"the rule of this trial cannot be used: alpha must be between 0 and 1");
    let mut no_baseline = with_control("db_calls", Bound::Unchanged, 1.0, 0.0);
    no_baseline.controls.get_mut("db_calls").unwrap().baseline = None;
    insta::assert_snapshot!(problem(no_baseline), @"the rule of this trial cannot be used: control db_calls: its bound needs the baseline's value");
    for wrong in [
        Rule { scale: f64::NAN, ..rule() },
        Rule { delta: 0.0, ..rule() },
        Rule { max_pairs: u32::MAX, ..rule() },
        Rule { mode: Mode::Single, incumbent: None, ..rule() },
        Rule { unit: Some(0.0), ..rule() },
        Rule { carried: f64::INFINITY, ..rule() },
        Rule { plausible: Some(Plausible { ceiling: f64::NAN, ..Plausible::default() }), ..rule() },
    ] {
        assert!(Trial::new(wrong.clone()).is_err(), "{wrong:?}");
    }
}

fn any_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Paired), Just(Mode::Strict), Just(Mode::Deterministic), Just(Mode::Single)]
}

fn any_bound() -> impl Strategy<Value = Bound> {
    prop_oneof![
        (0u8..3).prop_map(|value| Bound::Equals { value: value.into() }),
        Just(Bound::Unchanged),
        Just(Bound::NotWorse),
        (0u8..60).prop_map(|value| Bound::AtMost { value: value.into() }),
        (0f64..0.2, any::<bool>()).prop_map(|(margin, hard)| Bound::Within { margin, hard }),
        Just(Bound::Watched),
    ]
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![8 => 40f64..60.0, 2 => Just(50.0), 1 => any::<f64>(), 1 => -1f64..1.0]
}

#[derive(Debug, Clone)]
enum Input {
    First(f64, f64, bool),
    Again(f64, f64),
    Pair([f64; 4]),
    Hidden(bool),
    Confirm([f64; 2]),
    Finding(Reason),
}

fn any_input() -> impl Strategy<Value = Input> {
    let reasons = prop_oneof![Just(Reason::Output), Just(Reason::Crash), Just(Reason::Improved)];
    prop_oneof![
        4 => (any_value(), any_value(), any::<bool>()).prop_map(|(p, c, f)| Input::First(p, c, f)),
        2 => (any_value(), any_value()).prop_map(|(p, c)| Input::Again(p, c)),
        20 => prop::array::uniform4(any_value()).prop_map(Input::Pair),
        5 => prop::bool::weighted(0.8).prop_map(Input::Hidden),
        10 => prop::array::uniform2(any_value()).prop_map(Input::Confirm),
        1 => reasons.prop_map(Input::Finding),
    ]
}

proptest! {
    /// Whatever comes in whatever order: the row alone gives the verdict again, also after a trip through JSON.
    #[test]
    fn a_replay_from_the_row_equals_the_live_trial(
        mode in any_mode(), bound in any_bound(), unit in prop::option::of(0.5f64..2.0), carried in 0f64..20.0,
        scale in 0f64..0.1, hidden_cases in any::<bool>(), ceiling in prop::option::of(1.01f64..1.2),
        inputs in prop::collection::vec(any_input(), 0..60),
    ) {
        let control = with_control("c", bound, 50.0, scale);
        let plausible = ceiling.map(|ceiling| Plausible { ceiling, ..Plausible::default() });
        let rule = Rule { mode, unit, carried, incumbent: Some(50.0), hidden_cases, plausible, ..control };
        let mut trial = Trial::new(rule).unwrap();
        for input in inputs {
            match input {
                Input::First(p, c, flagged) => trial.first(run(&[("p95_ms", p), ("c", c)]), flagged),
                Input::Again(p, c) => trial.again(run(&[("p95_ms", p), ("c", c)])),
                Input::Pair([a, b, c, d]) => trial.push(pair(&[("p95_ms", [a, b]), ("c", [c, d])])),
                Input::Hidden(passed) => trial.hidden(passed),
                Input::Confirm([a, b]) => trial.confirm(pair(&[("p95_ms", [a, b]), ("case_secret_ms", [a, b])])),
                Input::Finding(reason) => trial.finding(Finding { reason, detail: "seen".into() }),
            };
        }
        let (live, e) = (trial.next(), trial.e());
        let row = serde_json::to_string(&trial.into_evidence("5eed")).unwrap();
        let evidence: Evidence = serde_json::from_str(&row).unwrap();
        let replayed = Trial::replay(&evidence).unwrap();
        prop_assert_eq!(replayed.next(), live, "{}", row);
        prop_assert_eq!(replayed.e(), e);
        prop_assert_eq!(replayed.into_evidence("5eed"), evidence);
        prop_assert!(!row.contains("secret"));
    }
}
