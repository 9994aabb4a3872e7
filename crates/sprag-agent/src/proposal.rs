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
    /// The model, where the agent names it.
    pub model: Option<String>,
}

/// What a proposer tells of what a try has used, where all goes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tells {
    /// US dollars.
    pub usd: bool,
    /// Input, cached and output tokens.
    pub tokens: bool,
}

impl Tells {
    /// Everything.
    pub const ALL: Self = Self { usd: true, tokens: true };
}

/// Longer descriptions are cut.
const MAX_DESCRIPTION: usize = 1_000;
/// More side information, as JSON, is left out.
const MAX_ASI: usize = 64 << 10;

impl Note {
    /// The note as it may stand in a ledger, whose lines have an end. What is left out is said.
    #[must_use]
    pub fn capped(mut self) -> Self {
        if let Some((end, _)) = self.description.char_indices().nth(MAX_DESCRIPTION) {
            self.description.truncate(end);
            self.description.push('…');
        }
        let bytes = serde_json::to_string(&self.asi).map_or(0, |text| text.len());
        if bytes > MAX_ASI {
            let why = format!("{bytes} bytes of side information, and a row has room for {MAX_ASI}");
            self.asi = [("left_out".to_owned(), why.into())].into_iter().collect();
        }
        self
    }
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
    /// The agent's program does not start.
    #[error("`{program}` cannot be called: {why}\n  {remedy}")]
    NotInstalled {
        /// The program.
        program: &'static str,
        /// Why not.
        why: String,
        /// What installs it.
        remedy: &'static str,
    },
    /// The agent cannot reach its model. It says nothing about a try.
    #[error("{agent}: {failure}")]
    Unavailable {
        /// The agent and its version.
        agent: String,
        /// Why not.
        failure: crate::Failure,
        /// What the try has cost all the same.
        note: Box<Note>,
    },
    /// The agent's process could not be run, or it was interrupted.
    #[error(transparent)]
    Process(#[from] sprag_measure::MeasureError),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_without_end_is_cut_and_a_short_one_stays() {
        let short = Note { description: "hoist".to_owned(), ..Note::default() };
        assert_eq!(short.clone().capped(), short);
        let mut long = Note { description: "ä".repeat(5_000), ..Note::default() };
        long.asi.insert("all".to_owned(), "x".repeat(1 << 20).into());
        let long = long.capped();
        assert_eq!(long.description.chars().count(), 1_001);
        assert!(long.asi["left_out"].as_str().is_some_and(|why| why.contains("65536")), "{:?}", long.asi);
    }
}
