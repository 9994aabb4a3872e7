//! The rule against numbers from an independent implementation in Python, kept in `fixtures/decide_vectors.json`.

use std::collections::BTreeMap;

use serde::Deserialize;
use sprag_judge::{
    ControlState, ControlTest, Direction, Mode, Next, Order, Pair, Reason, Rule, Trial,
    stats::{hodges_lehmann, signed_rank_interval},
};

#[derive(Deserialize)]
struct Vectors {
    judge: Vec<JudgeCase>,
    control: Vec<ControlCase>,
    interval: Vec<IntervalCase>,
}

#[derive(Deserialize)]
struct JudgeCase {
    pool_scale: f64,
    delta: f64,
    alpha: f64,
    beta: f64,
    max_pairs: u32,
    min_pairs: u32,
    strict: bool,
    lower_is_better: bool,
    layout: f64,
    carried_e1: f64,
    first_run_flagged: bool,
    steps: Vec<JudgeStep>,
}

#[derive(Deserialize)]
struct JudgeStep {
    incumbent: f64,
    candidate: f64,
    e1: f64,
    e2: f64,
    e: f64,
    futility: f64,
    verdict: String,
}

#[derive(Deserialize)]
struct ControlCase {
    scale: f64,
    margin: f64,
    used: f64,
    hard: bool,
    steps: Vec<ControlStep>,
}

#[derive(Deserialize)]
struct ControlStep {
    u: f64,
    state: String,
    harm: f64,
    safe: f64,
    allows_keep: bool,
}

#[derive(Deserialize)]
struct IntervalCase {
    xs: Vec<f64>,
    hodges_lehmann: f64,
    low: f64,
    high: f64,
    rank: usize,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("fixtures/decide_vectors.json")).expect("the fixture is valid")
}

fn assert_close(ours: f64, theirs: f64, what: &str) {
    let error = (ours - theirs).abs() / theirs.abs().max(1e-300);
    assert!(
        error <= 1e-9 || ours == theirs,
        "{what}: ours {ours}, theirs {theirs}, relative error {error:e}"
    );
}

fn rule(case: &JudgeCase) -> Rule {
    Rule {
        mode: if case.strict { Mode::Strict } else { Mode::Paired },
        primary: "ms".into(),
        direction: if case.lower_is_better { Direction::Lower } else { Direction::Higher },
        alpha: case.alpha,
        beta: case.beta,
        min_pairs: case.min_pairs,
        max_pairs: case.max_pairs,
        scale: case.pool_scale,
        delta: case.delta,
        min_effect: 0.01,
        layout: case.layout,
        carried: case.carried_e1,
        unit: None,
        incumbent: None,
        controls: BTreeMap::new(),
        hidden_cases: false,
        plausible: None,
    }
}

fn name(next: &Next) -> &'static str {
    match next {
        Next::Pair => "measure_more",
        Next::Decided(verdict) => match verdict.reason {
            Reason::Improved => "keep",
            Reason::Regression => "discard_regression",
            Reason::NoGain => "discard_futile",
            Reason::Inconclusive => "discard_inconclusive",
            _ => "refused",
        },
        _ => "out of turn",
    }
}

#[test]
fn every_number_and_every_verdict_on_the_primary_metric_is_the_oracles() {
    for (index, case) in vectors().judge.iter().enumerate() {
        let mut trial = Trial::new(rule(case)).unwrap();
        trial.first([("ms".to_owned(), 100.0)].into(), case.first_run_flagged);
        for (n, step) in case.steps.iter().enumerate() {
            let at = format!("case {index}, pair {}", n + 1);
            let values = [("ms".to_owned(), [step.incumbent, step.candidate])].into();
            let next = trial.push(Pair { order: Order::Ab, layout: None, values });
            assert_close(trial.e1(), step.e1, &format!("{at}: e1"));
            assert_close(trial.e2(), step.e2, &format!("{at}: e2"));
            assert_close(trial.e(), step.e, &format!("{at}: e"));
            assert_close(trial.futility(), step.futility, &format!("{at}: futility"));
            assert_eq!(name(&next), step.verdict, "{at}");
        }
        assert_eq!(trial.n(), case.steps.len(), "case {index}");
    }
}

#[test]
fn every_number_and_every_state_of_a_control_is_the_oracles() {
    for (index, case) in vectors().control.iter().enumerate() {
        let mut test = ControlTest::new(case.scale, case.margin, case.used, case.hard);
        for (n, step) in case.steps.iter().enumerate() {
            let at = format!("control {index}, pair {}", n + 1);
            let state = match test.push(step.u) {
                ControlState::Violated => "violated",
                ControlState::Safe => "safe",
                ControlState::Open => "open",
            };
            assert_eq!(state, step.state, "{at}");
            assert_close(test.harm(), step.harm, &format!("{at}: harm"));
            assert_close(test.safe(), step.safe, &format!("{at}: safe"));
            assert_eq!(test.allows_keep(), step.allows_keep, "{at}");
        }
    }
}

#[test]
fn the_intervals_at_the_end_are_the_oracles() {
    for case in vectors().interval {
        let interval = signed_rank_interval(&case.xs, 0.95).unwrap();
        assert_close(hodges_lehmann(&case.xs), case.hodges_lehmann, "centre");
        assert_close(interval.low, case.low, "low");
        assert_close(interval.high, case.high, "high");
        assert_eq!(interval.rank, case.rank);
    }
}
