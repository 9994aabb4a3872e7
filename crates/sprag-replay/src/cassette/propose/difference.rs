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

/// The canonical form of a request over HTTP, as the rules write it.
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    query: Parameters<'a>,
    headers: Parameters<'a>,
    /// What the body is: `json`, `form`, `text`, …; empty where there is none.
    kind: &'a str,
    body: &'a str,
}

type Parameters<'a> = BTreeMap<&'a str, Vec<&'a str>>;

impl<'a> Http<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let (method, url) = lines.next()?.split_once(' ')?;
        let (_, rest) = url.split_once("://")?;
        let path = &rest[rest.find('/').unwrap_or(rest.len())..];
        let (query, headers): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with('?'));
        let query = parameters(query.iter().map(|line| &line[1..]), "=");
        let (kind, body) = body.split_once('\n').unwrap_or((body, ""));
        Some(Self { method, path, query, headers: parameters(headers.into_iter(), ": "), kind, body })
    }
}

fn parameters<'a>(pairs: impl Iterator<Item = &'a str>, between: &str) -> Parameters<'a> {
    let mut parameters = Parameters::new();
    for pair in pairs {
        let (name, value) = pair.split_once(between).unwrap_or((pair, ""));
        parameters.entry(name).or_default().push(value);
    }
    parameters
}

fn of_http(was: &Http<'_>, is: &Http<'_>, found: &mut Vec<Found>) -> Option<()> {
    if (was.method, was.kind) != (is.method, is.kind) {
        return None;
    }
    of_paths(was.path, is.path, found)?;
    of_parameters(&was.query, &is.query, |name| Part { query: Some(name), ..Part::default() }, found);
    of_parameters(&was.headers, &is.headers, |name| Part { header: Some(name), ..Part::default() }, found);
    match was.kind {
        _ if was.body == is.body => Some(()),
        "json" => {
            let (old, new) = (serde_json::from_str(was.body).ok()?, serde_json::from_str(is.body).ok()?);
            of_values(&old, &new, &mut "$".to_owned(), found)
        }
        "form" => {
            let fields = |body| parameters(str::lines(body), "=");
            let part = |name| Part { query: Some(name), ..Part::default() };
            of_parameters(&fields(was.body), &fields(is.body), part, found);
            Some(())
        }
        "text" | "multipart" => {
            found.extend(in_text(was.body, is.body)?);
            Some(())
        }
        // What is only known by its hash, or escaped, has no rule that a person could judge.
        _ => None,
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

fn of_parameters(
    was: &Parameters<'_>,
    is: &Parameters<'_>,
    part: impl Fn(String) -> Part,
    found: &mut Vec<Found>,
) {
    let names = was.keys().chain(is.keys().filter(|name| !was.contains_key(*name)));
    for name in names {
        let (old, new) = (was.get(name), is.get(name));
        if old != new {
            let text =
                |values: Option<&Vec<&str>>| values.map(|values| values.join(", ")).unwrap_or_default();
            found.push(Found::new(part((*name).to_owned()), text(old), text(new)));
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
                "POST https://api.example.com/v1/users/{user}/x\n?a=1\n?ts={ts}\ncontent-type: application/json\n\
                 x-model: {model}\n\njson\n{{\"a b\":[{{\"id\":\"{id}\"}}],\"n\":1}}"
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
        assert_eq!(parts("GET https://a/x\n", "PUT https://a/x\n"), None);
        assert_eq!(parts("GET https://a/x\n", "GET https://a/x/y\n"), None);
        assert_eq!(parts("POST https://a/x\n\njson\n{\"a\":1}", "POST https://a/x\n\njson\n{\"b\":1}"), None);
        assert_eq!(parts("POST https://a/x\n\njson\n[1]", "POST https://a/x\n\njson\n[1,2]"), None);
        assert_eq!(parts("POST https://a/x\n\njson\n1", "POST https://a/x\n\ntext\n1"), None);
        assert_eq!(parts("POST https://a/x\n\nbytes\nblake3 1", "POST https://a/x\n\nbytes\nblake3 2"), None);
    }

    #[test]
    fn a_date_within_a_prompt_is_not_the_whole_prompt() {
        let body = |date: &str| {
            format!(
                "POST https://a/x\n\njson\n{{\"prompt\":\"Today is {date}. What are the news of the day?\"}}"
            )
        };
        let found = parts(&body("2026-01-01"), &body("2026-02-03")).unwrap();
        assert_eq!(found, [r#"{"body":"Today is (\\d{4}-\\d{2}-\\d{2})"}"#]);
    }

    #[test]
    fn the_fields_of_a_form_are_parameters() {
        let body = |nonce: &str| format!("POST https://a/x\n\nform\nnonce={nonce}\nq=1\n");
        assert_eq!(parts(&body("1"), &body("2")).unwrap(), [r#"{"query":"nonce"}"#]);
    }
}
