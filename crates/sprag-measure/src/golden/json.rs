//! Two JSON texts as values.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};
use sprag_contract::json_path::{JsonPath, Step, shown};

use super::{Difference, capped};

/// The first `most` differences of the values of two texts.
pub(super) fn differences(
    golden: &[u8],
    output: &[u8],
    ignored: &[JsonPath],
    tolerance: f64,
    most: usize,
) -> Vec<Difference> {
    let at_root = |expected: String, got: String| vec![Difference { path: "$".to_owned(), expected, got }];
    let expected = match strict::parse(golden) {
        Ok(value) => value,
        Err(error) => return at_root(format!("what is no JSON ({error})"), capped(output)),
    };
    match strict::parse(output) {
        Ok(got) => {
            let mut walk = Walk { ignored, tolerance, steps: Vec::new(), most, found: Vec::new() };
            walk.value(&expected, &got);
            walk.found
        }
        Err(error) => at_root(printed(&expected), format!("what is no JSON ({error}): {}", capped(output))),
    }
}

/// The same value, laid out for people, with a newline behind it.
pub(super) fn pretty(text: &[u8]) -> Result<Vec<u8>, String> {
    let value = strict::parse(text).map_err(|error| format!("it is no JSON ({error}): {}", capped(text)))?;
    Ok(format!("{value:#}\n").into_bytes())
}

struct Walk<'a> {
    ignored: &'a [JsonPath],
    tolerance: f64,
    steps: Vec<Step<'a>>,
    most: usize,
    found: Vec<Difference>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, expected: &'a Value, got: &'a Value) {
        if self.is_ignored() || self.found.len() >= self.most {
            return;
        }
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => self.object(expected, got),
            (Value::Array(expected), Value::Array(got)) => self.array(expected, got),
            (Value::Number(a), Value::Number(b)) if self.numbers_agree(a, b) => {}
            (Value::Number(_), Value::Number(_)) => self.differ(printed(expected), printed(got)),
            _ if expected == got => {}
            _ => self.differ(printed(expected), printed(got)),
        }
    }

    fn object(&mut self, expected: &'a Map<String, Value>, got: &'a Map<String, Value>) {
        let keys: Vec<&'a String> = {
            let of_golden: BTreeSet<&String> = expected.keys().collect();
            expected.keys().chain(got.keys().filter(|key| !of_golden.contains(key))).collect()
        };
        for key in keys {
            self.inside(Step::Key(key), expected.get(key), got.get(key));
        }
    }

    fn array(&mut self, expected: &'a [Value], got: &'a [Value]) {
        for index in 0..expected.len().max(got.len()) {
            self.inside(Step::Index(index), expected.get(index), got.get(index));
        }
    }

    fn inside(&mut self, step: Step<'a>, expected: Option<&'a Value>, got: Option<&'a Value>) {
        self.steps.push(step);
        match (expected, got) {
            (Some(expected), Some(got)) => self.value(expected, got),
            _ if self.is_ignored() => {}
            _ => {
                let side = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), printed);
                self.differ(side(expected), side(got));
            }
        }
        self.steps.pop();
    }

    /// Within the tolerance; a whole number and one with a fraction are different types. Negative zero is zero.
    fn numbers_agree(&self, expected: &Number, got: &Number) -> bool {
        if expected.is_f64() != got.is_f64() {
            return false;
        }
        if expected == got {
            return true;
        }
        match (expected.as_f64(), got.as_f64()) {
            // Beyond 2^53 two whole numbers that differ may be equal as floats: only a tolerance makes them so.
            (Some(a), Some(b)) if expected.is_f64() => a == b || (a - b).abs() <= self.tolerance,
            (Some(a), Some(b)) => self.tolerance > 0.0 && (a - b).abs() <= self.tolerance,
            _ => false,
        }
    }

    fn is_ignored(&self) -> bool {
        self.ignored.iter().any(|path| path.names(&self.steps))
    }

    fn differ(&mut self, expected: String, got: String) {
        if self.found.len() < self.most {
            self.found.push(Difference { path: shown(&self.steps), expected, got });
        }
    }
}

fn printed(value: &Value) -> String {
    let text = value.to_string();
    let kind = match value {
        Value::Array(_) => "array ",
        Value::Object(_) => "object ",
        _ => return capped(text.as_bytes()).trim_matches('`').to_owned(),
    };
    format!("{kind}{}", capped(text.as_bytes()))
}

/// JSON in which no key comes twice: of `{"a":1,"a":2}` different readers take different values.
mod strict {
    use std::fmt;

    use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
    use serde_json::{Map, Number, Value};

    pub(super) fn parse(text: &[u8]) -> Result<Value, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let value = Strict.deserialize(&mut reader)?;
        reader.end()?;
        Ok(value)
    }

    struct Strict;

    impl<'de> DeserializeSeed<'de> for Strict {
        type Value = Value;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
            deserializer.deserialize_any(self)
        }
    }

    impl<'de> Visitor<'de> for Strict {
        type Value = Value;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON value")
        }

        fn visit_unit<E: Error>(self) -> Result<Value, E> {
            Ok(Value::Null)
        }

        fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
            Ok(Value::Bool(value))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
            Ok(Value::from(value))
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
            Ok(Value::from(value))
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
            Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
            Ok(Value::from(value))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
            let mut all = Vec::new();
            while let Some(value) = access.next_element_seed(Strict)? {
                all.push(value);
            }
            Ok(Value::Array(all))
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
            let mut all = Map::new();
            while let Some(key) = access.next_key::<String>()? {
                let value = access.next_value_seed(Strict)?;
                if all.insert(key, value).is_some() {
                    return Err(A::Error::custom("a key that comes twice"));
                }
            }
            Ok(Value::Object(all))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compare(golden: &[u8], output: &[u8], tolerance: f64, ignore: &[&str]) -> Result<(), Difference> {
        let ignored: Vec<JsonPath> = ignore.iter().map(|path| path.parse().unwrap()).collect();
        differences(golden, output, &ignored, tolerance, 1).into_iter().next().map_or(Ok(()), Err)
    }

    fn exact(golden: &str, output: &str) -> Result<(), Difference> {
        compare(golden.as_bytes(), output.as_bytes(), 0.0, &[])
    }

    #[test]
    fn all_differences_are_found_up_to_a_number() {
        let (golden, output) = (r#"{"a":1,"b":[1,2,3],"c":4}"#, r#"{"a":2,"b":[1,3],"d":4}"#);
        let found = |most| differences(golden.as_bytes(), output.as_bytes(), &[], 0.0, most);
        let told: Vec<String> = found(100).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        at $.a: the golden has 1, the output 2
        at $.b[1]: the golden has 2, the output 3
        at $.b[2]: the golden has 3, the output nothing
        at $.c: the golden has 4, the output nothing
        at $.d: the golden has nothing, the output 4
        ");
        assert_eq!(found(2).len(), 2);
    }

    #[test]
    fn equal_values_are_equal_whatever_their_layout() {
        for (golden, output) in [
            (r#"{"a":1,"b":[2.50]}"#, "{ \"b\": [25e-1],\n \"a\": 1 }\n"),
            (r#""\u00e9""#, "\"é\""),
            ("null", " null "),
            ("-0.0", "0.0"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(exact(golden, output), Ok(()), "{golden} {output}");
        }
    }

    #[test]
    fn types_count_and_every_difference_says_where() {
        let table: Vec<String> = [
            ("1", "1.0"),
            ("1", "true"),
            ("0", "false"),
            ("1", "\"1\""),
            ("null", "false"),
            ("1.0", "1.0000000000000002"),
            ("9007199254740993", "9007199254740992"),
            ("[1,2]", "[1]"),
            ("[1]", "[1,2]"),
            ("[]", "{}"),
            (r#"{"a":1}"#, "{}"),
            ("{}", r#"{"a b":null}"#),
            (r#"{"a":{"b":[0,{"c":"x"}]}}"#, r#"{"a":{"b":[0,{"c":"y"}]}}"#),
            (r#"{"a":1}"#, r#"{"a":2,"a":1}"#),
            ("1", "NaN"),
            ("NaN", "NaN"),
            ("1.0", "1e999"),
            ("1", "1 2"),
            ("1", ""),
        ]
        .iter()
        .map(|(golden, output)| format!("{golden} | {output} | {}", exact(golden, output).unwrap_err()))
        .collect();
        insta::assert_snapshot!(table.join("\n"), @r#"
        1 | 1.0 | at $: the golden has 1, the output 1.0
        1 | true | at $: the golden has 1, the output true
        0 | false | at $: the golden has 0, the output false
        1 | "1" | at $: the golden has 1, the output "1"
        null | false | at $: the golden has null, the output false
        1.0 | 1.0000000000000002 | at $: the golden has 1.0, the output 1.0000000000000002
        9007199254740993 | 9007199254740992 | at $: the golden has 9007199254740993, the output 9007199254740992
        [1,2] | [1] | at $[1]: the golden has 2, the output nothing
        [1] | [1,2] | at $[1]: the golden has nothing, the output 2
        [] | {} | at $: the golden has array `[]`, the output object `{}`
        {"a":1} | {} | at $.a: the golden has 1, the output nothing
        {} | {"a b":null} | at $["a b"]: the golden has nothing, the output null
        {"a":{"b":[0,{"c":"x"}]}} | {"a":{"b":[0,{"c":"y"}]}} | at $.a.b[1].c: the golden has "x", the output "y"
        {"a":1} | {"a":2,"a":1} | at $: the golden has object `{"a":1}`, the output what is no JSON (a key that comes twice at line 1 column 13): `{"a":2,"a":1}`
        1 | NaN | at $: the golden has 1, the output what is no JSON (expected value at line 1 column 1): `NaN`
        NaN | NaN | at $: the golden has what is no JSON (expected value at line 1 column 1), the output `NaN`
        1.0 | 1e999 | at $: the golden has 1.0, the output what is no JSON (number out of range at line 1 column 5): `1e999`
        1 | 1 2 | at $: the golden has 1, the output what is no JSON (trailing characters at line 1 column 3): `1 2`
        1 |  | at $: the golden has 1, the output what is no JSON (EOF while parsing a value at line 1 column 0): ``
        "#);
    }

    #[test]
    fn an_output_that_is_nested_without_end_is_a_difference_and_no_overflow() {
        let deep = "[".repeat(1 << 20);
        assert!(exact("1", &deep).unwrap_err().got.contains("recursion limit"));
        assert!(exact(&deep, "1").is_err());
    }

    #[test]
    fn a_tolerance_forgives_values_and_not_types() {
        let near = |golden: &str, output: &str| compare(golden.as_bytes(), output.as_bytes(), 0.01, &[]);
        assert_eq!(near("[1.0]", "[1.009]"), Ok(()));
        assert!(near("[1.0]", "[1.011]").is_err());
        assert!(near("1.0", "1").is_err());
        assert!(near("1", "2").is_err());
    }

    #[test]
    fn ignored_paths_are_not_looked_at() {
        let ignoring = |golden: &str, output: &str| {
            compare(golden.as_bytes(), output.as_bytes(), 0.0, &["$.id", "$.rows[*].t"])
        };
        assert_eq!(ignoring(r#"{"id":1,"x":2}"#, r#"{"x":2}"#), Ok(()));
        assert_eq!(ignoring(r#"{"rows":[{"t":1},{"t":2}]}"#, r#"{"rows":[{"t":"x"},{}]}"#), Ok(()));
        assert!(ignoring(r#"{"rows":[{"t":1}]}"#, r#"{"rows":[]}"#).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::from),
            "[a-zé\"\\\\]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-c]{1,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_equals_itself_and_two_are_equal_both_ways_or_neither(a in any_json(), b in any_json()) {
            prop_assert_eq!(exact(&a.to_string(), &a.to_string()), Ok(()));
            prop_assert_eq!(exact(&a.to_string(), &b.to_string()).is_ok(), exact(&b.to_string(), &a.to_string()).is_ok());
            prop_assert_eq!(exact(&a.to_string(), &b.to_string()).is_ok(), a == b);
        }

        #[test]
        fn any_bytes_are_compared_without_a_panic(a in proptest::collection::vec(any::<u8>(), 0..200),
                                                  b in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = compare(&a, &b, 0.1, &["$.a[*]"]);
        }
    }
}
