//! The paths that a comparison does not look at: a small, certain part of JSONPath.

use std::str::FromStr;

/// `$.a.b[0]`, `$.rows[*].id`, `$.*`, `$['odd name']`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredPath(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
    AnyKey,
    AnyIndex,
}

/// One step from a JSON value to one inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// A text that is none of these paths.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no path of this kind: `$.a.b[0]`, `$.rows[*].id`, `$.*`, `$['odd name']`")]
pub struct BadPath(String);

impl IgnoredPath {
    /// Whether the place at `steps` is the one that this path names. What is inside it is never reached.
    pub(super) fn names(&self, steps: &[Step]) -> bool {
        self.0.len() == steps.len()
            && self.0.iter().zip(steps).all(|pair| match pair {
                (Segment::Key(a), Step::Key(b)) => a == b,
                (Segment::Index(a), Step::Index(b)) => a == b,
                (Segment::AnyKey, Step::Key(_)) | (Segment::AnyIndex, Step::Index(_)) => true,
                _ => false,
            })
    }
}

impl FromStr for IgnoredPath {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        let bad = || BadPath(text.chars().take(80).collect());
        let mut rest = text.trim().strip_prefix('$').ok_or_else(bad)?;
        let mut segments = Vec::new();
        while !rest.is_empty() {
            let (segment, left) = next_segment(rest).ok_or_else(bad)?;
            segments.push(segment);
            rest = left;
        }
        Ok(Self(segments))
    }
}

fn next_segment(rest: &str) -> Option<(Segment, &str)> {
    if let Some(rest) = rest.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        return match &rest[..end] {
            "" => None,
            "*" => Some((Segment::AnyKey, &rest[end..])),
            key => Some((Segment::Key(key.to_owned()), &rest[end..])),
        };
    }
    let rest = rest.strip_prefix('[')?;
    for quote in ['\'', '"'] {
        if let Some(quoted) = rest.strip_prefix(quote) {
            let (key, rest) = quoted.split_once(quote)?;
            return Some((Segment::Key(key.to_owned()), rest.strip_prefix(']')?));
        }
    }
    let (inner, rest) = rest.split_once(']')?;
    match inner {
        "*" => Some((Segment::AnyIndex, rest)),
        index => Some((Segment::Index(index.parse().ok()?), rest)),
    }
}

/// The place as a path to show.
pub(super) fn shown(steps: &[Step]) -> String {
    let mut path = "$".to_owned();
    for step in steps {
        match step {
            Step::Index(index) => path.push_str(&format!("[{index}]")),
            Step::Key(key) if key.chars().all(|c| c.is_alphanumeric() || c == '_') && !key.is_empty() => {
                path.push('.');
                path.push_str(key);
            }
            Step::Key(key) => path.push_str(&format!("[{:?}]", key.chars().take(40).collect::<String>())),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_names_one_kind_of_place() {
        let path: IgnoredPath = "$.rows[*].id".parse().unwrap();
        let key = |name: &str| Step::Key(name.to_owned());
        assert!(path.names(&[key("rows"), Step::Index(7), key("id")]));
        assert!(!path.names(&[key("rows"), key("7"), key("id")]));
        assert!(!path.names(&[key("rows"), Step::Index(7)]));
        assert!("$['a b'].*".parse::<IgnoredPath>().unwrap().names(&[key("a b"), key("c")]));
        assert!("$".parse::<IgnoredPath>().unwrap().names(&[]));
    }

    #[test]
    fn what_is_no_such_path_is_refused() {
        for text in ["", "a", "$a", "$.", "$..a", "$[", "$[a]", "$[-1]", "$['a", "$.a[?(@.b)]"] {
            assert!(text.parse::<IgnoredPath>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[$.\\[\\]*'\"a0é-]{0,20}") {
            let _ = text.parse::<IgnoredPath>();
        }
    }
}
