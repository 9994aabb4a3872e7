//! What is asked of a gain before it is kept: the hidden cases, and more pairs where it is too good to be believed.

use std::collections::BTreeMap;

use sprag_judge::{
    Direction, Evidence, Finding, Metrics, Mode, Next, Order, Pair, Plausible, Reason, Rule, Trial,
};

fn rule() -> Rule {
    Rule {
        mode: Mode::Paired,
        primary: "total_ms".into(),
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
        plausible: Some(Plausible::default()),
    }
}

fn hiding() -> Rule {
    Rule { hidden_cases: true, ..rule() }
}

fn pair(values: &[(&str, [f64; 2])]) -> Pair {
    let values = values.iter().map(|(name, sides)| ((*name).to_owned(), *sides)).collect();
    Pair { order: Order::Ab, layout: None, values }
}

/// Small wobble that repeats, so that no test depends on a random number.
fn wobble(i: usize) -> f64 {
    1.0 + [0.004, -0.006, 0.009, -0.002, 0.0, 0.007, -0.009][i % 7]
}

/// Runs a trial with pairs at this ratio until something else is asked. `cases`: the ratio of each case.
fn until_asked(rule: Rule, ratio: f64, cases: &[(&str, f64)]) -> (Trial, Next) {
    let mut trial = Trial::new(rule).expect("a valid rule");
    let first: Metrics = [("total_ms".to_owned(), 100.0 * ratio)].into();
    let mut next = trial.first(first, false);
    for i in 0..20 {
        if next != Next::Pair {
            break;
        }
        let mut values = vec![("total_ms", [100.0 * wobble(i), 100.0 * ratio * wobble(i + 3)])];
        values.extend(
            cases.iter().map(|(name, ratio)| (*name, [10.0 * wobble(i), 10.0 * ratio * wobble(i + 2)])),
        );
        next = trial.push(pair(&values));
    }
    (trial, next)
}

/// Confirming pairs at this ratio until there is a verdict.
fn confirm(trial: &mut Trial, ratio: f64) -> Next {
    let mut next = trial.next();
    for i in 0..20 {
        if next != Next::Confirm {
            break;
        }
        let values = [40.0 * wobble(i + 1), 40.0 * ratio * wobble(i + 4)];
        next = trial.confirm(pair(&[("total_ms", values), ("case_secret_ms", values)]));
    }
    next
}

fn verdict(next: Next) -> (Reason, String) {
    match next {
        Next::Decided(verdict) => (verdict.reason, verdict.detail),
        other => panic!("not decided: {other:?}"),
    }
}

/// The verdict of the row is that of the trial.
fn evidence(trial: Trial) -> Evidence {
    let live = trial.next();
    let text = serde_json::to_string(&trial.into_evidence("5eed")).expect("a row");
    let evidence: Evidence = serde_json::from_str(&text).expect("a row");
    assert_eq!(Trial::replay(&evidence).expect("a usable rule").next(), live);
    evidence
}

#[test]
fn hidden_cases_are_asked_only_of_a_candidate_that_would_be_kept() {
    assert_eq!(until_asked(hiding(), 0.8, &[]).1, Next::Hidden);
    assert_eq!(verdict(until_asked(hiding(), 1.0, &[]).1).0, Reason::NoGain);
    let single = Rule { mode: Mode::Single, ..hiding() };
    assert_eq!(until_asked(single.clone(), 0.8, &[]).1, Next::Hidden);
    assert_eq!(verdict(until_asked(single, 1.0, &[]).1).0, Reason::NoGain);
    let mut trial = until_asked(Rule { mode: Mode::Deterministic, ..hiding() }, 0.8, &[]).0;
    assert_eq!(trial.again([("total_ms".to_owned(), 80.0)].into()), Next::Hidden);
}

#[test]
fn a_failed_hidden_case_refuses_with_nothing_but_that() {
    let (mut trial, _) = until_asked(hiding(), 0.8, &[]);
    let (reason, detail) = verdict(trial.hidden(false));
    assert_eq!(reason, Reason::Hidden);
    insta::assert_snapshot!(detail, @"the hidden cases are not passed");
    assert_eq!(evidence(trial).hidden, Some(false));

    let (mut trial, _) = until_asked(hiding(), 0.8, &[]);
    assert_eq!(verdict(trial.hidden(true)).0, Reason::Improved);
    assert_eq!(trial.hidden(false), trial.next(), "they are asked once");
    assert_eq!(evidence(trial).hidden, Some(true));
}

#[test]
fn a_row_that_leaves_the_hidden_cases_out_is_no_keep() {
    let (mut trial, _) = until_asked(hiding(), 0.8, &[]);
    trial.hidden(true);
    let mut row = evidence(trial);
    row.hidden = None;
    assert_eq!(Trial::replay(&row).expect("a usable rule").next(), Next::Hidden);
}

#[test]
fn the_checks_refuse_a_single_run_that_waits_for_the_hidden_cases() {
    let (mut trial, next) = until_asked(Rule { mode: Mode::Single, ..hiding() }, 0.8, &[]);
    assert_eq!(next, Next::Hidden);
    let finding = Finding { reason: Reason::Checks, detail: "checks.sh ended with 1".into() };
    assert_eq!(verdict(trial.finding(finding)).0, Reason::Checks);
    assert_eq!(evidence(trial).hidden, None);
}

#[test]
fn what_makes_a_gain_too_good_to_be_believed_is_said() {
    let doubt = |rule: Rule, ratio, cases: &[(&str, f64)]| {
        let (trial, next) = until_asked(rule, ratio, cases);
        (next == Next::Confirm).then(|| trial.doubt().expect("a doubt").to_owned())
    };
    let floors = |name: &str, floor| {
        let floors = [(name.to_owned(), floor)].into();
        Rule { plausible: Some(Plausible { floors, ..Plausible::default() }), ..rule() }
    };
    let still = [("case_a_ms", 1.0), ("case_b_ms", 1.01), ("case_c_ms", 0.99)];
    let one = [("case_a_ms", 0.05), ("case_b_ms", 1.0), ("case_c_ms", 0.99)];
    let told: Vec<String> = [
        doubt(rule(), 0.01, &[]),
        doubt(floors("total_ms", 15.0), 0.1, &[]),
        doubt(floors("case_a_ms", 1.0), 0.8, &one),
        doubt(rule(), 0.8, &one),
    ]
    .into_iter()
    .flatten()
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    total_ms is 100 times better in one step, more than 20
    total_ms is 10, and doing nothing takes 15
    case_a_ms is 0.5, and doing nothing takes 1
    case_a_ms alone is 20 times better, and no other case is
    ");

    assert_eq!(doubt(rule(), 0.1, &still), None, "a tenfold gain is believed");
    assert_eq!(doubt(floors("total_ms", 5.0), 0.1, &[]), None);
    assert_eq!(doubt(floors("total_ms", 200.0), 0.1, &[]), None, "the incumbent was below it already");
    let two = [("case_a_ms", 0.1), ("case_b_ms", 0.5), ("case_c_ms", 0.99)];
    assert_eq!(doubt(rule(), 0.8, &two), None, "it is not alone");
    assert_eq!(doubt(rule(), 0.8, &one[..2]), None, "of two cases neither stands out");
    assert_eq!(doubt(Rule { plausible: None, ..rule() }, 0.001, &one), None);
}

#[test]
fn a_gain_that_is_there_again_is_kept() {
    let (mut trial, _) = until_asked(rule(), 0.01, &[]);
    assert_eq!(verdict(confirm(&mut trial, 0.012)).0, Reason::Improved);
    assert_eq!(trial.confirming_pairs(), 3);
    assert!(trial.doubt().is_some(), "the row says so all the same");
    let row = evidence(trial);
    assert!(
        row.confirming.iter().all(|pair| pair.values.keys().eq(["total_ms"])),
        "no case is named: {row:?}"
    );
}

#[test]
fn a_gain_that_is_not_there_again_is_suspect() {
    for ratio in [1.0, 0.9] {
        let (mut trial, _) = until_asked(hiding(), 0.01, &[]);
        assert_eq!(trial.hidden(true), Next::Confirm);
        let (reason, detail) = verdict(confirm(&mut trial, ratio));
        assert_eq!(reason, Reason::Suspect, "at {ratio} of a claimed hundredth");
        insta::allow_duplicates! {
            insta::assert_snapshot!(detail, @"total_ms is 100 times better in one step, more than 20; measured again, it was not confirmed");
        }
        evidence(trial);
    }
}

#[test]
fn a_row_with_fewer_confirming_pairs_than_it_takes_is_no_keep() {
    let (mut trial, _) = until_asked(rule(), 0.01, &[]);
    confirm(&mut trial, 0.012);
    let mut row = evidence(trial);
    row.confirming.pop();
    assert_eq!(Trial::replay(&row).expect("a usable rule").next(), Next::Confirm);
}

#[test]
fn what_one_run_decided_one_pair_confirms_and_some_refuse() {
    let single = Rule { mode: Mode::Single, ..rule() };
    for (ratio, reason, pairs) in [(0.015, Reason::Improved, 1), (0.5, Reason::Suspect, 3)] {
        let (mut trial, next) = until_asked(single.clone(), 0.01, &[]);
        assert_eq!(next, Next::Confirm);
        assert_eq!(verdict(confirm(&mut trial, ratio)).0, reason);
        assert_eq!(trial.confirming_pairs(), pairs);
        evidence(trial);
    }
    let (mut trial, _) = until_asked(single, 0.01, &[]);
    assert_eq!(
        trial.confirm(pair(&[("total_ms", [100.0, 90.0])])),
        Next::Confirm,
        "a hiccup refuses nothing"
    );
    assert_eq!(trial.confirm(pair(&[("total_ms", [100.0, 0.1])])), trial.next());
    assert_eq!(verdict(trial.next()).0, Reason::Improved);
}

#[test]
fn a_confirming_pair_without_a_number_confirms_nothing() {
    let (mut trial, _) = until_asked(rule(), 0.01, &[]);
    assert_eq!(verdict(trial.confirm(pair(&[("total_ms", [100.0, f64::NAN])]))).0, Reason::Suspect);
    evidence(trial);
}
