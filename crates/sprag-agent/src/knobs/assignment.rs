//! The one place in a file where a knob is set, found by its form and rewritten: `NAME = value`, `const NAME: T = value;`,
//! `NAME: value`, `"NAME": value,`, `#define NAME value`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use sprag_contract::Domain;

/// What may stand before a name that is assigned to: modifiers and types, and nothing that computes.
static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^\s*(?:[-]\s+)?(?:#\s*define\s+|[A-Za-z_][\w<>:*&\[\]]*(?:\([\w\s:]*\))?\s+|[*&])*["']?$"#)
        .expect("it is a pattern")
});
/// What may stand between the name and its value: a type, and the sign of an assignment.
static BETWEEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^["']?\s*(?::\s*[^=:"'#]+?)?(?:=|:=)\s*"#).expect("it is a pattern"));
/// The same where the value follows a colon, or the name itself behind `#define`.
static COLON: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"^["']?\s*:\s*"#).expect("it is a pattern"));
/// One value: a number with its suffix, a text, or a path of names.
static VALUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^(?:(?P<number>[-+]?(?:0[xXbBoO][0-9A-Fa-f_]+|[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?(?:[eE][-+]?[0-9]+)?))(?P<suffix>_?[A-Za-z]\w*)?|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[A-Za-z_][\w.:]*)"#)
        .expect("it is a pattern")
});
/// What may follow it: the end of the statement, and a comment.
static AFTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*[;,)}]*\s*(?:$|#|//|/\*|--\s)").expect("it is a pattern"));

/// Where a knob is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The bytes of the value, without the suffix of a number.
    pub(super) at: Range<usize>,
    /// The line, from 1.
    pub(super) line: usize,
    /// The value as it is written.
    pub(super) value: String,
}

/// The one assignment of `name` in `text`.
///
/// # Errors
/// A line, from 1, and what is wrong there: there is none, more than one, or its value is no single one.
pub(super) fn find(text: &str, name: &str, domain: &Domain) -> Result<Assignment, (usize, String)> {
    let mut found: Vec<Result<Assignment, usize>> = Vec::new();
    let mut start = 0;
    for (index, raw) in text.split_inclusive('\n').enumerate() {
        let line = raw.trim_end_matches(['\n', '\r']);
        found.extend(in_line(line, name, domain).map(|value| match value {
            Some(at) => Ok(Assignment {
                value: line[at.clone()].to_owned(),
                at: start + at.start..start + at.end,
                line: index + 1,
            }),
            None => Err(index + 1),
        }));
        start += raw.len();
    }
    let lines: Vec<String> =
        found.iter().map(|f| f.as_ref().map_or_else(|line| *line, |a| a.line).to_string()).collect();
    match found.as_slice() {
        [] => Err((1, format!("nothing sets `{name}` in a form like `{name} = value`"))),
        [Ok(one)] => Ok(one.clone()),
        [Err(line)] => Err((*line, format!("what `{name}` is set to is no single value"))),
        [first, ..] => {
            let line = first.as_ref().map_or_else(|line| *line, |a| a.line);
            Err((line, format!("`{name}` is set more than once, in the lines {}", lines.join(", "))))
        }
    }
}

/// The value that a line assigns to `name`; `Some(None)` where it assigns something else than one value.
fn in_line(line: &str, name: &str, domain: &Domain) -> Option<Option<Range<usize>>> {
    let comment = line.trim_start();
    let defines = comment.starts_with('#') && comment[1..].trim_start().starts_with("define");
    if (comment.starts_with('#') && !defines)
        || ["//", "--", "/*", "* "].iter().any(|mark| comment.starts_with(mark))
    {
        return None;
    }
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (at, _) = line.match_indices(name).find(|(at, _)| {
        let (before, after) = (&line[..*at], &line[at + name.len()..]);
        !before.ends_with(|c| word(c) || c == '-' || c == '.') && !after.starts_with(|c| word(c) || c == '-')
    })?;
    let after = at + name.len();
    if !BEFORE.is_match(&line[..at]) {
        return None;
    }
    let rest = &line[after..];
    if let Some(between) = BETWEEN.find(rest).filter(|m| !rest[m.end()..].starts_with(['=', '>'])) {
        let start = after + between.end();
        return Some(value(&line[start..], domain).map(|v| start + v.start..start + v.end));
    }
    let colon = COLON.find(rest).map(|m| m.end());
    let start =
        after + colon.or(defines.then(|| rest.len() - rest.trim_start().len()).filter(|gap| *gap > 0))?;
    // Behind a colon a name is a type, unless it is a choice.
    value(&line[start..], domain).map(|v| Some(start + v.start..start + v.end))
}

/// The single value that a text begins with, when nothing but the end of a statement follows.
fn value(text: &str, domain: &Domain) -> Option<Range<usize>> {
    let found = VALUE.captures(text)?;
    let whole = found.get(0)?;
    if !AFTER.is_match(&text[whole.end()..]) {
        return None;
    }
    let fits = match domain {
        Domain::OneOf { choices } => {
            let same = |choice: &String| choice == whole.as_str() || choice == unquoted(whole.as_str());
            let is_word = matches!(whole.as_str(), "true" | "false" | "True" | "False");
            found.name("number").is_some()
                || whole.as_str() != unquoted(whole.as_str())
                || is_word
                || choices.iter().any(same)
        }
        _ => found.name("number").is_some(),
    };
    let number = found.name("number").filter(|_| !matches!(domain, Domain::OneOf { .. }));
    fits.then(|| number.map_or(whole.range(), |number| number.range()))
}

/// A text in the code without its quotes.
pub(super) fn unquoted(text: &str) -> &str {
    let inside = |mark: char| text.strip_prefix(mark)?.strip_suffix(mark);
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

impl Assignment {
    /// The text with `literal` in place of the value, in quotes where the value had some.
    pub(super) fn set(&self, text: &str, literal: &str) -> String {
        let inside = unquoted(&self.value);
        let quote = match inside != self.value && unquoted(literal) == literal {
            true => &self.value[..1],
            false => "",
        };
        format!("{}{quote}{literal}{quote}{}", &text[..self.at.start], &text[self.at.end..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Domain = Domain::Whole { low: 1, high: 4096, log: false };

    fn set(text: &str) -> Result<String, String> {
        let found = find(text, "CHUNK", &WHOLE).map_err(|(line, what)| format!("{line}: {what}"))?;
        Ok(found.set(text, "512"))
    }

    #[test]
    fn every_form_of_an_assignment_is_found_and_only_its_value_is_changed() {
        for (before, after) in [
            ("CHUNK = 64", "CHUNK = 512"),
            ("CHUNK=64\r\n", "CHUNK=512\r\n"),
            ("CHUNK: int = 64  # rows", "CHUNK: int = 512  # rows"),
            ("    CHUNK := 1_024", "    CHUNK := 512"),
            ("pub(crate) const CHUNK: usize = 64_usize;", "pub(crate) const CHUNK: usize = 512_usize;"),
            ("static constexpr int CHUNK = 0x40; // bytes", "static constexpr int CHUNK = 512; // bytes"),
            ("#define CHUNK 64", "#define CHUNK 512"),
            ("# define CHUNK 64UL", "# define CHUNK 512UL"),
            ("export CHUNK=64", "export CHUNK=512"),
            ("\"CHUNK\": 64,", "\"CHUNK\": 512,"),
            ("  CHUNK: 64", "  CHUNK: 512"),
            ("- CHUNK: 64", "- CHUNK: 512"),
            ("let mut CHUNK = 64;", "let mut CHUNK = 512;"),
            ("export const CHUNK = 64;", "export const CHUNK = 512;"),
            ("CHUNK = -3.5e2", "CHUNK = 512"),
        ] {
            let text = format!(
                "MY_CHUNK = 1\nCHUNKS = 2\n{before}\nuse(CHUNK)\nif CHUNK == 64: pass\nx = CHUNK\n# CHUNK = 3\n"
            );
            assert_eq!(set(&text).as_deref(), Ok(text.replace(before, after).as_str()), "{before}");
        }
    }

    #[test]
    fn none_several_and_what_is_computed_are_refused_with_their_lines() {
        insta::assert_snapshot!(set("x = 1\nf(CHUNK=64)\n").unwrap_err(), @"1: nothing sets `CHUNK` in a form like `CHUNK = value`");
        insta::assert_snapshot!(set("\nCHUNK = 1\nCHUNK = 2\n").unwrap_err(), @"2: `CHUNK` is set more than once, in the lines 2, 3");
        insta::assert_snapshot!(set("\nCHUNK = 2 * BASE\n").unwrap_err(), @"2: what `CHUNK` is set to is no single value");
        insta::assert_snapshot!(set("CHUNK = BASE\n").unwrap_err(), @"1: what `CHUNK` is set to is no single value");
        insta::assert_snapshot!(set("struct S {\n    CHUNK: usize,\n}\n").unwrap_err(), @"1: nothing sets `CHUNK` in a form like `CHUNK = value`");
    }

    #[test]
    fn a_choice_keeps_the_quotes_of_what_it_replaces() {
        let one_of =
            |choices: &[&str]| Domain::OneOf { choices: choices.iter().map(|c| (*c).to_owned()).collect() };
        let set = |text: &str, choices: &[&str]| {
            find(text, "MODE", &one_of(choices)).map(|found| found.set(text, choices[1]))
        };
        assert_eq!(set("MODE = 'lru'", &["lru", "fifo"]), Ok("MODE = 'fifo'".to_owned()));
        assert_eq!(set("MODE = \"lru\";", &["\"lru\"", "\"fifo\""]), Ok("MODE = \"fifo\";".to_owned()));
        assert_eq!(
            set("const MODE: Mode = Mode::Lru;", &["Mode::Lru", "Mode::Fifo"]),
            Ok("const MODE: Mode = Mode::Fifo;".to_owned())
        );
        assert_eq!(set("MODE: true", &["true", "false"]), Ok("MODE: false".to_owned()));
        assert_eq!(set("MODE = 4_u8;", &["4_u8", "8_u8"]), Ok("MODE = 8_u8;".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(CHUNK|[ =:;,\"'#/0-9a-zé\n-]){0,60}") {
            if let Ok(found) = find(&text, "CHUNK", &WHOLE) {
                found.set(&text, "7");
            }
        }
    }
}
