//! This very program as the launcher of a jail, and how strong a jail it has here.

use std::ffi::OsString;

use miette::{IntoDiagnostic, miette};
use sprag_sandbox::{COMMAND, Tier};

/// The command that builds a jail.
pub(crate) fn launcher() -> miette::Result<[OsString; 2]> {
    let exe = std::env::current_exe().into_diagnostic();
    let exe = exe.map_err(|error| miette!("cannot find sprag itself: {error}"))?;
    Ok([exe.into_os_string(), COMMAND.into()])
}

/// The strongest tier that this machine has: it is tried.
pub(crate) fn strongest() -> miette::Result<Tier> {
    Ok(sprag_sandbox::examine(&launcher()?).tier)
}
