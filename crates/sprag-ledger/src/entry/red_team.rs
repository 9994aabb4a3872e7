//! What became of known cheats that `sprag redteam` planted: nothing of it decides about a candidate.

use serde::{Deserialize, Serialize};
use sprag_judge::Reason;

use crate::entry::UnixMs;

/// One look at a harness: cheats that were planted, and what it said of each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RedTeam {
    /// The contract that was tried, by its hash in phase 1.
    #[serde(default)]
    pub contract: Option<String>,
    /// The harness that was tried, by its hash.
    #[serde(default)]
    pub harness: Option<String>,
    /// The cheats, in the order planted.
    #[serde(default)]
    pub cheats: Vec<Cheated>,
    /// When.
    #[serde(default)]
    pub timestamp: Option<UnixMs>,
}

/// One cheat and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cheated {
    /// Its stable name.
    pub cheat: String,
    /// What it did and where, in one sentence; empty where it was not planted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub did: String,
    /// What became of it.
    pub fate: Fate,
    /// Why it was refused, or how it broke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The sentence to it.
    #[serde(default)]
    pub detail: String,
    /// What to add to the harness; only where it was let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What became of a cheat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It was refused, or what it tried came to nothing.
    Caught,
    /// It did what it does, and nothing noticed.
    LetThrough,
    /// The program ended under it: that says nothing about the harness.
    BrokeIt,
    /// It was there, and nothing showed that it did anything: that says nothing either.
    Idle,
    /// It could not be planted.
    NotPlanted,
}

impl RedTeam {
    /// How many cheats ended so.
    pub fn count(&self, fate: Fate) -> usize {
        self.cheats.iter().filter(|cheat| cheat.fate == fate).count()
    }

    /// In a few words: `6 of 7 caught, 1 let through (constant)`.
    pub fn sentence(&self) -> String {
        let (caught, through) = (self.count(Fate::Caught), self.count(Fate::LetThrough));
        let names: Vec<&str> = self
            .cheats
            .iter()
            .filter(|cheat| cheat.fate == Fate::LetThrough)
            .map(|c| c.cheat.as_str())
            .collect();
        let named = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        let silent = self.cheats.len() - caught - through;
        let silent = if silent == 0 { String::new() } else { format!(", {silent} said nothing") };
        format!("{caught} of {} caught, {through} let through{named}{silent}", caught + through)
    }
}
