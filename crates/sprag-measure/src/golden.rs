//! Compares outputs with goldens. [`compare`] is pure: bytes in, the first difference out.

mod json;
mod path;

use std::fmt;

use sprag_contract::settings::{Compare, CompareKind};

use crate::MeasureError;
use crate::process::sanitized;

pub use path::{BadPath, IgnoredPath};

/// The first difference between a golden and an output.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Compares `output` with `golden` as the settings say.
///
/// - `json`: as values. Types count: `1` is not `1.0` and not `true`. The order of keys does not. Numbers may differ by
///   the tolerance, but not in their type. A text that is no JSON, such as `NaN`, equals nothing, not even itself.
///   A path in `ignore` is not looked at.
/// - `text`: line by line; line endings, and whether the last line has one, do not count. An output that is a JSON
///   string is compared by what is in it.
/// - `bytes`: byte for byte.
///
/// # Errors
/// The first difference.
pub fn compare(golden: &[u8], output: &[u8], settings: &Compare) -> Result<(), Difference> {
    match settings.kind {
        CompareKind::Json => json::compare(golden, output, settings),
        CompareKind::Bytes => compare_bytes(golden, output),
        CompareKind::Text => compare_text(golden, output),
    }
}

/// Refuses paths under `ignore` that are none: [`compare`] would look at what the person wants left out.
///
/// # Errors
/// [`MeasureError::Harness`]: the settings are wrong, not the candidate.
pub(crate) fn check_paths(settings: &Compare) -> Result<(), MeasureError> {
    for ignored in &settings.ignore {
        ignored.parse::<IgnoredPath>().map_err(|error| {
            MeasureError::harness(
                format!("cases.compare.ignore: {error}"),
                "write paths such as `$.rows[*].id`",
            )
        })?;
    }
    Ok(())
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

fn compare_text(golden: &[u8], output: &[u8]) -> Result<(), Difference> {
    let decoded = serde_json::from_slice::<String>(output).map(String::into_bytes);
    let output = decoded.as_deref().unwrap_or(output);
    let (mut golden, mut output) = (lines(golden), lines(output));
    for number in 1.. {
        match (golden.next(), output.next()) {
            (None, None) => break,
            (expected, got) if expected == got => {}
            (expected, got) => {
                let shown = |line: Option<&[u8]>| line.map_or_else(|| "the end".to_owned(), capped);
                return Err(Difference {
                    path: format!("line {number}"),
                    expected: shown(expected),
                    got: shown(got),
                });
            }
        }
    }
    Ok(())
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
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

    fn by(kind: CompareKind) -> Compare {
        Compare { kind, ..Compare::default() }
    }

    #[test]
    fn text_forgives_line_endings_and_nothing_else() {
        let text = |golden: &str, output: &str| {
            compare(golden.as_bytes(), output.as_bytes(), &by(CompareKind::Text))
        };
        assert_eq!(text("a\nb\n", "a\r\nb"), Ok(()));
        assert_eq!(text("a\nb\n", r#""a\nb""#), Ok(()));
        assert_eq!(
            text("a\nb", "a\nc").unwrap_err().to_string(),
            "at line 2: the golden has `b`, the output `c`"
        );
        assert_eq!(
            text("a", "a\nb").unwrap_err().to_string(),
            "at line 2: the golden has the end, the output `b`"
        );
        assert!(text("a", "a ").is_err());
    }

    #[test]
    fn bytes_forgive_nothing() {
        let bytes = |golden: &str, output: &str| {
            compare(golden.as_bytes(), output.as_bytes(), &by(CompareKind::Bytes))
        };
        assert_eq!(bytes("a\n", "a\n"), Ok(()));
        assert_eq!(
            bytes("a\n", "a").unwrap_err().to_string(),
            "at byte 1: the golden has \"\\n\", the output the end"
        );
    }

    #[test]
    fn a_path_to_ignore_that_is_none_is_refused() {
        let ignoring =
            |path: &str| check_paths(&Compare { ignore: vec![path.to_owned()], ..Compare::default() });
        assert!(ignoring("$.trace_id").is_ok());
        assert!(matches!(ignoring("trace_id"), Err(MeasureError::Harness { .. })));
    }
}
