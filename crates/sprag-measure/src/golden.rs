//! Compares outputs with goldens. [`compare`] is pure: bytes in, the first difference out.

mod json;
mod path;

use std::fmt;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::settings::{Compare, CompareKind};
use sprag_judge::{Finding, Reason};

use crate::process::sanitized;
use crate::{CaseOutput, MeasureError};

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
        write!(f, "at {}: expected {}, got {}", self.path, self.expected, self.got)
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

/// Compares every output of a run with the golden of its case in `folder`: a file named by the case's id, with
/// `.json`, `.txt`, `.golden` or no extension. `Some` is the finding `output`, with the first difference.
///
/// # Errors
/// A golden that is missing, or a path to ignore that is no path: the harness is wrong, not the candidate.
pub fn check(
    outputs: &[CaseOutput],
    folder: &Utf8Path,
    settings: &Compare,
) -> Result<Option<Finding>, MeasureError> {
    for ignored in &settings.ignore {
        ignored.parse::<IgnoredPath>().map_err(|error| {
            MeasureError::harness(
                format!("cases.compare.ignore: {error}"),
                "write paths such as `$.rows[*].id`",
            )
        })?;
    }
    for output in outputs {
        let golden = golden_of(&output.id, folder)?;
        if let Err(difference) = compare(&golden, &output.bytes, settings) {
            let detail = match output.repetition {
                0 => format!("case {} {difference}", output.id),
                n => format!("case {}, repetition {n}, {difference}", output.id),
            };
            return Ok(Some(Finding { reason: Reason::Output, detail }));
        }
    }
    Ok(None)
}

fn golden_of(id: &str, folder: &Utf8Path) -> Result<Vec<u8>, MeasureError> {
    let names = [".json", ".txt", ".golden", ""].map(|extension| folder.join(format!("{id}{extension}")));
    let found: Option<&Utf8PathBuf> = names.iter().find(|path| path.is_file());
    match found {
        Some(path) => fs::read(path).map_err(MeasureError::file("read the golden", path.clone())),
        None => Err(MeasureError::harness(
            format!("no golden for the case {id} in {folder}"),
            format!("add {id}.json there, or take the case out"),
        )),
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
        assert_eq!(text("a\nb", "a\nc").unwrap_err().to_string(), "at line 2: expected `b`, got `c`");
        assert_eq!(text("a", "a\nb").unwrap_err().to_string(), "at line 2: expected the end, got `b`");
        assert!(text("a", "a ").is_err());
    }

    #[test]
    fn bytes_forgive_nothing() {
        let bytes = |golden: &str, output: &str| {
            compare(golden.as_bytes(), output.as_bytes(), &by(CompareKind::Bytes))
        };
        assert_eq!(bytes("a\n", "a\n"), Ok(()));
        assert_eq!(bytes("a\n", "a").unwrap_err().to_string(), "at byte 1: expected \"\\n\", got the end");
    }

    #[test]
    fn a_difference_becomes_a_finding_and_a_missing_golden_does_not() {
        let keep = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(keep.path()).unwrap();
        fs::write(folder.join("a.json"), "[1]\n").unwrap();
        let output = |id: &str, bytes: &str| CaseOutput { id: id.into(), repetition: 0, bytes: bytes.into() };
        let check = |output| check(&[output], folder, &Compare::default());
        assert_eq!(check(output("a", "[ 1 ]")).unwrap(), None);
        let finding = check(output("a", "[2]")).unwrap().unwrap();
        assert_eq!(finding.reason, Reason::Output);
        assert_eq!(finding.detail, "case a at $[0]: expected 1, got 2");
        assert!(matches!(check(output("b", "1")), Err(MeasureError::Harness { .. })));
    }
}
