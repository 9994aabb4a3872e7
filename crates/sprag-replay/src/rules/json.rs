//! JSON as it came: numbers, order and doubled keys are kept, and every value knows its place in the text.
//!
//! A reader of our own, as others round numbers, drop doubled keys and forget places. It takes a bounded number of values,
//! nested to a bounded depth: what has more is no JSON here.

mod reader;

use std::borrow::Cow;
use std::ops::Range;

use sprag_contract::json_path::{Counted, Step};

use super::marks::{Mark, View};
use reader::Reader;
pub(super) use reader::unescaped;

/// How far lines are indented at most, in levels: a bound on the size of what is written.
const INDENTED: usize = 10;

/// A JSON text, read.
#[derive(Debug)]
pub(super) struct Json<'t> {
    text: &'t str,
    root: Node<'t>,
}

#[derive(Debug)]
struct Node<'t> {
    start: u32,
    end: u32,
    value: Value<'t>,
}

#[derive(Debug)]
enum Value<'t> {
    /// A number, `true`, `false` or `null`.
    Plain,
    Text,
    List(Vec<Node<'t>>),
    Object(Vec<(Cow<'t, str>, Node<'t>)>),
}

impl<'t> Json<'t> {
    /// `None` where the text is no JSON, or too much of it.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        // Places are 32 bits wide.
        u32::try_from(text.len()).ok()?;
        Some(Self { text, root: Reader::new(text).only_value()? })
    }

    /// Writes it so that equal requests are equal bytes, and a person can compare two: members sorted and one a line,
    /// marked values replaced.
    pub(super) fn write(&self, view: &View<'_>, out: &mut Vec<u8>) {
        self.write_node(&self.root, view, &mut Vec::new(), 0, out);
    }

    /// How many things a rule counts in it.
    pub(super) fn count(&self, counted: &Counted) -> u64 {
        let mut count = 0;
        self.each(&self.root, &mut Vec::new(), &mut |steps, node| {
            if counted.path.names(steps) {
                count += match &node.value {
                    Value::List(list) if counted.elements => list.len() as u64,
                    _ => 1,
                };
            }
            true
        });
        count
    }

    /// The places of the marked values, in order.
    pub(super) fn marked(&self, view: &View<'_>) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        self.each(&self.root, &mut Vec::new(), &mut |steps, node| {
            let marked = self.mark(view, steps, node).is_some();
            if marked {
                places.push(node.start as usize..node.end as usize);
            }
            !marked
        });
        places
    }

    /// Visits every value in the order of the text; those inside of one only where it is answered `true`.
    fn each<'s>(
        &'s self,
        node: &'s Node<'t>,
        steps: &mut Vec<Step<'s>>,
        visit: &mut dyn FnMut(&[Step<'s>], &Node<'t>) -> bool,
    ) {
        if !visit(steps, node) {
            return;
        }
        let mut inside = |step: Step<'s>, node: &'s Node<'t>| {
            steps.push(step);
            self.each(node, steps, visit);
            steps.pop();
        };
        match &node.value {
            Value::Plain | Value::Text => {}
            Value::List(list) => list.iter().enumerate().for_each(|(at, node)| inside(Step::Index(at), node)),
            Value::Object(members) => members.iter().for_each(|(key, node)| inside(Step::Key(key), node)),
        }
    }

    fn mark(&self, view: &View<'_>, steps: &[Step<'_>], node: &Node<'_>) -> Option<Mark> {
        // Flags and absent values tell nothing, and what has members of its own is looked into.
        let holds = match node.value {
            Value::Plain => !matches!(self.slice(node), "true" | "false" | "null"),
            Value::Text => true,
            Value::List(_) | Value::Object(_) => false,
        };
        view.json(steps, holds)
    }

    fn slice(&self, node: &Node<'_>) -> &'t str {
        &self.text[node.start as usize..node.end as usize]
    }

    fn write_node<'s>(
        &'s self,
        node: &'s Node<'t>,
        view: &View<'_>,
        steps: &mut Vec<Step<'s>>,
        depth: usize,
        out: &mut Vec<u8>,
    ) {
        match self.mark(view, steps, node) {
            Some(Mark::Volatile) => return out.extend_from_slice(Mark::Volatile.text().as_bytes()),
            Some(Mark::Redacted) => return write_text(Mark::Redacted.text(), out),
            None => {}
        }
        match &node.value {
            Value::Plain => out.extend_from_slice(self.slice(node).as_bytes()),
            Value::Text => write_raw_text(self.slice(node), out),
            Value::List(list) => {
                // A vector of numbers is one thing, and no page of lines.
                let one_line = list.iter().all(|node| matches!(node.value, Value::Plain));
                let layout = Layout { open: b'[', close: b']', one_line, depth };
                layout.write(list.len(), out, |at, out| {
                    steps.push(Step::Index(at));
                    self.write_node(&list[at], view, steps, depth + 1, out);
                    steps.pop();
                });
            }
            Value::Object(members) => {
                let mut sorted: Vec<&(Cow<'t, str>, Node<'t>)> = members.iter().collect();
                // Stable: of a doubled key the first stays the first.
                sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
                let layout = Layout { open: b'{', close: b'}', one_line: false, depth };
                layout.write(sorted.len(), out, |at, out| {
                    let (key, node) = sorted[at];
                    write_text(key, out);
                    out.extend_from_slice(b": ");
                    steps.push(Step::Key(key));
                    self.write_node(node, view, steps, depth + 1, out);
                    steps.pop();
                });
            }
        }
    }
}

/// How the elements of an array or the members of an object are laid out.
struct Layout {
    open: u8,
    close: u8,
    one_line: bool,
    depth: usize,
}

impl Layout {
    fn write(&self, count: usize, out: &mut Vec<u8>, mut element: impl FnMut(usize, &mut Vec<u8>)) {
        out.push(self.open);
        for at in 0..count {
            match (at, self.one_line) {
                (0, true) => {}
                (_, true) => out.extend_from_slice(b", "),
                (0, false) => self.line(self.depth + 1, out),
                (_, false) => {
                    out.push(b',');
                    self.line(self.depth + 1, out);
                }
            }
            element(at, out);
        }
        if count > 0 && !self.one_line {
            self.line(self.depth, out);
        }
        out.push(self.close);
    }

    fn line(&self, depth: usize, out: &mut Vec<u8>) {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth.min(INDENTED), b' ');
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a text is written into memory");
}

/// Writes a text that stands in quotes, with the escapes that it needs and no others.
fn write_raw_text(raw: &str, out: &mut Vec<u8>) {
    match unescaped(&raw[1..raw.len() - 1]) {
        Some(Cow::Owned(text)) => write_text(&text, out),
        // Nothing is escaped, or half of a surrogate pair, which is no text: it stays as it is.
        Some(Cow::Borrowed(_)) | None => out.extend_from_slice(raw.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::reader::MOST_VALUES;
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> Option<String> {
        let json = Json::read(text)?;
        let mut out = Vec::new();
        json.write(&View::nothing(), &mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn equal_values_are_written_alike_and_numbers_as_they_came() {
        let text =
            r#"{ "b": [1, 2.50, -1e+5], "a": {"y": "\u00e9\/\n", "x": ["p", {"q":null}], "e":[], "o":{} } }"#;
        insta::assert_snapshot!(written(text).unwrap(), @r#"
        {
          "a": {
            "e": [],
            "o": {},
            "x": [
              "p",
              {
                "q": null
              }
            ],
            "y": "é/\n"
          },
          "b": [1, 2.50, -1e+5]
        }
        "#);
    }

    #[test]
    fn doubled_keys_stay_and_in_their_order() {
        assert_eq!(written(r#"{"b":0,"a":1,"\u0061":2}"#).unwrap().matches("\"a\"").count(), 2);
        assert_ne!(written(r#"{"a":1,"a":2}"#), written(r#"{"a":2,"a":1}"#));
    }

    #[test]
    fn half_of_a_surrogate_pair_stays_as_it_is() {
        assert_eq!(written(r#"["\ud83d"]"#).unwrap(), "[\n  \"\\ud83d\"\n]");
        assert_eq!(written(r#"["\ud83d\ude00"]"#).unwrap(), "[\n  \"😀\"\n]");
        assert!(written(r#"{"\ud83d":1}"#).is_some());
    }

    #[test]
    fn what_is_no_json_or_too_much_of_it_is_none() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "+1",
            "1.",
            ".5",
            "1e",
            "-",
            "tru",
            "NaN",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\n\"",
            "1 2",
            "[1 2]",
            "\u{feff}1",
            "\"\\",
        ] {
            assert_eq!(written(text), None, "{text}");
        }
        assert_eq!(written(&format!("{}{}", "[".repeat(200), "]".repeat(200))), None);
        assert_eq!(written(&"[".repeat(64 << 20)), None);
        assert_eq!(written(&format!("[{}1]", "1,".repeat(MOST_VALUES))), None);
    }

    #[test]
    fn what_is_written_stays_in_proportion() {
        let deep = format!("{}{}{}", "[".repeat(128), "\"\",".repeat(10_000) + "0", "]".repeat(128));
        assert!(written(&deep).unwrap().len() < 30 * deep.len());
    }

    #[test]
    fn a_rule_counts_places_or_elements() {
        let json = Json::read(r#"{"input":["a","b","c"],"one":"x","rows":[{"v":[1]},{"v":[2,3]}]}"#).unwrap();
        let count = |rule: &str| json.count(&rule.parse().unwrap());
        assert_eq!(count("$.input.length()"), 3);
        assert_eq!(count("$.input[*]"), 3);
        assert_eq!(count("$.one.length()"), 1);
        assert_eq!(count("$.rows[*].v.length()"), 3);
        assert_eq!(count("$..v"), 2);
        assert_eq!(count("$.none.length()"), 0);
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::from),
            "[a-zé\"\\\\\n😀]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec(("[a-c\\\\]{1,2}", inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn reversed(value: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::Array(list) => list.iter().map(reversed).collect(),
            Value::Object(map) => {
                map.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect()
            }
            scalar => scalar.clone(),
        }
    }

    proptest! {
        #[test]
        fn the_order_of_keys_and_white_space_do_not_matter(value in any_json()) {
            let plain = written(&value.to_string());
            prop_assert!(plain.is_some());
            prop_assert_eq!(&plain, &written(&reversed(&value).to_string()));
            prop_assert_eq!(&plain, &written(&serde_json::to_string_pretty(&value).unwrap()));
            // It is still the same value.
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&plain.unwrap()).unwrap(), value);
        }

        #[test]
        fn what_others_read_is_read_and_what_they_refuse_is_not(text in "[\\[\\]{}\",:0-9a-e.\\\\u -]{0,24}") {
            prop_assert_eq!(written(&text).is_some(), serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
        }
    }
}
