//! Sentences and words of a bullet.

use std::ops::Range;

use super::Names;
use crate::{nearest::nearest, spec::Text};

/// A word as written and in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) lower: String,
    /// Its place in the sentence.
    pub(super) range: Range<usize>,
}

impl Word {
    fn new(text: &str, range: Range<usize>) -> Self {
        let text = match text {
            "≤" | "=<" => "<=",
            "≥" | "=>" => ">=",
            "===" => "==",
            other => other,
        };
        Word { text: text.to_owned(), lower: text.to_lowercase().replace('’', "'"), range }
    }
}

/// Abbreviations whose full stop ends no sentence.
const ABBREVIATIONS: [&str; 6] = ["e.g", "i.e", "vs", "etc", "approx", "incl"];

/// The sentences of a bullet: cut at full stops and semicolons outside of backticks and brackets.
pub(crate) fn sentences(text: &Text) -> Vec<Text> {
    text.split(|before, rest| {
        let mark = rest.chars().next().filter(|c| ".;!".contains(*c))?;
        let ends = rest[1..].is_empty() || rest[1..].starts_with(char::is_whitespace);
        let short = mark == '.' && ABBREVIATIONS.iter().any(|a| before.to_lowercase_ends_with(a));
        (ends && !short).then_some(1)
    })
}

trait EndsWith {
    fn to_lowercase_ends_with(&self, end: &str) -> bool;
}

impl EndsWith for str {
    fn to_lowercase_ends_with(&self, end: &str) -> bool {
        let from = self.len().wrapping_sub(end.len());
        self.get(from..).is_some_and(|tail| {
            let free = self[..from].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
            tail.eq_ignore_ascii_case(end) && free
        })
    }
}

/// The words of a sentence; comparisons, brackets and commas are words of their own.
pub(super) fn tokens(sentence: &Text) -> Vec<Word> {
    let text = sentence.as_str();
    let mut words = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let c = rest.chars().next().expect("inside of the text");
        let length = if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        } else if "<>=!≤≥≠".contains(c) {
            rest.find(|c: char| !"<>=!≤≥≠".contains(c)).unwrap_or(rest.len())
        } else if is_word(c) || (c == '.' && rest[1..].starts_with(is_word)) || "$~".contains(c) {
            word_length(rest)
        } else if "-+".contains(c) && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            1 + word_length(&rest[1..])
        } else {
            c.len_utf8()
        };
        words.push(Word::new(&rest[..length], at..at + length));
        at += length;
    }
    words.retain(|w| !matches!(w.text.as_str(), "\"" | "'" | "“" | "”" | "." | ":"));
    expand(words)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '%'
}

/// Letters, digits and what stands between them in names, paths, numbers and "byte-for-byte".
fn word_length(rest: &str) -> usize {
    let mut end = 0;
    for (at, c) in rest.char_indices() {
        let next = rest[at + c.len_utf8()..].chars().next();
        let inner = ".-/'’*".contains(c) && next.is_some_and(|n| is_word(n) || n == '*' || n == '.')
            || (c == ',' && thousands(&rest[..at], &rest[at + 1..]))
            || (c == '/' && next.is_none_or(char::is_whitespace));
        if !(is_word(c) || inner || (at == 0 && ".$~".contains(c)) || (c == '*' && at > 0)) {
            break;
        }
        end = at + c.len_utf8();
    }
    end.max(rest.chars().next().map_or(0, char::len_utf8))
}

/// Whether a comma groups digits: `1,024`.
fn thousands(before: &str, after: &str) -> bool {
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    digits == 3 && before.ends_with(|c: char| c.is_ascii_digit()) && !before.contains('.')
}

/// Writes out contractions and joins a number with its "percent".
fn expand(words: Vec<Word>) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        let two = match word.lower.as_str() {
            "don't" | "dont" => Some(("do", "not")),
            "doesn't" => Some(("does", "not")),
            "mustn't" => Some(("must", "not")),
            "shouldn't" => Some(("should", "not")),
            "can't" | "cannot" => Some(("can", "not")),
            "won't" => Some(("will", "not")),
            "isn't" => Some(("is", "not")),
            _ => None,
        };
        let number = out.last().is_some_and(|last| last.text.ends_with(|c: char| c.is_ascii_digit()));
        if let Some((first, second)) = two {
            out.push(Word::new(first, word.range.clone()));
            out.push(Word::new(second, word.range));
        } else if number && matches!(word.lower.as_str(), "%" | "percent") {
            let last = out.last_mut().expect("there is a number");
            *last = Word::new(&format!("{}%", last.text), last.range.start..word.range.end);
        } else {
            out.push(word);
        }
    }
    out
}

/// The words before a note in brackets, after a dash, or before a reason. A condition (`unless`, `except`, `if`) is
/// no reason: it changes what is asked for.
pub(super) fn without_reason(words: &[Word]) -> &[Word] {
    let cut = words.iter().enumerate().position(|(at, word)| match word.lower.as_str() {
        "—" | "–" | "-" | "because" => true,
        "since" => at > 0,
        "(" => words.get(at + 1).is_some_and(|next| next.lower != "hard" && next.lower != "soft"),
        "," => {
            words.get(at + 1).is_some_and(|next| matches!(next.lower.as_str(), "so" | "because" | "since"))
        }
        _ => false,
    });
    &words[..cut.unwrap_or(words.len())]
}

/// The words of the language, for finding slips.
const VOCABULARY: [&str; 64] = [
    "unchanged",
    "exact",
    "exactly",
    "within",
    "most",
    "least",
    "must",
    "should",
    "change",
    "changed",
    "changes",
    "increase",
    "decrease",
    "exceed",
    "below",
    "goldens",
    "golden",
    "replay",
    "outputs",
    "match",
    "identical",
    "checks",
    "pass",
    "same",
    "tests",
    "files",
    "lines",
    "hard",
    "stay",
    "stays",
    "baseline",
    "worse",
    "regress",
    "discard",
    "equal",
    "constant",
    "new",
    "not",
    "after",
    "consecutive",
    "discards",
    "experiments",
    "experiment",
    "hours",
    "minutes",
    "tokens",
    "when",
    "last",
    "gained",
    "less",
    "than",
    "the",
    "at",
    "no",
    "parity",
    "only",
    "and",
    "stop",
    "add",
    "edit",
    "modify",
    "harness",
    "benchmark",
    "dependencies",
];

/// The sentence with every unknown word put right, where that changes anything.
pub(super) fn corrected(words: &[Word], names: &Names<'_>) -> Option<Vec<Word>> {
    let mut changed = false;
    let fixed = words
        .iter()
        .map(|word| {
            let letters = word.text.chars().count() >= 4 && word.text.chars().any(char::is_alphabetic);
            let known = VOCABULARY.contains(&word.lower.as_str()) || names.knows(&word.text);
            if !letters || known {
                return word.clone();
            }
            match names.nearest(&word.text).or_else(|| nearest(&word.lower, VOCABULARY)) {
                Some(meant) => {
                    changed = true;
                    Word::new(meant, word.range.clone())
                }
                None => word.clone(),
            }
        })
        .collect();
    changed.then_some(fixed)
}

/// Like [`corrected`], for a sentence of the Stop section.
pub(super) fn corrected_stop(words: &[Word], names: &Names<'_>) -> Option<Vec<Word>> {
    corrected(words, names)
}

/// The words as a sentence.
pub(super) fn join(words: &[Word]) -> String {
    let mut out = String::new();
    for word in words {
        let tight = matches!(word.text.as_str(), "," | ")" | "%");
        if !out.is_empty() && !tight && !out.ends_with('(') {
            out.push(' ');
        }
        out.push_str(&word.text);
    }
    out
}
