//! What a single run can refuse: numbers that are missing, and controls out of an exact or absolute bound.

use std::collections::BTreeMap;

use crate::{
    Bound, ControlRule, Direction, Metrics, Mode, Reason, Rule, Verdict, stats::median, wording::number,
};

/// Whether a metric is in the contract: the primary, and every control that is judged.
fn in_contract(rule: &Rule) -> impl Iterator<Item = &str> {
    let judged = rule.controls.iter().filter(|(_, control)| control.bound != Bound::Watched);
    std::iter::once(rule.primary.as_str()).chain(judged.map(|(name, _)| name.as_str()))
}

/// The verdict where a number of the contract is not there.
pub(crate) fn missing(rule: &Rule, known: impl Fn(&str) -> bool) -> Option<Verdict> {
    let name = in_contract(rule).find(|name| !known(name))?;
    Some(Verdict::new(
        Reason::Metric,
        format!("{name} is missing or not a finite number, and the contract needs it"),
    ))
}

/// The verdict where the first run, or its confirmation, breaks a control that one run can judge.
pub(crate) fn broken_by_run(rule: &Rule, run: &Metrics) -> Option<Verdict> {
    rule.controls.iter().find_map(|(name, control)| {
        let value = *run.get(name)?;
        refuse(name, value, exact(rule, control, value).or_else(|| absolute(control, value)))
    })
}

/// The verdict where the candidate's side of a pair breaks an exact control.
pub(crate) fn broken_by_pair(rule: &Rule, pair: &BTreeMap<String, [f64; 2]>) -> Option<Verdict> {
    rule.controls.iter().find_map(|(name, control)| {
        let [_, value] = *pair.get(name)?;
        refuse(name, value, exact(rule, control, value))
    })
}

fn refuse(name: &str, value: f64, complaint: Option<String>) -> Option<Verdict> {
    Some(Verdict::new(Reason::Control, format!("{name} is {}, {}", number(value), complaint?)))
}

/// The complaint about an absolute bound that the median of the pairs breaks.
pub(crate) fn broken_by_median(name: &str, control: &ControlRule, values: &[f64]) -> Option<String> {
    let middle = median(values);
    let complaint = absolute(control, middle)?;
    Some(format!("{name} is {} in the median of {} pairs, {complaint}", number(middle), values.len()))
}

/// `within` is judged on pairs, but for modes that have none: where only single runs are made, and where the metric of
/// a deterministic session has no noise.
pub(crate) fn judged_by_one_run(rule: &Rule, control: &ControlRule) -> bool {
    match rule.mode {
        Mode::Single => true,
        Mode::Deterministic => control.scale == 0.0,
        Mode::Paired | Mode::Strict => false,
    }
}

fn exact(rule: &Rule, control: &ControlRule, value: f64) -> Option<String> {
    match (control.bound, control.baseline) {
        (Bound::Equals { value: wanted }, _) if value != wanted => {
            Some(format!("the contract says {}", number(wanted)))
        }
        (Bound::Within { margin, .. }, Some(baseline)) if judged_by_one_run(rule, control) => {
            within(control, margin, baseline, value)
        }
        (Bound::Unchanged, Some(baseline)) if value != baseline => {
            Some(format!("the baseline's {} must stay unchanged", number(baseline)))
        }
        (Bound::NotWorse, Some(baseline)) if control.direction.better(baseline, value) => {
            let verb = match control.direction {
                Direction::Lower => "increase",
                Direction::Higher => "decrease",
            };
            Some(format!("the baseline's {} must not {verb}", number(baseline)))
        }
        _ => None,
    }
}

fn absolute(control: &ControlRule, value: f64) -> Option<String> {
    match control.bound {
        Bound::AtMost { value: limit } if value > limit => {
            Some(format!("the contract says at most {}", number(limit)))
        }
        Bound::AtLeast { value: limit } if value < limit => {
            Some(format!("the contract says at least {}", number(limit)))
        }
        _ => None,
    }
}

/// One run against the original baseline, so that nothing used up needs to be known.
fn within(control: &ControlRule, margin: f64, baseline: f64, value: f64) -> Option<String> {
    let loss = control.direction.sign() * (value - baseline);
    // The slack is for a loss of exactly the margin in decimal, such as 105 against 100 within 5 %.
    if loss <= margin * baseline.abs() * (1.0 + 1e-9) {
        return None;
    }
    let share = crate::wording::percent(margin);
    Some(format!("more than {share} worse than the baseline's {}", number(baseline)))
}
