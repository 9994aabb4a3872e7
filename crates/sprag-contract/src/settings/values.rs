//! Values of the settings that read themselves from something other than their own shape.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IgnoredAny},
};

/// The highest number of a CPU that is accepted: a bound on what a settings file can make us allocate.
const MAX_CPU: usize = 4095;

/// Where the measured processes may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cpus {
    /// One CPU: parallel speed-ups do not count.
    One,
    /// All of them: parallel speed-ups count.
    All,
    /// These, in rising order, without doubles: `"2-5,8"`.
    List(Vec<usize>),
}

impl Cpus {
    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "one" => return Some(Cpus::One),
            "all" => return Some(Cpus::All),
            _ => {}
        }
        let mut list = Vec::new();
        for part in text.split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let from: usize = from.trim().parse().ok()?;
            let to: usize = to.trim().parse().ok()?;
            if from > to || to > MAX_CPU {
                return None;
            }
            list.extend(from..=to);
        }
        list.sort_unstable();
        list.dedup();
        Some(Cpus::List(list))
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = match self {
            Cpus::One => return f.write_str("one"),
            Cpus::All => return f.write_str("all"),
            Cpus::List(list) => list,
        };
        for (i, run) in list.chunk_by(|a, b| a + 1 == *b).enumerate() {
            let comma = if i == 0 { "" } else { "," };
            match run {
                [one] => write!(f, "{comma}{one}")?,
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

impl Serialize for Cpus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cpus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Cpus::parse(&text).ok_or_else(|| {
            D::Error::custom("expected \"one\", \"all\" or a list of CPUs such as \"2-5\" or \"0,2\"")
        })
    }
}

/// A table that this version does not read: accepted whatever is in it, and never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread;

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Unread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cpus_is_sorted_without_doubles_and_printed_back() {
        assert_eq!(Cpus::parse("5,2-4, 3"), Some(Cpus::List(vec![2, 3, 4, 5])));
        assert_eq!(Cpus::parse("8,0-1").map(|c| c.to_string()).as_deref(), Some("0-1,8"));
        for text in ["", "two", "5-2", "1-99999999999", "-1", "1,"] {
            assert_eq!(Cpus::parse(text), None, "{text}");
        }
    }
}
