//! How an HTTP answer is written down as the output of a case. Pure.

use serde::de::IgnoredAny;
use serde_json::Value;
use sprag_contract::settings::CompareKind;

use crate::drivers::cases::answer::without_nan;

/// The output of an answer with this status, three digits, and this body.
///
/// Compared as JSON: `{"status":200,"body":…}`, with the body byte for byte as it came; a body that is no JSON stands
/// under `text`, one that is no text in hexadecimal under `bytes`, and an empty one nowhere. Else: `HTTP 200` and a
/// newline, then the body. No answer looks like one with another status or another kind of body.
pub(super) fn written(status: &[u8], body: &[u8], compare: CompareKind) -> Vec<u8> {
    if compare != CompareKind::Json {
        return [b"HTTP ", status, b"\n", body].concat();
    }
    let mut output = [b"{\"status\":", status].concat();
    if !body.is_empty() {
        match std::str::from_utf8(body) {
            // What is JSON but for NaN is no text: as JSON it equals nothing, as it should.
            Ok(_) if serde_json::from_slice::<IgnoredAny>(&without_nan(body)).is_ok() => {
                output.extend_from_slice(b",\"body\":");
                output.extend_from_slice(body);
            }
            Ok(text) => {
                output.extend_from_slice(b",\"text\":");
                output.extend_from_slice(Value::from(text).to_string().as_bytes());
            }
            Err(_) => {
                let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
                output.extend_from_slice(format!(",\"bytes\":\"{hex}\"").as_bytes());
            }
        }
    }
    output.push(b'}');
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_shows_its_status_and_what_kind_its_body_is() {
        let json = |status: &str, body: &[u8]| {
            String::from_utf8(written(status.as_bytes(), body, CompareKind::Json)).unwrap()
        };
        let told = [
            json("200", b"{\"a\": 1.50}\n"),
            json("200", b"\"abc\""),
            json("200", b"abc"),
            json("200", b"[NaN]"),
            json("404", b""),
            json("500", b"say \"no\"\n"),
            json("200", b"\x89PNG\xff"),
        ];
        insta::assert_snapshot!(told.join("\n"), @r#"
        {"status":200,"body":{"a": 1.50}
        }
        {"status":200,"body":"abc"}
        {"status":200,"text":"abc"}
        {"status":200,"body":[NaN]}
        {"status":404}
        {"status":500,"text":"say \"no\"\n"}
        {"status":200,"bytes":"89504e47ff"}
        "#);
        assert_eq!(written(b"200", b"abc\n", CompareKind::Text), b"HTTP 200\nabc\n");
    }
}
