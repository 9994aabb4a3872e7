//! Rules about files, lines, checks and tests.

use super::{Rule, number::count, words::Word};
use crate::spec::Text;

/// Reads a rule that is about no metric.
pub(super) fn read(words: &[Word], sentence: &Text) -> Option<Rule> {
    let list: Vec<&str> = words.iter().map(|w| w.lower.as_str()).filter(|w| *w != ",").collect();
    let list = list.as_slice();
    files(list)
        .or_else(|| lines(list))
        .or_else(|| checks(list))
        .or_else(|| only_in_scope(list))
        .or_else(|| untouched(words, sentence))
}

fn drop<'w>(words: &[&'w str], filler: &[&str]) -> Vec<&'w str> {
    words.iter().copied().filter(|w| !filler.contains(w)).collect()
}

fn files(words: &[&str]) -> Option<Rule> {
    let core = drop(words, &["any", "the", "to", "must", "be", "may", "are", "is", "a", "or"]);
    match core.as_slice() {
        ["no", "new", "files" | "file"]
        | ["no", "new", "files", "allowed" | "created" | "added"]
        | ["do" | "must", "not", "add" | "create", "new", "files" | "file"]
        | ["do", "not", "add" | "create", "files"]
        | ["never", "add" | "create", "new", "files"] => Some(Rule::NoNewFiles),
        ["no", "new", "dependencies" | "packages" | "crates" | "deps" | "libraries"]
        | ["no", "new", "runtime" | "external" | "third-party", "dependencies" | "packages"]
        | ["do", "not", "add" | "introduce", "new", "dependencies" | "packages" | "crates" | "libraries"]
        | ["do", "not", "add" | "introduce", "dependencies" | "packages" | "crates" | "libraries"] => {
            Some(Rule::NoNewDependencies)
        }
        _ => None,
    }
}

fn lines(words: &[&str]) -> Option<Rule> {
    let core = drop(
        words,
        &["a", "the", "of", "be", "must", "may", "are", "diff", "in", "total", "per", "candidate"],
    );
    let number = match core.as_slice() {
        ["at", "most", n, "changed", "lines"]
        | ["at", "most", n, "lines", "changed"]
        | ["change", "at", "most", n, "lines"]
        | ["no" | "not", "more", "than", n, "changed", "lines"]
        | ["no" | "not", "more", "than", n, "lines", "changed"]
        | ["max" | "maximum", n, "changed", "lines"]
        | ["max" | "maximum", n, "lines", "changed"]
        | ["changed", "lines", "<=", n]
        | ["up", "to", n, "changed", "lines"] => n,
        _ => return None,
    };
    count(number).map(Rule::MaxChangedLines)
}

fn checks(words: &[&str]) -> Option<Rule> {
    let core = drop(
        words,
        &["the", "all", "must", "should", "have", "to", "has", "always", "every", "still", "existing", "of"],
    );
    let script = |w: &str| w.ends_with("checks.sh");
    match core.as_slice() {
        ["checks" | "check", "pass" | "passes"] | ["checks", "be", "green"] => Some(Rule::ChecksPass),
        [name, "pass" | "passes" | "succeed"] | [name, "exit", "0"] if script(name) => Some(Rule::ChecksPass),
        ["tests" | "test", "pass" | "passes"]
        | ["unit" | "integration" | "regression", "tests", "pass"]
        | ["test", "suite", "pass" | "passes"] => Some(Rule::TestsPass),
        ["same", "tests"] | ["tests", "unchanged"] | ["tests", "stay" | "remain", "same" | "unchanged"] => {
            Some(Rule::SameTests)
        }
        ["tests" | "test", "not", "change"] | ["test", "files", "not", "change"] => Some(Rule::SameTests),
        _ => None,
    }
}

fn only_in_scope(words: &[&str]) -> Option<Rule> {
    let core = drop(words, &["the", "those", "that", "are", "listed", "to", "above", "must", "be", "is"]);
    match core.as_slice() {
        ["only", "edit" | "change" | "modify" | "touch", "files", "in", "scope"]
        | ["edit" | "change" | "modify", "only", "files", "in", "scope"]
        | ["stay", "in" | "within", "scope"]
        | ["do", "not", "edit" | "change" | "modify" | "touch", "files", "outside", "scope"] => {
            Some(Rule::ScopeOnly)
        }
        _ => None,
    }
}

/// "Do not edit …": the harness, the tests, or paths.
fn untouched(words: &[Word], sentence: &Text) -> Option<Rule> {
    let lower: Vec<&str> = words.iter().map(|w| w.lower.as_str()).collect();
    let verb = |w: &str| {
        matches!(
            w,
            "edit"
                | "modify"
                | "touch"
                | "change"
                | "alter"
                | "delete"
                | "remove"
                | "rename"
                | "move"
                | "weaken"
                | "skip"
                | "disable"
                | "edits"
                | "changes"
                | "modifications"
                | "regenerate"
                | "rewrite"
                | "overwrite"
                | "update"
        )
    };
    let start = match lower.as_slice() {
        ["do" | "must" | "should", "not", ..] => 2,
        ["never" | "no" | "not", ..] => 1,
        _ => return None,
    };
    let joint = |w: &str| {
        matches!(w, "or" | "and" | "," | "to" | "the" | "any" | "of" | "in" | "a" | "existing" | "&" | "its")
    };
    let verbs = lower[start..].iter().take_while(|w| verb(w) || joint(w)).count();
    if verbs == 0 || !lower[start..start + verbs].iter().any(|w| verb(w)) {
        return None;
    }
    let objects: Vec<&Word> = words[start + verbs..].iter().filter(|w| !joint(&w.lower)).collect();
    if objects.is_empty() {
        return None;
    }
    let all = |test: &dyn Fn(&Word) -> bool| objects.iter().all(|w| test(w));
    if all(&|w| matches!(w.lower.as_str(), "test" | "tests" | "file" | "files" | "suite" | "cases"))
        && objects.iter().any(|w| w.lower.starts_with("test"))
    {
        return Some(Rule::SameTests);
    }
    if all(&|w| is_harness(&w.lower)) {
        return Some(Rule::HarnessLocked);
    }
    if all(&|w| sentence.is_code(w.range.start) || is_path(&w.text)) {
        return Some(Rule::Untouched(objects.iter().map(|w| w.text.clone()).collect()));
    }
    None
}

fn is_harness(word: &str) -> bool {
    matches!(
        word,
        "benchmark"
            | "benchmarks"
            | "benchmarking"
            | "harness"
            | "file"
            | "files"
            | "asset"
            | "assets"
            | "script"
            | "scripts"
            | "fixture"
            | "fixtures"
            | "golden"
            | "goldens"
            | "cassette"
            | "cassettes"
            | "spec"
            | "settings"
            | "measure"
            | "measurement"
            | "checks"
            | "check"
            | "ledger"
            | "log"
            | "case"
            | "cases"
            | "replay"
            | "infrastructure"
            | "evaluation"
            | "eval"
            | "evaluator"
            | "measure.sh"
            | "checks.sh"
    )
}

fn is_path(word: &str) -> bool {
    word.contains('/') || word.contains('*') || (word.contains('.') && !word.ends_with('.'))
}
