//! Decides: keep, discard, or measure more.
//!
//! Pure: no files, no clocks, no processes. Every decision is a function of an [`Evidence`], which the ledger
//! stores whole, so that an audit can recompute it from the row alone.
//!
//! A session learns its [`Noise`] from A/A pairs and makes a [`Trial`] for each candidate; an audit replays the trial
//! from its row ([`Trial::replay`]).

mod bound;
mod confirm;
mod control;
mod cost;
mod effect;
mod evidence;
mod gate;
mod metric;
mod noise;
pub mod peers;
mod plausible;
mod primary;
mod rule;
mod settings;
mod sign_process;
pub mod stats;
pub mod stop;
mod tier;
mod trial;
mod verdict;
mod wording;

pub use bound::Bound;
pub use confirm::{Confirmation, LEVEL};
pub use control::{ControlState, ControlTest, smallest_margin, used_margin};
pub use effect::EffectScale;
pub use evidence::{ControlRule, Evidence, Finding, Mode, Order, Pair, Rule};
pub use metric::{Direction, Metrics, Provenance, is_of_a_case};
pub use noise::{Noise, is_far_worse, minimum_effect, pool_scale, repeats_exactly, residuals};
pub use plausible::Plausible;
pub use rule::RuleError;
pub use settings::{JudgeSettings, Policy, SettingsError};
pub use sign_process::SignProcess;
pub use tier::{Tier, TierError};
pub use trial::{Next, Trial};
pub use verdict::{Reason, Status, Verdict};
