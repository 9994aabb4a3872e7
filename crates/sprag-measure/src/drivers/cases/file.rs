//! The file of cases.

use std::collections::BTreeSet;
use std::fs;

use camino::Utf8Path;
use serde::Deserialize;
use serde_json::Value;
use sprag_contract::settings::Serve;

use super::http::request_of;
use crate::MeasureError;

/// A larger file is refused.
const LIMIT: u64 = 256 << 20;

/// The cases of a run, as what is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CaseFile {
    pub(super) warmup: Vec<Case>,
    pub(super) cases: Vec<Case>,
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Case {
    pub(super) id: String,
    /// The bytes that are sent: a line, an HTTP request, or all of standard input.
    pub(super) request: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    v: u32,
    #[serde(default)]
    warmup: Vec<OnDiskCase>,
    cases: Vec<OnDiskCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDiskCase {
    id: String,
    input: Value,
}

/// Reads the file for this way to serve.
pub(super) fn load(path: &Utf8Path, serve: &Serve) -> Result<CaseFile, MeasureError> {
    let size = fs::metadata(path).map_err(MeasureError::file("read the cases", path))?.len();
    if size > LIMIT {
        return Err(wrong(path, &format!("is larger than {} MiB", LIMIT >> 20)));
    }
    let bytes = fs::read(path).map_err(MeasureError::file("read the cases", path))?;
    parse(&bytes, serve).map_err(|what| wrong(path, &what))
}

fn wrong(path: &Utf8Path, what: &str) -> MeasureError {
    MeasureError::harness(
        format!("{path}: {what}"),
        "write {\"v\":1,\"warmup\":[{\"id\":…,\"input\":…}],\"cases\":[{\"id\":…,\"input\":…}]}",
    )
}

fn parse(bytes: &[u8], serve: &Serve) -> Result<CaseFile, String> {
    let file: OnDisk = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if file.v != 1 {
        return Err(format!("version {} is not known here", file.v));
    }
    if file.cases.is_empty() {
        return Err("there is no case".to_owned());
    }
    let mut ids = BTreeSet::new();
    for case in file.warmup.iter().chain(&file.cases) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if case.id.is_empty()
            || case.id.len() > 100
            || !case.id.chars().all(plain)
            || case.id.starts_with('.')
        {
            return Err(format!("the id {:?} is not made of letters, digits, - _ .", case.id));
        }
        if !ids.insert(&case.id) {
            return Err(format!("the id {:?} is there twice", case.id));
        }
    }
    // An answer that was prepared in the warm-up would not be measured.
    let warm: BTreeSet<String> = file.warmup.iter().map(|case| case.input.to_string()).collect();
    if let Some(case) = file.cases.iter().find(|case| warm.contains(&case.input.to_string())) {
        return Err(format!("the case {:?} has an input of the warm-up", case.id));
    }
    let all = |cases: Vec<OnDiskCase>| -> Result<Vec<Case>, String> {
        cases.into_iter().map(|case| case.into_case(serve)).collect()
    };
    Ok(CaseFile { warmup: all(file.warmup)?, cases: all(file.cases)? })
}

impl OnDiskCase {
    fn into_case(self, serve: &Serve) -> Result<Case, String> {
        let request = match serve {
            Serve::Stdio(_) => {
                let request = serde_json::json!({ "id": self.id, "input": self.input });
                format!("{request}\n").into_bytes()
            }
            Serve::Http(_) => {
                let wrong = |what| {
                    format!(
                        "the case {:?} is no request {{\"method\":…,\"path\":…,\"headers\":{{…}},\"body\":…}}: {what}",
                        self.id
                    )
                };
                request_of(&self.input).map_err(wrong)?
            }
            Serve::Each(_) => match self.input {
                Value::String(text) => text.into_bytes(),
                json => format!("{json}\n").into_bytes(),
            },
        };
        Ok(Case { id: self.id, request })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stdio() -> Serve {
        Serve::Stdio("w".to_owned())
    }

    #[test]
    fn a_case_becomes_what_its_way_sends() {
        let text =
            br#"{"v":1,"cases":[{"id":"a","input":{"text":"x\ny","n":1.0}},{"id":"b","input":"x\ny"}]}"#;
        let file = parse(text, &stdio()).unwrap();
        assert_eq!(file.cases[0].request, b"{\"id\":\"a\",\"input\":{\"text\":\"x\\ny\",\"n\":1.0}}\n");
        let file = parse(text, &Serve::Each("w".to_owned())).unwrap();
        let sent: Vec<&[u8]> = file.cases.iter().map(|case| case.request.as_slice()).collect();
        assert_eq!(sent, [b"{\"text\":\"x\\ny\",\"n\":1.0}\n".as_slice(), b"x\ny"]);
    }

    #[test]
    fn a_case_that_is_no_request_is_named() {
        let http: Serve = serde_json::from_str(r#"{"http":{"command":"x"}}"#).unwrap();
        let told = parse(br#"{"v":1,"cases":[{"id":"a","input":{"path":"x"}}]}"#, &http).unwrap_err();
        insta::assert_snapshot!(told, @r#"the case "a" is no request {"method":…,"path":…,"headers":{…},"body":…}: "x" is no path: write it from the first `/`, encoded"#);
        assert!(parse(br#"{"v":1,"cases":[{"id":"a","input":{"path":"/x"}}]}"#, &http).is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let complaints = [
            r#"{"v":2,"cases":[{"id":"a","input":1}]}"#,
            r#"{"v":1,"cases":[]}"#,
            r#"{"v":1,"cases":[{"id":"a/../b","input":1}]}"#,
            r#"{"v":1,"cases":[{"id":"a","input":1},{"id":"a","input":2}]}"#,
            r#"{"v":1,"warmup":[{"id":"w","input":1}],"cases":[{"id":"a","input":1}]}"#,
            r#"{"v":1,"cases":[{"id":"a"}]}"#,
        ]
        .map(|text| parse(text.as_bytes(), &stdio()).unwrap_err());
        insta::assert_snapshot!(complaints.join("\n"), @r#"
        version 2 is not known here
        there is no case
        the id "a/../b" is not made of letters, digits, - _ .
        the id "a" is there twice
        the case "a" has an input of the warm-up
        missing field `input` at line 1 column 26
        "#);
    }
}
