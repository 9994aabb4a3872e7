//! One step that is not timed: the build, the checks.

use std::time::Duration;

use camino::Utf8PathBuf;
use sprag_contract::settings::Settings;
use sprag_judge::Finding;

use super::LayoutControl;
use crate::{Interrupt, MeasureError, Side};

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The code's own fault: `build` or `checks`, with the last lines.
    pub failure: Option<Finding>,
    /// How long it took.
    pub wall: Duration,
    /// stdout and stderr, whole.
    pub logs: Vec<Utf8PathBuf>,
    /// What was done about layout luck.
    pub layout: LayoutControl,
}

/// Runs `[run] build` in a side. Without one there is nothing to do, and that succeeds.
///
/// With a `layout` seed a plain cargo build is relinked by it, any other build is told of it.
///
/// # Errors
/// Only what is nobody's verdict.
pub fn build(
    settings: &Settings,
    side: &Side<'_>,
    layout: Option<u64>,
    interrupt: &Interrupt,
) -> Result<Step, MeasureError> {
    let _ = (settings, side, layout, interrupt);
    Ok(Step { failure: None, wall: Duration::ZERO, logs: Vec::new(), layout: LayoutControl::Off })
}

/// Runs the checks command in a side.
///
/// # Errors
/// Only what is nobody's verdict.
pub fn checks(
    command: &str,
    settings: &Settings,
    side: &Side<'_>,
    interrupt: &Interrupt,
) -> Result<Step, MeasureError> {
    let _ = (command, settings, side, interrupt);
    Ok(Step { failure: None, wall: Duration::ZERO, logs: Vec::new(), layout: LayoutControl::Off })
}
