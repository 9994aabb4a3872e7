//! `phase next`: the session goes on from its incumbent under the next phase's constraints.

use sprag_ledger::PhaseStart;
use sprag_measure::Interrupt;

use crate::events::Nobody;
use crate::ground::{Ground, Place};
use crate::ideas::parked_before;
use crate::open::{Opening, parse_tree};
use crate::session::now;
use crate::{Project, SessionError};

/// What the next phase brings.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct NextPhase {
    /// Its number.
    pub phase: u32,
    /// Its title in the spec.
    pub title: String,
    /// The ideas that were parked before it, given back to the tries that follow.
    pub ideas: Vec<String>,
}

/// Starts the next phase of the spec, in a new segment from the incumbent.
///
/// # Errors
/// [`SessionError`] where there is no session, no next phase, or a session is running.
pub fn next_phase(project: Project) -> Result<NextPhase, SessionError> {
    let home = project.home()?;
    let _held = home.lock()?;
    let id = home.current().ok_or(SessionError::NoSession)?;
    let opening = Opening::default();
    let ground = Ground::of(project, home, Some(&opening), &Interrupt::default(), &mut Nobody)?;
    let (id, mut ledger, state, _) = ground.resume(id, &opening)?;
    let segment = state.segment().map_err(SessionError::Refused)?;
    let number = segment.phase + 1;
    let phase = ground.contract.phases.iter().find(|phase| phase.number == number);
    let title = phase.map(|phase| phase.title.clone()).ok_or_else(|| {
        SessionError::Refused(format!(
            "the spec has no phase {number}: add a `## Phase {number}` section to it"
        ))
    })?;
    let place = Place {
        base: segment.config.revision.clone().unwrap_or_default(),
        tree: parse_tree(&segment.incumbent.tree)?,
        locked: segment.config.locked.clone(),
    };
    ledger.append(PhaseStart { phase: number, title: title.clone(), timestamp: Some(now()) })?;
    ledger.append(ground.config(&id, number, &place)?)?;
    let ideas = parked_before(ledger.log(), number).map(|idea| idea.text.clone()).collect();
    Ok(NextPhase { phase: number, title, ideas })
}
