//! What was recorded that is most like a request that was missed. It answers nothing: it is shown.

use std::collections::HashMap;

use super::Cassette;
use super::format::LONGEST_LINE;
use crate::exchange::Asked;
use crate::trouble::{Closest, shown};

/// How many recorded requests are looked at.
const CANDIDATES: usize = 1_000;
/// How much of them is read, in bytes.
const READ: usize = 4 * LONGEST_LINE;
/// How much of a request is compared, in bytes.
const COMPARED: usize = 16 << 10;

impl Cassette {
    /// What is most like a request, for people. The work is bounded, so with very many requests the best may be missed.
    pub(crate) fn closest(&self, case: &str, asked: &Asked) -> Option<Closest> {
        let key = asked.key();
        if let Some(slot) = self.find(case, key) {
            return Some(Closest::UsedUp { answers: self.answers(slot) });
        }
        if let Some(slot) = self.find_in_any_case(key) {
            return Some(Closest::OtherCase(self.case_of(slot).to_owned()));
        }
        let upstream = self.upstream_number(&asked.upstream)?;
        let here = self.lines_of(case);
        let elsewhere = (0..self.len()).filter(|nth| !here.contains(nth));
        let wanted = Tokens::of(&asked.canonical);
        let mut left = READ;
        let mut best: Option<(f64, u32)> = None;
        let same_place = |nth: &u32| self.entry(*nth).upstream == upstream;
        for nth in here.clone().chain(elsewhere).filter(same_place).take(CANDIDATES) {
            let Ok(text) = self.text(nth) else { continue };
            let Some(rest) = left.checked_sub(text.len()) else { break };
            left = rest;
            let Ok(line) = self.parsed(nth, &text) else { continue };
            // One in a blob is too large to be read for a diagnosis; its label still tells.
            let likeness = match line.request.canonical.inline() {
                Ok(Some(canonical)) => wanted.likeness(&canonical),
                _ if *line.request.label == asked.label => 0.5,
                _ => 0.0,
            };
            if best.is_none_or(|(most, _)| likeness > most) {
                best = Some((likeness, nth));
            }
        }
        let (_, nth) = best?;
        let text = self.text(nth).ok()?;
        let line = self.parsed(nth, &text).ok()?;
        let canonical = line.request.canonical.bytes(&self.blobs, |what| self.wrong(nth, what)).ok()?;
        Some(Closest::Alike { label: line.request.label.into_owned(), request: shown(&canonical) })
    }
}

/// The words of a text and how often each occurs.
pub(super) struct Tokens<'a> {
    counts: HashMap<&'a [u8], u32>,
    sum: u32,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        let text = &text[..text.len().min(COMPARED)];
        let mut tokens = Self { counts: HashMap::new(), sum: 0 };
        for word in words(text) {
            *tokens.counts.entry(word).or_default() += 1;
            tokens.sum += 1;
        }
        tokens
    }

    /// From 0, nothing in common, to 1, the same words.
    pub(super) fn likeness(&self, other: &[u8]) -> f64 {
        let mut left = self.counts.clone();
        let (mut common, mut sum) = (0u32, 0u32);
        for word in words(&other[..other.len().min(COMPARED)]) {
            sum += 1;
            if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
                *count -= 1;
                common += 1;
            }
        }
        f64::from(2 * common) / f64::from((self.sum + sum).max(1))
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let separates = |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'_';
    text.split(separates).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use camino::Utf8Path;

    use super::*;
    use crate::cassette::Recorder;
    use crate::exchange::{Answer, Timing};
    use crate::rules::Rules;

    fn asked(canonical: &str) -> Asked {
        let upstream = canonical.split_whitespace().next().unwrap_or_default().to_owned();
        let label = format!("label of {canonical}");
        Asked {
            upstream,
            label,
            canonical: canonical.to_owned().into(),
            class: None,
            items: 1,
            bytes: 0,
            aside: false,
            masked: 0,
        }
    }

    fn recorded(requests: &[(&str, &str)]) -> (Cassette, tempfile::TempDir) {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(temporary.path()).unwrap().join("cassette");
        let settings = serde_json::from_value(serde_json::json!({ "cassette": "x" })).unwrap();
        let recorder = Recorder::create(&dir, Arc::new(Rules::compile(&settings).unwrap()), None).unwrap();
        for (case, request) in requests {
            recorder.record(case, &asked(request), Answer::Redis("+OK\r\n".into()), Timing::default());
        }
        recorder.finish().unwrap();
        (Cassette::open(&dir).unwrap(), temporary)
    }

    #[test]
    fn the_same_request_is_closer_than_any_other() {
        let (cassette, _folder) =
            recorded(&[("a", "db SELECT 1"), ("a", "db SELECT 1"), ("b", "db SELECT 2")]);
        assert_eq!(cassette.closest("a", &asked("db SELECT 1")), Some(Closest::UsedUp { answers: 2 }));
        assert_eq!(cassette.closest("a", &asked("db SELECT 2")), Some(Closest::OtherCase("b".to_owned())));
    }

    #[test]
    fn the_most_alike_of_the_same_place_is_shown() {
        let (cassette, _folder) = recorded(&[
            ("a", "db SELECT name FROM users WHERE id = 7"),
            ("b", "db SELECT name, age FROM users WHERE id = 8"),
            ("a", "web SELECT name, age FROM users WHERE id = 9"),
            ("a", "db DELETE FROM things"),
        ]);
        let shown = |request: &str| match cassette.closest("a", &asked(request))? {
            Closest::Alike { label, request } => Some((label, request)),
            other => panic!("{other:?}"),
        };
        let (label, request) = shown("db SELECT name, age FROM users WHERE id = 9").unwrap();
        assert_eq!(request, "db SELECT name, age FROM users WHERE id = 8");
        assert_eq!(label, format!("label of {request}"));
        assert_eq!(
            shown("db SELECT name FROM users WHERE id = 1").unwrap().1,
            "db SELECT name FROM users WHERE id = 7"
        );
        assert_eq!(shown("mail HELO"), None);
    }

    #[test]
    fn a_request_of_any_bytes_has_a_diagnosis() {
        let large = format!("db {}", "x ".repeat(20_000));
        let (cassette, _folder) = recorded(&[("a", &large)]);
        for canonical in [&b""[..], b"\xff\0\n", &[b'x'; 100_000]] {
            let asked = Asked { canonical: canonical.to_vec().into(), ..asked("db") };
            assert!(matches!(cassette.closest("a", &asked), Some(Closest::Alike { .. })));
        }
    }
}
