//! What can be read off a trial while it runs.

use super::{Next, Trial};
use crate::{Mode, Rule};

impl Trial {
    /// What is needed now.
    pub fn next(&self) -> Next {
        self.next.clone()
    }

    /// The rule it runs under.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Pairs so far.
    pub fn n(&self) -> usize {
        self.pairs.len()
    }

    /// The evidence against "no effect" so far; [`Trial::needed`] keeps.
    pub fn e(&self) -> f64 {
        self.primary.e()
    }

    /// Its exact part, with what was carried over.
    pub fn e1(&self) -> f64 {
        self.primary.e1()
    }

    /// Its fast part.
    pub fn e2(&self) -> f64 {
        self.primary.e2()
    }

    /// The evidence that a keep needs: 1/α.
    pub fn needed(&self) -> f64 {
        1.0 / self.rule.alpha
    }

    /// The logarithm of the likelihood ratio of "δ better" against "no effect"; ln β and below gives up.
    pub fn futility(&self) -> f64 {
        self.primary.futility()
    }

    /// The effect as measured, without the allowance for layout: the median of the pairs, or, where the mode does
    /// without pairs, that of the last run. `None` before there is any.
    pub fn effect(&self) -> Option<f64> {
        if self.primary.pairs() > 0 {
            return Some(self.primary.median() + self.rule.layout);
        }
        if matches!(self.rule.mode, Mode::Paired | Mode::Strict) {
            return None;
        }
        let (incumbent, value) = self.against_incumbent(self.again.as_ref().or(self.first.as_ref())?);
        self.scale().effect(incumbent, value)
    }
}
