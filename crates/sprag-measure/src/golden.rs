//! Compares outputs with goldens. Pure: bytes in, differences out.

mod json;
mod text;

use std::fmt;

use regex::bytes::Regex;
use serde::Serialize;
use sprag_contract::json_path::JsonPath;
use sprag_contract::settings::{Compare, CompareKind};

use crate::MeasureError;
use crate::process::sanitized;

/// How many differences of one output are looked for at most.
pub const MOST: usize = 100;

/// One difference between a golden and an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where: a JSON path such as `$.rows[3].price`, `line 7`, or `byte 12`.
    pub path: String,
    /// What the golden has there, capped.
    pub expected: String,
    /// What the output has there, capped.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: the golden has {}, the output {}", self.path, self.expected, self.got)
    }
}

/// How outputs are compared with goldens, as the settings say.
///
/// - `json`: as values. Types count: `1` is not `1.0` and not `true`. The order of keys does not. Numbers may differ by
///   the tolerance, but not in their type. A text that is no JSON, such as `NaN`, equals nothing, not even itself.
///   A path in `ignore` is not looked at.
/// - `text`: line by line; line endings, and whether the last line has one, do not count. An output that is a JSON
///   string is compared by what is in it. What a mask matches counts as equal to all else that it matches.
/// - `bytes`: byte for byte.
#[derive(Debug, Clone)]
pub struct Comparison {
    kind: CompareKind,
    tolerance: f64,
    ignored: Vec<JsonPath>,
    masks: Vec<Regex>,
}

impl Comparison {
    /// Reads paths and masks.
    ///
    /// # Errors
    /// [`MeasureError::Harness`] where one is none: what the person wants left out would be compared.
    pub fn of(settings: &Compare) -> Result<Self, MeasureError> {
        let path = |text: &String| {
            text.parse::<JsonPath>().map_err(|error| {
                MeasureError::harness(
                    format!("cases.compare.ignore: {error}"),
                    "write paths such as `$.rows[*].id`",
                )
            })
        };
        let mask = |text: &String| {
            Regex::new(text).map_err(|error| {
                MeasureError::harness(
                    format!("cases.compare.mask: `{text}` is no regular expression: {error}"),
                    "write one such as `'took \\d+ ms'`",
                )
            })
        };
        Ok(Self {
            kind: settings.kind,
            tolerance: if settings.tolerance.is_finite() { settings.tolerance.max(0.0) } else { 0.0 },
            ignored: settings.ignore.iter().map(path).collect::<Result<_, _>>()?,
            masks: settings.mask.iter().map(mask).collect::<Result<_, _>>()?,
        })
    }

    /// Compares `output` with `golden`.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, golden: &[u8], output: &[u8]) -> Result<(), Difference> {
        self.differences(golden, output, 1).into_iter().next().map_or(Ok(()), Err)
    }

    /// The first `most` differences. Of text and of bytes there is one at most: behind it nothing lines up.
    pub fn differences(&self, golden: &[u8], output: &[u8], most: usize) -> Vec<Difference> {
        match self.kind {
            CompareKind::Json => json::differences(golden, output, &self.ignored, self.tolerance, most),
            CompareKind::Bytes => compare_bytes(golden, output).err().into_iter().collect(),
            CompareKind::Text => text::compare(golden, output, &self.masks).err().into_iter().collect(),
        }
    }

    /// An output as the golden that it equals, as it is written into a file that people read.
    ///
    /// # Errors
    /// Why it can be none: nothing that is no JSON equals anything.
    pub fn as_golden(&self, output: &[u8]) -> Result<Vec<u8>, String> {
        match self.kind {
            CompareKind::Json => json::pretty(output),
            CompareKind::Bytes => Ok(output.to_vec()),
            CompareKind::Text => Ok(text::decoded(output).into_owned()),
        }
    }
}

fn compare_bytes(golden: &[u8], output: &[u8]) -> Result<(), Difference> {
    if golden == output {
        return Ok(());
    }
    let at = golden.iter().zip(output).take_while(|(a, b)| a == b).count();
    let rest = |bytes: &[u8]| match bytes.get(at..) {
        None | Some([]) => "the end".to_owned(),
        Some(rest) => format!("{:?}", String::from_utf8_lossy(&rest[..rest.len().min(40)])),
    };
    Err(Difference { path: format!("byte {at}"), expected: rest(golden), got: rest(output) })
}

/// At most 80 characters, harmless, in quotes as they stand.
fn capped(bytes: &[u8]) -> String {
    let text = sanitized(&bytes[..bytes.len().min(400)]).replace('\n', " ");
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(kind: CompareKind) -> Comparison {
        Comparison::of(&Compare { kind, ..Compare::default() }).unwrap()
    }

    #[test]
    fn bytes_forgive_nothing() {
        let bytes =
            |golden: &str, output: &str| by(CompareKind::Bytes).compare(golden.as_bytes(), output.as_bytes());
        assert_eq!(bytes("a\n", "a\n"), Ok(()));
        assert_eq!(
            bytes("a\n", "a").unwrap_err().to_string(),
            "at byte 1: the golden has \"\\n\", the output the end"
        );
    }

    #[test]
    fn an_output_is_equal_to_the_golden_that_is_made_of_it() {
        for (kind, output, golden) in [
            (CompareKind::Json, r#"{"b":1.50,"a":[]}"#, "{\n  \"b\": 1.5,\n  \"a\": []\n}\n"),
            (CompareKind::Text, r#""a\nb""#, "a\nb"),
            (CompareKind::Text, "a\nb\n", "a\nb\n"),
            (CompareKind::Bytes, r#""a""#, r#""a""#),
        ] {
            let comparison = by(kind);
            let made = comparison.as_golden(output.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(&made), golden);
            assert_eq!(comparison.compare(&made, output.as_bytes()), Ok(()));
        }
        assert!(by(CompareKind::Json).as_golden(b"[NaN]").unwrap_err().contains("no JSON"));
    }

    #[test]
    fn a_path_or_a_mask_that_is_none_is_refused() {
        let ignoring =
            |path: &str| Comparison::of(&Compare { ignore: vec![path.to_owned()], ..Compare::default() });
        assert!(ignoring("$.trace_id").is_ok());
        assert!(matches!(ignoring("trace_id"), Err(MeasureError::Harness { .. })));
        let masking = |mask: &str| {
            Comparison::of(&Compare {
                kind: CompareKind::Text,
                mask: vec![mask.to_owned()],
                ..Compare::default()
            })
        };
        assert!(masking(r"\d+ ms").is_ok());
        assert!(masking("(").unwrap_err().to_string().contains("no regular expression"));
    }
}
