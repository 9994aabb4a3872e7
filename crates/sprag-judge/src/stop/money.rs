//! `at $25`

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Progress, Rule, Sentence, Standing};

/// So much money spent on agents.
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
        match progress.usd {
            None => Standing::Unknown(format!(
                "`{self}` cannot fire: the cost of at least one step is unknown: its agent reported none"
            )),
            Some(usd) if usd >= self.usd => {
                Standing::Stop(format!("${usd:.2} spent: the limit is ${}", self.usd))
            }
            Some(_) => Standing::GoOn,
        }
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

    #[test]
    fn fires_at_the_amount_and_never_on_an_unknown_cost() {
        let rule = Money { usd: 25.0 };
        let at = |usd| rule.check(&Progress { usd, ..Progress::default() });
        assert_eq!(at(Some(24.99)), Standing::GoOn);
        assert_eq!(at(Some(25.004)), Standing::Stop("$25.00 spent: the limit is $25".into()));
        assert!(matches!(at(None), Standing::Unknown(_)));
    }
}
