//! How the values of a metric become effects: the x of every formula, positive where the candidate is better.

use serde::{Deserialize, Serialize};

use crate::{Direction, wording::percent};

/// Effects beyond this are cut: keeps the arithmetic finite for metrics with a tiny unit.
const LARGEST: f64 = 1e6;

/// The scale on which a metric's values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct EffectScale {
    /// Which way is better.
    pub direction: Direction,
    /// `None`: effects are log-ratios, and values must be positive. Otherwise they are differences in this unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<f64>,
}

impl EffectScale {
    /// Where a value stands on the scale, higher is better: an effect is the candidate's level less the incumbent's.
    /// `None` where a log-ratio needs a positive number and there is none, or where the value is not finite.
    pub fn level(self, value: f64) -> Option<f64> {
        let level = match self.unit {
            Some(unit) => (value / unit).clamp(-LARGEST, LARGEST),
            None if value > 0.0 => value.ln(),
            None => return None,
        };
        level.is_finite().then_some(-self.direction.sign() * level)
    }

    /// The effect of one run against another; see [`Self::level`].
    pub fn effect(self, incumbent: f64, candidate: f64) -> Option<f64> {
        Some(self.level(candidate)? - self.level(incumbent)?)
    }

    /// The effect of a gain by `fraction` of the incumbent's value. `None` where that is no finite number.
    pub fn of_fraction(self, fraction: f64, incumbent: f64) -> Option<f64> {
        let effect = match self.unit {
            Some(unit) => fraction * incumbent.abs() / unit,
            None => match self.direction {
                Direction::Lower => -(-fraction).ln_1p(),
                Direction::Higher => fraction.ln_1p(),
            },
        };
        effect.is_finite().then_some(effect)
    }

    /// In words: `12.3 % better`, `0.40 % worse`, `2 better` in units.
    pub fn describe(self, effect: f64) -> String {
        let (size, word) = (self.size(effect), if effect < 0.0 { "worse" } else { "better" });
        format!("{size} {word}")
    }

    /// The size of an effect in words: `12.3 %`.
    pub fn size(self, effect: f64) -> String {
        match (self.unit, self.direction) {
            (Some(unit), _) => crate::wording::number((effect * unit).abs()),
            (None, Direction::Lower) => percent((-effect).exp_m1().abs()),
            (None, Direction::Higher) => percent(effect.exp_m1().abs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: EffectScale = EffectScale { direction: Direction::Lower, unit: None };
    const RATE: EffectScale = EffectScale { direction: Direction::Higher, unit: None };
    const SCORE: EffectScale = EffectScale { direction: Direction::Higher, unit: Some(0.5) };

    #[test]
    fn an_improvement_is_positive_whichever_way_is_better() {
        assert!(TIME.effect(100.0, 90.0).unwrap() > 0.0);
        assert!(RATE.effect(100.0, 110.0).unwrap() > 0.0);
        assert_eq!(SCORE.effect(-1.0, 1.0), Some(4.0));
    }

    #[test]
    fn a_log_ratio_of_nothing_is_unknown_and_a_difference_is_not() {
        assert_eq!(TIME.effect(100.0, 0.0), None);
        assert_eq!(TIME.effect(f64::NAN, 1.0), None);
        assert_eq!(SCORE.level(0.0).map(f64::abs), Some(0.0));
        assert_eq!(EffectScale { unit: Some(1e-300), ..SCORE }.level(1e300), Some(LARGEST));
    }

    #[test]
    fn effects_are_described_as_the_person_would_compute_them() {
        let describe = |scale: EffectScale, a, b| scale.describe(scale.effect(a, b).unwrap());
        assert_eq!(describe(TIME, 100.0, 80.0), "20.0 % better");
        assert_eq!(describe(TIME, 100.0, 130.0), "30.0 % worse");
        assert_eq!(describe(RATE, 100.0, 130.0), "30.0 % better");
        assert_eq!(describe(SCORE, 1.0, -1.0), "2 worse");
    }

    #[test]
    fn a_fraction_is_the_same_gain_as_the_values_that_have_it() {
        let close = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-12;
        assert!(close(TIME.of_fraction(0.01, 100.0), TIME.effect(100.0, 99.0)));
        assert!(close(RATE.of_fraction(0.01, 100.0), RATE.effect(100.0, 101.0)));
        assert!(close(SCORE.of_fraction(0.01, 100.0), SCORE.effect(100.0, 101.0)));
    }
}
