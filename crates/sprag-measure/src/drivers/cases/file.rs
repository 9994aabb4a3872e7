//! The file of cases.

use std::collections::BTreeSet;
use std::fs;

use camino::Utf8Path;
use serde::Deserialize;
use serde_json::Value;

use crate::MeasureError;

/// A larger file is refused.
const LIMIT: u64 = 256 << 20;

/// The cases of a run, as lines to send.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CaseFile {
    pub(super) warmup: Vec<Case>,
    pub(super) cases: Vec<Case>,
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Case {
    pub(super) id: String,
    /// `{"id":…,"input":…}` and a newline.
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

pub(super) fn load(path: &Utf8Path) -> Result<CaseFile, MeasureError> {
    let size = fs::metadata(path).map_err(MeasureError::file("read the cases", path))?.len();
    if size > LIMIT {
        return Err(wrong(path, &format!("is larger than {} MiB", LIMIT >> 20)));
    }
    let bytes = fs::read(path).map_err(MeasureError::file("read the cases", path))?;
    parse(&bytes).map_err(|what| wrong(path, &what))
}

fn wrong(path: &Utf8Path, what: &str) -> MeasureError {
    MeasureError::harness(
        format!("{path}: {what}"),
        "write {\"v\":1,\"warmup\":[{\"id\":…,\"input\":…}],\"cases\":[{\"id\":…,\"input\":…}]}",
    )
}

fn parse(bytes: &[u8]) -> Result<CaseFile, String> {
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
    let lines = |cases: Vec<OnDiskCase>| cases.into_iter().map(Case::from).collect();
    Ok(CaseFile { warmup: lines(file.warmup), cases: lines(file.cases) })
}

impl From<OnDiskCase> for Case {
    fn from(case: OnDiskCase) -> Self {
        let request = serde_json::json!({ "id": case.id, "input": case.input });
        Self { request: format!("{request}\n").into_bytes(), id: case.id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_becomes_one_line() {
        let file = parse(br#"{"v":1,"cases":[{"id":"a","input":{"text":"x\ny","n":1.0}}]}"#).unwrap();
        assert_eq!(file.cases[0].request, b"{\"id\":\"a\",\"input\":{\"text\":\"x\\ny\",\"n\":1.0}}\n");
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
        .map(|text| parse(text.as_bytes()).unwrap_err());
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
