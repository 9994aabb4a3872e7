//! Numbers as they stand in sentences.

/// A number with what was written behind it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) percent: bool,
    /// A unit glued to it, as in `512MB`.
    pub(super) unit: String,
}

impl Number {
    /// Reads `7`, `1,024`, `5%`, `1e-9`, `512MB`.
    pub(super) fn parse(word: &str) -> Option<Number> {
        let signed = word.strip_prefix(['-', '+']).unwrap_or(word);
        if !signed.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        let plain = word.replace(['_', ','], "");
        let numeric = plain
            .char_indices()
            .find(|(at, c)| !(c.is_ascii_digit() || ".+-".contains(*c) || exponent(&plain, *at)))
            .map_or(plain.len(), |(at, _)| at);
        let (digits, unit) = plain.split_at(numeric);
        let percent = unit == "%";
        // With an exponent instead of a division, so that 5% is exactly the 0.05 that a person would write.
        let value: f64 = match percent && !digits.contains(['e', 'E']) {
            true => format!("{digits}e-2").parse().ok()?,
            false => digits.parse::<f64>().ok()? / if percent { 100.0 } else { 1.0 },
        };
        let unit = if percent { String::new() } else { unit.to_lowercase() };
        let clean = unit.chars().all(char::is_alphabetic);
        (value.is_finite() && clean).then_some(Number { value, percent, unit })
    }
}

/// Whether the letter at `at` is the `e` of an exponent.
fn exponent(text: &str, at: usize) -> bool {
    let rest = text.get(at + 1..).unwrap_or_default();
    let digits = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    matches!(text.as_bytes()[at], b'e' | b'E') && at > 0 && digits.starts_with(|c: char| c.is_ascii_digit())
}

/// A whole number of at least 1.
pub(super) fn count(word: &str) -> Option<u32> {
    word.replace([',', '_'], "").parse().ok().filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_percent_and_their_unit() {
        let read = |word| Number::parse(word).map(|n| (n.value, n.percent, n.unit));
        assert_eq!(read("1,024"), Some((1024.0, false, String::new())));
        assert_eq!(read("5%"), Some((0.05, true, String::new())));
        assert_eq!(read("1e-9"), Some((1e-9, false, String::new())));
        assert_eq!(read("512MB"), Some((512.0, false, "mb".to_owned())));
        assert_eq!(read("-3"), Some((-3.0, false, String::new())));
        for word in ["", "x7", "1e999", "7!", "5%x", "--1", "1.2.3"] {
            assert_eq!(read(word), None, "{word}");
        }
    }
}
