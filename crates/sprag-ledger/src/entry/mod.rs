//! The entries of a ledger. A line of the file is one entry and, in a ledger of Sprag's own, its [`Stamp`].
//!
//! [`Stamp`]: crate::Stamp

mod config;
mod evidence;
mod line;
mod moment;
mod red_team;
mod run;
mod skimmed;
mod status;
mod usage;

pub use config::{Calibration, Config, SandboxInfo};
pub use evidence::StoredEvidence;
pub(crate) use line::{Keeping, decode, encode};
pub use moment::{Event, EventKind, Final, Hook, Idea, Interval, Note, PhaseStart, Recorded, StopEntry};
pub use red_team::{Cheated, Fate, RedTeam};
pub use run::{Run, RunKind};
pub(crate) use skimmed::Skimmed;
pub use status::RunStatus;
pub use usage::{Price, Seconds, UnixMs, Usage};

use serde_json::Value;

/// One entry of a ledger.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Entry {
    /// A new segment: what is optimized, under which contract, where.
    Config(Box<Config>),
    /// What the A/A pairs said about the noise.
    Calibration(Box<Calibration>),
    /// One candidate or baseline and what became of it.
    Run(Box<Run>),
    /// Something that happened without a verdict.
    Event(Box<Event>),
    /// A remark of the person's.
    Note(Note),
    /// A parked idea.
    Idea(Idea),
    /// The next phase of the spec begins.
    Phase(PhaseStart),
    /// The measured result at the end.
    Final(Box<Final>),
    /// The session ended, and why.
    Stop(StopEntry),
    /// A hook ran.
    Hook(Hook),
    /// Known cheats were planted, to see what the harness says of them.
    RedTeam(RedTeam),
    /// An object that this version does not know: kept, shown, never interpreted.
    Unknown(Value),
}

impl Entry {
    /// The word under which people see it: `run`, or the line's `type`.
    pub fn word(&self) -> &str {
        match self {
            Entry::Config(_) => "config",
            Entry::Calibration(_) => "calibration",
            Entry::Run(_) => "run",
            Entry::Event(_) => "event",
            Entry::Note(_) => "note",
            Entry::Idea(_) => "idea",
            Entry::Phase(_) => "phase",
            Entry::Final(_) => "final",
            Entry::Stop(_) => "stop",
            Entry::Hook(_) => "hook",
            Entry::RedTeam(_) => "redteam",
            Entry::Unknown(value) => value.get("type").and_then(Value::as_str).unwrap_or("unknown"),
        }
    }

    /// The run, where it is one.
    pub fn as_run(&self) -> Option<&Run> {
        match self {
            Entry::Run(run) => Some(run),
            _ => None,
        }
    }
}

macro_rules! entry_from {
    ($($body:ty => $make:expr),* $(,)?) => {
        $(impl From<$body> for Entry {
            fn from(body: $body) -> Self {
                $make(body)
            }
        })*
    };
}

entry_from! {
    Config => |body| Entry::Config(Box::new(body)),
    Calibration => |body| Entry::Calibration(Box::new(body)),
    Run => |body| Entry::Run(Box::new(body)),
    Event => |body| Entry::Event(Box::new(body)),
    Note => Entry::Note,
    Idea => Entry::Idea,
    PhaseStart => Entry::Phase,
    Final => |body| Entry::Final(Box::new(body)),
    StopEntry => Entry::Stop,
    Hook => Entry::Hook,
    RedTeam => Entry::RedTeam,
}
