//! How a command ends that a session or a measurement failed under.

use std::process::ExitCode;

use miette::{IntoDiagnostic, miette};
use sprag_session::SessionError;

use crate::show;

/// An interruption has an exit code of its own; anything else is an error.
pub(crate) fn failed(error: SessionError) -> miette::Result<ExitCode> {
    if error.is_interruption() {
        show::aside(&SessionError::Interrupted.to_string());
        return Ok(ExitCode::from(130));
    }
    match &error {
        SessionError::Baseline { output, .. } if !output.is_empty() => {
            Err(miette!(help = format!("the end of what it printed:\n{output}"), "{error}"))
        }
        _ => Err(error).into_diagnostic(),
    }
}
