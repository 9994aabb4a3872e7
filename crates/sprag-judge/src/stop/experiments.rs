//! `after 50 experiments`

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Progress, Rule, Sentence, Standing};

/// So many experiments in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiments {
    /// How many.
    pub count: u32,
}

impl Rule for Experiments {
    fn example() -> &'static str {
        "after 50 experiments"
    }

    fn parse(sentence: &Sentence) -> Option<Self> {
        match sentence.words().as_slice() {
            ["after", count, "experiments" | "experiment"] => {
                Sentence::count(count).map(|count| Self { count })
            }
            _ => None,
        }
    }

    fn check(&self, progress: &Progress) -> Standing {
        if progress.experiments < self.count {
            return Standing::GoOn;
        }
        Standing::Stop(format!("{} experiments done: the limit is {}", progress.experiments, self.count))
    }
}

impl fmt::Display for Experiments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} experiments", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires_at_the_count_and_not_before() {
        let rule = Experiments::parse(&Sentence::new("after 1,000 experiments")).unwrap();
        let after = |n| rule.check(&Progress { experiments: n, ..Progress::default() });
        assert_eq!(after(999), Standing::GoOn);
        assert_eq!(after(1000), Standing::Stop("1000 experiments done: the limit is 1000".into()));
    }
}
