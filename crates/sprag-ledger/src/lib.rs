//! The ledger: what a session did, one JSON object a line, each line chained to the one before by its hash.
//!
//! This crate knows the entries, writes and mends the two copies of a ledger, reads the logs of other tools, and
//! answers questions about what it read. It does no network, process or terminal work.

mod chain;
mod entry;
pub mod export;
mod grade;
pub mod import;
mod ledger;
mod lines;
mod log;
mod verify;
pub mod view;

pub use chain::{Hash, Stamp, VERSION};
pub use entry::{
    Calibration, Cheated, Config, Entry, Event, EventKind, Fate, Final, Hook, Idea, Interval, Note,
    PhaseStart, Price, Recorded, RedTeam, Run, RunKind, RunStatus, SandboxInfo, Seconds, StopEntry,
    StoredEvidence, UnixMs, Usage,
};
pub use grade::Grade;
pub use ledger::{Appended, Ledger, LedgerError, MirrorState, Opened, Torn, repair};
pub use log::{BadLine, Log, Mark, Point, Record, Segment, Session, Sum, Totals, read, skim};
pub use sprag_judge::Tier;
pub use verify::{Break, ChainReport, Problem, SessionChain};
