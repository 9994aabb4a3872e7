//! What came of all scopes of a proxy, together: a benchmark has one for each of its processes.

use std::sync::{Arc, Mutex, PoisonError};

use crate::cassette::{Cassette, CassetteError, Slot, Unused};
use crate::counts::Counts;
use crate::desk::Desk;
use crate::trouble::{Difference, Trouble};

/// How many troubles are kept; the first is what matters.
const TROUBLES: usize = 100;
/// How many differences are kept.
const DIFFERENCES: usize = 10_000;

/// What came of the scopes that were closed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// The sums of what each had counted.
    pub counts: Counts,
    /// What made them invalid, a hundred at most; empty where nothing did.
    pub troubles: Vec<Trouble>,
    /// Where the outside answered otherwise than the cassette; only while verifying.
    pub differences: Vec<Difference>,
    /// What the cassette holds and none of them asked for.
    pub unused: Vec<Unused>,
}

/// The scopes that were closed. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Closed(Arc<Mutex<Sums>>);

#[derive(Debug, Default)]
struct Sums {
    counts: Counts,
    troubles: Vec<Trouble>,
    differences: Vec<Difference>,
    /// How often each slot of the cassette was asked for.
    asked: Vec<u32>,
}

impl Closed {
    /// One more.
    pub(super) fn add(&self, desk: &Desk) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Sums { counts, troubles, differences, asked } = &mut *sums;
        for (name, count) in desk.counts() {
            *counts.entry(name).or_default() += count;
        }
        fill(troubles, desk.troubles(), TROUBLES);
        fill(differences, desk.differences(), DIFFERENCES);
        for (slot, times) in desk.asked().enumerate() {
            match asked.get_mut(slot) {
                Some(sum) => *sum = sum.saturating_add(times),
                None => asked.push(times),
            }
        }
    }

    /// All so far; `cassette` is what they were answered from or compared with.
    pub(super) fn account(&self, cassette: Option<&Cassette>) -> Result<Account, CassetteError> {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = |slot: Slot| sums.asked.get(slot.index()).copied().unwrap_or(0);
        Ok(Account {
            counts: sums.counts.clone(),
            troubles: sums.troubles.clone(),
            differences: sums.differences.clone(),
            unused: cassette.map(|cassette| cassette.unused(asked)).transpose()?.unwrap_or_default(),
        })
    }
}

fn fill<T>(all: &mut Vec<T>, more: Vec<T>, most: usize) {
    let room = most.saturating_sub(all.len());
    all.extend(more.into_iter().take(room));
}
