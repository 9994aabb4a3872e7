//! The result of a session: fresh pairs of the original baseline against the final code, their number fixed before
//! looking. The effects of single keeps are inflated by selection; this one is not.

use serde::{Deserialize, Serialize};

use crate::{
    EffectScale,
    stats::{hodges_lehmann, signed_rank_interval},
};

/// The confidence of the interval.
pub const LEVEL: f64 = 0.95;

/// What the fresh pairs say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The Hodges-Lehmann estimate of the effect.
    pub effect: f64,
    /// The lower end of the exact signed-rank interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// From how many pairs.
    pub pairs: usize,
}

impl Confirmation {
    /// From [baseline, final] pairs. `None` where there are none, or where one has no effect on this scale: a result
    /// from what is left would be another one than was asked for.
    pub fn new(scale: EffectScale, pairs: &[[f64; 2]]) -> Option<Self> {
        let effects: Vec<f64> = pairs.iter().map(|[a, b]| scale.effect(*a, *b)).collect::<Option<_>>()?;
        let interval = signed_rank_interval(&effects, LEVEL)?;
        let effect = hodges_lehmann(&effects);
        Some(Self { effect, low: interval.low, high: interval.high, pairs: pairs.len() })
    }

    /// Whether the whole interval is on the better side. Below six pairs no interval reaches 95 %, so never.
    pub fn is_gain(&self) -> bool {
        self.low > 0.0 && self.pairs >= 6
    }

    /// One sentence: `p95_ms 42.0 % better (95 % interval 38.1 % better to 45.5 % better, 20 pairs)`.
    pub fn sentence(&self, metric: &str, scale: EffectScale) -> String {
        let [effect, low, high] = [self.effect, self.low, self.high].map(|effect| scale.describe(effect));
        let what = match (self.is_gain(), self.high < 0.0) {
            (true, _) => String::new(),
            (_, true) => "no gain, a loss: ".into(),
            _ => "no demonstrated gain: ".into(),
        };
        format!("{what}{metric} {effect} (95 % interval {low} to {high}, {} pairs)", self.pairs)
    }

    /// The ratchet audit after every ten keeps: an alarm where fresh pairs show less than half of what was claimed.
    pub fn is_far_below(&self, claimed: f64) -> bool {
        self.effect < 0.5 * claimed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: EffectScale = EffectScale { direction: crate::Direction::Lower, unit: None };

    fn pairs(factor: f64) -> Vec<[f64; 2]> {
        [1.0, -2.0, 0.5, 3.0, -1.0, 0.2, -0.7, 1.9]
            .iter()
            .map(|d| [100.0 - d, (100.0 + d) * factor])
            .collect()
    }

    #[test]
    fn the_result_is_told_with_its_interval() {
        let sentence = |factor| Confirmation::new(TIME, &pairs(factor)).unwrap().sentence("p95_ms", TIME);
        insta::assert_snapshot!(sentence(0.6), @"p95_ms 39.5 % better (95 % interval 37.7 % better to 41.2 % better, 8 pairs)");
        insta::assert_snapshot!(sentence(1.0), @"no demonstrated gain: p95_ms 0.80 % worse (95 % interval 3.9 % worse to 2.0 % better, 8 pairs)");
        insta::assert_snapshot!(sentence(1.3), @"no gain, a loss: p95_ms 31.0 % worse (95 % interval 35.0 % worse to 27.4 % worse, 8 pairs)");
    }

    #[test]
    fn few_pairs_never_demonstrate_a_gain_and_unusable_ones_give_no_result() {
        let few = Confirmation::new(TIME, &pairs(0.5)[..5]).unwrap();
        assert!(few.low > 0.0 && !few.is_gain());
        assert_eq!(Confirmation::new(TIME, &[]), None);
        assert_eq!(Confirmation::new(TIME, &[[1.0, 0.0]]), None);
    }

    #[test]
    fn an_audit_below_half_of_the_claims_is_an_alarm() {
        let audit = Confirmation::new(TIME, &pairs(0.9)).unwrap();
        assert!(audit.is_far_below(0.5) && !audit.is_far_below(0.15));
    }
}
