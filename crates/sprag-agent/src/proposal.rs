//! What a proposer hands over besides the edited copy.

use serde::{Deserialize, Serialize};

/// Tokens and money of one try. A field that is missing is unknown, never zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Input tokens that no cache served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Input tokens that the model's cache served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<u64>,
    /// Output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// Reasoning tokens, where they are counted apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
}

impl Usage {
    /// Known to have used nothing: a try without a model.
    pub const FREE: Self =
        Self { input: Some(0), cached: Some(0), output: Some(0), reasoning: Some(0), usd: Some(0.0) };
}

/// What the proposer says about its try. Data from outside: quoted and capped wherever it is shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// The proposal's own id, by which a resumed session knows that it was played.
    pub id: Option<String>,
    /// One line: what was changed.
    pub description: String,
    /// Actionable side information, such as `hypothesis`.
    pub asi: serde_json::Map<String, serde_json::Value>,
    /// What the try cost.
    pub usage: Usage,
}

/// The ending of one try.
#[derive(Debug, Clone, PartialEq)]
pub enum Proposal {
    /// The copy holds the candidate.
    Edit(Note),
    /// An idea to park for a later phase; the copy is not looked at.
    Idea(Note),
    /// The proposal could not be made on this incumbent.
    Skipped {
        /// What it would have been.
        note: Note,
        /// Why not.
        why: String,
    },
    /// There is nothing more to try.
    Exhausted,
}

/// The proposer itself failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProposeError {
    /// `--agent` names nothing known.
    #[error("there is no proposer named '{name}'; this version knows playbook:DIR")]
    Unknown {
        /// The name given.
        name: String,
    },
    /// The playbook cannot be read.
    #[error(transparent)]
    Playbook(#[from] crate::PlaybookError),
    /// The patch could not be tried at all.
    #[error("failed to apply {id}: {why}")]
    Apply {
        /// The proposal.
        id: String,
        /// What went wrong.
        why: String,
    },
}
