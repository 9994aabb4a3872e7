//! `after 5 consecutive discards`

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Progress, Rule, Sentence, Standing};

/// So many experiments in a row without a keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discards {
    /// How many.
    pub count: u32,
}

impl Rule for Discards {
    fn example() -> &'static str {
        "after 5 consecutive discards"
    }

    fn parse(sentence: &Sentence) -> Option<Self> {
        let count = match sentence.words().as_slice() {
            ["after", count, "discards" | "discard"] => Sentence::count(count),
            ["after", count, "consecutive", "discards" | "discard"] => Sentence::count(count),
            ["after", count, "discards", "in", "a", "row"] => Sentence::count(count),
            _ => None,
        };
        count.map(|count| Self { count })
    }

    fn check(&self, progress: &Progress) -> Standing {
        if progress.consecutive_discards < self.count {
            return Standing::GoOn;
        }
        Standing::Stop(format!(
            "{} experiments in a row without a keep: the limit is {}",
            progress.consecutive_discards, self.count
        ))
    }
}

impl fmt::Display for Discards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} consecutive discards", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires_at_the_count_and_not_before() {
        let rule = Discards { count: 5 };
        let after = |n| rule.check(&Progress { consecutive_discards: n, ..Progress::default() });
        assert_eq!(after(4), Standing::GoOn);
        assert_eq!(after(5), Standing::Stop("5 experiments in a row without a keep: the limit is 5".into()));
    }

    #[test]
    fn short_and_long_forms_mean_the_same() {
        for text in ["after 5 discards", "stop after 5 consecutive discards", "after 5 discards in a row"] {
            assert_eq!(Discards::parse(&Sentence::new(text)), Some(Discards { count: 5 }), "{text}");
        }
    }
}
