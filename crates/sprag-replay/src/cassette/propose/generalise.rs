//! From what stood there to what may stand there.

use std::sync::LazyLock;

use regex::Regex;
use sprag_contract::settings::replay::Part;

use super::Proposal;
use super::difference::Found;

/// How much of the text before it anchors an expression, in characters.
const ANCHOR: usize = 12;

/// What commonly changes, the most special first, and whether it is so special that it needs no anchor.
static KINDS: LazyLock<Vec<(Regex, &str, bool)>> = LazyLock::new(|| {
    let kinds = [
        ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", true),
        (r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?", true),
        (r"\d{4}-\d{2}-\d{2}", false),
        (r"\d{2}:\d{2}:\d{2}(?:\.\d+)?", false),
        (r"\d+(?:\.\d+)?", false),
        ("[0-9a-f]{8,}", false),
        ("[0-9A-Za-z_-]+", false),
        ("[0-9A-Za-z_+/=.:-]+", false),
    ];
    let compiled = |(kind, special): (&'static str, bool)| {
        Regex::new(&format!("^(?:{kind})$")).ok().map(|regex| (regex, kind, special))
    };
    kinds.into_iter().filter_map(compiled).collect()
});

/// Words that differ within a text, as expressions of the body; `None` where the texts have different shapes, or nothing
/// around a word tells it from others.
pub(super) fn in_text(was: &str, is: &str) -> Option<Vec<Found>> {
    let (old, new) = (words(was), words(is));
    if old.len() != new.len() {
        return None;
    }
    let mut differing = Vec::new();
    let mut at = 0;
    for (old, new) in old.into_iter().zip(new) {
        if old != new {
            differing.push((at, old, new));
        }
        at += old.len();
    }
    let expression = |nth: usize| {
        let (start, old, new) = differing[nth];
        // What changes as well is no anchor.
        let from = nth.checked_sub(1).map_or(0, |before| differing[before].0 + differing[before].1.len());
        let to = differing.get(nth + 1).map_or(was.len(), |after| after.0);
        let before: String = anchor(was[from..start].chars().rev()).chars().rev().collect();
        let after = anchor(was[start + old.len()..to].chars());
        let (_, kind, special) = KINDS.iter().find(|(kind, ..)| kind.is_match(old) && kind.is_match(new))?;
        let tells = |text: &str| text.contains(char::is_alphanumeric);
        let body = match (tells(&before), tells(&after)) {
            (true, _) => format!("{}({kind})", regex::escape(&before)),
            (false, true) => format!("({kind}){}", regex::escape(&after)),
            (false, false) if *special => format!("({kind})"),
            (false, false) => return None,
        };
        Some(Found::new(Part { body: Some(body), ..Part::default() }, old, new))
    };
    (0..differing.len()).map(expression).collect()
}

/// A few characters, as far as they stand in every spelling of a text as they are.
fn anchor(chars: impl Iterator<Item = char>) -> String {
    chars.take(ANCHOR).take_while(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect()
}

/// Runs of what an id or a time consists of, and of what not, by turns.
fn words(text: &str) -> Vec<&str> {
    let of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/' | '=' | ':' | '.');
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| of_word(c) != of_word(first)).unwrap_or(rest.len());
        // A sentence may end after it.
        let end = match rest[..end].trim_end_matches(['.', ':']).len() {
            0 => end,
            shorter => shorter,
        };
        words.push(&rest[..end]);
        rest = &rest[end..];
    }
    words
}

/// One rule for all items of an array, and those that help most first.
pub(super) fn generalised(proposals: Vec<Proposal>) -> Vec<Proposal> {
    let any = |part: &Part| Part { json: part.json.as_deref().map(any_index), ..part.clone() };
    let mut merged: Vec<Proposal> = Vec::new();
    for proposal in proposals {
        let wider = any(&proposal.part);
        match merged.iter_mut().find(|other| any(&other.part) == wider) {
            Some(other) => {
                other.requests = other.requests.max(proposal.requests);
                other.part = wider;
            }
            None => merged.push(proposal),
        }
    }
    merged.sort_by_key(|proposal| std::cmp::Reverse(proposal.requests));
    merged
}

fn any_index(path: &str) -> String {
    static INDEX: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\[\d+\]").ok());
    INDEX.as_ref().map_or_else(|| path.to_owned(), |index| index.replace_all(path, "[*]").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(was: &str, is: &str) -> Option<Vec<String>> {
        Some(in_text(was, is)?.into_iter().filter_map(|found| found.part.body).collect())
    }

    #[test]
    fn what_changes_is_recognised_by_its_kind() {
        let sql = |id: &str, at: &str| format!("INSERT INTO logs (id, at, n) VALUES ('{id}', '{at}', 7)");
        let was = sql("0190b5a2-7c3e-7f00-8000-000000000001", "2026-11-24T09:00:00Z");
        let is = sql("0190b5a2-7c3e-7f00-8000-0000000000ff", "2026-11-24T09:03:21.5Z");
        let found = bodies(&was, &is).unwrap();
        assert_eq!(found.len(), 2);
        for body in &found {
            let regex = Regex::new(body).unwrap();
            assert!(regex.is_match(&was) && regex.is_match(&is), "{body}");
        }
        assert!(found[0].contains("[0-9a-f]{8}-"), "{found:?}");
        assert!(found[1].contains(r"\d{2}:\d{2}:\d{2}"), "{found:?}");
    }

    #[test]
    fn what_nothing_tells_from_other_words_is_not_proposed() {
        assert_eq!(bodies("17", "23"), None);
        assert_eq!(bodies("17\n", "23\n"), None);
        assert_eq!(bodies("17 items", "23 items").unwrap(), [r"(\d+(?:\.\d+)?) items"]);
    }

    #[test]
    fn texts_of_other_shapes_are_not_explained() {
        assert_eq!(bodies("SELECT a FROM b", "SELECT a, c FROM b"), None);
    }

    #[test]
    fn an_index_becomes_any_index_once_there_are_two() {
        let proposal = |json: &str| Proposal {
            part: Part { json: Some(json.to_owned()), ..Part::default() },
            requests: 1,
            label: String::new(),
            was: String::new(),
            is: String::new(),
        };
        let paths = |proposals: Vec<Proposal>| -> Vec<String> {
            generalised(proposals).into_iter().filter_map(|proposal| proposal.part.json).collect()
        };
        assert_eq!(paths(vec![proposal("$.a[0].id"), proposal("$.b")]), ["$.a[0].id", "$.b"]);
        assert_eq!(paths(vec![proposal("$.a[0].id"), proposal("$.a[1].id")]), ["$.a[*].id"]);
    }
}
