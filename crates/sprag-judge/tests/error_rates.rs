//! How often candidates without effect are kept, with a look after every pair. Fixed seeds: each number is one number.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sprag_judge::{
    Direction, EffectScale, JudgeSettings, Mode, Next, Noise, Order, Pair, Reason, Rule, SignProcess, Trial,
    minimum_effect,
};

const SCALE: f64 = 0.02;

fn rule(mode: Mode) -> Rule {
    Rule {
        mode,
        primary: "ms".into(),
        direction: Direction::Lower,
        alpha: 0.02,
        beta: 0.10,
        min_pairs: 3,
        max_pairs: 20,
        scale: SCALE,
        delta: minimum_effect(SCALE, 0.02, 20, 0.01, 1.6),
        min_effect: 0.01,
        layout: 0.0,
        carried: 1.0,
        unit: None,
        incumbent: None,
        controls: BTreeMap::new(),
        hidden_cases: false,
        plausible: None,
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// The share kept out of `trials`; `machine` gives the log-times of two runs of the same code in time order.
fn share_kept(
    mode: Mode,
    trials: u32,
    seed: u64,
    mut machine: impl FnMut(&mut ChaCha8Rng) -> [f64; 2],
) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let kept = (0..trials).filter(|_| {
        let mut trial = Trial::new(rule(mode)).expect("a valid rule");
        let mut next = trial.first([("ms".to_owned(), 1.0)].into(), false);
        while next == Next::Pair {
            let [earlier, later] = machine(&mut rng).map(f64::exp);
            let heads = rng.random::<bool>();
            let (order, sides) =
                if heads { (Order::Ab, [earlier, later]) } else { (Order::Ba, [later, earlier]) };
            next = trial.push(Pair { order, layout: None, values: [("ms".to_owned(), sides)].into() });
        }
        matches!(next, Next::Decided(verdict) if verdict.reason == Reason::Improved)
    });
    kept.count() as f64 / f64::from(trials)
}

#[test]
fn no_more_no_ops_are_kept_than_promised_under_plain_noise() {
    // The pool's scale of a pair with this much noise in each run.
    let sd = SCALE * 0.7407 / 0.6745 / 2f64.sqrt();
    let plain = |rng: &mut ChaCha8Rng| [sd * normal(rng), sd * normal(rng)];
    for mode in [Mode::Paired, Mode::Strict] {
        let share = share_kept(mode, 4000, 1, plain);
        assert!(share <= 0.015, "{mode:?}: {share}");
    }
}

/// Recorded runs of unchanged code, with all that a busy machine does to them. The pool comes from elsewhere in the
/// trace, as a session's is older than the candidate: with it alone, the fast path would keep too many.
#[test]
fn no_more_no_ops_are_kept_than_promised_on_recorded_noise() {
    let process = (include_str!("../../../bench/noise/fresh_process.json"), 1);
    let p95 = (include_str!("../../../bench/noise/in_process.json"), 3);
    for (seed, (trace, column)) in [(5, process), (6, p95)] {
        let rows: Vec<Vec<f64>> = serde_json::from_str(trace).unwrap();
        let times: Vec<f64> = rows.iter().map(|row| row[column]).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let kept = (0..2000).filter(|_| {
            let at = |rng: &mut ChaCha8Rng, runs| rng.random_range(0..times.len() - runs);
            let pool: Vec<[f64; 2]> =
                (0..8).map(|_| at(&mut rng, 2)).map(|i| [times[i], times[i + 1]]).collect();
            let settings = JudgeSettings::default();
            let noise = Noise::new(&settings, EffectScale::default(), false, &pool, 0.01);
            let mut trial = Trial::new(noise.rule(&settings, "ms")).unwrap();
            trial.first([("ms".to_owned(), 1.0)].into(), false);
            let start = at(&mut rng, 40);
            for two in times[start..start + 40].chunks_exact(2) {
                let sides = if rng.random::<bool>() { [two[0], two[1]] } else { [two[1], two[0]] };
                trial.push(Pair {
                    order: Order::Ab,
                    layout: None,
                    values: [("ms".to_owned(), sides)].into(),
                });
            }
            matches!(trial.next(), Next::Decided(verdict) if verdict.reason == Reason::Improved)
        });
        let share = kept.count() as f64 / 2000.0;
        assert!(share <= 0.02, "column {column}: {share}");
    }
}

/// The second run of every pair 5 % slower, and outliers: without the coin this machine would favour one side for ever.
/// The exact process has to stand it; the bound is α and two standard errors of 4000 trials.
#[test]
fn the_exact_process_stands_a_machine_that_slows_every_second_run() {
    let warming = |rng: &mut ChaCha8Rng| {
        let outlier = if rng.random::<f64>() < 0.1 { rng.random::<f64>() } else { 0.0 };
        [0.01 * normal(rng), 0.05 + 0.01 * normal(rng) + outlier]
    };
    let share = share_kept(Mode::Strict, 4000, 2, warming);
    assert!(share <= 0.02 + 2.0 * (0.02f64 * 0.98 / 4000.0).sqrt(), "{share}");
}

/// The same machine without a coin, every candidate first: the promise must fail, or these tests could not see it fail.
#[test]
fn without_the_coin_the_promise_fails() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let kept = (0..200).filter(|_| {
        let mut signs = SignProcess::new(SCALE, SCALE);
        (0..20).any(|_| {
            signs.push(0.05 + 0.014 * normal(&mut rng));
            signs.e() >= 50.0
        })
    });
    assert!(kept.count() > 150);
}

#[test]
fn a_gain_of_three_deltas_is_found() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let kept = (0..200).filter(|_| {
        let mut trial = Trial::new(rule(Mode::Paired)).unwrap();
        let mut next = trial.first([("ms".to_owned(), 1.0)].into(), false);
        while next == Next::Pair {
            let sides = [(0.015 * normal(&mut rng)).exp(), (0.015 * normal(&mut rng) - 0.06).exp()];
            next = trial.push(Pair {
                order: Order::Ab,
                layout: None,
                values: [("ms".to_owned(), sides)].into(),
            });
        }
        matches!(next, Next::Decided(verdict) if verdict.reason == Reason::Improved)
    });
    assert!(kept.count() >= 195);
}
