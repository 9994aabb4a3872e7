//! The controlled language of constraints: which sentences are rules, and which only look like one.
//!
//! A sentence is a rule when every word of it is understood. One word too many, and it is advice: Sprag never
//! enforces half of a sentence.

mod general;
mod goldens;
mod metric;
mod number;
mod words;

use sprag_judge::{Bound, Direction, stop::StopRule};

pub(crate) use metric::is_metric_name;
pub(crate) use words::sentences;

use crate::{Goldens, nearest::nearest, spec::Text};
use words::{Word, tokens};

/// A rule that a sentence states.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    /// A bound on each of these metrics.
    Bound {
        metrics: Vec<String>,
        bound: Bound,
        /// The direction that the wording takes for granted.
        direction: Option<Direction>,
    },
    Goldens(Goldens),
    NoNewFiles,
    MaxChangedLines(u32),
    ChecksPass,
    /// "Tests must pass": true where the checks run them.
    TestsPass,
    SameTests,
    /// "Do not edit the harness": true always.
    HarnessLocked,
    /// "Do not edit these paths."
    Untouched(Vec<String>),
    /// "Only edit files in scope": true always.
    ScopeOnly,
    NoNewDependencies,
    Stop(StopRule),
}

/// What became of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    Rule(Rule),
    /// It almost is a rule: this one.
    Near(String),
    /// It names a metric and says something that is not in the language.
    Unclear(String),
    Advice,
}

/// The names that a sentence may use.
pub(crate) struct Names<'a> {
    /// The metrics of the spec, the primary first, with their units.
    pub(crate) metrics: &'a [(String, String)],
}

impl Names<'_> {
    fn unit(&self, name: &str) -> Option<&str> {
        self.metrics.iter().find(|(known, _)| known == name).map(|(_, unit)| unit.as_str())
    }

    fn knows(&self, name: &str) -> bool {
        self.unit(name).is_some()
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.metrics.iter().map(|(known, _)| known.as_str()))
    }
}

/// Longer sentences are prose; a bound on the work for hostile ones.
const MAX_WORDS: usize = 40;

/// Reads one sentence.
pub(crate) fn read(sentence: &Text, names: &Names<'_>) -> Reading {
    let words = tokens(sentence);
    if words.is_empty() || words.len() > MAX_WORDS {
        return Reading::Advice;
    }
    if let Some(rule) = exact(&words, sentence, names) {
        return Reading::Rule(rule);
    }
    // A note or a reason may follow; the rule before it has to stand alone.
    let head = words::without_reason(&words);
    if head.len() < words.len() && !head.is_empty() {
        match read_words(head, sentence, names) {
            Reading::Advice => {}
            other => return other,
        }
    }
    near(&words, sentence, names)
}

fn read_words(words: &[Word], sentence: &Text, names: &Names<'_>) -> Reading {
    match exact(words, sentence, names) {
        Some(rule) => Reading::Rule(rule),
        None => near(words, sentence, names),
    }
}

fn exact(words: &[Word], sentence: &Text, names: &Names<'_>) -> Option<Rule> {
    stop(words)
        .or_else(|| metric::read(words, names).ok().flatten())
        .or_else(|| goldens::read(words))
        .or_else(|| general::read(words, sentence))
}

fn stop(words: &[Word]) -> Option<Rule> {
    let text = words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
    sprag_judge::stop::parse(&text).map(Rule::Stop)
}

/// Looks for the rule that was probably meant.
fn near(words: &[Word], sentence: &Text, names: &Names<'_>) -> Reading {
    if let Err(suggestion) = metric::read(words, names) {
        return Reading::Near(suggestion);
    }
    if let Some(corrected) = words::corrected(words, names)
        && exact(&corrected, sentence, names).is_some()
    {
        return Reading::Near(words::join(&corrected));
    }
    match words.first().filter(|first| names.knows(&first.text)) {
        Some(first) => Reading::Unclear(first.text.clone()),
        None => Reading::Advice,
    }
}

/// Reads one sentence of the Stop section; `Err` is the sentence that was probably meant.
pub(crate) fn read_stop(sentence: &Text, names: &Names<'_>) -> Result<Option<StopRule>, String> {
    let words = tokens(sentence);
    if words.is_empty() || words.len() > MAX_WORDS {
        return Ok(None);
    }
    for candidate in [&words[..], words::without_reason(&words)] {
        if let Some(Rule::Stop(rule)) = stop(candidate) {
            return Ok(Some(rule));
        }
    }
    let meant = [words::corrected_stop(words::without_reason(&words), names)].into_iter().flatten().find_map(
        |corrected| match stop(&corrected) {
            Some(Rule::Stop(rule)) => Some(rule.to_string()),
            _ => None,
        },
    );
    meant.map_or(Ok(None), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sentence: &str) -> String {
        let known: Vec<(String, String)> = [
            ("p95_ms", "ms"),
            ("p50_ms", "ms"),
            ("embedder_calls", ""),
            ("db_calls", ""),
            ("peak_rss_mb", ""),
            ("bundle_kb", ""),
            ("hit_rate", ""),
        ]
        .map(|(n, u)| (n.to_owned(), u.to_owned()))
        .to_vec();
        let text = Text::new(sentence, std::slice::from_ref(&(0..sentence.len())));
        match read(&text, &Names { metrics: &known }) {
            Reading::Rule(Rule::Bound { metrics, bound, .. }) => format!("{}: {bound:?}", metrics.join("+")),
            Reading::Rule(rule) => format!("{rule:?}"),
            Reading::Near(suggestion) => format!("near: {suggestion}"),
            Reading::Unclear(metric) => format!("unclear: {metric}"),
            Reading::Advice => "advice".to_owned(),
        }
    }

    fn table(sentences: &[&str]) -> String {
        sentences.iter().map(|s| format!("{s} => {}", told(s))).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn bounds_are_understood_in_the_wordings_people_use() {
        insta::assert_snapshot!(table(&[
            "embedder_calls == 7",
            "embedder_calls==7.",
            "`embedder_calls` = 7",
            "embedder_calls stays 7",
            "embedder_calls must stay at exactly 7",
            "exactly 7 embedder_calls",
            "embedder_calls must be 7 calls",
            "db_calls unchanged",
            "Keep db_calls unchanged",
            "db_calls must stay the same",
            "db_calls must not change",
            "Don't change db_calls",
            "db_calls must be the same as in the baseline",
            "embedder_requests exact",
            "embedder_calls, db_calls and cache_hits unchanged",
            "p50_ms within 5%",
            "p50_ms must stay within 5 % of the baseline",
            "p50_ms within 5% (hard)",
            "p50_ms at most 5% worse than the baseline",
            "peak_rss_mb <= 512",
            "peak_rss_mb ≤ 512 MB",
            "peak_rss_mb must not exceed 1,024",
            "at most 512 peak_rss_mb",
            "hit_rate >= 0.9",
            "hit_rate must not fall below 0.9",
            "bundle_kb must not increase",
            "no increase in bundle_kb",
            "hit_rate must not decrease",
            "embedder_calls may change",
            "db_calls unchanged — counted by the proxy",
            "db_calls unchanged, because caching is for later",
        ]), @r#"
        embedder_calls == 7 => embedder_calls: Equals { value: 7.0 }
        embedder_calls==7. => embedder_calls: Equals { value: 7.0 }
        `embedder_calls` = 7 => embedder_calls: Equals { value: 7.0 }
        embedder_calls stays 7 => embedder_calls: Equals { value: 7.0 }
        embedder_calls must stay at exactly 7 => embedder_calls: Equals { value: 7.0 }
        exactly 7 embedder_calls => embedder_calls: Equals { value: 7.0 }
        embedder_calls must be 7 calls => embedder_calls: Equals { value: 7.0 }
        db_calls unchanged => db_calls: Unchanged
        Keep db_calls unchanged => db_calls: Unchanged
        db_calls must stay the same => db_calls: Unchanged
        db_calls must not change => db_calls: Unchanged
        Don't change db_calls => db_calls: Unchanged
        db_calls must be the same as in the baseline => db_calls: Unchanged
        embedder_requests exact => embedder_requests: Unchanged
        embedder_calls, db_calls and cache_hits unchanged => embedder_calls+db_calls+cache_hits: Unchanged
        p50_ms within 5% => p50_ms: Within { margin: 0.05, hard: false }
        p50_ms must stay within 5 % of the baseline => p50_ms: Within { margin: 0.05, hard: false }
        p50_ms within 5% (hard) => p50_ms: Within { margin: 0.05, hard: true }
        p50_ms at most 5% worse than the baseline => p50_ms: Within { margin: 0.05, hard: false }
        peak_rss_mb <= 512 => peak_rss_mb: AtMost { value: 512.0 }
        peak_rss_mb ≤ 512 MB => peak_rss_mb: AtMost { value: 512.0 }
        peak_rss_mb must not exceed 1,024 => peak_rss_mb: AtMost { value: 1024.0 }
        at most 512 peak_rss_mb => peak_rss_mb: AtMost { value: 512.0 }
        hit_rate >= 0.9 => hit_rate: AtLeast { value: 0.9 }
        hit_rate must not fall below 0.9 => hit_rate: AtLeast { value: 0.9 }
        bundle_kb must not increase => bundle_kb: NotWorse
        no increase in bundle_kb => bundle_kb: NotWorse
        hit_rate must not decrease => hit_rate: NotWorse
        embedder_calls may change => embedder_calls: Watched
        db_calls unchanged — counted by the proxy => db_calls: Unchanged
        db_calls unchanged, because caching is for later => db_calls: Unchanged
        "#);
    }

    #[test]
    fn rules_without_a_metric_are_understood() {
        insta::assert_snapshot!(table(&[
            "goldens exact",
            "goldens within 1e-9",
            "If replay goldens change, discard",
            "Golden outputs must match exactly",
            "Outputs must be byte-for-byte identical",
            "Preserve exact replay outputs",
            "exact parity only",
            "no new files",
            "Do not add any new files",
            "at most 400 changed lines",
            "change at most 400 lines",
            "checks must pass",
            "All checks must pass",
            ".auto/checks.sh must pass",
            "all tests must pass",
            "same tests",
            "Do not modify the tests",
            "Do not edit benchmark assets or harness files",
            "do not touch `core/api.py`",
            "Only edit files in scope",
            "No new dependencies",
            "stop after 5 consecutive discards",
        ]), @r#"
        goldens exact => Goldens(Exact)
        goldens within 1e-9 => Goldens(Within { tolerance: 1e-9 })
        If replay goldens change, discard => Goldens(Exact)
        Golden outputs must match exactly => Goldens(Exact)
        Outputs must be byte-for-byte identical => Goldens(Exact)
        Preserve exact replay outputs => Goldens(Exact)
        exact parity only => Goldens(Exact)
        no new files => NoNewFiles
        Do not add any new files => NoNewFiles
        at most 400 changed lines => MaxChangedLines(400)
        change at most 400 lines => MaxChangedLines(400)
        checks must pass => ChecksPass
        All checks must pass => ChecksPass
        .auto/checks.sh must pass => ChecksPass
        all tests must pass => TestsPass
        same tests => SameTests
        Do not modify the tests => SameTests
        Do not edit benchmark assets or harness files => HarnessLocked
        do not touch `core/api.py` => Untouched(["core/api.py"])
        Only edit files in scope => ScopeOnly
        No new dependencies => NoNewDependencies
        stop after 5 consecutive discards => Stop(Discards(Discards { count: 5 }))
        "#);
    }

    #[test]
    fn slips_are_suggested_and_prose_stays_advice() {
        insta::assert_snapshot!(table(&[
            "embeder_calls == 7",
            "p50_ms withn 5%",
            "p50_ms within 0.05",
            "p50_ms < 30",
            "peak_rss_mb <= 512 parsecs",
            "goldens exactt",
            "chekcs must pass",
            "after 5 consecutve discards",
            "at most 400 chnged lines",
            "embedder_calls == 7 unless the cache is warm",
            "No public API changes",
            "Keep the code readable",
            "Goldens may change",
            "Regenerate the goldens when needed",
            "Do not edit generated code",
            "Prefer simple changes",
            "the API must stay the same",
            "Avoid unchanged files",
            "Not all tests must pass",
            "Checks need not pass",
        ]), @r#"
        embeder_calls == 7 => near: embedder_calls == 7
        p50_ms withn 5% => near: p50_ms within 5%
        p50_ms within 0.05 => near: p50_ms within 5%
        p50_ms < 30 => near: p50_ms <= 30
        peak_rss_mb <= 512 parsecs => unclear: peak_rss_mb
        goldens exactt => near: goldens exact
        chekcs must pass => near: checks must pass
        after 5 consecutve discards => near: after 5 consecutive discards
        at most 400 chnged lines => near: at most 400 changed lines
        embedder_calls == 7 unless the cache is warm => unclear: embedder_calls
        No public API changes => advice
        Keep the code readable => advice
        Goldens may change => advice
        Regenerate the goldens when needed => advice
        Do not edit generated code => advice
        Prefer simple changes => advice
        the API must stay the same => advice
        Avoid unchanged files => advice
        Not all tests must pass => advice
        Checks need not pass => advice
        "#);
    }
}
