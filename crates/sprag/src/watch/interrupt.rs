//! Ctrl-C: the first ends the session in order, the second at once.

use miette::IntoDiagnostic;
use sprag_measure::Interrupt;

/// An interrupt that Ctrl-C and SIGTERM raise. Everything that runs is ended; the ledger has every finished
/// experiment. A second Ctrl-C ends the process where it stands.
pub(crate) fn interrupt() -> miette::Result<Interrupt> {
    let interrupt = Interrupt::new();
    let raised = interrupt.clone();
    ctrlc::set_handler(move || {
        if raised.is_raised() {
            std::process::exit(130);
        }
        raised.raise();
    })
    .into_diagnostic()?;
    Ok(interrupt)
}
