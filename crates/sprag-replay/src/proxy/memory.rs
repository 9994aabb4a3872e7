//! How much memory the connections of a scope may take at once, together: bodies, buffers, what is kept for later.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is said where there is no more.
pub(crate) const FULL: &str = "what the connections of the scope have under way takes more than 1 GiB at once: read answers as \
     they come, close what is not needed, or make fewer requests at once";

/// The bytes that what is under way in a scope may take together.
const MOST: usize = 1 << 30;

/// What is reserved of it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<AtomicUsize>);

/// A part of it, given back when dropped.
#[derive(Debug, Default)]
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

    /// So many bytes in all, be it more or less than before; `false` where there are not as many left.
    pub(crate) fn hold(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes {
            return self.add(bytes - self.bytes);
        }
        self.memory.0.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        self.bytes = bytes;
        true
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Memory {
    /// With no more than so many bytes left.
    pub(crate) fn with_left(left: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(MOST - left)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_grows_and_shrinks() {
        let memory = Memory::with_left(10);
        let mut held = memory.reserve();
        assert!(held.hold(10) && !memory.reserve().add(1));
        assert!(held.hold(4) && memory.reserve().add(6));
        assert!(!held.hold(11));
    }

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
