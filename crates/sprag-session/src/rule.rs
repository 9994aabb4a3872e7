//! The rule for the next candidate, from what the ledger holds: noise, bounds, and what earlier keeps used up.

use std::collections::BTreeMap;

use sprag_contract::Contract;
use sprag_judge::stats::median;
use sprag_judge::{
    Bound, ControlRule, Direction, EffectScale, Evidence, Metrics, Mode, Noise, Policy, Rule, used_margin,
};
use sprag_ledger::Calibration;

use crate::segment::Segment;

/// Without control over layout luck, smaller effects than this are not believed.
const LEAST_EFFECT_WITHOUT_LAYOUT: f64 = 0.03;

/// What the A/A pairs of a segment say about its noise.
pub(crate) fn noise(contract: &Contract, calibrated: &Calibration) -> Noise {
    let primary = &contract.primary;
    let scale = EffectScale { direction: primary.direction, unit: calibrated.unit };
    let pairs: Vec<[f64; 2]> =
        calibrated.pairs.iter().filter_map(|pair| pair.values.get(&primary.name).copied()).collect();
    let least = least_effect(contract, calibrated);
    let mut noise = Noise::new(&contract.settings.judge, scale, primary.stochastic, &pairs, least);
    for control in contract.controls.iter().chain(contract.phases.iter().flat_map(|phase| &phase.controls)) {
        if !matches!(control.bound, Bound::Within { .. }) || noise.controls.contains_key(&control.metric) {
            continue;
        }
        let scale = EffectScale { direction: control.direction, unit: None };
        let pairs = calibrated.pairs.iter().filter_map(|pair| pair.values.get(&control.metric));
        noise.add_control(
            &control.metric,
            pairs.filter_map(|[a, b]| scale.effect(*a, *b)).map(f64::abs).collect(),
        );
    }
    noise.layout = calibrated.layout.unwrap_or(0.0);
    noise
}

/// Adds what the pairs of a judged candidate say about the noise.
pub(crate) fn learn(noise: &mut Noise, contract: &Contract, evidence: &Evidence) {
    noise.add(&effects(evidence), &contract.settings.judge);
    for (metric, control) in noisy_controls(evidence) {
        noise.add_control(metric, sprag_judge::residuals(&changes(evidence, metric, control)));
    }
}

/// The smallest effect of interest on the primary metric's scale: the person's, or more where the luck of a build's
/// layout is not controlled.
pub(crate) fn least_effect(contract: &Contract, calibrated: &Calibration) -> f64 {
    let settings = &contract.settings;
    let luck =
        settings.run.build.is_some() && calibrated.layout.is_none() && settings.judge.mode != Policy::Single;
    let fraction = settings.judge.min_effect.max(if luck { LEAST_EFFECT_WITHOUT_LAYOUT } else { 0.0 });
    match calibrated.unit {
        // On the log scale a fraction and its log-ratio agree to a hundredth of themselves at this size.
        None => fraction,
        Some(_) => {
            let scale = EffectScale { direction: contract.primary.direction, unit: calibrated.unit };
            let baseline = calibrated.baseline.get(&contract.primary.name).copied().unwrap_or(0.0);
            scale.of_fraction(fraction, baseline).unwrap_or(fraction)
        }
    }
}

/// x of each pair, in the order measured, without the allowance for layout.
pub(crate) fn effects(evidence: &Evidence) -> Vec<f64> {
    let scale = evidence.rule.effect_scale();
    let values = evidence.pairs.iter().filter_map(|pair| pair.values.get(&evidence.rule.primary));
    values.filter_map(|[incumbent, candidate]| scale.effect(*incumbent, *candidate)).collect()
}

fn noisy_controls(evidence: &Evidence) -> impl Iterator<Item = (&String, &ControlRule)> {
    evidence.rule.controls.iter().filter(|(_, control)| matches!(control.bound, Bound::Within { .. }))
}

fn changes(evidence: &Evidence, metric: &str, control: &ControlRule) -> Vec<f64> {
    let scale = EffectScale { direction: control.direction, unit: None };
    let values = evidence.pairs.iter().filter_map(|pair| pair.values.get(metric));
    values.filter_map(|[incumbent, candidate]| scale.effect(*incumbent, *candidate)).collect()
}

/// What a keep is taken to have gained: the median x of its pairs, or the difference of single runs. `None` where
/// nothing was measured.
pub(crate) fn gain(evidence: &Evidence) -> Option<f64> {
    let effects = effects(evidence);
    if !effects.is_empty() {
        return Some(median(&effects));
    }
    let rule = &evidence.rule;
    let candidate = *evidence.again.as_ref().or(evidence.first.as_ref())?.get(&rule.primary)?;
    rule.effect_scale().effect(rule.incumbent?, candidate)
}

/// What a keep changed of each metric, as a log-ratio that is positive where the number became smaller: the median over
/// the pairs, and between the two rows where no pair has it. Of every metric, bound or not: a later phase may bind it,
/// and then against the original baseline.
pub(crate) fn changes_of_keep(
    evidence: &Evidence,
    before: &Metrics,
    after: &Metrics,
) -> BTreeMap<String, f64> {
    let scale = EffectScale { direction: Direction::Lower, unit: None };
    let mut changes: BTreeMap<String, f64> = before
        .iter()
        .filter_map(|(metric, before)| Some((metric.clone(), scale.effect(*before, *after.get(metric)?)?)))
        .collect();
    let mut of_pairs: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    for (metric, [incumbent, candidate]) in evidence.pairs.iter().flat_map(|pair| &pair.values) {
        of_pairs.entry(metric).or_default().extend(scale.effect(*incumbent, *candidate));
    }
    for (metric, values) in of_pairs {
        changes.remove(metric);
        if !values.is_empty() {
            changes.insert(metric.clone(), median(&values));
        }
    }
    changes
}

/// The rule for the next candidate of `segment`.
///
/// # Errors
/// A sentence, when the segment is not calibrated.
pub(crate) fn next(segment: &Segment, carried: f64) -> Result<Rule, String> {
    let not_yet = "the segment is not calibrated";
    let calibrated = segment.calibrated.as_ref().ok_or(not_yet)?;
    let noise = segment.noise.as_ref().ok_or(not_yet)?;
    let settings = &segment.contract.settings.judge;
    let mut rule = noise.rule(settings, &segment.contract.primary.name);
    rule.carried = carried;
    rule.incumbent = match rule.mode {
        Mode::Deterministic => segment.incumbent.value,
        Mode::Single => (!segment.recent.is_empty()).then(|| median(&segment.recent)),
        Mode::Paired | Mode::Strict => None,
    };
    rule.controls = controls(segment, calibrated, noise);
    rule.hidden_cases = segment.contract.settings.hidden_cases().is_some();
    rule.plausible = calibrated.plausible.clone();
    Ok(rule)
}

/// What the keeps so far used up of the margin of a control.
fn used(segment: &Segment, metric: &str, direction: Direction) -> f64 {
    let changes = segment.origin.changes.get(metric).into_iter().flatten();
    used_margin(&changes.map(|change| direction.sign() * change).collect::<Vec<f64>>())
}

fn controls(segment: &Segment, calibrated: &Calibration, noise: &Noise) -> BTreeMap<String, ControlRule> {
    let rules = segment.contract.in_phase(segment.phase);
    let resolved = rules.controls.into_iter().map(|control| {
        let bound = match control.bound {
            Bound::Watched if !control.explicit && calibrated.counts.contains(&control.metric) => {
                Bound::Unchanged
            }
            bound => bound,
        };
        let noisy = matches!(bound, Bound::Within { .. });
        let rule = ControlRule {
            bound,
            direction: control.direction,
            baseline: segment.origin.baseline.get(&control.metric).copied(),
            used: used(segment, &control.metric, control.direction),
            scale: if noisy { noise.control_scale(&control.metric) } else { 0.0 },
        };
        (control.metric, rule)
    });
    resolved.collect()
}
