//! What a candidate costs in runs, and how often it is found: a small simulation, the same at every call.

use crate::{Rule, primary::PrimaryTest, stats::run_sd};

/// The fate of many candidates with the same effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// The share that is kept.
    pub(crate) kept: f64,
    /// The mean number of runs, with the first run counted.
    pub(crate) runs: f64,
}

/// Enough for whole runs and tenths of shares; a fraction of a second.
const REPETITIONS: u32 = 400;

/// Simulates candidates with this effect under the rule, with normal noise of the rule's scale, and without controls.
/// Always from the same seed: the same arguments give the same numbers. Meant for pairs; for a deterministic rule it
/// says what pairs would cost.
pub(crate) fn simulate(rule: &Rule, effect: f64) -> Cost {
    let mut random = Random(0x5eed);
    let sd = run_sd(rule.scale);
    let (mut kept, mut runs) = (0.0, 0.0);
    for _ in 0..REPETITIONS {
        let mut test = PrimaryTest::new(rule);
        kept += f64::from(u8::from(is_kept(rule, &mut test, || {
            let (incumbent, candidate) = (sd * random.normal(), sd * random.normal());
            (incumbent, candidate + effect)
        })));
        runs += 1.0 + 2.0 * test.pairs() as f64;
    }
    Cost { kept: kept / f64::from(REPETITIONS), runs: runs / f64::from(REPETITIONS) }
}

fn is_kept(rule: &Rule, test: &mut PrimaryTest, mut pair: impl FnMut() -> (f64, f64)) -> bool {
    while test.pairs() < rule.max_pairs as usize {
        let (incumbent, candidate) = pair();
        test.push(incumbent, candidate);
        if test.pairs() >= rule.min_pairs as usize && test.median() > 0.0 && test.e() >= 1.0 / rule.alpha {
            return true;
        }
        if test.futility() <= rule.beta.ln() {
            return false;
        }
    }
    false
}

/// SplitMix64 (Steele, Lea and Flood 2014) and the Box-Muller transform: enough for a sentence, not for evidence.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EffectScale, JudgeSettings, Noise};

    #[test]
    fn a_no_op_is_seldom_kept_and_a_large_win_is_found_with_few_runs() {
        let settings = JudgeSettings::default();
        let difference = 100.0 * (0.02f64 * 2f64.sqrt() * 0.6745).exp();
        let pairs = [[100.0, difference]; 8];
        let noise = Noise::new(&settings, EffectScale::default(), false, &pairs, 0.01);
        let price = |effect| simulate(&noise.rule(&settings, "ms"), effect);
        let (no_op, large) = (price(0.0), price(0.22));
        assert!(no_op.kept < 0.02 && (15.0..21.0).contains(&no_op.runs), "{no_op:?}");
        assert!(large.kept == 1.0 && large.runs < 8.0, "{large:?}");
        assert_eq!(no_op, price(0.0), "the same arguments give the same numbers");
    }
}
