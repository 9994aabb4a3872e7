//! `after 2 hours`

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Progress, Rule, Sentence, Standing};

/// So much working time, added up over resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elapsed {
    /// How long, in seconds.
    pub seconds: u64,
}

/// Name, other names and length in seconds, longest first.
const UNITS: [(&str, &[&str], u64); 3] = [
    ("hour", &["hours", "hour", "hrs", "hr", "h"], 3600),
    ("minute", &["minutes", "minute", "mins", "min", "m"], 60),
    ("second", &["seconds", "second", "secs", "sec", "s"], 1),
];

impl Rule for Elapsed {
    fn example() -> &'static str {
        "after 2 hours"
    }

    fn parse(sentence: &Sentence) -> Option<Self> {
        let words = sentence.words();
        let ["after", amounts @ ..] = words.as_slice() else { return None };
        let mut rest: String = amounts.iter().filter(|word| **word != "and").copied().collect();
        let mut seconds = 0.0;
        while !rest.is_empty() {
            let unit = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
            let end = rest[unit..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| unit + at);
            let (_, _, length) = UNITS.iter().find(|(_, names, _)| names.contains(&&rest[unit..end]))?;
            seconds += Sentence::number(&rest[..unit])? * *length as f64;
            rest.drain(..end);
        }
        // A century is more than anybody means, and keeps the arithmetic exact.
        (1.0..=3.2e9).contains(&seconds).then_some(Self { seconds: seconds.round() as u64 })
    }

    fn check(&self, progress: &Progress) -> Standing {
        if progress.seconds < self.seconds as f64 {
            return Standing::GoOn;
        }
        let spent = spell(progress.seconds.min(u64::MAX as f64) as u64);
        Standing::Stop(format!("{spent} of work done: the limit is {}", spell(self.seconds)))
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {}", spell(self.seconds))
    }
}

fn spell(seconds: u64) -> String {
    let mut left = seconds;
    let mut parts = Vec::new();
    for (name, _, length) in UNITS {
        let count = left / length;
        left %= length;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { "0 seconds".into() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_that_people_write() {
        for (text, seconds) in [
            ("after 2 hours", 7200),
            ("after 1 hour", 3600),
            ("after 90 minutes", 5400),
            ("after 1h30m", 5400),
            ("after 1 hour and 30 minutes", 5400),
            ("after 1.5 h", 5400),
            ("after 45s", 45),
        ] {
            assert_eq!(Elapsed::parse(&Sentence::new(text)), Some(Elapsed { seconds }), "{text}");
        }
        for text in
            ["after 2", "after hours", "after 2 fortnights", "after 0 h", "after 1.2.3 h", "after 1e300 h"]
        {
            assert_eq!(Elapsed::parse(&Sentence::new(text)), None, "{text}");
        }
    }

    #[test]
    fn says_how_long_in_words() {
        let rule = Elapsed { seconds: 5400 };
        assert_eq!(rule.to_string(), "after 1 hour 30 minutes");
        let standing = rule.check(&Progress { seconds: 5401.7, ..Progress::default() });
        let message = "1 hour 30 minutes 1 second of work done: the limit is 1 hour 30 minutes";
        assert_eq!(standing, Standing::Stop(message.into()));
        assert_eq!(rule.check(&Progress { seconds: 5399.9, ..Progress::default() }), Standing::GoOn);
    }
}
