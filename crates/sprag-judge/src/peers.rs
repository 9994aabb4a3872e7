//! Rules that other tools use to keep a change, as pure functions of the values of runs: for comparison only.

use crate::{
    Direction,
    stats::{mad, mean, variance},
};

/// One run each, and the candidate's is better.
pub fn one_run_better(direction: Direction, incumbent: f64, candidate: f64) -> bool {
    direction.better(candidate, incumbent)
}

/// The candidate's gain over the baseline in median absolute deviations of all the session's runs, the candidate's
/// among them; infinite where they do not deviate.
pub fn mad_score(direction: Direction, session: &[f64], baseline: f64, candidate: f64) -> f64 {
    direction.sign() * (baseline - candidate) / mad(session)
}

/// The gate on it: a score of at least 2.
pub fn mad_gate(direction: Direction, session: &[f64], baseline: f64, candidate: f64) -> bool {
    mad_score(direction, session, baseline, candidate) >= 2.0
}

/// Welch's t-test: the probability of a difference in means like this or better where there is none, by Student's t
/// with Welch-Satterthwaite degrees of freedom. NaN for fewer than two runs of either.
pub fn welch_p(direction: Direction, incumbent: &[f64], candidate: &[f64]) -> f64 {
    let (n, m) = (incumbent.len() as f64, candidate.len() as f64);
    let (a, b) = (variance(incumbent) / n, variance(candidate) / m);
    let gain = direction.sign() * (mean(incumbent) - mean(candidate));
    if a + b == 0.0 {
        return if gain > 0.0 { 0.0 } else { 1.0 };
    }
    let degrees = (a + b).powi(2) / (a * a / (n - 1.0) + b * b / (m - 1.0));
    student_upper_tail(gain / (a + b).sqrt(), degrees)
}

/// The usual use of it: one-sided p below .025.
pub fn welch_better(direction: Direction, incumbent: &[f64], candidate: &[f64]) -> bool {
    welch_p(direction, incumbent, candidate) < 0.025
}

/// P(T > t) for Student's t: half of the regularised incomplete beta function at ν/(ν + t²).
fn student_upper_tail(t: f64, degrees: f64) -> f64 {
    let half = 0.5 * incomplete_beta(degrees / (degrees + t * t), 0.5 * degrees, 0.5);
    if t >= 0.0 { half } else { 1.0 - half }
}

/// The regularised incomplete beta function I_x(a, b), by the continued fraction of DLMF 8.17.22 in Lentz's form.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast only below the mean; above it, the function's symmetry.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..300 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            step = c * d;
            fraction *= step;
        }
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    let log_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    log_front.exp() * fraction / a
}

/// ln Γ(x) for x > 0: Stirling's series (DLMF 5.11.1) after moving x above 10.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_tail_has_the_values_of_the_tables() {
        for (t, degrees, p) in [
            (12.706, 1.0, 0.025),
            (2.776, 4.0, 0.025),
            (2.101, 18.0, 0.025),
            (1.645, 1e6, 0.05),
            (0.0, 5.0, 0.5),
        ] {
            assert!(
                (student_upper_tail(t, degrees) - p).abs() < 2e-5,
                "t = {t}, {degrees} degrees of freedom"
            );
            assert!((student_upper_tail(-t, degrees) - (1.0 - p)).abs() < 2e-5);
        }
    }

    #[test]
    fn the_factorial_is_gamma() {
        assert!((ln_gamma(6.0) - 120f64.ln()).abs() < 1e-12);
        assert!((ln_gamma(0.5) - 0.5 * std::f64::consts::PI.ln()).abs() < 1e-12);
    }

    #[test]
    fn each_rule_keeps_what_it_would_keep() {
        let before = [100.0, 101.0, 99.0, 100.5, 99.5];
        let after = before.map(|ms| 0.9 * ms);
        assert!(
            one_run_better(Direction::Lower, 100.0, 99.9) && !one_run_better(Direction::Higher, 100.0, 99.9)
        );
        assert!(
            welch_better(Direction::Lower, &before, &after)
                && !welch_better(Direction::Higher, &before, &after)
        );
        assert!(
            mad_gate(Direction::Lower, &before, 100.0, 90.0)
                && !mad_gate(Direction::Lower, &before, 100.0, 99.9)
        );
        assert_eq!(welch_p(Direction::Lower, &[1.0, 1.0], &[1.0, 1.0]), 1.0);
    }
}
