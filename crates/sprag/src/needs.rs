//! What an agent needs before it is asked for anything.

use miette::miette;
use sprag_contract::Settings;

/// Refuses where Sprag's own agent lacks what it needs: said before anything is opened.
pub(crate) fn of_builtin(settings: &Settings) -> miette::Result<()> {
    if !cfg!(feature = "builtin-agent") {
        return Err(miette!(
            help = "build it with `--features builtin-agent`, or name another agent",
            "this sprag was built without an agent of its own"
        ));
    }
    match settings.agent.model {
        Some(_) => Ok(()),
        None => {
            Err(miette!(help = "write `model` under `[agent]` in the settings", "`builtin` needs a model"))
        }
    }
}
