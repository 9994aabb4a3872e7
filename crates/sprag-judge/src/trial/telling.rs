//! The verdicts in sentences, with the numbers that decided.

use super::Trial;
use crate::{
    ControlRule, ControlTest, Reason, Verdict,
    control::CONTROL_EVIDENCE,
    wording::{evidence, number, percent},
};

impl Trial {
    pub(super) fn tell_no_step(&self, incumbent: f64, value: f64, least: f64) -> String {
        let (name, before, now) = (&self.rule.primary, number(incumbent), number(value));
        if value == incumbent {
            format!("{name} is {now}, the same as the incumbent's")
        } else if self.rule.direction.better(value, incumbent) {
            format!("{name} is {now}, better than the incumbent's {before} by less than {}", number(least))
        } else {
            format!("{name} is {now}, worse than the incumbent's {before}")
        }
    }

    /// The deterministic gain, from the two runs that showed it.
    pub(super) fn tell_repeated(&self) -> String {
        let (incumbent, value) =
            self.again.as_ref().map_or((f64::NAN, f64::NAN), |run| self.against_incumbent(run));
        let gain = match self.scale().effect(incumbent, value) {
            Some(effect) => format!(", {}", self.scale().describe(effect)),
            None => String::new(),
        };
        let (before, now) = (number(incumbent), number(value));
        format!("{} went from {before} to {now}{gain}, the same in two runs", self.rule.primary)
    }

    pub(super) fn tell_single(&self, effect: f64, least: f64) -> String {
        let (seen, threshold) = (self.scale().describe(effect), self.scale().size(least));
        format!("{} {seen} in one run, unverified: the threshold is {threshold}", self.rule.primary)
    }

    pub(super) fn tell_harm(&self, name: &str, test: &ControlTest) -> String {
        let seen = self.rule.controls[name].effect_scale().describe(test.median());
        let (n, left) = (median_of(self.pairs.len()), percent(test.left().max(0.0)));
        let harm = evidence(test.harm());
        format!(
            "{name} {seen} ({n}) where {left} is left of its margin, evidence of harm {harm} ≥ {CONTROL_EVIDENCE}"
        )
    }

    pub(super) fn tell_regression(&self) -> String {
        format!("{}, after a first run far out of the incumbent's range", self.tell_median())
    }

    pub(super) fn tell_no_gain(&self) -> String {
        let delta = self.scale().size(self.primary.delta() + self.rule.layout);
        let (odds, beta) = (evidence(self.primary.futility().exp()), evidence(self.rule.beta));
        format!(
            "{}, not the gain of {delta} that is looked for: likelihood {odds} ≤ {beta}",
            self.tell_median()
        )
    }

    /// `p95_ms 12.3 % better (median of 7 pairs), evidence 61 ≥ 50`
    pub(super) fn tell_evidence(&self) -> String {
        if self.settled {
            return self.tell_repeated();
        }
        let layout = match self.rule.layout {
            0.0 => String::new(),
            layout => format!(" with {} taken off for layout luck", self.scale().size(layout)),
        };
        let relation = if self.e() >= self.needed() { "≥" } else { "<" };
        let (e, needed) = (evidence(self.e()), evidence(self.needed()));
        format!("{}, evidence {e} {relation} {needed}{layout}", self.tell_median())
    }

    fn tell_median(&self) -> String {
        let seen = self.scale().describe(self.primary.median() + self.rule.layout);
        format!("{} {seen} ({})", self.rule.primary, median_of(self.primary.pairs()))
    }
}

fn median_of(pairs: usize) -> String {
    if pairs == 1 { "1 pair".into() } else { format!("median of {pairs} pairs") }
}

pub(super) fn not_positive(name: &str, value: f64) -> Verdict {
    Verdict::new(Reason::Metric, format!("{name} is {}, and a ratio needs a positive number", number(value)))
}

pub(super) fn still_open(name: &str, control: &ControlRule, test: &ControlTest) -> String {
    let seen = control.effect_scale().describe(test.median());
    if test.median() > -test.left() {
        format!("{name} ({seen}) was not proven to be within its margin")
    } else {
        format!("{name} was {seen}, outside its margin")
    }
}
