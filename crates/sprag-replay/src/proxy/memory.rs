//! How much memory the bodies of a scope may take at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that the bodies under way in a scope may take together.
const MOST: usize = 1 << 30;

/// What is reserved of it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<AtomicUsize>);

/// A part of it, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    memory: Memory,
    bytes: usize,
}

impl Memory {
    /// Of nothing yet.
    pub(crate) fn reserve(&self) -> Reserved {
        Reserved { memory: self.clone(), bytes: 0 }
    }
}

impl Reserved {
    /// So many bytes more; `false` where there are not as many left.
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        let before = self.memory.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        before.saturating_add(bytes) <= MOST
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_free_again() {
        let memory = Memory::default();
        let mut first = memory.reserve();
        assert!(first.add(MOST));
        assert!(!memory.reserve().add(1));
        drop(first);
        assert!(memory.reserve().add(MOST));
    }
}
