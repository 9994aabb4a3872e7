//! `embedder_calls == 7` and its like: one bound on one or several metrics.

use sprag_judge::{Bound, Direction};

use super::{Names, Rule, number::Number, words::Word};

/// Whether a word can be the name of a metric at all: what `METRIC name=value` lines allow.
pub(crate) fn is_metric_name(word: &str) -> bool {
    !word.is_empty() && word.len() <= 120 && word.chars().all(|c| c.is_alphanumeric() || "_.µ".contains(c))
}

/// Whether a word that the spec has not introduced still reads as a metric's name: `cache_hits`, but not `hits`.
fn looks_like_metric(word: &str) -> bool {
    let inner = word.trim_matches('_');
    is_metric_name(word)
        && inner.contains('_')
        && !word.contains('.')
        && word.starts_with(char::is_alphabetic)
}

/// Reads a bound. `Ok(None)`: no bound. `Err`: the sentence that was probably meant.
pub(super) fn read(words: &[Word], names: &Names<'_>) -> Result<Option<Rule>, String> {
    let start = words.iter().take_while(|w| is_opening(&w.lower)).count();
    let Some((subjects, rest)) = leading(&words[start..], names).or_else(|| trailing(words, names)) else {
        return Ok(None);
    };
    let list: Vec<&str> = rest.iter().map(|w| w.lower.as_str()).collect();
    let fits = |unit: &str| subjects.iter().all(|s| unit_fits(unit, s, names));
    let Some(predicate) = predicate(&list, &fits) else { return Ok(None) };
    let written = || rest.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
    let meant: Vec<&str> = subjects
        .iter()
        .map(|subject| match names.knows(subject) {
            true => subject.as_str(),
            false => names.nearest(subject).unwrap_or(subject),
        })
        .collect();
    match predicate {
        Predicate::Strict(sentence) => Err(format!("{} {sentence}", meant.join(", "))),
        Predicate::Bound(..) if meant != subjects => Err(format!("{} {}", meant.join(", "), written())),
        Predicate::Bound(bound, direction) => Ok(Some(Rule::Bound { metrics: subjects, bound, direction })),
    }
}

/// Words before the metric that change nothing.
fn is_opening(word: &str) -> bool {
    matches!(word, "keep" | "the" | "metric" | "ensure" | "that" | "leave" | "hold")
}

/// `a, b and c` at the start, and the words after them.
fn leading<'w>(words: &'w [Word], names: &Names<'_>) -> Option<(Vec<String>, Vec<&'w Word>)> {
    let mut subjects = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if is_subject(word, names) {
            subjects.push(word.text.clone());
        } else if !matches!(word.lower.as_str(), "," | "and" | "&" | "/") || subjects.is_empty() {
            break;
        }
        at += 1;
    }
    (!subjects.is_empty()).then(|| (subjects, words[at..].iter().collect()))
}

/// `no increase in bundle_kb`: the metric last.
fn trailing<'w>(words: &'w [Word], names: &Names<'_>) -> Option<(Vec<String>, Vec<&'w Word>)> {
    let (last, before) = words.split_last()?;
    if !is_subject(last, names) {
        return None;
    }
    let before = match before.split_last() {
        Some((joint, rest)) if matches!(joint.lower.as_str(), "in" | "of" | "to" | "for") => rest,
        _ => before,
    };
    Some((vec![last.text.clone()], before.iter().collect()))
}

/// A known metric, a word that reads as one, or a slip of a known one.
fn is_subject(word: &Word, names: &Names<'_>) -> bool {
    names.knows(&word.text)
        || looks_like_metric(&word.text)
        || (word.text.len() >= 4
            && word.text.contains(|c: char| c == '_' || c.is_ascii_digit())
            && names.nearest(&word.text).is_some())
}

enum Predicate {
    Bound(Bound, Option<Direction>),
    /// Not in the language, but this is close to it.
    Strict(String),
}

/// Words that change nothing in a predicate.
fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "must"
            | "should"
            | "shall"
            | "has"
            | "have"
            | "to"
            | "needs"
            | "need"
            | "will"
            | "be"
            | "is"
            | "are"
            | "stay"
            | "stays"
            | "remain"
            | "remains"
            | "kept"
            | "keep"
            | "at"
            | "a"
            | "an"
            | "the"
            | "always"
            | "do"
            | "does"
            | "it"
            | "exactly"
            | "precisely"
            | "strictly"
            | "by"
            | "any"
            | "also"
    )
}

fn predicate(words: &[&str], fits: &dyn Fn(&str) -> bool) -> Option<Predicate> {
    let (words, hard) = hardness(words);
    let (words, baseline) = without_baseline(words);
    let permits = words.iter().any(|w| matches!(*w, "may" | "can"));
    let core: Vec<&str> =
        words.iter().copied().filter(|w| !is_filler(w) && !matches!(*w, "may" | "can")).collect();
    let bound = |bound| Some(Predicate::Bound(bound, None));
    let toward = |bound, direction| Some(Predicate::Bound(bound, Some(direction)));
    let within = |n: &Number| {
        (n.percent && n.value > 0.0 && n.value < 1.0).then_some(Bound::Within { margin: n.value, hard })
    };
    let (core, number) = pull_number(&core, fits)?;
    let core = core.as_slice();
    if let Some(n) = number {
        return match core {
            ["within" | "most", "#"]
            | ["within", "#", "worse" | "slower" | "higher"]
            | ["most", "#", "worse" | "slower" | "higher" | "lower" | "larger" | "bigger" | "more"]
            | [
                "no" | "not",
                "more",
                "than",
                "#",
                "worse" | "slower" | "higher" | "lower" | "larger" | "bigger",
            ]
            | [
                "not",
                "increase" | "decrease" | "regress" | "worsen" | "degrade" | "grow" | "rise" | "drop",
                "more",
                "than",
                "#",
            ]
            | ["regress" | "worsen" | "degrade", "most", "#"]
                if n.percent && (core[0] != "most" || core.len() > 2 || baseline) =>
            {
                Some(Predicate::Bound(within(&n)?, None))
            }
            ["within", "#"] if !n.percent => {
                let percent = if n.value < 1.0 { n.value * 100.0 } else { n.value };
                Some(Predicate::Strict(format!("within {}%", (percent * 1e6).round() / 1e6)))
            }
            _ if n.percent || hard => None,
            ["#"] | ["==" | "=" | "equals" | "equal" | "of", "#"] if !permits => {
                bound(Bound::Equals { value: n.value })
            }
            ["<=" | "most", "#"]
            | ["no" | "not", "more" | "greater" | "higher" | "larger" | "bigger", "than", "#"]
            | ["not" | "never", "exceed" | "exceeds" | "above" | "over", "#"]
            | ["not" | "never", "go" | "rise" | "grow", "above" | "over" | "beyond", "#"]
            | ["up", "#"]
            | ["max" | "maximum", "#"] => bound(Bound::AtMost { value: n.value }),
            [">=" | "least", "#"]
            | ["no" | "not", "less" | "lower" | "fewer" | "smaller", "than", "#"]
            | ["not" | "never", "below" | "under", "#"]
            | ["not" | "never", "fall" | "go" | "drop" | "falls" | "drops", "below" | "under", "#"]
            | ["min" | "minimum", "#"] => bound(Bound::AtLeast { value: n.value }),
            ["<" | "below" | "under", "#"] | ["less" | "lower" | "fewer", "than", "#"] => {
                Some(Predicate::Strict(format!("<= {}", n.value)))
            }
            [">" | "above" | "over", "#"] | ["more" | "greater" | "higher", "than", "#"] => {
                Some(Predicate::Strict(format!(">= {}", n.value)))
            }
            _ => None,
        };
    }
    if hard {
        return None;
    }
    match core {
        ["unchanged" | "constant" | "same" | "identical" | "exact" | "fixed" | "preserved"]
        | [
            "not" | "never",
            "change" | "changed" | "changes" | "vary" | "differ" | "move" | "altered" | "alter",
        ]
        | ["no", "change" | "changes"]
            if !permits || core[0] != "no" =>
        {
            bound(Bound::Unchanged)
        }
        ["==" | "=" | "equals" | "equal" | "match" | "matches"] if baseline && !permits => {
            bound(Bound::Unchanged)
        }
        [] if baseline && !permits && words.contains(&"at") => bound(Bound::Unchanged),
        ["not" | "never" | "no", "increase" | "increases" | "grow" | "grows" | "rise" | "rises"]
        | ["not", "go", "up"] => toward(Bound::NotWorse, Direction::Lower),
        ["<="] if baseline => toward(Bound::NotWorse, Direction::Lower),
        [
            "not" | "never" | "no",
            "decrease" | "decreases" | "drop" | "drops" | "fall" | "falls" | "shrink" | "decline",
        ]
        | ["not", "go", "down"] => toward(Bound::NotWorse, Direction::Higher),
        [">="] if baseline => toward(Bound::NotWorse, Direction::Higher),
        [
            "not" | "never" | "no",
            "regress" | "regresses" | "worsen" | "degrade" | "worse" | "regression" | "regressions",
        ]
        | ["not" | "never", "get" | "become", "worse"] => bound(Bound::NotWorse),
        ["no", "worse", "than"] if baseline => bound(Bound::NotWorse),
        ["watched"] | ["not", "judged"] => bound(Bound::Watched),
        ["change" | "vary" | "differ"] | ["change", "freely"] if permits => bound(Bound::Watched),
        _ => None,
    }
}

/// Takes `(hard)` or `(soft)` off the end.
fn hardness<'w>(words: &'w [&'w str]) -> (&'w [&'w str], bool) {
    match words {
        [rest @ .., "(", "hard", ")"] | [rest @ .., "hard"] => (rest, true),
        [rest @ .., "(", "soft", ")"] | [rest @ .., "soft"] => (rest, false),
        rest => (rest, false),
    }
}

/// Takes "of the baseline", "as before" and their like off the end.
fn without_baseline<'w>(words: &'w [&'w str]) -> (&'w [&'w str], bool) {
    let joint = |w: &str| {
        matches!(
            w,
            "of" | "the"
                | "than"
                | "from"
                | "compared"
                | "with"
                | "to"
                | "vs"
                | "relative"
                | "as"
                | "in"
                | "its"
                | "against"
                | "versus"
                | "original"
                | "value"
        )
    };
    let anchor = |w: &str| matches!(w, "baseline" | "baseline's" | "before" | "now" | "today" | "original");
    let mut end = words.len();
    while end > 0 && (anchor(words[end - 1]) || joint(words[end - 1])) {
        end -= 1;
    }
    let found = words[end..].iter().any(|w| anchor(w));
    if !found {
        return (words, false);
    }
    // "no worse than the baseline" needs its "than".
    let keep = matches!(&words[..end], [.., "no", "worse"]) && words.get(end) == Some(&"than");
    (&words[..end + usize::from(keep)], true)
}

/// Replaces the one number, with its unit, by `#`. `None` where there are two, or where the unit does not fit.
fn pull_number<'w>(words: &[&'w str], fits: &dyn Fn(&str) -> bool) -> Option<(Vec<&'w str>, Option<Number>)> {
    let mut out = Vec::with_capacity(words.len());
    let mut number = None;
    for word in words {
        match Number::parse(word) {
            Some(_) if number.is_some() => return None,
            Some(found) => {
                if !found.unit.is_empty() && !fits(&found.unit) {
                    return None;
                }
                number = Some(found);
                out.push("#");
            }
            None if out.last() == Some(&"#") && fits(word) => {}
            None => out.push(*word),
        }
    }
    Some((out, number))
}

/// Whether a unit behind a number is the metric's own: `512 MB` for `peak_rss_mb`, `7 calls` for `embedder_calls`.
fn unit_fits(unit: &str, metric: &str, names: &Names<'_>) -> bool {
    let declared = names.unit(metric).is_some_and(|own| !own.is_empty() && own.eq_ignore_ascii_case(unit));
    let lower = metric.to_lowercase();
    let suffix = lower.rsplit('_').next().unwrap_or_default();
    declared || suffix == unit || (unit == "times" && suffix == "calls")
}
