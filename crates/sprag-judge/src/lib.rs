//! Decides: keep, discard, or measure more.
//!
//! Pure: no files, no clocks, no processes. Every decision is a function of an [`Evidence`], which the ledger
//! stores whole, so that an audit can recompute it from the row alone.

mod bound;
mod evidence;
mod metric;
mod settings;
pub mod stop;
mod verdict;
mod wording;

pub use bound::Bound;
pub use evidence::{ControlRule, Evidence, Finding, Mode, Order, Pair, Rule};
pub use metric::{Direction, Metrics, Provenance};
pub use settings::{JudgeSettings, Policy, SettingsError};
pub use verdict::{Reason, Status, Verdict};
