//! What a try must pass, one gate after the other, and where a verdict says that it failed.

use sprag_contract::Contract;
use sprag_contract::settings::DriverKind;
use sprag_judge::Reason;

/// A gate; of two that a contract has, the lesser comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Gate {
    Scope,
    Build,
    Run,
    Outputs,
    Controls,
    Checks,
    Better,
    Hidden,
    Plausible,
}

impl Gate {
    pub(super) fn name(self) -> &'static str {
        match self {
            Gate::Scope => "scope",
            Gate::Build => "build",
            Gate::Run => "run",
            Gate::Outputs => "outputs",
            Gate::Controls => "controls",
            Gate::Checks => "checks",
            Gate::Better => "better than the best so far",
            Gate::Hidden => "hidden cases",
            Gate::Plausible => "plausible",
        }
    }

    /// The gate that a verdict failed at; none for a keep.
    fn failed(reason: Reason) -> Option<Self> {
        use Reason::*;
        Some(match reason {
            Improved => return None,
            Scope => Gate::Scope,
            Build => Gate::Build,
            Crash | Timeout | Protocol | Metric | ReplayMiss => Gate::Run,
            Output => Gate::Outputs,
            Control => Gate::Controls,
            Checks => Gate::Checks,
            NoGain | Regression | Inconclusive => Gate::Better,
            Hidden => Gate::Hidden,
            Suspect => Gate::Plausible,
        })
    }
}

/// The gates of this contract, in their order.
pub(super) fn gates(contract: &Contract, phase: u32) -> Vec<Gate> {
    let settings = &contract.settings;
    let compared = settings.measure.driver != DriverKind::Script;
    let there = [
        (Gate::Scope, true),
        (Gate::Build, settings.run.build.is_some()),
        (Gate::Run, true),
        (Gate::Outputs, compared),
        (Gate::Controls, !contract.in_phase(phase).controls.is_empty()),
        (Gate::Checks, contract.checks),
        (Gate::Better, true),
        (Gate::Hidden, settings.hidden_cases().is_some()),
    ];
    there.into_iter().filter(|(_, there)| *there).map(|(gate, _)| gate).collect()
}

/// Which gates of the contract in this phase a try passed whose verdict has this reason, and which it did not.
pub fn gates_of(contract: &Contract, phase: u32, reason: Reason) -> String {
    let failed = Gate::failed(reason);
    let all = gates(contract, phase).into_iter();
    let passed = all.take_while(|gate| failed.is_none_or(|failed| *gate < failed));
    let mut words: Vec<String> = passed.map(|gate| format!("{}: passed", gate.name())).collect();
    words.extend(failed.map(|gate| format!("{}: FAILED", gate.name())));
    words.join("; ")
}
