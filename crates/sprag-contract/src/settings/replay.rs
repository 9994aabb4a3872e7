//! `[replay]`: what the application says to the outside, and how it is recognised, counted and kept secret.

mod upstream;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::duration;
pub use upstream::{BadUpstream, Scheme, Upstream};

/// The name of the class of what no rule classifies.
pub const OTHER_CALLS: &str = "other_calls";

/// What is counted over all classes together: requests without an answer, and what was not let through.
pub const REPLAY_TOTALS: [&str; 2] = ["replay_misses", "replay_denials"];

/// `[replay]`: the recorded answers of the outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The folder of the recording.
    pub cassette: String,
    /// When an answer is given.
    #[serde(default)]
    pub timing: Pace,
    /// A file of certificates that are trusted upstream, besides the system's, while recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<String>,
    /// Upstreams with a port of their own, for clients that take a base URL or a DSN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port: Vec<Port>,
    /// What is counted together. The first class that matches counts a request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class: Vec<Class>,
    /// What differs from one recording to the next: never part of what a request is recognised by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volatile: Vec<Part>,
    /// What is secret: neither part of what a request is recognised by, nor ever written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redact: Vec<Part>,
    /// What is let through to the outside, unrecorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<Pass>,
}

/// When an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// At once.
    #[default]
    Instant,
    /// After as long as it took when it was recorded.
    Recorded,
    /// After this long, each of them.
    Fixed(#[serde(with = "duration")] Duration),
    /// After a time drawn between these two, from the request: the same one is always as slow.
    Uniform(#[serde(with = "duration::pair")] [Duration; 2]),
}

/// `[[replay.port]]`: an upstream with a port of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The application finds it at `SPRAG_<NAME>_HOST`, `SPRAG_<NAME>_PORT` and, where it speaks HTTP,
    /// `SPRAG_<NAME>_URL`.
    pub name: String,
    /// Where it leads while recording: see [`Upstream`].
    pub upstream: String,
    /// The same port inside of the empty network, for clients that cannot be told another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<u16>,
    /// What else the application is told; `{host}` and `{port}` stand for where it listens.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// `[[replay.class]]`: requests that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// The metric that counts its requests; the others are named after it: see [`metrics_of_class`].
    pub name: String,
    /// Which requests.
    #[serde(rename = "match")]
    pub matches: Match,
    /// How many things a request asks for: a [`crate::json_path::Counted`]. Without it: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    /// What a request gets that was recorded several times, or is asked again.
    #[serde(default)]
    pub repeat: Repeat,
    /// Headers that are part of what a request is recognised by, besides the media type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
}

/// Which requests are meant: all that is given has to hold. In the globs `*` stands for any characters and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// A glob of the upstream's host, whatever the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The name of a [`Port`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// A glob of the path, without the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The method, whatever the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A glob of the SQL or the Redis command, whatever the case, with runs of white space as one blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// What a request gets that was recorded several times, or is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// The first answer, always.
    Sticky,
    /// The answers in their order, then none.
    #[default]
    SequenceThenFail,
    /// The answers in their order, then the last one again.
    SequenceThenLast,
}

/// A part of a request, and for `[[replay.redact]]` of an answer too. Exactly one of the places is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Part {
    /// A [`crate::json_path::JsonPath`] in a JSON body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// The name of a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The name of a parameter in the query, or in the body of a form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// A regular expression of the path whose one group is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A regular expression of the body, the SQL or the command: its first group, or all of it where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Only in requests of this class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// Where a [`Part`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// A JSON path.
    Json(&'a str),
    /// A header.
    Header(&'a str),
    /// A parameter.
    Query(&'a str),
    /// A regular expression with one group.
    Path(&'a str),
    /// A regular expression.
    Body(&'a str),
}

impl Part {
    /// Its place; `None` where it has none, or more than one.
    pub fn place(&self) -> Option<Place<'_>> {
        let Self { json, header, query, path, body, class: _ } = self;
        let places = [
            json.as_deref().map(Place::Json),
            header.as_deref().map(Place::Header),
            query.as_deref().map(Place::Query),
            path.as_deref().map(Place::Path),
            body.as_deref().map(Place::Body),
        ];
        let mut given = places.into_iter().flatten();
        given.next().filter(|_| given.next().is_none())
    }
}

/// `[[replay.pass]]`: a host that is let through to the outside, unrecorded. Not in replay, and it taints the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// A glob of the host, whatever the case.
    pub host: String,
}

/// The names of the numbers that are counted for a class, its calls first.
pub fn metrics_of_class(name: &str) -> [String; 5] {
    let stem = stem(name);
    let with = |what: &str| format!("{stem}_{what}");
    [name.to_owned(), with("items"), with("bytes"), with("connections"), with("requests_changed")]
}

/// A class's name without `_calls`.
fn stem(name: &str) -> &str {
    name.strip_suffix("_calls").filter(|stem| !stem.is_empty()).unwrap_or(name)
}

impl Replay {
    /// Every metric that is counted by these settings, where the application has no say in it.
    pub fn metrics(&self) -> Vec<String> {
        self.classes().flat_map(metrics_of_class).chain(REPLAY_TOTALS.map(str::to_owned)).collect()
    }

    /// The metric behind a word for the requests of a class: `embedder_requests exact` means that
    /// `embedder_requests_changed` is 0. `None` where the word is a metric itself, or names no class.
    pub(crate) fn requests_metric(&self, word: &str) -> Option<String> {
        let stem = word.strip_suffix("_requests")?;
        let known = self.classes().any(|class| self::stem(class) == stem);
        let changed = format!("{stem}_requests_changed");
        (known && !self.metrics().iter().any(|metric| metric == word)).then_some(changed)
    }

    /// The words that [`Self::requests_metric`] knows.
    pub(crate) fn requests_words(&self) -> impl Iterator<Item = String> {
        self.classes().map(|class| format!("{}_requests", stem(class)))
    }

    fn classes(&self) -> impl Iterator<Item = &str> {
        self.class.iter().map(|class| class.name.as_str()).chain([OTHER_CALLS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_of_a_class_are_named_after_it() {
        assert_eq!(
            metrics_of_class("embedder_calls").join(" "),
            "embedder_calls embedder_items embedder_bytes embedder_connections embedder_requests_changed"
        );
        assert_eq!(metrics_of_class("db")[1], "db_items");
        assert_eq!(metrics_of_class("_calls")[1], "_calls_items");
    }
}
