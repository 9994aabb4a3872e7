//! Where two requests differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use sprag_contract::settings::replay::Part;

use super::generalise::in_text;

/// A text of at least this many characters that differs in a part of it is not volatile as a whole.
const PROSE: usize = 32;
/// How much of a value is shown.
const SHOWN: usize = 80;

/// One place in which two requests differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) part: Part,
    pub(super) was: String,
    pub(super) is: String,
}

impl Found {
    pub(super) fn new(part: Part, was: impl AsRef<str>, is: impl AsRef<str>) -> Self {
        let short = |text: &str| text.chars().take(SHOWN).collect();
        Self { part, was: short(was.as_ref()), is: short(is.as_ref()) }
    }
}

/// All places; `None` where they are different requests.
pub(super) fn differences(upstream: &str, was: &[u8], is: &[u8]) -> Option<Vec<Found>> {
    let (was, is) = (std::str::from_utf8(was).ok()?, std::str::from_utf8(is).ok()?);
    let mut found = Vec::new();
    if upstream.starts_with("http") {
        of_http(&Http::parse(was)?, &Http::parse(is)?, &mut found)?;
    } else {
        found.extend(in_text(was, is)?);
    }
    Some(found)
}

/// The canonical form of a request over HTTP.
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    query: BTreeMap<&'a str, Vec<&'a str>>,
    headers: BTreeMap<&'a str, &'a str>,
    body: &'a str,
}

impl<'a> Http<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (head, body) = text.split_once("\n\n")?;
        let mut lines = head.lines();
        let (method, url) = lines.next()?.split_once(' ')?;
        let (_, rest) = url.split_once("://")?;
        let target = &rest[rest.find('/').unwrap_or(rest.len())..];
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.filter_map(|line| line.split_once(": ")).collect();
        Some(Self { method, path, query: parameters(query), headers, body })
    }
}

fn parameters(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut parameters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters.entry(name).or_default().push(value);
    }
    parameters
}

fn of_http(was: &Http<'_>, is: &Http<'_>, found: &mut Vec<Found>) -> Option<()> {
    if was.method != is.method {
        return None;
    }
    of_paths(was.path, is.path, found)?;
    of_parameters(&was.query, &is.query, found);
    for (name, old) in &was.headers {
        let new = is.headers.get(name)?;
        if old != new {
            found.push(Found::new(Part { header: Some((*name).to_owned()), ..Part::default() }, old, new));
        }
    }
    if was.headers.len() != is.headers.len() {
        return None;
    }
    if was.body == is.body {
        return Some(());
    }
    let media = was.headers.get("content-type").copied().unwrap_or_default();
    match (serde_json::from_str(was.body), serde_json::from_str(is.body)) {
        (Ok(old), Ok(new)) => of_values(&old, &new, &mut "$".to_owned(), found),
        _ if media.contains("form-urlencoded") => {
            of_parameters(&parameters(was.body), &parameters(is.body), found);
            Some(())
        }
        _ => {
            found.extend(in_text(was.body, is.body)?);
            Some(())
        }
    }
}

/// Segments of a path. The others stand in the expression as they are, those that differ as anything.
fn of_paths(was: &str, is: &str, found: &mut Vec<Found>) -> Option<()> {
    let (old, new): (Vec<&str>, Vec<&str>) = (was.split('/').collect(), is.split('/').collect());
    if old.len() != new.len() {
        return None;
    }
    let differing: Vec<usize> = (0..old.len()).filter(|segment| old[*segment] != new[*segment]).collect();
    for wanted in &differing {
        let segment = |(nth, text): (usize, &&str)| match differing.contains(&nth) {
            true if nth == *wanted => "([^/]+)".to_owned(),
            true => "[^/]+".to_owned(),
            false => regex::escape(text),
        };
        let path: Vec<String> = old.iter().enumerate().map(segment).collect();
        let part = Part { path: Some(format!("^{}$", path.join("/"))), ..Part::default() };
        found.push(Found::new(part, old[*wanted], new[*wanted]));
    }
    Some(())
}

fn of_parameters(was: &BTreeMap<&str, Vec<&str>>, is: &BTreeMap<&str, Vec<&str>>, found: &mut Vec<Found>) {
    let names = was.keys().chain(is.keys().filter(|name| !was.contains_key(*name)));
    for name in names {
        let (old, new) = (was.get(name), is.get(name));
        if old != new {
            let text = |values: Option<&Vec<&str>>| values.map(|values| values.join("&")).unwrap_or_default();
            let part = Part { query: Some((*name).to_owned()), ..Part::default() };
            found.push(Found::new(part, text(old), text(new)));
        }
    }
}

fn of_values(was: &Value, is: &Value, path: &mut String, found: &mut Vec<Found>) -> Option<()> {
    match (was, is) {
        (was, is) if was == is => Some(()),
        (Value::Object(old), Value::Object(new)) => {
            if old.len() != new.len() {
                return None;
            }
            for (name, old) in old {
                let length = path.len();
                step(path, name)?;
                of_values(old, new.get(name)?, path, found)?;
                path.truncate(length);
            }
            Some(())
        }
        (Value::Array(old), Value::Array(new)) => {
            if old.len() != new.len() {
                return None;
            }
            for (nth, (old, new)) in old.iter().zip(new).enumerate() {
                let length = path.len();
                let _ = write!(path, "[{nth}]");
                of_values(old, new, path, found)?;
                path.truncate(length);
            }
            Some(())
        }
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => None,
        (Value::String(old), Value::String(new)) if old.len().min(new.len()) >= PROSE => {
            let here = || Found::new(Part { json: Some(path.clone()), ..Part::default() }, old, new);
            // A prompt with a date in it is still a prompt.
            found.extend(
                in_text(old, new).filter(|inside| !inside.is_empty()).unwrap_or_else(|| vec![here()]),
            );
            Some(())
        }
        (old, new) => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let part = Part { json: Some(path.clone()), ..Part::default() };
            found.push(Found::new(part, text(old), text(new)));
            Some(())
        }
    }
}

/// A member's name, as a JSON path of the settings has it; `None` where it cannot say it.
fn step(path: &mut String, name: &str) -> Option<()> {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let written = match plain {
        true => write!(path, ".{name}"),
        false if !name.contains('\'') => write!(path, "['{name}']"),
        false if !name.contains('"') => write!(path, "[\"{name}\"]"),
        false => return None,
    };
    written.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(was: &str, is: &str) -> Option<Vec<String>> {
        let found = differences("https://api.example.com", was.as_bytes(), is.as_bytes())?;
        Some(found.iter().map(|found| serde_json::to_string(&found.part).unwrap()).collect())
    }

    #[test]
    fn each_place_of_a_request_is_found() {
        let request = |id: &str, ts: &str, user: &str, model: &str| {
            format!(
                "POST https://api.example.com/v1/users/{user}/x?a=1&ts={ts}\ncontent-type: application/json\nx-model: {model}\n\n\
                 {{\"a b\":[{{\"id\":\"{id}\"}}],\"n\":1}}"
            )
        };
        assert_eq!(
            parts(&request("a1", "1", "u1", "m"), &request("b2", "2", "u2", "n")).unwrap(),
            [
                r#"{"path":"^/v1/users/([^/]+)/x$"}"#,
                r#"{"query":"ts"}"#,
                r#"{"header":"x-model"}"#,
                r#"{"json":"$['a b'][0].id"}"#,
            ]
        );
    }

    #[test]
    fn another_request_is_no_difference() {
        assert_eq!(parts("GET https://a/x\n\n", "PUT https://a/x\n\n"), None);
        assert_eq!(parts("GET https://a/x\n\n", "GET https://a/x/y\n\n"), None);
        assert_eq!(parts("POST https://a/x\n\n{\"a\":1}", "POST https://a/x\n\n{\"b\":1}"), None);
        assert_eq!(parts("POST https://a/x\n\n[1]", "POST https://a/x\n\n[1,2]"), None);
    }

    #[test]
    fn a_date_within_a_prompt_is_not_the_whole_prompt() {
        let body = |date: &str| {
            format!("POST https://a/x\n\n{{\"prompt\":\"Today is {date}. What are the news of the day?\"}}")
        };
        let found = parts(&body("2026-01-01"), &body("2026-02-03")).unwrap();
        assert_eq!(found, [r#"{"body":"Today is (\\d{4}-\\d{2}-\\d{2})"}"#]);
    }

    #[test]
    fn the_fields_of_a_form_are_parameters() {
        let body = |nonce: &str| {
            format!("POST https://a/x\ncontent-type: application/x-www-form-urlencoded\n\nnonce={nonce}&q=1")
        };
        assert_eq!(parts(&body("1"), &body("2")).unwrap(), [r#"{"query":"nonce"}"#]);
    }
}
