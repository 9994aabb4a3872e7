//! The `cases` driver.

use sprag_contract::settings::Settings;
use sprag_judge::Provenance;

use super::{Driver, Setup};
use crate::{Floor, MeasureError, Plan, Run, Side};

pub(super) struct Cases {}

impl Cases {
    pub(super) fn open(settings: &Settings, setup: Setup) -> Result<Self, MeasureError> {
        let _ = (settings, setup);
        Ok(Self {})
    }
}

impl Driver for Cases {
    fn measure(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Run, MeasureError> {
        let _ = (side, plan);
        Err(MeasureError::harness("driver `cases` is not there yet", "wait"))
    }

    fn floor(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Option<Floor>, MeasureError> {
        let _ = (side, plan);
        Ok(None)
    }

    fn provenance(&self, _metric: &str) -> Provenance {
        Provenance::Observed
    }
}

/// Answers each case with `null` at once: the floor of the `cases` driver. Returns at the end of `stdin`.
///
/// # Errors
/// When one of the two ends cannot be read or written.
pub fn echo_worker(stdin: impl std::io::BufRead, mut stdout: impl std::io::Write) -> std::io::Result<()> {
    let _ = stdin;
    stdout.flush()
}
