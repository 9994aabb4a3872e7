//! `[replay]`: what the application says to the outside, and how it is recognised, counted and kept secret.

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::duration;

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

/// What an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http://`
    Http,
    /// `https://`
    Https,
    /// `postgres://` or `postgresql://`
    Postgres,
    /// `redis://`
    Redis,
    /// `tcp://`: anything else, played as a strict script.
    Tcp,
}

impl Scheme {
    /// As it stands in a URL.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Postgres => "postgres",
            Scheme::Redis => "redis",
            Scheme::Tcp => "tcp",
        }
    }

    /// The port where none is named; `None` where one has to be.
    pub fn default_port(self) -> Option<u16> {
        match self {
            Scheme::Http => Some(80),
            Scheme::Https => Some(443),
            Scheme::Postgres => Some(5432),
            Scheme::Redis => Some(6379),
            Scheme::Tcp => None,
        }
    }

    /// Whether HTTP is spoken.
    pub fn is_http(self) -> bool {
        matches!(self, Scheme::Http | Scheme::Https)
    }
}

/// A place outside. Written `https://api.example.com`: HTTP's default ports are left out, others are said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// What it speaks.
    pub scheme: Scheme,
    /// A name in lower case, or an address; IPv6 without brackets.
    pub host: String,
    /// Where it listens.
    pub port: u16,
}

/// A text that is no upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUpstream {
    /// It does not start with a scheme that can be recorded.
    #[error("`{0}` does not start with http://, https://, postgres://, redis:// or tcp://")]
    Scheme(String),
    /// It holds a user or a password.
    #[error("an upstream with a user or a password")]
    Credentials,
    /// It has no host, or what stands there is none.
    #[error("`{0}` names no host")]
    Host(String),
    /// It has no port and needs one, or what stands there is none.
    #[error("`{0}` names no port")]
    Port(String),
    /// It goes on after the port.
    #[error("`{0}` has more than a host and a port")]
    More(String),
}

impl BadUpstream {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            BadUpstream::Scheme(_) => {
                "write a URL such as `https://api.example.com` or `tcp://127.0.0.1:9000`"
            }
            BadUpstream::Credentials => {
                "leave them out: the application brings its own, and they are not recorded"
            }
            BadUpstream::Host(_) => "write a name or an address, an IPv6 address in brackets",
            BadUpstream::Port(_) => "write a port from 1 to 65535 after the host",
            BadUpstream::More(_) => "end it after the port: the path is part of each request",
        }
    }
}

impl Upstream {
    /// `None` where there is no host, or no port and the scheme has none of its own.
    pub fn new(scheme: Scheme, host: &str, port: Option<u16>) -> Option<Self> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let port = port.or(scheme.default_port())?;
        (!host.is_empty()).then_some(Self { scheme, host, port })
    }

    /// Reads `postgres://127.0.0.1:5432`.
    ///
    /// # Errors
    /// Another scheme; a user, a path or a query; no host; no port where the scheme has none of its own.
    pub fn parse(text: &str) -> Result<Self, BadUpstream> {
        let shown = || text.chars().take(80).collect::<String>();
        let (scheme, rest) = text.trim().split_once("://").ok_or_else(|| BadUpstream::Scheme(shown()))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "postgres" | "postgresql" => Scheme::Postgres,
            "redis" => Scheme::Redis,
            "tcp" => Scheme::Tcp,
            _ => return Err(BadUpstream::Scheme(shown())),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(BadUpstream::Credentials);
        }
        if rest.contains(['/', '?', '#']) {
            return Err(BadUpstream::More(shown()));
        }
        let bad_port = || BadUpstream::Port(shown());
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(bad_port)?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(BadUpstream::Host(shown()));
        }
        let port = match port {
            Some(port) => Some(port.parse().ok().filter(|port| *port != 0).ok_or_else(bad_port)?),
            None => None,
        };
        Self::new(scheme, host, port).ok_or_else(bad_port)
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        write!(f, "{}://", scheme.name())?;
        match host.contains(':') {
            true => write!(f, "[{host}]")?,
            false => f.write_str(host)?,
        }
        match scheme.is_http() && scheme.default_port() == Some(*port) {
            true => Ok(()),
            false => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_has_one_text() {
        for (text, shown) in [
            ("HTTPS://API.example.com:443/", "https://api.example.com"),
            ("https://api.example.com.", "https://api.example.com"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("postgresql://127.0.0.1", "postgres://127.0.0.1:5432"),
            ("redis://cache:7000", "redis://cache:7000"),
            ("tcp://x:1", "tcp://x:1"),
        ] {
            let upstream = Upstream::parse(text).unwrap();
            assert_eq!(upstream.to_string(), shown);
            assert_eq!(Upstream::parse(shown), Ok(upstream));
        }
    }

    #[test]
    fn what_is_no_upstream_is_refused() {
        let refused = |text: &str| Upstream::parse(text).unwrap_err().to_string();
        let texts = [
            "api.example.com",
            "ftp://x",
            "http://",
            "http://a b",
            "tcp://x",
            "http://x:0",
            "http://x:99999",
            "http://[::1]x",
            "http://x/v1",
            "postgres://user:secret@x/db",
        ];
        let table: Vec<String> = texts.iter().map(|text| format!("{text} | {}", refused(text))).collect();
        insta::assert_snapshot!(table.join("\n"), @"
        api.example.com | `api.example.com` does not start with http://, https://, postgres://, redis:// or tcp://
        ftp://x | `ftp://x` does not start with http://, https://, postgres://, redis:// or tcp://
        http:// | `http://` names no host
        http://a b | `http://a b` names no host
        tcp://x | `tcp://x` names no port
        http://x:0 | `http://x:0` names no port
        http://x:99999 | `http://x:99999` names no port
        http://[::1]x | `http://[::1]x` names no port
        http://x/v1 | `http://x/v1` has more than a host and a port
        postgres://user:secret@x/db | an upstream with a user or a password
        ");
    }

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
