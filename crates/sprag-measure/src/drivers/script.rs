//! The `script` driver.

use sprag_contract::settings::Settings;
use sprag_judge::Provenance;

use super::{Driver, Setup};
use crate::{Floor, MeasureError, Plan, Run, Side};

pub(super) struct Script {}

impl Script {
    pub(super) fn open(settings: &Settings, setup: Setup) -> Result<Self, MeasureError> {
        let _ = (settings, setup);
        Ok(Self {})
    }
}

impl Driver for Script {
    fn measure(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Run, MeasureError> {
        let _ = (side, plan);
        Err(MeasureError::harness("driver `script` is not there yet", "wait"))
    }

    fn floor(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Option<Floor>, MeasureError> {
        let _ = (side, plan);
        Ok(None)
    }

    fn provenance(&self, _metric: &str) -> Provenance {
        Provenance::Observed
    }
}
