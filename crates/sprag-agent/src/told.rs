//! What an agent told while it worked, gathered from its events.

use crate::{Failure, FailureKind, Usage};

/// Longer last words are cut before they are kept, in bytes.
const MAX_WORDS: usize = 64 << 10;

/// A longer name of a model is none, in bytes.
const MAX_MODEL: usize = 200;

/// More tokens in one try are a mistake or a lie.
const MOST_TOKENS: u64 = 1_000_000_000_000;
/// More US dollars for one try are, too.
const MOST_DOLLARS: f64 = 1e6;

/// What the events so far say.
#[derive(Debug, Default)]
pub(crate) struct Told {
    spent: Option<Usage>,
    /// A step was paid for, and nobody knows how much.
    has_lost_count: bool,
    /// The model that it says it asks.
    pub(crate) model: Option<String>,
    /// The last words.
    pub(crate) words: String,
    /// What went wrong last, and was not overcome since.
    pub(crate) failure: Option<Failure>,
    /// It said that it is done, well or not.
    pub(crate) is_over: bool,
}

impl Told {
    /// Adds what one step used.
    pub(crate) fn add(&mut self, step: Usage) {
        self.spent = Some(match self.spent.take() {
            None => step,
            Some(sum) => sum.plus(&step),
        });
    }

    /// Takes a sum in place of all that was added.
    pub(crate) fn set(&mut self, sum: Usage) {
        self.spent = Some(sum);
    }

    /// The sum so far.
    pub(crate) fn sum(&self) -> Usage {
        self.spent.clone().unwrap_or_default()
    }

    /// A step was paid for, and nobody knows how much: then the sum is unknown as well.
    pub(crate) fn lose_count(&mut self) {
        self.has_lost_count = true;
    }

    /// The model said something: whatever went wrong before is overcome.
    pub(crate) fn say(&mut self, words: &str) {
        self.failure = None;
        if !words.trim().is_empty() {
            let end = words.floor_char_boundary(MAX_WORDS);
            self.words = words[..end].to_owned();
        }
    }

    /// It names the model that it asks.
    pub(crate) fn asks(&mut self, model: Option<&str>) {
        let model = model.filter(|model| !model.is_empty() && model.len() <= MAX_MODEL);
        self.model = model.map(str::to_owned).or(self.model.take());
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }

    /// Whether waiting for more is pointless. Agents ask again for minutes with a key that is not accepted.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Authentication)
    }

    /// What it used. Unknown where the agent did not come to its own end: the step under way was paid for, too.
    pub(crate) fn usage(&self) -> Usage {
        let known = self.spent.clone().filter(|_| self.is_over && !self.has_lost_count);
        known.unwrap_or_default().believable()
    }
}

impl Usage {
    /// The sum; what is unknown in one of the two is unknown.
    fn plus(&self, other: &Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        Self {
            input: sum(self.input, other.input),
            cached: sum(self.cached, other.cached),
            output: sum(self.output, other.output),
            reasoning: sum(self.reasoning, other.reasoning),
            usd: self.usd.zip(other.usd).map(|(a, b)| a + b),
        }
    }

    /// Without what cannot be. Agents that know no price for a model say that it costs nothing; and what is told is data,
    /// whose sum over a session has to be a number.
    fn believable(self) -> Self {
        let count = |tokens: Option<u64>| tokens.filter(|tokens| *tokens <= MOST_TOKENS);
        let tokens =
            [self.input, self.cached, self.output].into_iter().flatten().fold(0, u64::saturating_add);
        let is_free = |usd: f64| usd == 0.0 && tokens == 0;
        Self {
            input: count(self.input),
            cached: count(self.cached),
            output: count(self.output),
            reasoning: count(self.reasoning),
            usd: self.usd.filter(|usd| is_free(*usd) || (*usd > 0.0 && *usd <= MOST_DOLLARS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(output: Option<u64>, usd: Option<f64>) -> Usage {
        Usage { input: Some(1), cached: Some(2), output, reasoning: None, usd }
    }

    #[test]
    fn what_is_unknown_in_one_step_is_unknown_in_the_sum() {
        let mut told = Told { is_over: true, ..Told::default() };
        told.add(tokens(Some(3), Some(0.5)));
        told.add(tokens(None, Some(0.25)));
        assert_eq!(
            told.usage(),
            Usage { input: Some(2), cached: Some(4), usd: Some(0.75), ..Usage::default() }
        );
        told.lose_count();
        assert_eq!(told.usage(), Usage::default());
    }

    #[test]
    fn what_was_cut_short_has_used_nobody_knows_how_much() {
        let mut told = Told::default();
        told.add(tokens(Some(3), Some(0.5)));
        assert_eq!(told.usage(), Usage::default());
    }

    #[test]
    fn a_model_that_used_tokens_for_nothing_has_no_known_price() {
        let mut told = Told { is_over: true, ..Told::default() };
        told.add(tokens(Some(3), Some(0.0)));
        assert_eq!(told.usage(), tokens(Some(3), None));
        told.set(Usage::FREE);
        assert_eq!(told.usage(), Usage::FREE);
    }

    #[test]
    fn what_nobody_can_have_used_is_unknown() {
        let mut told = Told { is_over: true, ..Told::default() };
        for usd in [-0.1, f64::NAN, f64::INFINITY, 1e300] {
            told.set(Usage { usd: Some(usd), ..Usage::FREE });
            assert_eq!(told.usage().usd, None, "{usd}");
        }
        told.set(tokens(Some(u64::MAX), Some(1.0)));
        told.add(tokens(Some(u64::MAX), Some(1.0)));
        assert_eq!(
            told.usage(),
            Usage { usd: Some(2.0), input: Some(2), cached: Some(4), ..Usage::default() }
        );
    }
}
