//! What became of the tries before: for proposers that learn from numbers, which the session has and they do not.

use serde_json::{Map, Value};

/// The tries under the rules in force, the latest last.
#[derive(Debug, Default)]
pub struct History<'a> {
    /// The session's id.
    pub session: &'a str,
    /// How much better the best code so far is than what the session began these rules with, as a log-ratio or in the
    /// metric's own unit; positive is better.
    pub level: f64,
    /// Those that came to a row.
    pub tries: Vec<Past<'a>>,
}

/// One try.
#[derive(Debug)]
pub struct Past<'a> {
    /// What its proposer said about it.
    pub asi: &'a Map<String, Value>,
    /// The level of the code that it was compared with.
    pub before: f64,
    /// Its level, as that of the best; `None` where it was refused before its speed was known.
    pub level: Option<f64>,
}
