//! The loop: opens a session on a repository, judges what proposers hand in, and records every decision.
//!
//! Everything that decides is in the ledger; [`State`] is a fold over its entries. The trees are in the session's own
//! store, the clocks in the driver, the statistics in the judge: this crate only knows the order of things.

mod answers;
mod apply;
mod audit;
mod bench;
mod bill;
mod blobs;
mod brief;
mod calibrate;
mod coin;
mod error;
pub mod events;
mod experiment;
mod export;
mod finish;
mod goldens;
mod ground;
mod guest;
mod hidden;
mod home;
mod hooks;
mod ideas;
mod inputs;
mod lab;
mod measuring;
mod notes;
mod one_line;
mod open;
mod person;
mod phase;
mod prepare;
mod project;
mod red_team;
mod rule;
mod run;
mod segment;
mod session;
mod slot;
mod state;
mod tier;

pub use answers::{Answer, AnswerState, Answers, Written, accept_answers, compare_answers, record_goldens};
pub use apply::{Applied, apply};
pub use audit::{Audit, Mismatch, Rejudged, audit, rejudge};
pub use bench::{Bench, bench, bench_beside, latest as latest_bench};
pub use coin::{Seed, Toss};
pub use error::SessionError;
pub use events::{Event, Observer, Outcome, Stage};
pub use export::export_playbook;
pub use finish::expected_false_keeps;
pub use guest::{Begun, Handout};
pub use home::{Home, Request};
pub use notes::leave_note;
pub use open::{Opening, StartFrom};
pub use phase::{NextPhase, next_phase};
pub use project::Project;
pub use red_team::red_team;
pub use run::Ending;
pub use segment::Segment;
pub use session::{Session, now};
pub use state::{Keep, State};
