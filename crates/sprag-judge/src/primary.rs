//! The two kinds of evidence on the primary metric, and the running odds of giving up.

use crate::{
    Mode, Rule, SignProcess,
    sign_process::{GRID, SMALLEST_SCALE, mixture},
    stats::{log_t4, mad, median, variance},
};

/// The primary metric's test: fed with pairs, it knows the evidence so far.
#[derive(Debug, Clone)]
pub(crate) struct PrimaryTest {
    signs: SignProcess,
    pool: f64,
    delta: f64,
    layout: f64,
    carried: f64,
    strict: bool,
    incumbent: Vec<f64>,
    candidate: Vec<f64>,
    futility: f64,
    e1: f64,
    e2: f64,
}

impl PrimaryTest {
    pub(crate) fn new(rule: &Rule) -> Self {
        Self::with_noise(rule, rule.scale, rule.delta)
    }

    /// The rule's test with another scale and smallest effect.
    pub(crate) fn with_noise(rule: &Rule, scale: f64, delta: f64) -> Self {
        Self {
            signs: SignProcess::new(scale, delta),
            pool: scale.max(SMALLEST_SCALE),
            delta,
            layout: rule.layout,
            carried: rule.carried,
            // A metric that turned out not to be deterministic has a scale from one difference: too little for the fast path.
            strict: rule.mode != Mode::Paired,
            incumbent: Vec::new(),
            candidate: Vec::new(),
            futility: 0.0,
            e1: rule.carried,
            e2: 1.0,
        }
    }

    /// The same test before its first pair, with nothing carried over.
    pub(crate) fn anew(&self) -> Self {
        Self {
            signs: SignProcess::new(self.pool, self.delta),
            carried: 1.0,
            incumbent: Vec::new(),
            candidate: Vec::new(),
            futility: 0.0,
            e1: 1.0,
            e2: 1.0,
            ..self.clone()
        }
    }

    /// One more pair, both sides on the scale of [`crate::EffectScale::level`]: differences of it are effects.
    pub(crate) fn push(&mut self, incumbent: f64, candidate: f64) {
        let x = candidate - incumbent - self.layout;
        let scale = self.signs.push(x);
        self.futility += log_t4((x - self.delta) / scale) - log_t4(x / scale);
        self.incumbent.push(incumbent);
        self.candidate.push(candidate);
        self.e1 = self.carried * self.signs.e();
        self.e2 = self.fast_path();
    }

    /// The likelihood ratio of the effects on the grid against none, with the spread within the arms of this window:
    /// with the session's scale alone, a noisier stretch of the machine would look like an effect.
    fn fast_path(&self) -> f64 {
        let scale = self.pool.max(self.window_spread());
        let clamped: Vec<f64> = self.signs.differences().iter().map(|x| self.signs.clamp(*x)).collect();
        mixture(GRID.map(|(multiple, _)| {
            let mu = multiple * self.delta;
            clamped.iter().map(|c| log_t4((c - mu) / scale) - log_t4(c / scale)).sum()
        }))
    }

    fn window_spread(&self) -> f64 {
        let n = self.pairs();
        if n < 2 {
            return 0.0;
        }
        let spread = (variance(&self.incumbent) + variance(&self.candidate)).sqrt();
        if n <= 5 {
            return spread;
        }
        // One outlier must not hide a clear effect; 1.25 pays for the MAD's own error in so few runs.
        spread.min(1.25 * 1.4826 * mad(&self.incumbent).hypot(mad(&self.candidate)))
    }

    pub(crate) fn pairs(&self) -> usize {
        self.incumbent.len()
    }

    pub(crate) fn e1(&self) -> f64 {
        self.e1
    }

    pub(crate) fn e2(&self) -> f64 {
        self.e2
    }

    /// The evidence that decides.
    pub(crate) fn e(&self) -> f64 {
        if self.strict { self.e1 } else { 0.8 * self.e1 + 0.2 * self.e2 }
    }

    /// The logarithm of the likelihood ratio of "δ better" against "no effect".
    pub(crate) fn futility(&self) -> f64 {
        self.futility
    }

    /// The effects so far, less the allowance for layout.
    pub(crate) fn effects(&self) -> &[f64] {
        self.signs.differences()
    }

    /// The median of [`Self::effects`].
    pub(crate) fn median(&self) -> f64 {
        median(self.effects())
    }

    /// The noise known before the first pair.
    pub(crate) fn pool(&self) -> f64 {
        self.pool
    }

    pub(crate) fn delta(&self) -> f64 {
        self.delta
    }
}
