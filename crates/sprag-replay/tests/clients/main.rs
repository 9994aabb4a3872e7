//! Real clients: recorded against real servers, then played without them. What works how is the table of
//! `docs/clients.md`, and each of its rows is a test.
//!
//! Needs Python with the packages of `requirements.txt`: `cargo xtask test` makes it. What else is not there, Node or
//! Java, is skipped by name.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod ask;
mod bench;
#[path = "../upstream/cluster.rs"]
mod cluster;
mod rows;
mod secrets;
mod table;
#[path = "../upstream/way.rs"]
mod way;
