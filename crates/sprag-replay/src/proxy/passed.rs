//! What was let through to the outside unrecorded, over all scopes of a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many hosts are told apart.
const HOSTS: usize = 1_000;

/// How often something was let through, by host. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passed(Arc<Mutex<BTreeMap<String, u64>>>);

impl Passed {
    /// Something is let through to a host.
    pub(crate) fn note(&self, host: &str) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() < HOSTS || hosts.contains_key(host) {
            *hosts.entry(host.to_owned()).or_default() += 1;
        }
    }

    /// So far.
    pub(super) fn hosts(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
