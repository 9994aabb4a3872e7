//! How far what is run is locked in: the word for it in the settings, in the rows, and in the sandbox itself.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How far a candidate is locked in; the later, the further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Not at all: it runs with the rights of the person, and only limits hold.
    None,
    /// In place: Landlock, and a filter for system calls. What runs beside it on this machine can be seen.
    Reduced,
    /// In namespaces of its own: it sees no other process, and no file but those that it was given.
    Enforced,
}

impl Tier {
    /// Every tier, weakest first.
    pub const ALL: [Self; 3] = [Self::None, Self::Reduced, Self::Enforced];

    /// As the settings and the rows write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reduced => "reduced",
            Self::Enforced => "enforced",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no tier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no tier: write `none`, `reduced` or `enforced`")]
pub struct TierError(String);

impl FromStr for Tier {
    type Err = TierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|tier| tier.name() == text);
        found.ok_or_else(|| TierError(text.chars().take(60).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_the_same_word_for_people_and_in_files() {
        for tier in Tier::ALL {
            assert_eq!(tier.to_string().parse(), Ok(tier));
            assert_eq!(serde_json::to_string(&tier).unwrap(), format!("\"{tier}\""));
        }
        assert_eq!(
            "Enforced".parse::<Tier>().unwrap_err().to_string(),
            "`Enforced` is no tier: write `none`, `reduced` or `enforced`"
        );
    }

    #[test]
    fn tiers_stand_from_the_weakest_to_the_strongest() {
        assert!(Tier::ALL.is_sorted());
        assert!(Tier::None < Tier::Reduced && Tier::Reduced < Tier::Enforced);
    }
}
