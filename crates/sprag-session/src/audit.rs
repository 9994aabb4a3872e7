//! Every decision again, from the ledger's rows alone; and the same pairs under another policy.

use sprag_judge::{
    EffectScale, Evidence, JudgeSettings, Mode, Next, Reason, Rule, Status, Trial, is_far_worse,
    minimum_effect,
};
use sprag_ledger::{Calibration, Entry, Final, Log, Run, RunKind};

use crate::calibrate::medians;
use crate::coin::{self, Seed};
use crate::experiment::shown_metrics;
use crate::finish::{NOT_RECORDED, of_pairs, recorded_of_pairs};
use crate::rule;
use crate::segment::{Known, Segment};
use crate::state::State;

/// What an audit of the rows found. Whether the chain holds is the ledger's own report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Audit {
    /// Rows whose verdict was computed again.
    pub recomputed: usize,
    /// Rows without evidence, such as those of other tools: nothing can be said about them.
    pub without_evidence: usize,
    /// What does not agree.
    pub mismatches: Vec<Mismatch>,
}

/// One row that does not follow from what the ledger holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The line of the file, from 1.
    pub line: u64,
    /// The run, where the line is one.
    pub run: Option<u64>,
    /// What the row says and what follows.
    pub what: String,
}

/// Computes every verdict of `log` again: from the row's evidence, with the rule that the rows before it give.
pub fn audit(log: &Log) -> Audit {
    let mut audit = Audit::default();
    let mut state = State::default();
    let mut followed = true;
    let mut without_contract = Vec::new();
    for record in &log.records {
        if record.stamp.is_none_or(|stamp| stamp.seq == 0) && matches!(record.entry, Entry::Config(_)) {
            (state, followed) = (State::default(), true);
        }
        let mut complain = |run: Option<u64>, what: String| {
            audit.mismatches.push(Mismatch { line: record.line, run, what });
        };
        match &record.entry {
            Entry::Run(run) if run.is_experiment() => {
                match run.evidence.as_ref().map(|stored| stored.get()) {
                    None => audit.without_evidence += 1,
                    Some(Err(error)) => {
                        complain(Some(run.run), format!("its evidence cannot be read: {error}"))
                    }
                    Some(Ok(evidence)) => {
                        audit.recomputed += 1;
                        let known = followed.then_some(&state);
                        check_row(run, &evidence, known)
                            .into_iter()
                            .for_each(|what| complain(Some(run.run), what));
                    }
                }
            }
            Entry::Run(run) => {
                check_baseline(run, &state).into_iter().for_each(|what| complain(Some(run.run), what))
            }
            Entry::Calibration(calibrated) => {
                check_calibration(calibrated, &state).into_iter().for_each(|what| complain(None, what));
            }
            Entry::Final(result) => {
                check_result(result, &state).into_iter().for_each(|what| complain(None, what));
            }
            _ => {}
        }
        if followed && let Err(what) = state.apply(&record.entry) {
            followed = false;
            let config = matches!(&record.entry, Entry::Config(config) if config.contract.is_none());
            let mismatch = Mismatch { line: record.line, run: None, what };
            if config {
                without_contract.push(mismatch);
            } else if record.stamp.is_some() {
                audit.mismatches.push(mismatch);
            }
        }
    }
    // Other tools' logs have no contract and no evidence: there is nothing to follow, and nothing is wrong.
    if audit.recomputed > 0 {
        audit.mismatches.extend(without_contract);
    }
    audit
}

/// What in a row does not follow: its verdict from its evidence, its rule from the rows before, its coins from its
/// seed.
fn check_row(run: &Run, evidence: &Evidence, state: Option<&State>) -> Vec<String> {
    let mut wrong = Vec::new();
    match Trial::replay(evidence).map(|trial| (trial.next(), trial)) {
        Ok((Next::Decided(verdict), trial)) => {
            if trial.n() != evidence.pairs.len() {
                wrong.push(format!(
                    "it has {} pairs, and was decided after {}",
                    evidence.pairs.len(),
                    trial.n()
                ));
            }
            if trial.confirming_pairs() != evidence.confirming.len() {
                wrong.push(format!(
                    "it has {} confirming pairs, and was decided after {}",
                    evidence.confirming.len(),
                    trial.confirming_pairs()
                ));
            }
            if trial.asked_hidden() != evidence.hidden.is_some() {
                wrong.push("it has an answer to hidden cases that were not asked".to_owned());
            }
            let again = trial.into_evidence(evidence.seed.clone());
            if (again.e, again.e1) != (evidence.e, evidence.e1) {
                wrong.push("its evidence is not what its pairs give".to_owned());
            }
            if run.reason != Some(verdict.reason) || run.status != verdict.status() {
                let said = run.reason.map_or("nothing".to_owned(), |reason| reason.to_string());
                wrong.push(format!(
                    "the row says {said}, its evidence says {}: {}",
                    verdict.reason, verdict.detail
                ));
            }
        }
        Ok(_) => wrong.push("its evidence does not decide".to_owned()),
        Err(error) => wrong.push(format!("its rule cannot be used: {error}")),
    }
    let (mut metric, metrics) = shown_metrics(evidence);
    if run.status == Status::Crash && metric == Some(0.0) {
        // Old readers find 0 in a crash, and everybody else unknown.
        metric = None;
    }
    if metric != run.metric || metrics != run.metrics {
        wrong.push("its numbers are not those of its evidence".to_owned());
    }
    if let Some(segment) = state.and_then(|state| state.segment.as_ref()) {
        match segment.rule(evidence.rule.carried) {
            Ok(rule) if rule == evidence.rule => {}
            Ok(rule) => wrong.push(format!(
                "its rule is not the one that the rows before it give: {}",
                differing(&rule, &evidence.rule)
            )),
            Err(what) => wrong.push(what),
        }
        if run.parent.as_deref() != Some(&segment.incumbent.tree) {
            wrong.push("it was not judged against the incumbent".to_owned());
        }
        wrong.extend(check_repetition(run, evidence, segment));
        let first = evidence.first.as_ref().and_then(|first| first.get(&evidence.rule.primary));
        let far_worse =
            first.is_some_and(|first| is_far_worse(evidence.rule.effect_scale(), &segment.recent, *first));
        if far_worse != evidence.flagged {
            wrong.push("whether its first run was far worse does not follow from the rows before".to_owned());
        }
    }
    if let Some(seed) = Seed::parse(&evidence.seed) {
        let pairs = evidence.pairs.iter().enumerate().map(|(n, pair)| (n, "pair", n + 1, pair));
        let confirming = evidence.confirming.iter().enumerate();
        let confirming =
            confirming.map(|(n, pair)| (coin::CONFIRMING_PAIRS + n, "confirming pair", n + 1, pair));
        for (index, word, number, pair) in pairs.chain(confirming) {
            let possible = (0..crate::calibrate::ATTEMPTS).any(|attempt| {
                let toss = seed.toss(index, attempt);
                toss.order == pair.order && pair.layout.is_none_or(|layout| layout == toss.layout)
            });
            if !possible {
                wrong.push(format!("the order of {word} {number} is not the one that its seed gives"));
            }
        }
    } else {
        wrong.push("its seed is none".to_owned());
    }
    wrong
}

/// Whether the tree may be judged at all, and with the evidence that the row carries from before.
fn check_repetition(run: &Run, evidence: &Evidence, segment: &Segment) -> Option<String> {
    // A candidate out of scope is refused before anybody asks what was judged before.
    if evidence.findings.first().is_some_and(|finding| finding.reason == Reason::Scope) {
        return None;
    }
    let carried = match segment.known(run.tree.as_deref()?) {
        Known::No => 1.0,
        Known::Undecided { e1 } => e1,
        Known::Duplicate { run } => return Some(format!("its tree was judged before, as run {run}")),
    };
    (carried != evidence.rule.carried).then(|| {
        format!("it carries evidence of {} from before, and the rows give {carried}", evidence.rule.carried)
    })
}

/// What in the row of a baseline does not follow from the calibration before it.
fn check_baseline(run: &Run, state: &State) -> Option<String> {
    let segment = state.segment.as_ref().filter(|_| run.kind == Some(RunKind::Baseline))?;
    let calibrated = segment.calibrated.as_ref()?;
    let primary = &segment.contract.primary.name;
    let said = |name: &str| if name == primary { run.metric } else { run.metrics.get(name).copied() };
    let other = calibrated.baseline.iter().find(|(name, value)| said(name) != Some(**value));
    other.map(|(name, _)| format!("its {name} is not the one that was calibrated"))
}

/// What in a calibration does not follow from its pairs.
fn check_calibration(calibrated: &Calibration, state: &State) -> Option<String> {
    let segment = state.segment.as_ref()?;
    let first = sprag_measure::Run { metrics: calibrated.baseline.clone(), ..Default::default() };
    let noise = rule::noise(&segment.contract, calibrated);
    let follows = medians(&calibrated.pairs, &first) == calibrated.baseline
        && noise.residuals == calibrated.residuals
        && (noise.scale, noise.delta) == (calibrated.scale, calibrated.delta)
        && noise.deterministic == calibrated.deterministic;
    (!follows).then(|| "the noise and the baseline do not follow from its pairs".to_owned())
}

/// What in a result does not follow from its fresh pairs.
fn check_result(result: &Final, state: &State) -> Option<String> {
    let segment = state.segment.as_ref();
    let unit = segment.and_then(|s| s.calibrated.as_ref()).and_then(|calibrated| calibrated.unit);
    let again = of_pairs(&result.metric, EffectScale { direction: result.direction, unit }, &result.pairs);
    let exact = segment.and_then(|s| s.noise.as_ref()).is_some_and(|noise| noise.deterministic);
    let demonstrated =
        if exact { result.direction.better(again.result, again.baseline) } else { again.demonstrated };
    let follows = again.interval == result.interval
        && again.result.to_bits() == result.result.to_bits()
        && again.baseline.to_bits() == result.baseline.to_bits()
        && demonstrated == result.demonstrated
        && result.recorded.as_ref().is_none_or(|recorded| {
            let scale = EffectScale { direction: result.direction, unit };
            *recorded == recorded_of_pairs(&result.metric, scale, exact, recorded.pairs.clone())
        });
    let due = segment.and_then(|s| s.calibrated.as_ref()).is_some_and(|calibrated| calibrated.hides_delays);
    let given = result.recorded.is_some() || result.caveats.iter().any(|what| what.starts_with(NOT_RECORDED));
    if !follows {
        Some("the result does not follow from its pairs".to_owned())
    } else if due && !given {
        Some("the result with recorded timing is missing, and no caveat says why".to_owned())
    } else {
        None
    }
}

fn differing(expected: &Rule, found: &Rule) -> String {
    let (a, b) = (serde_json::to_value(expected), serde_json::to_value(found));
    let (Ok(serde_json::Value::Object(a)), Ok(serde_json::Value::Object(b))) = (a, b) else {
        return String::new();
    };
    let keys = a.iter().filter(|(key, value)| b.get(*key) != Some(value));
    keys.map(|(key, value)| format!("{key} should be {value}")).collect::<Vec<_>>().join(", ")
}

/// A row under another policy.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Rejudged {
    /// The run.
    pub run: u64,
    /// What the row says.
    pub was: Option<Reason>,
    /// What the other policy says; `None` is undetermined: its pairs ran out first.
    pub now: Option<Reason>,
}

/// Runs another policy over the stored evidence. A row that was decided by a finding stays as it is; one that would
/// have needed more pairs than were measured is undetermined. Each row is judged against the incumbent that it was
/// measured against: what the other policy would have tried next, nobody knows.
pub fn rejudge(log: &Log, settings: &JudgeSettings) -> Vec<Rejudged> {
    let experiments = log.runs().filter(|run| run.is_experiment());
    experiments
        .filter_map(|run| {
            let evidence = run.evidence.as_ref()?.get().ok()?;
            Some(Rejudged { run: run.run, was: run.reason, now: under(&evidence, settings) })
        })
        .collect()
}

fn under(evidence: &Evidence, settings: &JudgeSettings) -> Option<Reason> {
    let old = &evidence.rule;
    let mode = match old.mode {
        Mode::Deterministic => Mode::Deterministic,
        _ => Mode::from(settings.mode),
    };
    let delta =
        minimum_effect(old.scale, settings.alpha, settings.max_pairs, settings.min_effect, settings.kappa);
    let first_pair = evidence.pairs.first().and_then(|pair| pair.values.get(&old.primary));
    let rule = Rule {
        mode,
        alpha: settings.alpha,
        beta: settings.beta,
        min_pairs: settings.min_pairs,
        max_pairs: settings.max_pairs,
        min_effect: settings.min_effect,
        delta,
        incumbent: old.incumbent.or(first_pair.map(|[incumbent, _]| *incumbent)),
        ..old.clone()
    };
    let other = Evidence { rule, ..evidence.clone() };
    match Trial::replay(&other).ok()?.next() {
        Next::Decided(verdict) => Some(verdict.reason),
        _ => None,
    }
}
