//! How many connections the application may have open at once.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many in one scope, where this process may open [`FILES`].
const CONNECTIONS: usize = 10_000;
/// A scope takes no more than one in so many of the files that this process may open: two sides are measured at a time,
/// a connection may have another one outside, and what else is opened must not fail for an application that opens all it
/// can. That would be held against the other side, or against nobody.
const SHARE: usize = 4;
/// The files that this process wants to be allowed to open.
const FILES: usize = SHARE * CONNECTIONS + 1_000;

/// The places of one scope. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    /// How many there are.
    pub(super) most: usize,
}

impl Places {
    pub(super) fn new() -> Self {
        let most = (files() / SHARE).min(CONNECTIONS);
        Self { free: Arc::new(Semaphore::new(most)), most }
    }

    /// A place, given back when dropped; `None` where all are taken.
    pub(super) fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone().try_acquire_owned().ok()
    }
}

/// How many files this process may open: as many as it wants, where the system lets it.
fn files() -> usize {
    let number = |limit: Option<u64>| limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = number(maximum).min(FILES);
    if number(current) >= wanted {
        return number(current);
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted as u64), maximum }) {
        Ok(()) => wanted,
        Err(_) => number(current),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_scope_cannot_take_the_files_of_the_others() {
        let places = Places::new();
        assert!(places.most > 0 && places.most <= CONNECTIONS && SHARE * places.most <= files());
        let taken: Vec<_> = std::iter::from_fn(|| places.take()).collect();
        assert_eq!(taken.len(), places.most);
        drop(taken);
        assert!(places.take().is_some());
    }
}
