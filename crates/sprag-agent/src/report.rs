//! `.sprag/proposal.json`: what an agent says about its try. Data, of which nothing decides.

use std::fs;

use camino::Utf8Path;
use serde_json::{Map, Value};

/// A longer file is not read, in bytes.
const MAX_BYTES: u64 = 256 << 10;

/// What an agent says about its try.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Report {
    /// One line.
    pub(crate) description: Option<String>,
    /// All else.
    pub(crate) asi: Map<String, Value>,
}

impl Report {
    /// Reads the report in a copy that nobody works in any more. Where there is none, or it is none, the result is empty;
    /// the second time with the reason under `proposal.json`.
    pub(crate) fn read(copy: &Utf8Path) -> Self {
        let folder = copy.join(".sprag");
        let path = folder.join("proposal.json");
        let is_folder = folder.symlink_metadata().is_ok_and(|found| found.is_dir());
        let Some(found) = path.symlink_metadata().ok().filter(|_| is_folder) else { return Self::default() };
        if !found.is_file() {
            return Self::unread("it is no regular file");
        }
        if found.len() > MAX_BYTES {
            return Self::unread(&format!("{} bytes, and it may have {MAX_BYTES}", found.len()));
        }
        match fs::read(&path) {
            Ok(bytes) => Self::parse(&bytes),
            Err(error) => Self::unread(&error.to_string()),
        }
    }

    fn parse(bytes: &[u8]) -> Self {
        let mut asi = match serde_json::from_slice(bytes) {
            Ok(Value::Object(map)) => map,
            Ok(_) => return Self::unread("it is JSON, and no object"),
            Err(error) => return Self::unread(&error.to_string()),
        };
        let description = match asi.get("description") {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text.clone()),
            _ => None,
        };
        if description.is_some() {
            asi.remove("description");
        }
        Self { description, asi }
    }

    fn unread(why: &str) -> Self {
        let asi = [("proposal.json".to_owned(), format!("not read: {why}").into())].into_iter().collect();
        Self { description: None, asi }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn report_of(make: impl FnOnce(&Utf8Path)) -> Report {
        let copy = tempfile::tempdir().unwrap();
        let copy = Utf8Path::from_path(copy.path()).unwrap();
        fs::create_dir(copy.join(".sprag")).unwrap();
        make(&copy.join(".sprag/proposal.json"));
        Report::read(copy)
    }

    fn why_not(report: &Report) -> &str {
        assert_eq!(report.description, None);
        report.asi["proposal.json"].as_str().unwrap()
    }

    #[test]
    fn the_description_is_taken_and_all_else_is_kept_as_said() {
        let said = r#"{"description":"hoist","hypothesis":"less work","ms":0.001,"status":"keep"}"#;
        let report = report_of(|path| fs::write(path, said).unwrap());
        assert_eq!(report.description.as_deref(), Some("hoist"));
        assert_eq!(
            Value::from(report.asi),
            serde_json::json!({"hypothesis":"less work","ms":0.001,"status":"keep"})
        );
    }

    #[test]
    fn without_a_report_there_is_nothing_and_a_broken_one_is_told() {
        assert_eq!(report_of(|_| ()), Report::default());
        assert_eq!(Report::read(Utf8Path::new("/nowhere")), Report::default());
        assert!(why_not(&report_of(|path| fs::write(path, "{\"description\": ").unwrap())).contains("EOF"));
        assert!(why_not(&report_of(|path| fs::write(path, "[1]").unwrap())).contains("no object"));
        assert!(
            why_not(&report_of(|path| fs::write(path, "x".repeat(300 << 10)).unwrap())).contains("bytes")
        );
        let deep = "[".repeat(100_000);
        assert!(why_not(&report_of(|path| fs::write(path, deep).unwrap())).contains("recursion"));
    }

    #[test]
    fn a_link_is_not_followed() {
        let linked = report_of(|path| symlink("/etc/hostname", path).unwrap());
        assert!(why_not(&linked).contains("regular file"));
        let copy = tempfile::tempdir().unwrap();
        let copy = Utf8Path::from_path(copy.path()).unwrap();
        fs::create_dir(copy.join("elsewhere")).unwrap();
        fs::write(copy.join("elsewhere/proposal.json"), r#"{"description":"x"}"#).unwrap();
        symlink("elsewhere", copy.join(".sprag")).unwrap();
        assert_eq!(Report::read(copy), Report::default());
    }
}
