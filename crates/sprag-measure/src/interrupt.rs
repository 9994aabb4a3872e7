//! The flag that ends a measurement early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised once, from a signal handler or another thread; whatever runs is killed and returns
/// [`MeasureError::Interrupted`](crate::MeasureError::Interrupted).
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises it, for every clone.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// `Err(Interrupted)` once it was raised.
    pub fn check(&self) -> Result<(), crate::MeasureError> {
        if self.is_raised() { Err(crate::MeasureError::Interrupted) } else { Ok(()) }
    }
}
