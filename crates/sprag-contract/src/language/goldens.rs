//! `goldens exact` and its like: how outputs are compared.

use super::{Rule, number::Number, words::Word};
use crate::Goldens;

/// Reads a rule about outputs.
pub(super) fn read(words: &[Word]) -> Option<Rule> {
    let list: Vec<&str> = words.iter().map(|w| w.lower.as_str()).filter(|w| *w != ",").collect();
    let about = list.iter().any(|w| matches!(*w, "golden" | "goldens" | "output" | "outputs" | "parity"));
    if !about {
        return None;
    }
    let exact = is_conditional(&list) || is_exact(&list) || is_parity(&list);
    if exact {
        return Some(Rule::Goldens(Goldens::Exact));
    }
    tolerance(&list).map(|tolerance| Rule::Goldens(Goldens::Within { tolerance }))
}

fn is_subject(word: &str) -> bool {
    matches!(
        word,
        "golden"
            | "goldens"
            | "output"
            | "outputs"
            | "replay"
            | "replayed"
            | "replays"
            | "the"
            | "all"
            | "every"
            | "each"
            | "any"
            | "file"
            | "files"
            | "result"
            | "results"
            | "must"
            | "should"
            | "shall"
            | "be"
            | "is"
            | "are"
            | "stay"
            | "remain"
            | "have"
            | "has"
            | "to"
            | "a"
            | "an"
            | "always"
            | "of"
            | "their"
            | "and"
    )
}

/// "If replay goldens change, discard": every word is a subject, a change or a refusal.
fn is_conditional(words: &[&str]) -> bool {
    let Some((first, rest)) = words.split_first() else { return false };
    if !matches!(*first, "if" | "when" | "whenever" | "once") {
        return false;
    }
    let change = |w: &str| {
        matches!(
            w,
            "change"
                | "changes"
                | "changed"
                | "differ"
                | "differs"
                | "diverge"
                | "diverges"
                | "drift"
                | "break"
                | "mismatch"
        )
    };
    let refuse =
        |w: &str| matches!(w, "discard" | "reject" | "revert" | "refuse" | "fail" | "discarded" | "rejected");
    let joint =
        |w: &str| matches!(w, "then" | "it" | "candidate" | "change" | "try" | "experiment" | "immediately");
    rest.iter().any(|w| change(w))
        && rest.iter().any(|w| refuse(w))
        && rest.iter().all(|w| is_subject(w) || change(w) || refuse(w) || joint(w))
}

/// "Golden outputs must match exactly": nothing is left but words for sameness.
fn is_exact(words: &[&str]) -> bool {
    let rest: Vec<&str> = words.iter().copied().filter(|w| !is_subject(w)).collect();
    let same = |w: &str| {
        matches!(
            w,
            "exact"
                | "exactly"
                | "unchanged"
                | "identical"
                | "same"
                | "match"
                | "matches"
                | "equal"
                | "bit-identical"
                | "byte-identical"
                | "bit-for-bit"
                | "byte-for-byte"
                | "bitwise"
                | "preserve"
                | "preserved"
                | "preserving"
                | "keep"
                | "remain"
                | "stable"
        )
    };
    match rest.as_slice() {
        [] => false,
        ["not" | "never", "change" | "changes" | "differ" | "vary" | "diverge" | "drift"] => true,
        ["no", "change" | "changes" | "differences" | "difference" | "in"] => {
            rest.len() == 2 && rest[1] != "in"
        }
        // "Keep outputs" alone says nothing about how exactly.
        all => {
            all.iter().all(|w| same(w))
                && !matches!(all, ["keep"] | ["preserve"] | ["remain"] | ["preserving"])
        }
    }
}

/// "Exact parity only".
fn is_parity(words: &[&str]) -> bool {
    let kind = |w: &str| {
        matches!(
            w,
            "exact"
                | "strict"
                | "full"
                | "bit-for-bit"
                | "byte-for-byte"
                | "behavioral"
                | "behavioural"
                | "output"
                | "outputs"
                | "only"
                | "parity"
                | "with"
                | "baseline"
                | "replay"
                | "preserve"
                | "the"
                | "is"
                | "must"
                | "be"
                | "keep"
        )
    };
    let strong = |w: &str| matches!(w, "exact" | "strict" | "full" | "bit-for-bit" | "byte-for-byte");
    words.contains(&"parity") && words.iter().any(|w| strong(w)) && words.iter().all(|w| kind(w))
}

/// `goldens within 1e-9`
fn tolerance(words: &[&str]) -> Option<f64> {
    let rest: Vec<&str> = words.iter().copied().filter(|w| !is_subject(w)).collect();
    let (["within", number] | ["match", "within", number]) = rest.as_slice() else { return None };
    let number = Number::parse(number)?;
    (!number.percent && number.unit.is_empty() && number.value >= 0.0).then_some(number.value)
}
