//! With real processes: what is measured, what is killed, and who gets the blame.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up should fail loudly")]

mod cases;
mod command;
mod each;
mod http;
mod place;
mod process;
mod replay;
mod script;
mod service;
mod step;
