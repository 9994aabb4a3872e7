//! `at 3M tokens`

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Budget, Progress, Resource, Rule, Sentence, Standing};

/// So many tokens used by agents, of all kinds together. Fires before the try that would pass it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// How many.
    pub count: u64,
}

const THOUSAND: u64 = 1_000;
const MILLION: u64 = 1_000_000;

impl Rule for Tokens {
    fn example() -> &'static str {
        "at 3M tokens"
    }

    fn parse(sentence: &Sentence) -> Option<Self> {
        let words = sentence.words();
        let (amount, factor) = match words.as_slice() {
            ["at" | "after", amount, "tokens"] => {
                match (amount.strip_suffix('k'), amount.strip_suffix('m')) {
                    (Some(amount), _) => (amount, THOUSAND),
                    (_, Some(amount)) => (amount, MILLION),
                    _ => (*amount, 1),
                }
            }
            ["at" | "after", amount, "million", "tokens"] => (*amount, MILLION),
            _ => return None,
        };
        let count = Sentence::number(&amount.replace([',', '_'], ""))? * factor as f64;
        (1.0..=1e15).contains(&count).then_some(Self { count: count.round() as u64 })
    }

    fn check(&self, progress: &Progress) -> Standing {
        self.budget_in(progress).standing(&self.to_string())
    }

    fn budget(&self, progress: &Progress) -> Option<Budget> {
        Some(self.budget_in(progress))
    }
}

impl Tokens {
    fn budget_in(&self, progress: &Progress) -> Budget {
        Budget { of: Resource::Tokens, limit: self.count as f64, spent: progress.tokens }
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} tokens", spell(self.count))
    }
}

/// Short and exact: 3M, 3.25M, 500k, 1234567.
pub(super) fn spell(count: u64) -> String {
    match count {
        c if c >= MILLION && c % (MILLION / 100) == 0 => format!("{}M", c as f64 / MILLION as f64),
        c if c >= THOUSAND && c % (THOUSAND / 10) == 0 => format!("{}k", c as f64 / THOUSAND as f64),
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_thousands_and_millions() {
        for (text, count) in [
            ("at 3M tokens", 3_000_000),
            ("at 2.5 million tokens", 2_500_000),
            ("at 500k tokens", 500_000),
            ("after 1,234,567 tokens", 1_234_567),
        ] {
            let rule = Tokens::parse(&Sentence::new(text));
            assert_eq!(rule, Some(Tokens { count }), "{text}");
            assert_eq!(Tokens::parse(&Sentence::new(&rule.unwrap().to_string())), rule, "{text}");
        }
        assert_eq!(Tokens::parse(&Sentence::new("at 3 tokens of love")), None);
    }
}
