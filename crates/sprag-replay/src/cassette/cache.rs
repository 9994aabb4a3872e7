//! What was decoded lately: bounded by bytes, so that a large cassette stays on disk.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use super::Played;

/// The most that is kept, in bytes of answers.
const BYTES: usize = 32 << 20;

/// The least recently used half is dropped at once: two generations are as good as a list, and simpler.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<u32, (Arc<Played>, usize)>,
    old: HashMap<u32, (Arc<Played>, usize)>,
    /// Those of `young`.
    bytes: usize,
}

impl Cache {
    pub(super) fn get(&self, nth: u32) -> Option<Arc<Played>> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((played, _)) = generations.young.get(&nth) {
            return Some(played.clone());
        }
        let (played, bytes) = generations.old.remove(&nth)?;
        generations.put(nth, played.clone(), bytes);
        Some(played)
    }

    /// `bytes`: what it takes. What would fill a generation on its own is not kept.
    pub(super) fn put(&self, nth: u32, played: Arc<Played>, bytes: usize) {
        if bytes < BYTES / 2 {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).put(nth, played, bytes);
        }
    }
}

impl Generations {
    fn put(&mut self, nth: u32, played: Arc<Played>, bytes: usize) {
        if self.bytes + bytes > BYTES / 2 {
            self.old = mem::take(&mut self.young);
            self.bytes = 0;
        }
        let before = self.young.insert(nth, (played, bytes));
        self.bytes = self.bytes + bytes - before.map_or(0, |(_, bytes)| bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Answer, Key};

    fn played(text: &'static str) -> Arc<Played> {
        Arc::new(Played { key: Key::of(b""), answer: Answer::Redis(text.into()), timing: None })
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let cache = Cache::default();
        let third = BYTES / 6;
        for nth in 0..9 {
            cache.put(nth, played("x"), third);
            assert!(cache.get(0).is_some(), "used after each of the others");
        }
        assert!(cache.get(1).is_none());
        assert!(cache.get(8).is_some());
    }

    #[test]
    fn it_holds_no_more_than_its_bytes() {
        let cache = Cache::default();
        (0..1_000).for_each(|nth| cache.put(nth, played("x"), BYTES / 100));
        cache.put(1_000, played("huge"), BYTES);
        assert!(cache.get(1_000).is_none());
        let generations = cache.0.lock().unwrap();
        let sum =
            |map: &HashMap<u32, (Arc<Played>, usize)>| map.values().map(|(_, bytes)| bytes).sum::<usize>();
        assert!(sum(&generations.young) + sum(&generations.old) <= BYTES);
        assert_eq!(sum(&generations.young), generations.bytes);
    }
}
