//! The jail as Sprag uses it: spawned, spoken to and ended from outside, as this user and, where this one is root, as
//! an ordinary one too.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod files;
mod ground;
mod life;
mod limits;
mod network;
mod tiers;
