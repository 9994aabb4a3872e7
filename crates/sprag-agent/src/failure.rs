//! Why an agent came to nothing, read from what it printed.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why an agent came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What the agent said about it. Data from outside.
    pub said: String,
}

/// Kinds of failure, by what has to be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// There is no key, or it is not accepted: a person has to do something.
    Authentication,
    /// Too much was asked for now, or all that was paid for is used up. It passes.
    RateLimit,
    /// The model's server cannot be reached or does not answer as it should. It passes.
    Outage,
    /// The model refused the request, or the agent could not go on with its answer.
    Model,
    /// The agent ended without saying how.
    Died,
    /// It was ended by Sprag: it took too long or printed too much.
    Cut,
}

impl FailureKind {
    /// Whether it says something about keys and servers alone, and nothing about a try.
    pub fn is_infrastructure(self) -> bool {
        matches!(self, Self::Authentication | Self::RateLimit | Self::Outage)
    }

    /// One word, for machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::RateLimit => "rate_limit",
            Self::Outage => "outage",
            Self::Model => "model",
            Self::Died => "died",
            Self::Cut => "cut",
        }
    }

    /// Whether the same may succeed later, without a person.
    pub fn passes(self) -> bool {
        matches!(self, Self::RateLimit | Self::Outage)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FailureKind::Authentication => "the model's server does not accept the key, or there is none",
            FailureKind::RateLimit => "the model's server allows no more for now",
            FailureKind::Outage => "the model's server cannot be reached, or does not answer as it should",
            FailureKind::Model => "the model could not go on",
            FailureKind::Died => "it ended without an answer",
            FailureKind::Cut => "it was ended",
        };
        write!(f, "{what}: {}", self.said)
    }
}

/// Words that agents and servers use, for messages that carry no status. The first kind that fits counts.
const WORDS: [(FailureKind, &[&str]); 3] = [
    (
        FailureKind::Authentication,
        &["unauthorized", "authentication", "api key", "apikey", "not logged in", "/login", "forbidden"],
    ),
    (
        FailureKind::RateLimit,
        &["rate limit", "rate_limit", "too many requests", "usage limit", "quota", "credit balance"],
    ),
    (
        FailureKind::Outage,
        &[
            "overloaded",
            "high demand",
            "connection",
            "disconnected",
            "stream ended",
            "network",
            "timed out",
            "timeout",
            "server error",
            "malformed response",
            "fetch failed",
        ],
    ),
];

/// Words after which a number is the status of an answer.
const BEFORE_STATUS: [&str; 5] = ["status", "http", "error", "code", "statuscode"];

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, said: impl Into<String>) -> Self {
        Self { kind, said: said.into() }
    }

    /// By the status of an HTTP answer; by the words, where there is none.
    pub fn of(status: Option<u64>, said: &str) -> Self {
        let said = inner_message(said);
        let kind = match status {
            Some(401 | 403) => FailureKind::Authentication,
            Some(402 | 429) => FailureKind::RateLimit,
            Some(408 | 500..) => FailureKind::Outage,
            Some(_) => FailureKind::Model,
            None => return Self { kind: by_words(&said), said },
        };
        Self { kind, said }
    }

    /// By the words alone, in which a status may stand.
    pub fn of_words(said: &str) -> Self {
        let words: Vec<&str> =
            said.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let status = words.iter().enumerate().find_map(|(at, word)| {
            let status = word.parse::<u64>().ok().filter(|_| word.len() == 3)?;
            // Any other number of three digits may count tokens or lines.
            let before = at.checked_sub(1).map(|at| words[at].to_lowercase());
            let is_named = before.is_none_or(|word| BEFORE_STATUS.contains(&word.as_str()));
            ((400..600).contains(&status) && is_named).then_some(status)
        });
        Self::of(status, said)
    }
}

fn by_words(said: &str) -> FailureKind {
    let lower = said.to_lowercase();
    let fits = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    WORDS.into_iter().find(|(_, words)| fits(words)).map_or(FailureKind::Model, |(kind, _)| kind)
}

/// Some hand on the body of the server's answer, after its status; the sentence in it is what a person reads.
fn inner_message(said: &str) -> String {
    let body: Option<Value> = said.find('{').and_then(|at| serde_json::from_str(&said[at..]).ok());
    let inner = body
        .as_ref()
        .and_then(|body| [&body["error"]["message"], &body["message"]].into_iter().find_map(Value::as_str));
    inner.unwrap_or(said).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_told_apart_by_status_and_by_words() {
        use FailureKind::*;
        for (said, kind) in [
            (
                "unexpected status 401 Unauthorized: bad key, url: http://127.0.0.1:43729/v1/responses",
                Authentication,
            ),
            ("exceeded retry limit, last status: 429 Too Many Requests", RateLimit),
            ("500: {\"type\":\"api_error\",\"message\":\"overloaded\"}", Outage),
            ("We’re currently experiencing high demand, which may cause temporary errors.", Outage),
            ("stream disconnected before completion: error sending request", Outage),
            ("Stream ended without finish_reason", Outage),
            ("Not logged in · Please run /login", Authentication),
            ("You've hit your usage limit. Try again at 3 PM.", RateLimit),
            (
                "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"the model does not exist\"}}",
                Model,
            ),
            ("prompt is too long: 214000 tokens > 200000 maximum", Model),
        ] {
            assert_eq!(Failure::of_words(said).kind, kind, "{said}");
        }
        assert_eq!(Failure::of(Some(529), "Overloaded").kind, Outage);
        assert_eq!(Failure::of(Some(400), "no api key in this field").kind, Model, "a status says more");
        let nested =
            "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"the model does not exist\"}}";
        assert_eq!(Failure::of_words(nested).said, "the model does not exist");
    }
}
