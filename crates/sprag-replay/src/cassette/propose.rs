//! What differs between two recordings of the same cases, and rules that would make it not matter.
//!
//! Requests of one recording that the other does not know are paired with their likes there. Whatever differs within a
//! pair, such as an id, a time or a signature, is proposed as volatile: a person decides.

mod difference;
mod generalise;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use sprag_contract::settings::replay::Part;

use super::closest::Tokens;
use super::{Cassette, CassetteError};
use crate::exchange::Key;
use difference::differences;

/// How many requests of one kind in one case are paired; the others are like them.
const PAIRED: usize = 200;
/// The largest request that is compared, in bytes.
const COMPARED: u64 = 1 << 20;
/// With less in common than this, two requests are not the same one.
const ALIKE: f64 = 0.3;
/// Two requests that differ in more places are different ones.
const PLACES: usize = 12;
/// How many requests without a like are named.
const NAMED: usize = 100;

/// What two recordings differ in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Rules that would make the requests the same, those that help most first.
    pub proposals: Vec<Proposal>,
    /// Requests of one recording without a like in the other; at most a hundred.
    pub unmatched: Vec<Unmatched>,
}

/// A rule that would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// As it stands in the settings under `[[replay.volatile]]`.
    pub part: Part,
    /// How many pairs of requests differ there.
    pub requests: u32,
    /// One of them, in one line.
    pub label: String,
    /// What stood there in the first recording.
    pub was: String,
    /// And in the second.
    pub is: String,
}

/// A request that only one recording has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// The case of the request.
    pub case: String,
    /// The request in one line.
    pub label: String,
    /// It is in the first recording, and not in the second.
    pub in_first: bool,
}

/// A request that the other recording does not have.
struct Alone {
    upstream: String,
    class: Option<String>,
    label: String,
    canonical: Bytes,
}

/// Compares two recordings of the same cases.
///
/// # Errors
/// They were recorded under different rules, or a line or a blob cannot be read.
pub fn propose(first: &Cassette, second: &Cassette) -> Result<Comparison, CassetteError> {
    if first.manifest().rules_digest != second.manifest().rules_digest {
        return Err(CassetteError::Rules(second.dir().to_owned()));
    }
    let mut comparison = Comparison::default();
    // By their text, since a part has no order of its own.
    let mut proposals: BTreeMap<String, Proposal> = BTreeMap::new();
    let mut cases: Vec<&String> = first.cases().iter().chain(second.cases()).collect();
    cases.sort_unstable();
    cases.dedup();
    for case in cases {
        let (mut was, mut is) = (alone(first, second, case)?, alone(second, first, case)?);
        for (old, new) in pairs(&mut was, &mut is) {
            for found in differences(&old.upstream, &old.canonical, &new.canonical).unwrap_or_default() {
                let part = Part { class: old.class.clone(), ..found.part };
                let text = serde_json::to_string(&part).unwrap_or_default();
                let (label, was, is) = (old.label.clone(), found.was, found.is);
                let proposal =
                    proposals.entry(text).or_insert(Proposal { part, requests: 0, label, was, is });
                proposal.requests += 1;
            }
        }
        let named =
            |in_first| move |alone: Alone| Unmatched { case: case.clone(), label: alone.label, in_first };
        let left = was.into_iter().map(named(true)).chain(is.into_iter().map(named(false)));
        let room = NAMED - comparison.unmatched.len();
        comparison.unmatched.extend(left.take(room));
    }
    comparison.proposals = generalise::generalised(proposals.into_values().collect());
    Ok(comparison)
}

/// The requests of a case that `other` has less often.
fn alone(cassette: &Cassette, other: &Cassette, case: &str) -> Result<Vec<Alone>, CassetteError> {
    let mut known: HashMap<Key, u32> = HashMap::new();
    let mut alone = Vec::new();
    let mut kinds: HashMap<(String, Option<String>), usize> = HashMap::new();
    for nth in cassette.lines_of(case) {
        if cassette.entry(nth).aside {
            continue;
        }
        let text = cassette.text(nth)?;
        let line = cassette.parsed(nth, &text)?;
        let left = known
            .entry(line.key)
            .or_insert_with(|| other.find(case, line.key).map_or(0, |slot| other.answers(slot)));
        if *left > 0 {
            *left -= 1;
            continue;
        }
        let kind = kinds.entry((line.upstream.to_string(), line.class.clone())).or_default();
        let large = line.request.canonical.blob().is_some_and(|(_, size)| size > COMPARED);
        if *kind >= PAIRED || large {
            continue;
        }
        *kind += 1;
        let canonical = line.request.canonical.bytes(&cassette.blobs, |what| cassette.wrong(nth, what))?;
        let (upstream, label) = (line.upstream.into_owned(), line.request.label.into_owned());
        alone.push(Alone { upstream, class: line.class, label, canonical });
    }
    Ok(alone)
}

/// Takes out what is alike, the most alike first.
fn pairs(first: &mut Vec<Alone>, second: &mut Vec<Alone>) -> Vec<(Alone, Alone)> {
    let mut likes = Vec::new();
    for (a, old) in first.iter().enumerate() {
        let tokens = Tokens::of(&old.canonical);
        for (b, new) in second.iter().enumerate() {
            if (&old.upstream, &old.class) != (&new.upstream, &new.class) {
                continue;
            }
            let likeness = tokens.likeness(&new.canonical);
            if likeness >= ALIKE {
                likes.push((likeness, a, b));
            }
        }
    }
    likes.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    let mut olds: Vec<Option<Alone>> = first.drain(..).map(Some).collect();
    let mut news: Vec<Option<Alone>> = second.drain(..).map(Some).collect();
    let mut pairs = Vec::new();
    for (_, a, b) in likes {
        let (Some(old), Some(new)) = (&olds[a], &news[b]) else { continue };
        let places = differences(&old.upstream, &old.canonical, &new.canonical)
            .map_or(usize::MAX, |found| found.len());
        if places <= PLACES {
            pairs.extend(olds[a].take().zip(news[b].take()));
        }
    }
    first.extend(olds.into_iter().flatten());
    second.extend(news.into_iter().flatten());
    pairs
}
