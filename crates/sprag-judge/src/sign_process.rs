//! The exact evidence: a betting process on the signs of paired differences.
//!
//! A fair coin decides which side of a pair runs first. Where the candidate is the same as the incumbent, exchanging
//! the two sides exchanges the sign of the difference, so that given its size the sign is a fair coin too: whatever
//! the distribution, the drift, the autocorrelation and the outliers. A bet on a fair coin gains nothing on average;
//! by Ville's inequality the wealth of such a bettor ever reaches 1/α with probability α at most, however often one
//! looks. See Ramdas and others, "Game-theoretic statistics and safe anytime-valid inference" (arXiv:2210.01948).

use crate::stats::{MAD_OF_T4, log_add, log_t4, mad};

/// The effects that are bet on, in multiples of δ, and the share of the wealth on each.
pub(crate) const GRID: [(f64, f64); 3] = [(1.25, 0.6), (4.0, 0.25), (16.0, 0.15)];

/// Beyond this logarithm evidence is only large: keeps sums finite.
const LOG_CEILING: f64 = 300.0;

/// No scale is smaller: noise of a billionth is not seen by any clock.
pub(crate) const SMALLEST_SCALE: f64 = 1e-9;

/// A mixture sign e-process for "the differences lean to the positive".
#[derive(Debug, Clone)]
pub struct SignProcess {
    pool: f64,
    delta: f64,
    differences: Vec<f64>,
    logs: [f64; 3],
}

impl SignProcess {
    /// `scale`: the noise of one difference as known before; `delta`: the effect that is looked for.
    pub fn new(scale: f64, delta: f64) -> Self {
        Self { pool: scale.max(SMALLEST_SCALE), delta, differences: Vec::new(), logs: [0.0; 3] }
    }

    /// Bets on one more difference. Returns the scale that was used: known before the difference was.
    pub fn push(&mut self, difference: f64) -> f64 {
        let scale = self.scale();
        let clamped = self.clamp(difference);
        for (log, (multiple, _)) in self.logs.iter_mut().zip(GRID) {
            *log += sign_factor(clamped, multiple * self.delta, scale);
        }
        self.differences.push(difference);
        scale
    }

    /// The wealth, having started with 1.
    pub fn e(&self) -> f64 {
        mixture(self.logs)
    }

    /// The differences so far, as they came.
    pub fn differences(&self) -> &[f64] {
        &self.differences
    }

    /// The difference, or the end of the grid where it lies beyond. Odd in its argument, so that the sign stays fair;
    /// without it a tenfold gain would look like an outlier.
    pub fn clamp(&self, difference: f64) -> f64 {
        let top = GRID[2].0 * self.delta;
        difference.clamp(-top, top)
    }

    /// The session's scale for the first four; then the spread of those before, where that is larger.
    fn scale(&self) -> f64 {
        match self.differences.len() {
            0..4 => self.pool,
            _ => self.pool.max(mad(&self.differences) / MAD_OF_T4),
        }
    }
}

/// Σ wⱼ·exp(logⱼ) over the grid.
pub(crate) fn mixture(logs: [f64; 3]) -> f64 {
    logs.iter().zip(GRID).map(|(log, (_, weight))| weight * log.min(LOG_CEILING).exp()).sum()
}

/// The logarithm of the likelihood ratio of the sign of `x` given |x|, for a t4 around `mu` against a fair sign.
fn sign_factor(x: f64, mu: f64, scale: f64) -> f64 {
    let (plus, minus) = (log_t4((x - mu) / scale), log_t4((x + mu) / scale));
    2f64.ln() + plus - log_add(plus, minus)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bet_on_a_fair_sign_gains_nothing_on_average(
            x in -100f64..100.0, mu in 0f64..10.0, log_scale in -6f64..2.0,
        ) {
            let scale = log_scale.exp();
            let average = 0.5 * (sign_factor(x, mu, scale).exp() + sign_factor(-x, mu, scale).exp());
            prop_assert!((average - 1.0).abs() < 1e-9, "{average}");
        }

        #[test]
        fn clamping_is_odd(x in any::<f64>().prop_filter("finite", |x| x.is_finite()), delta in 0f64..1.0) {
            let process = SignProcess::new(0.02, delta);
            prop_assert_eq!(process.clamp(-x), -process.clamp(x));
        }

        /// All 2ⁿ assignments of signs to the same sizes: the exact mean, not a sample of it.
        #[test]
        fn the_mean_over_all_signs_of_the_same_sizes_is_one(
            sizes in prop::collection::vec(0f64..0.5, 1..9), scale in 0.001f64..0.1, delta in 0.001f64..0.1,
        ) {
            let n = sizes.len();
            let total: f64 = (0..1u32 << n)
                .map(|signs| {
                    let mut process = SignProcess::new(scale, delta);
                    for (i, size) in sizes.iter().enumerate() {
                        process.push(if signs >> i & 1 == 1 { *size } else { -size });
                    }
                    process.e()
                })
                .sum();
            prop_assert!((total / f64::from(1u32 << n) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_tenfold_gain_is_evidence_and_not_an_outlier() {
        let mut process = SignProcess::new(0.02, 0.02);
        for _ in 0..10 {
            process.push(10f64.ln());
        }
        assert!(process.e() > 50.0, "{}", process.e());
    }
}
