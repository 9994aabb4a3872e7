//! What a proposal cost, how long the parts of an experiment took, and when. Unknown is never zero.

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// As `2026-05-23 17:11:26Z`; the bare number where it is no date.
    pub fn to_text(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            Err(_) => self.0.to_string(),
        }
    }
}

/// What a model used. Each number is unknown unless the agent's tool reported it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Input tokens, without those read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// Input tokens read from the provider's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<u64>,
    /// Output tokens spent on reasoning, where they are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
}

impl Usage {
    /// Known to have used nothing: a proposal without a model.
    pub const FREE: Self =
        Self { input: Some(0), output: Some(0), cached: Some(0), reasoning: Some(0), usd: Some(0.0) };

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// How long the parts of an experiment took, in seconds of wall time. A part that did not happen is absent.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Seconds {
    /// The proposer's edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propose: Option<f64>,
    /// The build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<f64>,
    /// First run and pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<f64>,
    /// The checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<f64>,
}

impl Seconds {
    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// The sum of the parts that happened.
    pub fn total(&self) -> f64 {
        [self.propose, self.build, self.measure, self.check].into_iter().flatten().sum()
    }
}
