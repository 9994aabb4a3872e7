//! The steps before the clock: building a side, relinking it with another layout, running the checks.

mod layout;
mod step;

pub use layout::{LayoutControl, shuffled};
pub use step::{Step, build, checks, profile};
