//! Noisy controls: whether a secondary metric stayed within its margin, judged on the same pairs.

use serde::{Deserialize, Serialize};

use crate::{SignProcess, minimum_effect, stats::median};

/// Evidence at which harm refuses and safety is proven: an error rate of 1 in 20 for each.
pub(crate) const CONTROL_EVIDENCE: f64 = 20.0;

/// What the pairs so far say about a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlState {
    /// Out of its bound.
    Violated,
    /// Proven to be inside.
    Safe,
    /// Neither is proven.
    Open,
}

/// A margin tested on pairs. Harm and safety are bet on separately, each with the sign process.
#[derive(Debug, Clone)]
pub struct ControlTest {
    left: f64,
    hard: bool,
    harm: SignProcess,
    safe: SignProcess,
    changes: Vec<f64>,
}

impl ControlTest {
    /// `scale`: the noise of one log-ratio; `margin`: what the contract allows, as a log-ratio; `used`: what earlier
    /// keeps took of it; `hard`: safety must be proven.
    pub fn new(scale: f64, margin: f64, used: f64, hard: bool) -> Self {
        Self {
            left: margin - used,
            hard,
            harm: SignProcess::new(scale, margin),
            safe: SignProcess::new(scale, margin),
            changes: Vec::new(),
        }
    }

    /// One more pair's log-ratio, positive where the candidate is better than the incumbent.
    pub fn push(&mut self, change: f64) -> ControlState {
        self.changes.push(change);
        self.harm.push(-(change + self.left));
        self.safe.push(change + self.left);
        self.state()
    }

    /// What the pairs so far say.
    pub fn state(&self) -> ControlState {
        if self.harm() >= CONTROL_EVIDENCE {
            ControlState::Violated
        } else if self.safe() >= CONTROL_EVIDENCE {
            ControlState::Safe
        } else {
            ControlState::Open
        }
    }

    /// Whether a keep may stand: no harm shown and the median inside the margin; for a hard control, safety proven.
    pub fn allows_keep(&self) -> bool {
        match self.state() {
            ControlState::Violated => false,
            _ if self.hard => self.safe() >= CONTROL_EVIDENCE,
            _ => self.median() > -self.left,
        }
    }

    /// The evidence for "worse than the margin allows".
    pub fn harm(&self) -> f64 {
        self.harm.e()
    }

    /// The evidence for "inside the margin".
    pub fn safe(&self) -> f64 {
        self.safe.e()
    }

    /// The median change, positive = better; NaN before the first pair.
    pub fn median(&self) -> f64 {
        median(&self.changes)
    }

    /// What is left of the margin.
    pub fn left(&self) -> f64 {
        self.left
    }
}

/// What the keeps so far used up of a control's margin: their median changes, added up where they add up to a loss.
pub fn used_margin(median_changes: &[f64]) -> f64 {
    (-median_changes.iter().sum::<f64>()).max(0.0)
}

/// The smallest margin that `max_pairs` pairs can prove for a hard control, by the same formula as the smallest effect.
pub fn smallest_margin(scale: f64, max_pairs: u32, kappa: f64) -> f64 {
    minimum_effect(scale, 1.0 / CONTROL_EVIDENCE, max_pairs, 0.0, kappa)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(test: &mut ControlTest, change: f64, pairs: usize) -> ControlState {
        (0..pairs).map(|i| test.push(change + if i % 2 == 0 { 0.001 } else { -0.001 })).last().unwrap()
    }

    #[test]
    fn a_clear_loss_is_harm_and_a_clear_gain_is_safe() {
        assert_eq!(after(&mut ControlTest::new(0.01, 0.05, 0.0, false), -0.3, 12), ControlState::Violated);
        assert_eq!(after(&mut ControlTest::new(0.01, 0.05, 0.0, true), 0.1, 12), ControlState::Safe);
    }

    #[test]
    fn a_soft_control_allows_what_a_hard_one_has_not_seen_proven() {
        let (mut soft, mut hard) =
            (ControlTest::new(0.05, 0.05, 0.0, false), ControlTest::new(0.05, 0.05, 0.0, true));
        assert_eq!(after(&mut soft, 0.0, 3), ControlState::Open);
        assert_eq!(after(&mut hard, 0.0, 3), ControlState::Open);
        assert!(soft.allows_keep() && !hard.allows_keep());
    }

    #[test]
    fn ten_keeps_cannot_eat_the_margin_ten_times() {
        assert_eq!(used_margin(&[0.02, -0.01, 0.03]), 0.0);
        let used = used_margin(&[-0.01; 4]);
        assert!((used - 0.04).abs() < 1e-12);
        let mut fifth = ControlTest::new(0.005, 0.05, used, false);
        after(&mut fifth, -0.02, 3);
        assert!(!fifth.allows_keep(), "only 1 % of the 5 % is left");
    }
}
