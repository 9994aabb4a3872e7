//! `when p95_ms <= 30`

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Progress, Rule, Sentence, Standing};

/// A metric of the incumbent has reached a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The metric's name.
    pub metric: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// With which number.
    pub value: f64,
}

/// The way in which a metric is compared with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
    /// Less than.
    #[serde(rename = "<")]
    Below,
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// More than.
    #[serde(rename = ">")]
    Above,
}

impl Comparison {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "<=" | "≤" => Some(Comparison::AtMost),
            "<" => Some(Comparison::Below),
            ">=" | "≥" => Some(Comparison::AtLeast),
            ">" => Some(Comparison::Above),
            _ => None,
        }
    }

    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::AtMost => left <= right,
            Comparison::Below => left < right,
            Comparison::AtLeast => left >= right,
            Comparison::Above => left > right,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::AtMost => "<=",
            Comparison::Below => "<",
            Comparison::AtLeast => ">=",
            Comparison::Above => ">",
        })
    }
}

impl Rule for Target {
    fn example() -> &'static str {
        "when p95_ms <= 30"
    }

    fn parse(sentence: &Sentence) -> Option<Self> {
        let words = sentence.words();
        let ["when", _, comparison, value] = words.as_slice() else { return None };
        let metric = sentence.written(1)?;
        let is_name = metric.chars().all(|c| c.is_alphanumeric() || "_.µ".contains(c));
        is_name.then_some(())?;
        Some(Self {
            metric: metric.to_owned(),
            comparison: Comparison::parse(comparison)?,
            value: Sentence::number(value)?,
        })
    }

    fn check(&self, progress: &Progress) -> Standing {
        match progress.incumbent.get(&self.metric) {
            None => {
                Standing::Unknown(format!("`{self}` cannot fire: the incumbent's {} is unknown", self.metric))
            }
            Some(&now) if self.comparison.holds(now, self.value) => Standing::Stop(format!(
                "{} is {}: the target was {} {}",
                self.metric,
                crate::wording::number(now),
                self.comparison,
                self.value
            )),
            Some(_) => Standing::GoOn,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "when {} {} {}", self.metric, self.comparison, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires_when_the_incumbent_reaches_the_number() {
        let rule = Target::parse(&Sentence::new("when P95_ms ≤ 30")).unwrap();
        assert_eq!(rule.to_string(), "when P95_ms <= 30");
        let at = |value: f64| {
            rule.check(&Progress { incumbent: [("P95_ms".into(), value)].into(), ..Progress::default() })
        };
        assert_eq!(at(30.01), Standing::GoOn);
        assert_eq!(at(30.0), Standing::Stop("P95_ms is 30: the target was <= 30".into()));
        assert!(matches!(rule.check(&Progress::default()), Standing::Unknown(_)));
    }

    #[test]
    fn higher_is_better_metrics_have_targets_too() {
        let rule = Target::parse(&Sentence::new("when hit_rate > 0.9")).unwrap();
        let at = |value: f64| {
            rule.check(&Progress { incumbent: [("hit_rate".into(), value)].into(), ..Progress::default() })
        };
        assert_eq!(at(0.9), Standing::GoOn);
        assert!(matches!(at(0.91), Standing::Stop(_)));
    }
}
