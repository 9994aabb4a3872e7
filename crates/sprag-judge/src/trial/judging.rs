//! The decisions: by one run, by two equal ones, by pairs.

use super::{Next, Trial, telling};
use crate::{
    ControlState, JudgeSettings, Metrics, Reason, Verdict, gate, minimum_effect, pool_scale,
    primary::PrimaryTest,
};

impl Trial {
    /// What any run of the candidate can be refused for.
    pub(super) fn judge_run(&self, run: &Metrics) -> Option<Verdict> {
        gate::missing(&self.rule, |name| run.contains_key(name))
            .or_else(|| gate::broken_by_run(&self.rule, run))
    }

    /// The first run of a deterministic metric: worth a second one, or no gain.
    pub(super) fn judge_repeatable(&self, run: &Metrics) -> Next {
        let (incumbent, value) = self.against_incumbent(run);
        let gain = self.rule.direction.sign() * (incumbent - value);
        let least = (self.rule.min_effect * incumbent.abs()).max(self.rule.unit.unwrap_or(0.0));
        // The slack is for a gain of exactly the least in decimal.
        if gain > 0.0 && gain >= least * (1.0 - 1e-9) {
            return Next::Again;
        }
        Next::Decided(Verdict::new(Reason::NoGain, self.tell_no_step(incumbent, value, least)))
    }

    /// The only run of mode single.
    pub(super) fn judge_single(&self, run: &Metrics) -> Verdict {
        let (incumbent, value) = self.against_incumbent(run);
        let scale = self.scale();
        let Some(effect) = scale.effect(incumbent, value) else {
            return telling::not_positive(&self.rule.primary, value);
        };
        let user_min = scale.of_fraction(self.rule.min_effect, incumbent).unwrap_or(0.0);
        let least = user_min.max(3.0 * self.rule.scale);
        let kept = effect > 0.0 && effect >= least;
        let reason = if kept { Reason::Improved } else { Reason::NoGain };
        Verdict::new(reason, self.tell_single(effect, least))
    }

    /// The test by pairs where two runs of a deterministic metric differed. Their difference is all that is known of
    /// the noise, besides what the rule says.
    pub(super) fn noisy_after_all(&self, one: f64, two: f64) -> PrimaryTest {
        let difference = self.scale().effect(one, two).unwrap_or(0.0);
        let scale = self.rule.scale.max(pool_scale(&[difference]));
        let kappa = JudgeSettings::default().kappa;
        let delta = minimum_effect(scale, self.rule.alpha, self.rule.max_pairs, self.rule.delta, kappa);
        PrimaryTest::with_noise(&self.rule, scale, delta)
    }

    /// The decision after a pair. The order matters: harm, keep, regression, no gain, out of pairs.
    pub(super) fn judge_pairs(&self) -> Option<Verdict> {
        let is_harmed = |test: &&str| self.controls[*test].state() == ControlState::Violated;
        if let Some(name) = self.controls.keys().map(String::as_str).find(is_harmed) {
            return Some(Verdict::new(Reason::Control, self.tell_harm(name, &self.controls[name])));
        }
        let is_last = self.pairs.len() >= self.rule.max_pairs as usize;
        if self.is_proven() {
            return match self.open_control() {
                None => Some(Verdict::new(Reason::Improved, self.tell_evidence())),
                Some((reason, complaint)) => is_last
                    .then(|| Verdict::new(reason, format!("{}, but {complaint}", self.tell_evidence()))),
            };
        }
        let far_worse = self.primary.median() < -2.0 * self.primary.pool();
        if self.primary.pairs() == 1 && self.flagged && far_worse {
            return Some(Verdict::new(Reason::Regression, self.tell_regression()));
        }
        if !self.settled && self.primary.futility() <= self.rule.beta.ln() {
            return Some(Verdict::new(Reason::NoGain, self.tell_no_gain()));
        }
        is_last.then(|| Verdict::new(Reason::Inconclusive, self.tell_evidence()))
    }

    /// Whether the primary metric has earned a keep.
    fn is_proven(&self) -> bool {
        let enough = self.rule.min_pairs as usize;
        if self.settled {
            return self.pairs.len() >= enough;
        }
        self.primary.pairs() >= enough && self.primary.median() > 0.0 && self.e() >= self.needed()
    }

    /// The first control that does not allow a keep yet, and what the verdict is when no pairs are left.
    fn open_control(&self) -> Option<(Reason, String)> {
        self.rule.controls.iter().find_map(|(name, control)| {
            if let Some(test) = self.controls.get(name) {
                let complaint = || (Reason::Inconclusive, telling::still_open(name, control, test));
                return (!test.allows_keep()).then(complaint);
            }
            let values = self.pairs.iter().filter_map(|pair| Some(pair.values.get(name)?[1]));
            let values: Vec<f64> = values.collect();
            gate::broken_by_median(name, control, &values).map(|complaint| (Reason::Control, complaint))
        })
    }
}
