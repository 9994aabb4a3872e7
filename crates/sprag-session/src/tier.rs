//! The tier of a session: what the settings ask for, shown by a self-test before anything is run.

use sprag_contract::settings::Settings;
use sprag_ledger::{SandboxInfo, Tier};
use sprag_sandbox::{COMMAND, Layer, Report, examine, examine_up_to};

use crate::SessionError;
use crate::lab::own;

/// What a jail of the tier that the settings ask for holds on this machine, in the ledger's words, and as no later jail may
/// fall short of it. It is tried out.
///
/// # Errors
/// [`SessionError::NoSandbox`] where the machine has no such jail, or [`SessionError::NoProgram`].
pub(crate) fn held(settings: &Settings) -> Result<(SandboxInfo, Option<Report>), SessionError> {
    let wanted = settings.sandbox.tier;
    if wanted == Tier::None {
        let lost = vec!["nothing is locked in: a candidate runs with the rights of the person".to_owned()];
        return Ok((SandboxInfo { tier: wanted, backend: None, selftest: None, lost }, None));
    }
    let report = examine_up_to(&own(COMMAND)?, wanted);
    if report.tier < wanted {
        // Of namespaces only the whole sandbox needs any.
        let needed = |layer: Layer| wanted == Tier::Enforced || layer != Layer::Namespaces;
        let why = report.lacks().find(|(layer, _)| needed(*layer));
        let why = why.map(|(layer, lack)| format!("{layer}: {}", lack.what));
        let why = why.unwrap_or_else(|| "the self-test did not say what is missing".to_owned());
        // A machine without Landlock may have the whole sandbox.
        let found = if wanted < Tier::Enforced { examine(&own(COMMAND)?).tier } else { report.tier };
        return Err(SessionError::NoSandbox { wanted: wanted.to_string(), found: found.to_string(), why });
    }
    let lost = report.lacks().map(|(layer, _)| format!("{layer}: {}", layer.lost())).collect();
    let selftest = Some(format!("b3:{}", blake3::hash(&report.bytes()).to_hex()));
    let backend = (!report.backend.is_own()).then(|| report.backend.to_string());
    Ok((SandboxInfo { tier: wanted, backend, selftest, lost }, Some(report)))
}
