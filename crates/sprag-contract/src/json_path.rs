//! Places in JSON values, as settings name them: a small, certain part of JSONPath.

use std::str::FromStr;

/// `$.a.b[0]`, `$.rows[*].id`, `$.*`, `$..id`, `$['odd name']`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
    AnyKey,
    AnyIndex,
    /// Any number of steps, none too.
    Deep,
}

/// One step from a JSON value to one inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'v> {
    /// Into an object, by the name of a member.
    Key(&'v str),
    /// Into an array, from 0.
    Index(usize),
}

/// A text that is none of these paths.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no path of this kind: `$.a.b[0]`, `$.rows[*].id`, `$.*`, `$..id`, `$['odd name']`")]
pub struct BadPath(String);

impl JsonPath {
    /// Whether the place at `steps` is one that this path names. What is inside of it is another place.
    pub fn names(&self, steps: &[Step<'_>]) -> bool {
        // As a glob: where it does not fit, the last `..` takes one step more. Earlier ones need not be tried again.
        let (mut segment, mut step) = (0, 0);
        let mut deep = None;
        while step < steps.len() {
            match self.0.get(segment) {
                Some(Segment::Deep) => {
                    deep = Some((segment + 1, step));
                    segment += 1;
                    continue;
                }
                Some(own) if own.fits(steps[step]) => {
                    segment += 1;
                    step += 1;
                    continue;
                }
                _ => {}
            }
            let Some((after, taken)) = deep else { return false };
            deep = Some((after, taken + 1));
            (segment, step) = (after, taken + 1);
        }
        self.0[segment..].iter().all(|rest| *rest == Segment::Deep)
    }
}

impl Segment {
    fn fits(&self, step: Step<'_>) -> bool {
        match (self, step) {
            (Segment::Key(a), Step::Key(b)) => a == b,
            (Segment::Index(a), Step::Index(b)) => *a == b,
            (Segment::AnyKey, Step::Key(_)) | (Segment::AnyIndex, Step::Index(_)) => true,
            _ => false,
        }
    }
}

impl FromStr for JsonPath {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        let bad = || BadPath(text.chars().take(80).collect());
        let mut rest = text.trim().strip_prefix('$').ok_or_else(bad)?;
        let mut segments = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("..") {
                segments.push(Segment::Deep);
                rest = if after.starts_with('[') { after } else { &rest[1..] };
            }
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
            // A function, as in `$.length()`: no name that anybody writes without quotes.
            key if key.contains(['(', ')']) => None,
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

/// A number that is read from a JSON value: `$.input[*]` counts the places, `$.input.length()` the elements of the arrays
/// there; what is no array is one element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The places.
    pub path: JsonPath,
    /// Whether their elements are counted.
    pub elements: bool,
}

impl FromStr for Counted {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        let elements = text.trim().strip_suffix(".length()");
        Ok(Self { path: elements.unwrap_or(text).parse()?, elements: elements.is_some() })
    }
}

/// The place as a path to show.
pub fn shown(steps: &[Step<'_>]) -> String {
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

    fn path(text: &str) -> JsonPath {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_names_one_kind_of_place() {
        let rows = path("$.rows[*].id");
        assert!(rows.names(&[Step::Key("rows"), Step::Index(7), Step::Key("id")]));
        assert!(!rows.names(&[Step::Key("rows"), Step::Key("7"), Step::Key("id")]));
        assert!(!rows.names(&[Step::Key("rows"), Step::Index(7)]));
        assert!(path("$['a b'].*").names(&[Step::Key("a b"), Step::Key("c")]));
        assert!(path("$").names(&[]));
    }

    #[test]
    fn two_dots_stand_for_any_depth() {
        let (a, b, x, one) = (Step::Key("a"), Step::Key("b"), Step::Key("x"), Step::Index(1));
        for (text, steps, named) in [
            ("$..a", &[a][..], true),
            ("$..a", &[b, one, a], true),
            ("$..a", &[a, b], false),
            ("$..a", &[], false),
            ("$.x..a", &[x, a], true),
            ("$.x..a", &[b, a], false),
            ("$..a..b", &[x, a, a, one, b], true),
            ("$..a.b", &[a, x, a, b], true),
            ("$..[1]", &[a, one], true),
        ] {
            assert_eq!(path(text).names(steps), named, "{text} {steps:?}");
        }
    }

    #[test]
    fn what_is_no_such_path_is_refused() {
        for text in
            ["", "a", "$a", "$.", "$..", "$...a", "$[", "$[a]", "$[-1]", "$['a", "$.a[?(@.b)]", "$.length()"]
        {
            assert!(text.parse::<JsonPath>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_count_is_of_places_or_of_elements() {
        let counted: Counted = "$.input.length()".parse().unwrap();
        assert_eq!(counted, Counted { path: path("$.input"), elements: true });
        assert_eq!("$.input[*]".parse(), Ok(Counted { path: path("$.input[*]"), elements: false }));
        assert_eq!("$.length()".parse(), Ok(Counted { path: path("$"), elements: true }));
        assert!("$.a.size()".parse::<Counted>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[$.\\[\\]*'\"a0é-]{0,20}") {
            if let Ok(path) = text.parse::<JsonPath>() {
                path.names(&[Step::Key("a"), Step::Index(0), Step::Key("a"), Step::Key("é")]);
            }
        }
    }
}
