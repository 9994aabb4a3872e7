//! Bounds on controls: the secondary metrics that make cheating visible.

use serde::{Deserialize, Serialize};

/// What a control must satisfy. Relative bounds hold against the session's original baseline, not the incumbent, so
/// that many keeps cannot eat a margin each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Bound {
    /// `embedder_calls == 7`: exactly this number, in every run.
    Equals {
        /// The number.
        value: f64,
    },
    /// `db_calls unchanged`: exactly the baseline's number, in every run.
    Unchanged,
    /// `peak_rss_mb <= 512`: in the first run, and in the median of the pairs.
    AtMost {
        /// The largest value allowed.
        value: f64,
    },
    /// `hit_rate >= 0.9`: in the first run, and in the median of the pairs.
    AtLeast {
        /// The smallest value allowed.
        value: f64,
    },
    /// `bundle_kb must not increase` (for higher-is-better metrics: decrease): never worse than the baseline.
    NotWorse,
    /// `p50_ms within 5%`: one-sided, judged on the pairs with the noise in view.
    Within {
        /// The margin as a fraction: 0.05 for 5 %.
        margin: f64,
        /// Safety must be proven, not only harm not shown.
        hard: bool,
    },
    /// Shown, not judged.
    Watched,
}

impl Bound {
    /// Whether one run is enough to judge it.
    pub fn is_exact(self) -> bool {
        matches!(self, Bound::Equals { .. } | Bound::Unchanged | Bound::NotWorse)
    }
}
