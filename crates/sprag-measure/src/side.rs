//! Where and how a side runs.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use sprag_judge::Order;

/// Which of the two a directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The best kept so far.
    Incumbent,
    /// What is being judged.
    Candidate,
}

impl Role {
    /// The name that log files carry.
    pub fn name(self) -> &'static str {
        match self {
            Role::Incumbent => "incumbent",
            Role::Candidate => "candidate",
        }
    }
}

/// One side of a measurement. The three folders exist, and are this run's alone.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The evaluated tree: the working directory of every command.
    pub dir: &'a Utf8Path,
    /// Empty at the start. TMPDIR, HOME and XDG_CACHE_HOME of each process are made inside, so that nothing survives
    /// from one repetition to the next.
    pub tmp: &'a Utf8Path,
    /// Where what the processes print is kept. Files of an earlier run with the same names are overwritten.
    pub out: &'a Utf8Path,
    /// Which side it is.
    pub role: Role,
    /// Added to the environment of every process of this side, and wins over what Sprag sets.
    pub env: &'a BTreeMap<String, String>,
}

/// What is drawn for one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The order of the cases, the environment's padding and SPRAG_SEED come from it. Both sides of a pair get the
    /// same one; the agent never sees it.
    pub seed: u64,
}

/// What is drawn for one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairPlan {
    /// Which side goes first.
    pub order: Order,
    /// As in [`Plan`]; the coins of the cases come from it too.
    pub seed: u64,
}

impl PairPlan {
    /// What both runs of the pair share.
    pub fn plan(self) -> Plan {
        Plan { seed: self.seed }
    }
}
