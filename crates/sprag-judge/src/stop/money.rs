//! `at $25`

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Budget, Progress, Resource, Rule, Sentence, Standing};

/// So much money spent on agents. Fires before the try that would pass it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Money {
    /// US dollars.
    pub usd: f64,
}

impl Rule for Money {
    fn example() -> &'static str {
        "at $25"
    }

    fn parse(sentence: &Sentence) -> Option<Self> {
        let amount = match sentence.words().as_slice() {
            ["at", amount] => amount.strip_prefix('$')?.to_owned(),
            ["at", "$", amount] => (*amount).to_owned(),
            ["at", amount, "usd" | "dollars" | "dollar"] => (*amount).to_owned(),
            _ => return None,
        };
        let usd = Sentence::number(&amount.replace(',', ""))?;
        (usd > 0.0).then_some(Self { usd })
    }

    fn check(&self, progress: &Progress) -> Standing {
        self.budget_in(progress).standing(&self.to_string())
    }

    fn budget(&self, progress: &Progress) -> Option<Budget> {
        Some(self.budget_in(progress))
    }
}

impl Money {
    fn budget_in(&self, progress: &Progress) -> Budget {
        Budget { of: Resource::Money, limit: self.usd, spent: progress.usd }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at ${}", self.usd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dollars() {
        for (text, usd) in
            [("at $25", 25.0), ("at $ 2.50", 2.5), ("at 1,000 USD", 1000.0), ("at 3 dollars", 3.0)]
        {
            assert_eq!(Money::parse(&Sentence::new(text)), Some(Money { usd }), "{text}");
        }
        assert_eq!(Money::parse(&Sentence::new("at 25")), None);
    }
}
