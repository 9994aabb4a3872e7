//! Knobs: named settings in the code that a tuner may turn, as `CHUNK in core/scoring.py: 16..4096, log` says.

use std::fmt;

use serde::{Deserialize, Serialize};

/// More choices are more than anybody tries.
const MOST_CHOICES: usize = 50;
/// A longer choice is no setting, in bytes.
const LONGEST_CHOICE: usize = 200;

/// One setting in the code, and what it may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Knob {
    /// The name that is assigned to.
    pub name: String,
    /// The file of the assignment, relative to the top of the repository.
    pub file: String,
    /// What it may be.
    pub domain: Domain,
}

/// What a knob may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Domain {
    /// A whole number from `low` to `high`, both among them.
    Whole {
        /// The least.
        low: i64,
        /// The most.
        high: i64,
        /// Twice as much is as far as half as much.
        log: bool,
    },
    /// A number from `low` to `high`.
    Real {
        /// The least.
        low: f64,
        /// The most.
        high: f64,
        /// Twice as much is as far as half as much.
        log: bool,
    },
    /// One of these, as it is written in the code.
    OneOf {
        /// Two or more.
        choices: Vec<String>,
    },
}

/// In words: `a whole number from 16 to 4096, on a logarithmic scale`.
impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = |log: bool| if log { ", on a logarithmic scale" } else { "" };
        match self {
            Domain::Whole { low, high, log } => {
                write!(f, "a whole number from {low} to {high}{}", scale(*log))
            }
            Domain::Real { low, high, log } => write!(f, "a number from {low} to {high}{}", scale(*log)),
            Domain::OneOf { choices } => write!(f, "one of {}", choices.join(", ")),
        }
    }
}

/// How a knob is written.
pub(crate) const FORM: &str =
    "write `NAME in path/to/file: 16..4096`, `NAME in file: 0.1..10.0, log` or `NAME in file: A | B | C`";

impl Knob {
    /// Reads a line of the section; `None` where it is prose.
    ///
    /// # Errors
    /// What is wrong with a line that means to be a knob.
    pub(crate) fn parse(text: &str) -> Option<Result<Self, String>> {
        let meant = text.contains("..") || text.contains('|');
        let parts = text.split_once(": ").and_then(|(left, domain)| {
            let (name, file) = left.split_once(" in ")?;
            Some((name.trim(), file.trim(), domain.trim()))
        });
        let Some((name, file, domain)) = parts else {
            return meant.then(|| Err("this is no knob".to_owned()));
        };
        let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        if !meant && (name.contains(' ') || file.contains(' ')) {
            return None;
        }
        if name.is_empty() || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(Err(format!("`{name}` is no name of a setting")));
        }
        if file.is_empty() || file.contains(char::is_whitespace) {
            return Some(Err(format!("`{file}` is no path of a file")));
        }
        let file = file.strip_prefix("./").unwrap_or(file);
        Some(domain_of(domain).map(|domain| Self { name: name.to_owned(), file: file.to_owned(), domain }))
    }
}

fn domain_of(text: &str) -> Result<Domain, String> {
    match text.split_once("..") {
        Some((low, rest)) if !text.contains('|') => range(low.trim(), rest),
        _ => choices(text),
    }
}

fn range(low: &str, rest: &str) -> Result<Domain, String> {
    let (high, log) = match rest.split_once(',') {
        Some((high, scale)) if scale.trim().trim_end_matches('.') == "log" => (high, true),
        Some((_, scale)) => return Err(format!("`{}` is no scale: there is `log`", scale.trim())),
        None => (rest, false),
    };
    let high = high.trim().trim_start_matches('=').trim();
    let number = |text: &str| -> Result<f64, String> {
        let value = text.replace('_', "").parse().ok().filter(|value: &f64| value.is_finite());
        value.ok_or_else(|| format!("`{text}` is no number"))
    };
    let (from, to) = (number(low)?, number(high)?);
    if from >= to {
        return Err(format!("{low} is not below {high}"));
    }
    if log && from <= 0.0 {
        return Err(format!("a logarithmic scale begins above 0, not at {low}"));
    }
    let whole = |text: &str| text.replace('_', "").parse::<i64>().ok();
    Ok(match (whole(low), whole(high)) {
        (Some(low), Some(high)) => Domain::Whole { low, high, log },
        _ => Domain::Real { low: from, high: to, log },
    })
}

fn choices(text: &str) -> Result<Domain, String> {
    let choices: Vec<String> = text.split('|').map(|choice| choice.trim().to_owned()).collect();
    let once = |choice: &String| choices.iter().filter(|other| *other == choice).count() == 1;
    if choices.len() < 2 {
        return Err(format!("`{text}` is neither a range nor a choice"));
    }
    if choices.len() > MOST_CHOICES {
        return Err(format!("{} choices are more than {MOST_CHOICES}", choices.len()));
    }
    match choices.iter().find(|choice| choice.is_empty() || choice.len() > LONGEST_CHOICE || !once(choice)) {
        Some(wrong) if once(wrong) => Err("a choice is empty, or longer than a setting".to_owned()),
        Some(twice) => Err(format!("`{twice}` is there twice")),
        None => Ok(Domain::OneOf { choices }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Result<String, String> {
        Knob::parse(&format!("CHUNK in core/scoring.py: {text}")).unwrap().map(|knob| knob.domain.to_string())
    }

    #[test]
    fn ranges_and_choices_are_read() {
        let knob = Knob::parse("batch-size in ./conf/app.toml: 16..4096, log").unwrap().unwrap();
        assert_eq!((knob.name.as_str(), knob.file.as_str()), ("batch-size", "conf/app.toml"));
        assert_eq!(knob.domain, Domain::Whole { low: 16, high: 4096, log: true });
        assert_eq!(domain("1_000 ..= 2_000").unwrap(), "a whole number from 1000 to 2000");
        assert_eq!(domain("0.5..2, log").unwrap(), "a number from 0.5 to 2, on a logarithmic scale");
        assert_eq!(domain("-3..3").unwrap(), "a whole number from -3 to 3");
        assert_eq!(domain("\"lru\" | \"fifo\" | None").unwrap(), "one of \"lru\", \"fifo\", None");
    }

    #[test]
    fn what_is_wrong_is_said_and_prose_is_none() {
        insta::assert_snapshot!(domain("16..").unwrap_err(), @"`` is no number");
        insta::assert_snapshot!(domain("16..x").unwrap_err(), @"`x` is no number");
        insta::assert_snapshot!(domain("16..16").unwrap_err(), @"16 is not below 16");
        insta::assert_snapshot!(domain("0..16, log").unwrap_err(), @"a logarithmic scale begins above 0, not at 0");
        insta::assert_snapshot!(domain("1..16, linear").unwrap_err(), @"`linear` is no scale: there is `log`");
        insta::assert_snapshot!(domain("1e999..2").unwrap_err(), @"`1e999` is no number");
        insta::assert_snapshot!(domain("fast").unwrap_err(), @"`fast` is neither a range nor a choice");
        insta::assert_snapshot!(domain("a | b | a").unwrap_err(), @"`a` is there twice");
        insta::assert_snapshot!(domain("a | ").unwrap_err(), @"a choice is empty, or longer than a setting");
        insta::assert_snapshot!(Knob::parse("CHUNK: 16..4096").unwrap().unwrap_err(), @"this is no knob");
        insta::assert_snapshot!(Knob::parse("4x in a.py: 1..2").unwrap().unwrap_err(), @"`4x` is no name of a setting");
        insta::assert_snapshot!(Knob::parse("X in a file: 1..2").unwrap().unwrap_err(), @"`a file` is no path of a file");
        assert_eq!(Knob::parse("What matters most in the loop: its chunks."), None);
        assert_eq!(Knob::parse("Turn these first."), None);
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(text in ".{0,120}") {
            let _ = Knob::parse(&text);
            let _ = Knob::parse(&format!("A in b: {text}"));
        }
    }
}
