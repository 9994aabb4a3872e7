//! What a proposer is told: made from the ledger without a model.
//!
//! Three parts, in the order in which they change: the rules ([`rules`]), which are the same to the byte for as long as a
//! segment lasts; what was tried ([`tried`]), which only grows; and how things stand now ([`now`]). So a model's cache
//! holds all but the end. Every part has a limit. What an agent, a program or a log says stands in quotes: data, not
//! instructions.
//!
//! Nothing of the hidden cases is in it but that there are some: neither their folder is looked into, nor the seeds, nor the
//! evidence that they gave.

mod gates;
mod now;
mod quote;
mod rules;
mod tried;

use sprag_contract::Contract;
use sprag_ledger::Log;

use crate::session::Session;
use crate::stall::Start;
pub use gates::gates_of;
use quote::block;
pub(crate) use quote::{TEXT, quoted};

/// No brief is longer, in bytes: about 12,000 tokens.
const MOST: usize = 48 << 10;

/// What a brief is made from. It is plain data: no session need be open, and one may be running.
pub struct Sources<'a> {
    /// The ledger, with the evidence of its runs; an empty one before the first session.
    pub log: &'a Log,
    /// The contract in force.
    pub contract: &'a Contract,
    /// Bodies that the ledger keeps by their hash, such as `b3:…` of what a run printed.
    pub bodies: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// What the person's `before` hook printed.
    pub hook: &'a str,
    /// Where the copy begins, if not as the best code so far.
    pub start: Option<&'a Start>,
}

/// What the next try is told.
pub fn brief_of(sources: &Sources<'_>) -> String {
    let rules = rules::of(sources);
    let now = now::of(sources);
    let tried = tried::of(sources, MOST.saturating_sub(rules.len() + now.len()));
    rules + &tried + &now
}

impl Session<'_> {
    /// The brief of an agent's next try. `hook` is what the person's `before` hook printed.
    pub(crate) fn brief(&self, hook: &str) -> String {
        self.brief_from(self.state.stall.start.as_ref(), hook)
    }

    /// The same for a copy that begins there, or as the incumbent.
    pub(crate) fn brief_from(&self, start: Option<&Start>, hook: &str) -> String {
        let bodies = |hash: &str| self.home.body(&self.id, hash);
        brief_of(&Sources { log: self.ledger.log(), contract: &self.contract, bodies: &bodies, hook, start })
    }
}

/// A part with its heading; nothing where it has no lines.
fn part(heading: &str, lines: &[String]) -> String {
    match lines {
        [] => String::new(),
        lines => format!("\n## {heading}\n{}\n", lines.join("\n")),
    }
}

#[cfg(test)]
mod tests;
