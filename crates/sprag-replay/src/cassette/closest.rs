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
