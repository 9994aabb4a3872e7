//! The verdict table: each reason, the status it means and the exit code of `sprag try`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Better, and all gates passed: the new incumbent.
    Keep,
    /// Correct but not better.
    Discard,
    /// It broke a rule: scope, outputs, controls or checks.
    ChecksFailed,
    /// It did not build or did not run.
    Crash,
}

/// Why. The names are stable identifiers: they stand in ledgers, scripts and exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Better than the incumbent beyond the noise.
    Improved,
    /// Not better by the smallest effect that is looked for.
    NoGain,
    /// Clearly worse already in the first pair.
    Regression,
    /// The pairs ran out before the evidence was there.
    Inconclusive,
    /// Out of scope, a locked file touched, or a hostile tree.
    Scope,
    /// An output differs from its golden.
    Output,
    /// A hidden case failed.
    Hidden,
    /// A control or a count is out of its bound.
    Control,
    /// A request that the cassette does not hold.
    ReplayMiss,
    /// The checks failed.
    Checks,
    /// The build failed.
    Build,
    /// The candidate ended with an error.
    Crash,
    /// A deadline passed.
    Timeout,
    /// The worker broke the protocol of the cases.
    Protocol,
    /// A metric is missing, doubled, or no finite number.
    Metric,
    /// Implausibly fast, and not confirmed when it was measured again.
    Suspect,
}

impl Reason {
    /// The status that this reason means.
    pub fn status(self) -> Status {
        use Reason::*;
        match self {
            Improved => Status::Keep,
            NoGain | Regression | Inconclusive => Status::Discard,
            Scope | Output | Hidden | Control | ReplayMiss | Checks | Suspect => Status::ChecksFailed,
            Build | Crash | Timeout | Protocol | Metric => Status::Crash,
        }
    }

    /// The exit code of `sprag try`.
    pub fn exit_code(self) -> u8 {
        match (self, self.status()) {
            (Reason::Inconclusive, _) => 13,
            (_, Status::Keep) => 0,
            (_, Status::Discard) => 10,
            (_, Status::ChecksFailed) => 11,
            (_, Status::Crash) => 12,
        }
    }
}

/// The stable identifier, as ledgers have it.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A decision about one candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Why; the status follows from it.
    pub reason: Reason,
    /// One sentence for a person, with the numbers that decided.
    pub detail: String,
}

impl Verdict {
    /// A verdict with its explanation.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// The status that the reason means.
    pub fn status(&self) -> Status {
        self.reason.status()
    }
}
