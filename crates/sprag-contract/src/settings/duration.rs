//! Durations as people write them: `90s`, `10m`, `1h30m`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no duration: write a number with its unit, such as \"90s\", \"10m\" or \"1h30m\"")]
pub struct DurationError {
    text: String,
}

/// Reads a duration such as `250ms`, `90s`, `10m` or `1h30m`. The units are ms, s, m, h and d; a fraction is allowed.
///
/// # Errors
/// A number without a unit, an unknown unit, zero, or more than a year.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError { text: text.chars().take(40).collect() };
    let mut rest = text.trim();
    let mut millis = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = rest[digits..].trim_start();
        let unit = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let factor = match &rest[..unit] {
            "ms" => 1.0,
            "s" | "sec" => 1e3,
            "m" | "min" => 60e3,
            "h" => 3600e3,
            "d" => 86400e3,
            _ => return Err(wrong()),
        };
        millis += number * factor;
        rest = rest[unit..].trim_start();
    }
    const YEAR_MS: f64 = 366.0 * 86400e3;
    if (1.0..=YEAR_MS).contains(&millis) { Ok(Duration::from_millis(millis as u64)) } else { Err(wrong()) }
}

/// The shortest text that [`parse_duration`] reads back as the same number of milliseconds.
pub fn format_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if left >= size {
            text.push_str(&format!("{}{unit}", left / size));
            left %= size;
        }
    }
    if text.is_empty() { "0ms".to_owned() } else { text }
}

pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_duration(*duration))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map_err(D::Error::custom)
}

/// Two durations as a list of two texts.
pub(super) mod pair {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use super::{format_duration, parse_duration};

    pub(in crate::settings) fn serialize<S: Serializer>(
        pair: &[Duration; 2],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        pair.map(format_duration).serialize(serializer)
    }

    pub(in crate::settings) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[Duration; 2], D::Error> {
        let [from, to] = <[String; 2]>::deserialize(deserializer)?;
        let read = |text: &str| parse_duration(text).map_err(D::Error::custom);
        Ok([read(&from)?, read(&to)?])
    }
}

/// Durations as a list of texts.
pub(super) mod list {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use super::{format_duration, parse_duration};

    pub(in crate::settings) fn serialize<S: Serializer>(
        list: &[Duration],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        list.iter().map(|duration| format_duration(*duration)).collect::<Vec<_>>().serialize(serializer)
    }

    pub(in crate::settings) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Duration>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| parse_duration(text).map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them_and_printed_back() {
        for (text, millis, printed) in [
            ("10m", 600_000, "10m"),
            ("90s", 90_000, "1m30s"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1.5h", 5_400_000, "1h30m"),
            ("250ms", 250, "250ms"),
            (" 2 h ", 7_200_000, "2h"),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(format_duration(duration), printed);
            assert_eq!(parse_duration(printed).unwrap(), duration);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in
            ["", "10", "m", "10 parsecs", "-5m", "1e9h", "0s", "1..2s", "9999999999999999d", "NaNs", "5m3"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
