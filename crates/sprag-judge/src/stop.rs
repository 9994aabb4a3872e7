//! Stop rules: when a session has done enough.

use serde::{Deserialize, Serialize};

/// One stop rule. Each kind lives in a file of its own under `stop/`, with its sentence and its test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StopRule {
    /// `after 50 experiments`
    Experiments {
        /// How many rows.
        count: u32,
    },
}
