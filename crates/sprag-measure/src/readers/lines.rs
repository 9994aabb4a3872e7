//! `METRIC name=value` lines and regular expressions, on the standard output of a benchmark.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::sync::LazyLock;

use regex::bytes::Regex;
use sprag_judge::Metrics;

use crate::process::sanitized;

/// Longer lines are not looked at: no number needs more, and memory stays bounded.
const LINE: usize = 64 << 10;
/// More names are refused: each stands in every pair of a row, and a row has an end.
const NAMES: usize = 1_000;
/// Longer names are refused.
const NAME: usize = 100;

static METRIC: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^METRIC\s+([\w.µ]+)=(\S+)\s*$").expect("a valid expression"));
static DECIMAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$").expect("a valid expression")
});

/// What was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Reading {
    pub(crate) metrics: Metrics,
    /// The first line that begins like a metric and is none: said where a name is missing.
    pub(crate) misfit: Option<String>,
}

/// Reads METRIC lines, and for each of `expressions` the first group of the one line it matches.
///
/// # Errors
/// The inner one says what is wrong with a number: doubled, not finite, no decimal number.
pub(crate) fn read_lines(
    mut input: impl BufRead,
    expressions: &BTreeMap<String, Regex>,
) -> io::Result<Result<Reading, String>> {
    let mut reading = Reading::default();
    let mut line = Vec::new();
    let mut number = 0_u64;
    while next_line(&mut input, &mut line)? {
        number += 1;
        if let Err(complaint) = reading.take(&line, expressions) {
            return Ok(Err(format!("line {number} of stdout: {complaint}")));
        }
    }
    Ok(Ok(reading))
}

impl Reading {
    fn take(&mut self, line: &[u8], expressions: &BTreeMap<String, Regex>) -> Result<(), String> {
        for (name, expression) in expressions {
            if let Some(value) = expression.captures(line).and_then(|found| found.get(1)) {
                self.put(name, value.as_bytes())?;
            }
        }
        if !line.starts_with(b"METRIC") {
            return Ok(());
        }
        let Some(found) = METRIC.captures(line) else {
            self.misfit.get_or_insert_with(|| shown(line));
            return Ok(());
        };
        let name = String::from_utf8_lossy(&found[1]).into_owned();
        match expressions.contains_key(&name) {
            true => Err(format!("{name} is printed as METRIC, and measure.read has another way to read it")),
            false => self.put(&name, &found[2]),
        }
    }

    fn put(&mut self, name: &str, value: &[u8]) -> Result<(), String> {
        let value = decimal(value).map_err(|complaint| format!("{name}: {complaint}"))?;
        if self.metrics.len() >= NAMES {
            return Err(format!("more than {NAMES} metrics"));
        }
        if name.len() > NAME {
            return Err(format!("a name of more than {NAME} bytes: `{}`", shown(name.as_bytes())));
        }
        match self.metrics.insert(name.to_owned(), value) {
            Some(_) => Err(format!("{name} has a second value; one value a name, also when both are equal")),
            None => Ok(()),
        }
    }
}

/// A finite decimal number: no `inf`, no `nan`, no hexadecimal, no separators.
fn decimal(text: &[u8]) -> Result<f64, String> {
    let number = std::str::from_utf8(text).ok().filter(|_| DECIMAL.is_match(text));
    match number.and_then(|text| text.parse::<f64>().ok()) {
        Some(value) if value.is_finite() => Ok(value),
        _ => Err(format!("`{}` is no finite decimal number", shown(text))),
    }
}

fn shown(bytes: &[u8]) -> String {
    sanitized(&bytes[..bytes.len().min(120)]).trim().to_owned()
}

/// The next line without its newline, `false` at the end. Of a longer line only the head is kept, so it matches
/// nothing that is anchored at its end, and is not looked at either.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    let mut too_long = false;
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            break;
        }
        any = true;
        let end = chunk.iter().position(|&b| b == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        if !too_long && line.len() + part.len() <= LINE {
            line.extend_from_slice(part);
        } else {
            too_long = true;
        }
        let used = end.map_or(chunk.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    if too_long {
        line.clear();
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> Result<Reading, String> {
        read_lines(io::BufReader::with_capacity(16, text), &BTreeMap::new()).unwrap()
    }

    #[test]
    fn metric_lines_are_read_among_other_output() {
        let text =
            "warming up\nMETRIC p95_ms=35.1\n METRIC indented=1\nxMETRIC no=1\nMETRIC\tlatency.µs=1e3 \r\n";
        let metrics = read(text.as_bytes()).unwrap().metrics;
        assert_eq!(metrics, Metrics::from([("latency.µs".into(), 1000.0), ("p95_ms".into(), 35.1)]));
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        for value in
            ["nan", "inf", "-inf", "NaN", "infinity", "1e999", "0x10", "1_000", "1,5", "--1", "1.2.3", "."]
        {
            let error = read(format!("METRIC a={value}\n").as_bytes()).unwrap_err();
            assert!(error.contains("no finite decimal number"), "{value}: {error}");
        }
    }

    #[test]
    fn a_second_value_is_an_error_even_when_it_is_the_same() {
        let error = read(b"METRIC a=1\nMETRIC a=1\n").unwrap_err();
        insta::assert_snapshot!(error, @"line 2 of stdout: a has a second value; one value a name, also when both are equal");
    }

    #[test]
    fn a_line_that_nearly_fits_is_remembered() {
        let reading = read(b"METRIC a = 1\nMETRICS: \x1b[31mfine\n").unwrap();
        assert_eq!((reading.metrics.len(), reading.misfit.as_deref()), (0, Some("METRIC a = 1")));
    }

    #[test]
    fn names_without_end_are_refused() {
        let many: String = (0..1_001).map(|n| format!("METRIC m{n}=1\n")).collect();
        assert!(read(many.as_bytes()).unwrap_err().contains("more than 1000 metrics"));
        let long = format!("METRIC {}=1\n", "x".repeat(101));
        assert!(read(long.as_bytes()).unwrap_err().contains("more than 100 bytes"));
    }

    #[test]
    fn an_endless_line_is_skipped_and_the_next_is_read() {
        let mut text = b"METRIC a=1".to_vec();
        text.extend(std::iter::repeat_n(b'0', 1 << 20));
        text.extend(b"\nMETRIC b=2");
        assert_eq!(read(&text).unwrap().metrics, Metrics::from([("b".into(), 2.0)]));
    }

    #[test]
    fn an_expression_reads_the_one_line_that_it_matches() {
        let expressions =
            BTreeMap::from([("val_bpb".to_owned(), Regex::new(r"^val_bpb:\s+([0-9.]+)").unwrap())]);
        let read = |text: &str| read_lines(text.as_bytes(), &expressions).unwrap();
        assert_eq!(read("step 1\nval_bpb:   0.9979\n").unwrap().metrics["val_bpb"], 0.9979);
        assert!(read("val_bpb: 1\nval_bpb: 2\n").unwrap_err().contains("second value"));
        assert!(read("METRIC val_bpb=1\n").unwrap_err().contains("another way"));
        assert!(read("val_bpb: 1.2.3\n").unwrap_err().contains("no finite decimal"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = read(&bytes);
        }

        #[test]
        fn any_finite_number_reads_back_to_the_bit(value in any::<f64>().prop_filter("finite", |v| v.is_finite()),
                                                   name in "[a-z_.µ]{1,12}") {
            let reading = read(format!("noise\nMETRIC {name}={value:e}\n").as_bytes()).unwrap();
            prop_assert_eq!(reading.metrics[&name].to_bits(), value.to_bits());
        }

        #[test]
        fn what_is_printed_around_it_changes_nothing(noise in "[^\n]{0,40}") {
            prop_assume!(!noise.starts_with("METRIC"));
            let reading = read(format!("{noise}\nMETRIC a=1\n{noise}").as_bytes()).unwrap();
            prop_assert_eq!(reading.metrics.len(), 1);
        }
    }
}
