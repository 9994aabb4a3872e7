//! What was recorded and never asked for. It is told, and no fault.

use super::{Cassette, CassetteError, Slot};
use crate::exchange::Key;

/// A request of which answers are left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// The case of the request; `""`: outside of any.
    pub case: String,
    /// Where it went.
    pub upstream: String,
    /// The request in one line.
    pub label: String,
    /// What it is recognised by.
    pub key: Key,
    /// How many of its answers are left.
    pub answers: u32,
}

impl Cassette {
    /// The requests of a slot in one line.
    pub(crate) fn label(&self, slot: Slot) -> Result<String, CassetteError> {
        let first = self.first_of(slot);
        Ok(self.parsed(first, &self.text(first)?)?.request.label.into_owned())
    }

    /// The requests of which answers are left, in the order of the file. `asked` says how often a slot was asked for.
    pub(crate) fn unused(&self, asked: impl Fn(Slot) -> u32) -> Result<Vec<Unused>, CassetteError> {
        let mut unused = Vec::new();
        for number in 0..self.slots() as u32 {
            let slot = Slot(number);
            let answers = self.answers(slot).saturating_sub(asked(slot));
            let first = self.first_of(slot);
            if answers == 0 || self.entry(first).aside {
                continue;
            }
            let text = self.text(first)?;
            let line = self.parsed(first, &text)?;
            unused.push(Unused {
                case: line.case.into_owned(),
                upstream: line.upstream.into_owned(),
                label: line.request.label.into_owned(),
                key: line.key,
                answers,
            });
        }
        Ok(unused)
    }
}
