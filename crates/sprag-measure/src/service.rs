//! Services of the harness: processes that run beside a side, outside its group.

use std::collections::BTreeMap;

use camino::Utf8Path;
use sprag_contract::settings::Service;
use sprag_judge::Metrics;

use crate::{Interrupt, MeasureError};

/// The running services of one side and repetition. Dropped, they are killed.
#[derive(Debug)]
pub struct Services {}

impl Services {
    /// Starts one instance of each on a free port and waits until all are ready.
    ///
    /// # Errors
    /// A service that does not start, or not in time.
    pub fn start(
        settings: &[Service],
        dir: &Utf8Path,
        out: &Utf8Path,
        interrupt: &Interrupt,
    ) -> Result<Self, MeasureError> {
        let _ = (settings, dir, out, interrupt);
        Ok(Self {})
    }

    /// `SPRAG_<NAME>_URL` of each.
    pub fn env(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// The counters of all services now. Their difference between two moments is the metric.
    ///
    /// # Errors
    /// A service that died, does not answer, or answers something else than an object of numbers.
    pub fn counters(&mut self) -> Result<Metrics, MeasureError> {
        Ok(Metrics::new())
    }
}
