//! Who makes the namespaces of a jail.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who makes the namespaces of a jail, and its root. All else is done by the launcher with either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// The launcher.
    #[default]
    Own,
    /// The program `bwrap`, which some machines allow what they forbid to all others.
    Bubblewrap,
}

impl Backend {
    /// Whether it needs no mention.
    pub fn is_own(&self) -> bool {
        *self == Self::Own
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Own => "sprag",
            Self::Bubblewrap => "bubblewrap",
        })
    }
}
