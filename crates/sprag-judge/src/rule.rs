//! What a trial's rule must satisfy, and how it turns values into effects.

use crate::{Bound, ControlRule, EffectScale, Mode, Plausible, Rule, settings::MAX_PAIRS};

/// A rule that no trial can be run under: a mistake of the caller, or a row that was tampered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rule of this trial cannot be used: {0}")]
pub struct RuleError(String);

impl Rule {
    /// How values of the primary metric become effects.
    pub fn effect_scale(&self) -> EffectScale {
        EffectScale { direction: self.direction, unit: self.unit }
    }

    /// Checks that every number is in its range and that nothing needed is missing.
    ///
    /// # Errors
    /// The first thing found.
    pub fn validate(&self) -> Result<(), RuleError> {
        let paired = matches!(self.mode, Mode::Paired | Mode::Strict);
        let rate = |value: f64| value > 0.0 && value < 1.0;
        let size = |value: f64| (0.0..=1e6).contains(&value);
        let requirements = [
            (!self.primary.is_empty(), "the primary metric has no name"),
            (rate(self.alpha), "alpha must be between 0 and 1"),
            (rate(self.beta), "beta must be between 0 and 1"),
            ((1..=MAX_PAIRS).contains(&self.max_pairs), "max_pairs must be from 1 to 1000"),
            ((1..=self.max_pairs).contains(&self.min_pairs), "min_pairs must be from 1 to max_pairs"),
            (size(self.scale), "scale must not be negative"),
            (size(self.delta) && (!paired || self.delta > 0.0), "delta must be positive"),
            (size(self.min_effect), "min_effect must not be negative"),
            (size(self.layout), "layout must not be negative"),
            (self.carried.is_finite() && self.carried >= 0.0, "carried must not be negative"),
            (self.unit.is_none_or(|unit| unit.is_finite() && unit > 0.0), "unit must be positive"),
            (self.incumbent.is_none_or(f64::is_finite), "incumbent must be a finite number"),
            (paired || self.incumbent.is_some(), "this mode needs the incumbent's value"),
            (self.plausible.as_ref().is_none_or(Plausible::is_usable), "plausible must have finite limits"),
        ];
        if let Some((_, problem)) = requirements.into_iter().find(|(holds, _)| !holds) {
            return Err(RuleError(problem.into()));
        }
        self.controls.iter().try_for_each(|(name, control)| control.validate(name, paired))
    }
}

impl ControlRule {
    /// How values of the control become changes: always log-ratios.
    pub fn effect_scale(&self) -> EffectScale {
        EffectScale { direction: self.direction, unit: None }
    }

    /// The log-ratio of a pair, positive = better. Where a side is not positive there is none: no difference is 0, and
    /// any other counts as its share of the baseline, or as beyond every margin where the baseline is 0 or unknown.
    pub fn change(&self, incumbent: f64, candidate: f64) -> f64 {
        if let Some(change) = self.effect_scale().effect(incumbent, candidate) {
            return change;
        }
        let difference = self.direction.sign() * (incumbent - candidate);
        match self.baseline {
            _ if difference == 0.0 => 0.0,
            Some(baseline) if baseline != 0.0 => (difference / baseline.abs()).clamp(-1e3, 1e3),
            _ => 1e3 * difference.signum(),
        }
    }

    fn validate(&self, name: &str, paired: bool) -> Result<(), RuleError> {
        let needs_baseline = match self.bound {
            Bound::Unchanged | Bound::NotWorse => true,
            Bound::Within { .. } => !paired,
            _ => false,
        };
        let number = match self.bound {
            Bound::Equals { value } | Bound::AtMost { value } | Bound::AtLeast { value } => value,
            Bound::Within { margin, .. } => margin,
            _ => 0.0,
        };
        let margin_fits =
            !matches!(self.bound, Bound::Within { margin, .. } if !(0.0..=10.0).contains(&margin));
        let requirements = [
            (!needs_baseline || self.baseline.is_some(), "its bound needs the baseline's value"),
            (self.baseline.is_none_or(f64::is_finite), "its baseline must be a finite number"),
            (
                number.is_finite() && margin_fits,
                "its bound must be a finite number, and a margin from 0 to 10",
            ),
            ((0.0..=1e6).contains(&self.used), "what is used of its margin must not be negative"),
            ((0.0..=1e6).contains(&self.scale), "its scale must not be negative"),
        ];
        match requirements.into_iter().find(|(holds, _)| !holds) {
            Some((_, problem)) => Err(RuleError(format!("control {name}: {problem}"))),
            None => Ok(()),
        }
    }
}
