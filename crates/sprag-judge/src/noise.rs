//! The session's noise: how large one pair's difference is where nothing differs, and what can be seen through it.

use std::collections::BTreeMap;

use crate::{
    EffectScale, JudgeSettings, Mode, Rule,
    cost::simulate,
    sign_process::SMALLEST_SCALE,
    stats::{MAD_OF_T4, median, robust_sd, run_sd},
    wording::percent,
};

/// How many residuals make the pool: old ones leave as new ones come, because machines change.
const POOL_SIZE: usize = 64;

/// The noise of one pair: the median size of the last 64 residuals, as the scale of a Student t with 4 degrees of
/// freedom.
pub fn pool_scale(residuals: &[f64]) -> f64 {
    let last = &residuals[residuals.len().saturating_sub(POOL_SIZE)..];
    let sizes: Vec<f64> = last.iter().map(|residual| residual.abs()).collect();
    (median(&sizes) / MAD_OF_T4).max(SMALLEST_SCALE)
}

/// The smallest effect that is looked for, given the noise and the budget: max(`user_min`, κ·s·√(2·ln(1/α)/N)).
/// Smaller ones would seldom be found with so few pairs, and looking for them would cost pairs on every candidate.
pub fn minimum_effect(scale: f64, alpha: f64, max_pairs: u32, user_min: f64, kappa: f64) -> f64 {
    user_min.max(kappa * scale * (2.0 * (1.0 / alpha).ln() / f64::from(max_pairs)).sqrt())
}

/// What a judged candidate adds to the pool: with 4 pairs or more, |x − median|·√(n/(n−1)) for each, so that its own
/// effect is not taken for noise. Nothing for fewer.
pub fn residuals(effects: &[f64]) -> Vec<f64> {
    if effects.len() < 4 {
        return Vec::new();
    }
    let (middle, n) = (median(effects), effects.len() as f64);
    effects.iter().map(|x| (x - middle).abs() * (n / (n - 1.0)).sqrt()).collect()
}

/// Whether a metric repeats to the bit: three runs or more of the same code, all equal.
pub fn repeats_exactly(runs: &[f64]) -> bool {
    runs.len() >= 3 && runs.windows(2).all(|two| two[0].to_bits() == two[1].to_bits())
}

/// Whether a first run is more than 4 robust standard deviations worse than the median of the incumbent's last 20
/// runs. With fewer than five runs nobody can tell: false.
pub fn is_far_worse(scale: EffectScale, incumbent_runs: &[f64], first: f64) -> bool {
    let last = &incumbent_runs[incumbent_runs.len().saturating_sub(20)..];
    let levels: Vec<f64> = last.iter().filter_map(|value| scale.level(*value)).collect();
    match scale.level(first) {
        Some(level) if levels.len() >= 5 => level < median(&levels) - 4.0 * robust_sd(&levels),
        _ => false,
    }
}

/// What a session knows about its noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// The pool of the primary metric, oldest first, 64 at most.
    pub residuals: Vec<f64>,
    /// [`pool_scale`] of it.
    pub scale: f64,
    /// The smallest effect that is looked for: [`minimum_effect`].
    pub delta: f64,
    /// The smallest effect of interest to the user, in the unit of the effects.
    pub user_min: f64,
    /// The allowance for layout luck that is subtracted from every effect.
    pub layout: f64,
    /// The metric repeats to the bit.
    pub deterministic: bool,
    /// The spec says that the metric is seeded or trained: never deterministic.
    pub stochastic: bool,
    /// How values become effects.
    pub effect_scale: EffectScale,
    /// The pools of the noisy controls, by metric.
    pub controls: BTreeMap<String, Vec<f64>>,
}

impl Noise {
    /// From A/A pairs of the incumbent: [one run, another run of the same code]. Pairs without an effect on this scale
    /// are left out. `user_min` is the smallest effect of interest, on this scale: `settings.min_effect` for ratios.
    pub fn new(
        settings: &JudgeSettings,
        effect_scale: EffectScale,
        stochastic: bool,
        pairs: &[[f64; 2]],
        user_min: f64,
    ) -> Self {
        let residuals = pairs.iter().filter_map(|[a, b]| effect_scale.effect(*a, *b)).map(f64::abs).collect();
        let mut noise = Self {
            residuals,
            scale: SMALLEST_SCALE,
            delta: user_min,
            user_min,
            layout: 0.0,
            deterministic: !stochastic && repeats_exactly(pairs.as_flattened()),
            stochastic,
            effect_scale,
            controls: BTreeMap::new(),
        };
        noise.refresh(settings);
        noise
    }

    /// Adds a judged candidate's effects to the pool, and takes scale and smallest effect from it anew.
    pub fn add(&mut self, effects: &[f64], settings: &JudgeSettings) {
        extend_pool(&mut self.residuals, residuals(effects));
        self.refresh(settings);
    }

    /// Adds the changes that a control showed over a candidate's pairs, or the A/A pairs, to the pool of the control.
    pub fn add_control(&mut self, metric: &str, residuals: Vec<f64>) {
        extend_pool(self.controls.entry(metric.to_owned()).or_default(), residuals);
    }

    /// The noise of one pair's change of a control; 0 where none was seen.
    pub fn control_scale(&self, metric: &str) -> f64 {
        match self.controls.get(metric) {
            Some(pool) if pool.iter().any(|residual| *residual != 0.0) => pool_scale(pool),
            _ => 0.0,
        }
    }

    fn refresh(&mut self, settings: &JudgeSettings) {
        if !self.residuals.is_empty() {
            self.scale = pool_scale(&self.residuals);
        }
        self.delta =
            minimum_effect(self.scale, settings.alpha, settings.max_pairs, self.user_min, settings.kappa);
    }

    /// The rule of a trial under this noise, as yet without controls, incumbent or evidence carried over.
    pub fn rule(&self, settings: &JudgeSettings, primary: impl Into<String>) -> Rule {
        let mode = if self.deterministic { Mode::Deterministic } else { settings.mode.into() };
        Rule {
            mode,
            primary: primary.into(),
            direction: self.effect_scale.direction,
            alpha: settings.alpha,
            beta: settings.beta,
            min_pairs: settings.min_pairs,
            max_pairs: settings.max_pairs,
            scale: if mode == Mode::Single { run_sd(self.scale) } else { self.scale },
            delta: self.delta,
            min_effect: settings.min_effect,
            layout: self.layout,
            carried: 1.0,
            unit: self.effect_scale.unit,
            incumbent: None,
            controls: BTreeMap::new(),
            hidden_cases: false,
            plausible: None,
        }
    }

    /// One sentence for a person: what can be found, and what it costs. The numbers are simulated with normal noise of
    /// this size, always from the same seed (`cost`).
    pub fn sentence(&self, settings: &JudgeSettings) -> String {
        let rule = self.rule(settings, "");
        match rule.mode {
            Mode::Deterministic => {
                let least = percent(settings.min_effect);
                return format!(
                    "it repeats to the bit: a gain of {least} or more is found; a no-op costs 1 run, a gain 2"
                );
            }
            Mode::Single => {
                let threshold = self.effect_scale.size(self.user_min.max(3.0 * rule.scale));
                return format!(
                    "one run a candidate: a gain of {threshold} or more is kept, and never verified"
                );
            }
            Mode::Paired | Mode::Strict => {}
        }
        let visible = self.delta + self.layout;
        let (smallest, found) = (self.effect_scale.size(visible), 10.0 * simulate(&rule, visible).kept);
        let no_op = simulate(&rule, 0.0).runs;
        let costs = format!(
            "with this noise and budget a gain of {smallest} is found {found:.0} times in 10; a no-op costs about \
             {no_op:.0} runs"
        );
        match (self.effect_scale.unit, self.effect_scale.of_fraction(0.2, 1.0)) {
            (None, Some(fifth)) => format!("{costs}, a 20 % win {:.0}", simulate(&rule, fifth).runs),
            _ => costs,
        }
    }

    /// What to say before anything is spent, where only gains above 10 % can be seen.
    pub fn warning(&self) -> Option<String> {
        let visible = self.delta + self.layout;
        if self.deterministic || self.effect_scale.unit.is_some() || visible <= 0.1 {
            return None;
        }
        Some(format!(
            "the noise hides every gain below {}: measure longer or more cases in a run, pin it to one core, close \
             what else runs here, choose a median rather than an extreme as the metric, or allow more pairs",
            self.effect_scale.size(visible)
        ))
    }
}

fn extend_pool(pool: &mut Vec<f64>, more: Vec<f64>) {
    pool.extend(more.into_iter().filter(|residual| residual.is_finite()).map(f64::abs));
    pool.drain(..pool.len().saturating_sub(POOL_SIZE));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: EffectScale = EffectScale { direction: crate::Direction::Lower, unit: None };

    fn quiet() -> (JudgeSettings, Noise) {
        let settings = JudgeSettings::default();
        let pairs: Vec<[f64; 2]> =
            [2.0, -1.9, 0.5, -3.1, 1.2, -0.8, 2.2, 1.9].iter().map(|d| [100.0, 100.0 + d]).collect();
        (settings, Noise::new(&settings, TIME, false, &pairs, settings.min_effect))
    }

    #[test]
    fn the_noise_and_the_budget_are_told_in_one_sentence() {
        let (settings, noise) = quiet();
        insta::assert_snapshot!(noise.sentence(&settings), @"with this noise and budget a gain of 2.5 % is found 8 times in 10; a no-op costs about 17 runs, a 20 % win 7");
        assert_eq!(noise.warning(), None);
    }

    #[test]
    fn a_deterministic_metric_says_so_and_a_stochastic_one_never_is() {
        let settings = JudgeSettings::default();
        let pairs = [[7.0, 7.0], [7.0, 7.0]];
        let noise = Noise::new(&settings, TIME, false, &pairs, 0.01);
        assert!(noise.deterministic);
        insta::assert_snapshot!(noise.sentence(&settings), @"it repeats to the bit: a gain of 1.0 % or more is found; a no-op costs 1 run, a gain 2");
        assert!(!Noise::new(&settings, TIME, true, &pairs, 0.01).deterministic);
        assert!(!repeats_exactly(&[7.0, 7.0]));
        assert!(!repeats_exactly(&[7.0, 7.0, 7.1]));
    }

    #[test]
    fn heavy_noise_is_a_warning_with_a_remedy() {
        let settings = JudgeSettings::default();
        let noise = Noise::new(&settings, TIME, false, &[[100.0, 140.0]; 8], 0.01);
        insta::assert_snapshot!(noise.warning().unwrap(), @"the noise hides every gain below 36.5 %: measure longer or more cases in a run, pin it to one core, close what else runs here, choose a median rather than an extreme as the metric, or allow more pairs");
    }

    #[test]
    fn the_pool_forgets_the_oldest_and_takes_nothing_from_short_trials() {
        let (settings, mut noise) = quiet();
        noise.add(&[0.1, 0.2, 0.3], &settings);
        assert_eq!(noise.residuals.len(), 8);
        for _ in 0..10 {
            noise.add(&[0.30, 0.31, 0.32, 0.33, 0.34, 0.35, 0.36, 0.37], &settings);
        }
        assert_eq!(noise.residuals.len(), POOL_SIZE);
        assert!(noise.scale < 0.05, "a candidate's own effect of 30 % is no noise: {}", noise.scale);
    }

    #[test]
    fn a_first_run_is_flagged_only_when_far_out_of_range() {
        let runs: Vec<f64> = (0..30).map(|i| 100.0 + f64::from(i % 5)).collect();
        assert!(!is_far_worse(TIME, &runs, 104.0));
        assert!(is_far_worse(TIME, &runs, 120.0));
        assert!(!is_far_worse(TIME, &runs, 50.0), "better is not worse");
        assert!(!is_far_worse(TIME, &runs[..4], 1000.0), "four runs say nothing about range");
        let rate = EffectScale { direction: crate::Direction::Higher, unit: None };
        assert!(is_far_worse(rate, &runs, 50.0));
    }
}
