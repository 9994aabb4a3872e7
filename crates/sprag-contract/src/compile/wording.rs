//! The words for rules, and for what is none.

use sprag_judge::Bound;

/// What a stop rule looks like.
pub(super) const STOP_HELP: &str = "stop rules read: `after 5 consecutive discards`, `after 50 experiments`, `after 2 hours`, `at $25`, `when p95_ms <= 30`";

/// What is checked for every candidate, in words.
pub(crate) fn describe(metric: &str, bound: Bound) -> String {
    match bound {
        Bound::Equals { value: 0.0 } if metric.ends_with("_requests_changed") => {
            format!(
                "bound: {metric} is 0 in every run: the requests are those that were recorded, no more and no fewer"
            )
        }
        Bound::Equals { value } => format!("bound: {metric} is {value} in every run"),
        Bound::Unchanged => format!("bound: {metric} equals the baseline's in every run"),
        Bound::AtMost { value } => format!("bound: {metric} is at most {value}"),
        Bound::AtLeast { value } => format!("bound: {metric} is at least {value}"),
        Bound::NotWorse => format!("bound: {metric} is no worse than the baseline's"),
        Bound::Within { margin, hard } => {
            let proof = if hard { "proven by the pairs" } else { "unless the pairs show harm" };
            let percent = (margin * 1e8).round() / 1e6;
            format!("bound: {metric} is at most {percent}% worse than the baseline's, {proof}")
        }
        Bound::Watched => format!("the general bound on {metric} is lifted: it is shown, and not judged"),
    }
}

/// How a sentence that is no rule could become one.
pub(super) fn how_to_enforce(text: &str, checks: &str) -> String {
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let how = if has(&["public api", "api change", "interface", "signature"]) {
        return format!("compare the public API with the baseline's in {checks}, which must exit 0");
    } else if has(&["cheat", "hardcode", "hard-code", "special-case", "special case", "overfit"]) {
        return format!("try inputs that the spec does not name in {checks}, which must exit 0");
    } else if has(&["network", "internet", "download"]) {
        "bound a count of requests, such as `api_calls unchanged`; this version has no sandbox"
    } else if has(&["memory", "rss", "ram"]) {
        "bound a metric: `peak_rss_mb <= 512`"
    } else if has(&["golden", "output", "result", "response"]) {
        "say it as `goldens exact` or `goldens within 1e-9`"
    } else {
        return format!("say it as a bound on a metric, or test it in {checks}, which must exit 0");
    };
    how.to_owned()
}
