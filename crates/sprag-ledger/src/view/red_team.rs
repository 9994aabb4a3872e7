//! What `sprag redteam` found, as a line of the table and of the state.

use serde::Serialize;

use super::sanitize;
use crate::{RedTeam, Session};

/// The latest look at the harness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedTeamView {
    /// What became of each cheat.
    #[serde(flatten)]
    pub tried: RedTeam,
    /// The contract or the harness is another one by now.
    pub outdated: bool,
}

impl RedTeamView {
    /// The last one of a session; `None` where nobody looked.
    pub(super) fn of(session: &Session<'_>) -> Option<Self> {
        let tried = session.red_team()?.clone();
        let config = session.segment().config;
        // In a later phase the contract has another hash, and the cheats were tried in the first.
        let outdated = config.is_some_and(|config| {
            let first_phase = config.phase.unwrap_or(1) == 1;
            config.harness != tried.harness || (first_phase && config.contract != tried.contract)
        });
        Some(Self { tried, outdated })
    }

    /// One line.
    pub(super) fn to_text(&self) -> String {
        let then = if self.outdated { "; the contract or the harness has changed since" } else { "" };
        format!("redteam: {}{then}", sanitize(&self.tried.sentence()))
    }
}
