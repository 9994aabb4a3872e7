//! `when the last 10 experiments gained less than 1%`

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Progress, Rule, Sentence, Standing};
use crate::wording::percent;

/// The last experiments together brought less than a share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// How many experiments are looked at.
    pub count: u32,
    /// The gain below which it stops, as a fraction: 0.01 for 1 %.
    pub gain: f64,
}

impl Rule for Plateau {
    fn example() -> &'static str {
        "when the last 10 experiments gained less than 1%"
    }

    fn parse(sentence: &Sentence) -> Option<Self> {
        match sentence.words().as_slice() {
            ["when", "the", "last", count, "experiments", "gained", "less", "than", share] => {
                let (count, gain) = (Sentence::count(count)?, Sentence::percent(share)?);
                (gain > 0.0).then_some(Self { count, gain })
            }
            _ => None,
        }
    }

    fn check(&self, progress: &Progress) -> Standing {
        let Some(from) = progress.gains.len().checked_sub(self.count as usize) else { return Standing::GoOn };
        let Some(gained) = progress.gains[from..].iter().copied().sum::<Option<f64>>() else {
            return Standing::Unknown(format!(
                "`{self}` cannot fire: the gain of at least one experiment is unknown"
            ));
        };
        let gained = 1.0 - (-gained).exp();
        if gained >= self.gain {
            return Standing::GoOn;
        }
        Standing::Stop(format!(
            "the last {} experiments gained {}: less than {}",
            self.count,
            percent(gained),
            percent(self.gain)
        ))
    }
}

impl fmt::Display for Plateau {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through six decimals: 0.07 * 100 is 7.000000000000001.
        let share = format!("{:.6}", self.gain * 100.0);
        let share = share.trim_end_matches('0').trim_end_matches('.');
        write!(f, "when the last {} experiments gained less than {share}%", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires_only_once_there_are_enough_experiments() {
        let rule = Plateau { count: 3, gain: 0.01 };
        let after =
            |gains: &[Option<f64>]| rule.check(&Progress { gains: gains.to_vec(), ..Progress::default() });
        assert_eq!(after(&[Some(0.0), Some(0.0)]), Standing::GoOn);
        assert_eq!(after(&[Some(0.0), Some(0.02), Some(0.0)]), Standing::GoOn);
        let message = "the last 3 experiments gained 0.40 %: less than 1.0 %";
        assert_eq!(after(&[Some(0.5), Some(0.0), Some(0.004), Some(0.0)]), Standing::Stop(message.into()));
    }

    #[test]
    fn an_unknown_gain_in_the_window_keeps_it_from_firing() {
        let rule = Plateau { count: 2, gain: 0.01 };
        let progress = Progress { gains: vec![None, Some(0.0), Some(0.0)], ..Progress::default() };
        assert!(matches!(rule.check(&progress), Standing::Stop(_)));
        let progress = Progress { gains: vec![Some(0.0), None], ..Progress::default() };
        assert!(matches!(rule.check(&progress), Standing::Unknown(_)));
    }
}
