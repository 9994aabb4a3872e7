//! How much memory bodies may take at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that the bodies under way in a scope may hold together.
const ROOM: usize = 1 << 30;

/// What is held of it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room(Arc<AtomicUsize>);

/// A part of it, given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    room: Room,
    bytes: usize,
}

impl Room {
    /// Of nothing yet.
    pub(crate) fn hold(&self) -> Held {
        Held { room: self.clone(), bytes: 0 }
    }
}

impl Held {
    /// So much more; `false` where there is no room for it.
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        let before = self.room.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        before.saturating_add(bytes) <= ROOM
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_makes_room() {
        let room = Room::default();
        let mut first = room.hold();
        assert!(first.add(ROOM));
        assert!(!room.hold().add(1));
        drop(first);
        assert!(room.hold().add(ROOM));
    }
}
