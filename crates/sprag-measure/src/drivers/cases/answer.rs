//! The lines that a worker may write. Pure.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ready {
    ready: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer<'a> {
    id: String,
    #[serde(borrow)]
    output: &'a RawValue,
}

/// Whether a line is `{"ready":true}`.
pub(super) fn is_ready(line: &[u8]) -> bool {
    serde_json::from_slice::<Ready>(line).is_ok_and(|line| line.ready)
}

/// The output in `{"id":…,"output":…}`, byte for byte.
///
/// # Errors
/// What is wrong with the line.
pub(super) fn output_of<'a>(line: &'a [u8], id: &str) -> Result<&'a [u8], String> {
    // Python writes NaN and Infinity, which are no JSON. Such an output is wrong, not the protocol: it is let through
    // to the golden, which nothing of that kind equals.
    let strict = without_nan(line);
    let text = std::str::from_utf8(&strict).map_err(|_| "is no UTF-8".to_owned())?;
    let answer: Answer<'_> =
        serde_json::from_str(text).map_err(|error| format!("is no {{\"id\":…,\"output\":…}}: {error}"))?;
    if answer.id != id {
        let other: String = answer.id.chars().take(60).collect();
        return Err(format!("has the id {other:?}"));
    }
    let start = answer.output.get().as_ptr().addr() - text.as_ptr().addr();
    Ok(&line[start..start + answer.output.get().len()])
}

/// The line with the words for numbers that are none replaced, outside of strings, by numbers of the same length.
pub(super) fn without_nan(line: &[u8]) -> Vec<u8> {
    let mut copy = line.to_vec();
    let mut at = 0;
    let mut in_string = false;
    while let Some(&byte) = line.get(at) {
        let word = match byte {
            b'\\' if in_string => {
                at += 2;
                continue;
            }
            b'"' => {
                in_string = !in_string;
                0
            }
            _ if in_string => 0,
            b'N' if line[at..].starts_with(b"NaN") => 3,
            b'I' if line[at..].starts_with(b"Infinity") => 8,
            _ => 0,
        };
        copy[at..at + word].fill(b'1');
        at += word.max(1);
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_output_is_kept_byte_for_byte() {
        let line = br#"{"id": "a", "output": {"x": [1.50, "NaN \" ]"], "y" :NaN, "z":-Infinity} }"#;
        assert_eq!(
            output_of(line, "a").unwrap(),
            br#"{"x": [1.50, "NaN \" ]"], "y" :NaN, "z":-Infinity}"#.as_slice()
        );
        assert_eq!(output_of(br#"{"output":null,"id":"a"}"#, "a").unwrap(), b"null");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let refused = |line: &str| output_of(line.as_bytes(), "a").unwrap_err();
        insta::assert_snapshot!(
            [
                r#"{"id":"b","output":1}"#,
                r#"{"id":1,"output":1}"#,
                r#"{"id":"a"}"#,
                r#"{"id":"a","output":1,"output":2}"#,
                r#"{"id":"a","output":1,"more":2}"#,
                r#"{"id":"a","output":1}{"id":"a","output":1}"#,
                r#"{"id":"a","outp"#,
                "hello",
                "",
            ]
            .map(refused)
            .join("\n"),
            @r#"
        has the id "b"
        is no {"id":…,"output":…}: invalid type: integer `1`, expected a string at line 1 column 7
        is no {"id":…,"output":…}: missing field `output` at line 1 column 10
        is no {"id":…,"output":…}: duplicate field `output` at line 1 column 29
        is no {"id":…,"output":…}: unknown field `more`, expected `id` or `output` at line 1 column 27
        is no {"id":…,"output":…}: trailing characters at line 1 column 22
        is no {"id":…,"output":…}: EOF while parsing a string at line 1 column 15
        is no {"id":…,"output":…}: expected value at line 1 column 1
        is no {"id":…,"output":…}: EOF while parsing a value at line 1 column 0
        "#);
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = output_of(&line, "a");
            let _ = is_ready(&line);
        }

        #[test]
        fn any_json_text_near_the_protocol_is_read_without_a_panic(line in r#"[{}\[\]",:\\NaInfity0-9id output-]{0,80}"#) {
            let _ = output_of(line.as_bytes(), "a");
        }
    }
}
