//! Order statistics, spreads and the exact interval of the signed-rank test.
//!
//! All functions ignore nothing: the caller passes finite numbers. Empty input gives NaN, never a panic.

/// The median absolute deviation of a standard Student t with 4 degrees of freedom: divides a MAD into that t's scale.
pub const MAD_OF_T4: f64 = 0.7407;

/// Turns a median absolute deviation into the standard deviation of a normal distribution.
pub const SD_PER_MAD: f64 = 1.4826;

/// The middle value, or the mean of the two middle ones.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

fn median_of_sorted(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[half],
        _ => 0.5 * (sorted[half - 1] + sorted[half]),
    }
}

/// The median absolute deviation from the median.
pub fn mad(values: &[f64]) -> f64 {
    let middle = median(values);
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&deviations)
}

/// The standard deviation as the MAD tells it for normal noise: outliers do not move it.
pub fn robust_sd(values: &[f64]) -> f64 {
    SD_PER_MAD * mad(values)
}

/// The standard deviation of one run, where the difference of two has this scale and the noise is normal.
pub fn run_sd(pair_scale: f64) -> f64 {
    SD_PER_MAD * MAD_OF_T4 * pair_scale / std::f64::consts::SQRT_2
}

/// The arithmetic mean.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The unbiased sample variance; NaN for fewer than two values.
pub fn variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    values.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// ln(eᵃ + eᵇ) without overflow.
pub fn log_add(a: f64, b: f64) -> f64 {
    let (high, low) = (a.max(b), a.min(b));
    high + (low - high).exp().ln_1p()
}

/// The logarithm of the unnormalised density of Student's t with 4 degrees of freedom: (1 + z²/4)^(−5/2).
pub fn log_t4(z: f64) -> f64 {
    -2.5 * (z * z / 4.0).ln_1p()
}

/// The Hodges-Lehmann estimate of the centre: the median of the means of all pairs of values, each with itself too.
pub fn hodges_lehmann(values: &[f64]) -> f64 {
    median_of_sorted(&walsh_averages(values))
}

/// An interval for the centre of a symmetric distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// The rank, from 1, of the lower end among the ordered Walsh averages; the upper end has the same from the top.
    pub rank: usize,
}

/// The exact interval of Wilcoxon's signed-rank test: the Walsh averages of rank k from either end, k being the largest
/// with 2·P(W < k) ≤ 1 − `level`. With too few values for the level (five or fewer at 95 %) the widest there is.
/// `None` without values.
pub fn signed_rank_interval(values: &[f64], level: f64) -> Option<Interval> {
    if values.is_empty() {
        return None;
    }
    let n = values.len();
    let most = n * (n + 1) / 2;
    // The null distribution of W: in how many of the 2ⁿ assignments of signs the positive ranks sum to each number.
    let mut counts = vec![0.0; most + 1];
    counts[0] = 1.0;
    for rank in 1..=n {
        for sum in (rank..=most).rev() {
            counts[sum] += counts[sum - rank];
        }
    }
    let allowed = (1.0 - level) * 2f64.powi(n.min(1023) as i32);
    let (mut below, mut rank) = (0.0, 0);
    while rank <= most / 2 && 2.0 * (below + counts[rank]) <= allowed {
        below += counts[rank];
        rank += 1;
    }
    let rank = rank.max(1);
    let averages = walsh_averages(values);
    Some(Interval { low: averages[rank - 1], high: averages[most - rank], rank })
}

fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let mut averages: Vec<f64> =
        values.iter().enumerate().flat_map(|(i, a)| values[i..].iter().map(move |b| (a + b) / 2.0)).collect();
    averages.sort_unstable_by(f64::total_cmp);
    averages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_spreads_of_a_few_numbers() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(mad(&[1.0, 2.0, 3.0, 100.0]), 1.0);
        assert_eq!(variance(&[1.0, 2.0, 3.0]), 1.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn adding_logarithms_neither_overflows_nor_vanishes() {
        assert!((log_add(1000.0, 1000.0) - (1000.0 + 2f64.ln())).abs() < 1e-12);
        assert_eq!(log_add(0.0, -1e6), 0.0);
    }

    #[test]
    fn the_signed_rank_interval_has_the_ranks_of_the_published_tables() {
        // Two-sided 5 % critical values of W: 0 at n = 6, 3 at 8, 8 at 10, 13 at 12, 52 at 20.
        for (n, critical) in [(6, 0), (8, 3), (10, 8), (12, 13), (20, 52)] {
            let values: Vec<f64> = (0..n).map(f64::from).collect();
            assert_eq!(signed_rank_interval(&values, 0.95).unwrap().rank, critical + 1, "n = {n}");
        }
        assert_eq!(signed_rank_interval(&[], 0.95), None);
        assert_eq!(signed_rank_interval(&[2.0], 0.95).unwrap(), Interval { low: 2.0, high: 2.0, rank: 1 });
    }

    #[test]
    fn one_outlier_does_not_move_the_centre() {
        assert!((hodges_lehmann(&[1.0, 1.1, 0.9, 1.0, 50.0]) - 1.05).abs() < 0.06);
    }
}
