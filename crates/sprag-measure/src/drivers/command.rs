//! The `command` driver.

use sprag_contract::settings::Settings;
use sprag_judge::Provenance;

use super::{Driver, Setup};
use crate::{Floor, MeasureError, Plan, Run, Side};

pub(super) struct Command {}

impl Command {
    pub(super) fn open(settings: &Settings, setup: Setup) -> Result<Self, MeasureError> {
        let _ = (settings, setup);
        Ok(Self {})
    }
}

impl Driver for Command {
    fn measure(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Run, MeasureError> {
        let _ = (side, plan);
        Err(MeasureError::harness("driver `command` is not there yet", "wait"))
    }

    fn floor(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Option<Floor>, MeasureError> {
        let _ = (side, plan);
        Ok(None)
    }

    fn provenance(&self, _metric: &str) -> Provenance {
        Provenance::Observed
    }
}
