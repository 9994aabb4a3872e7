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

/// The limit of one scope. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct ConnectionLimit {
    free: Arc<Semaphore>,
    /// How many there may be.
    pub(super) most: usize,
}

impl ConnectionLimit {
    pub(super) fn new() -> Self {
        let most = (files() / SHARE).min(CONNECTIONS);
        Self { free: Arc::new(Semaphore::new(most)), most }
    }

    /// Room for one connection, given back when dropped; `None` where there are as many as there may be.
    pub(super) fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone().try_acquire_owned().ok()
    }
}

/// How many files this process may open: as many as it wants, where the system lets it.
fn files() -> usize {
    let number =
        |limit: Option<u64>| limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
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
        let limit = ConnectionLimit::new();
        assert!(limit.most > 0 && limit.most <= CONNECTIONS && SHARE * limit.most <= files());
        let taken: Vec<_> = std::iter::from_fn(|| limit.take()).collect();
        assert_eq!(taken.len(), limit.most);
        drop(taken);
        assert!(limit.take().is_some());
    }
}
