//! Who takes the numbers. One file a driver, and one line in [`open`].

mod beside;
mod cases;
mod command;
mod launch;
mod script;
mod size;

use std::collections::BTreeSet;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::settings::{DriverKind, Settings};
use sprag_judge::{Finding, Order, Provenance, Reason};
use sprag_replay::Proxy;

use crate::process::{Ended, Invocation, Status};
use crate::{Floor, Interrupt, MeasureError, PairPlan, Plan, Role, Run, Sandbox, Side};
pub use cases::{Cases, Turns, echo_once, echo_server, echo_worker};
pub use command::STDOUT;

/// What a driver needs besides the settings.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The command that is measured, where `[run] measure` names none: the spec's How to Run, or the layout's script.
    pub how_to_run: Option<String>,
    /// Names that must be there after every run: the primary metric and the controls.
    pub wanted: BTreeSet<String>,
    /// The folder that the paths of the harness in the settings (case file, goldens) are relative to; read from here
    /// and never from a side.
    pub harness: Utf8PathBuf,
    /// The command of the stand-ins, such as `["/usr/bin/sprag", "__echo-worker"]`. With `stdio` behind it it runs
    /// [`echo_worker`] on its stdin and stdout, with `http` and a port [`echo_server`], with `each` [`echo_once`].
    /// Without it the cases have no floor.
    pub echo: Option<Vec<String>>,
    /// What answers in place of the outside, or records it: each side and repetition gets scopes of its own.
    pub replay: Option<Arc<Proxy>>,
    /// The command that builds an empty network, such as `["/usr/bin/sprag", "__jail"]`: processes that are measured
    /// against recorded answers run in one. Without it, or where this machine has none, the network stays open, and
    /// each run says so.
    pub jail: Option<Vec<String>>,
    /// What measured processes are locked in; `None` for nothing.
    pub sandbox: Option<Sandbox>,
    /// Ends whatever runs.
    pub interrupt: Interrupt,
}

/// Measures one side, or both together.
pub trait Driver: Send {
    /// One run of one side, in fresh processes.
    ///
    /// # Errors
    /// Only what is nobody's verdict; the code's own fault is [`Run::failure`].
    fn measure(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Run, MeasureError>;

    /// One run of each side, close in time: `[incumbent, candidate]`. One after the other, unless a driver knows a
    /// way with less noise.
    ///
    /// # Errors
    /// As [`measure`](Driver::measure): then the whole pair is void.
    fn measure_pair(
        &mut self,
        incumbent: &Side<'_>,
        candidate: &Side<'_>,
        plan: &PairPlan,
    ) -> Result<[Run; 2], MeasureError> {
        one_after_the_other(self, incumbent, candidate, plan)
    }

    /// What a do-nothing candidate would measure; `None` where this driver has no stand-in for one.
    ///
    /// # Errors
    /// As [`measure`](Driver::measure).
    fn floor(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Option<Floor>, MeasureError>;

    /// Where a metric of this name comes from, before it was ever measured.
    fn provenance(&self, metric: &str) -> Provenance;
}

fn one_after_the_other<D: Driver + ?Sized>(
    driver: &mut D,
    incumbent: &Side<'_>,
    candidate: &Side<'_>,
    plan: &PairPlan,
) -> Result<[Run; 2], MeasureError> {
    debug_assert_eq!((incumbent.role, candidate.role), (Role::Incumbent, Role::Candidate));
    match plan.order {
        Order::Ab => {
            let first = driver.measure(incumbent, &plan.plan())?;
            Ok([first, driver.measure(candidate, &plan.plan())?])
        }
        Order::Ba => {
            let first = driver.measure(candidate, &plan.plan())?;
            Ok([driver.measure(incumbent, &plan.plan())?, first])
        }
    }
}

/// The driver that the settings name.
///
/// # Errors
/// [`MeasureError::Harness`] where the settings or the harness do not fit it.
pub fn open(settings: &Settings, setup: Setup) -> Result<Box<dyn Driver>, MeasureError> {
    Ok(match settings.measure.driver {
        DriverKind::Script => Box::new(script::Script::open(settings, setup)?),
        DriverKind::Command => Box::new(command::Command::open(settings, setup)?),
        DriverKind::Cases => Box::new(Cases::open(settings, setup)?),
    })
}

/// The command that is measured.
fn command_line(settings: &Settings, setup: &Setup) -> Result<String, MeasureError> {
    let command = settings.run.measure.as_ref().or(setup.how_to_run.as_ref());
    command.map(|line| line.trim()).filter(|line| !line.is_empty()).map(str::to_owned).ok_or_else(|| {
        MeasureError::harness(
            "no command to measure",
            "write `measure = \"…\"` under [run] in the settings, or a command in backticks under How to Run",
        )
    })
}

/// The finding against a command that did not end well.
pub(crate) fn crash_of(command: &str, ended: &Ended, invocation: &Invocation) -> Option<Finding> {
    let reason = match ended.status {
        Status::Exited(0) => return None,
        Status::TimedOut => Reason::Timeout,
        Status::Exited(_)
        | Status::Signaled(_)
        | Status::OutputLimit
        | Status::DiskLimit
        | Status::MemoryLimit { .. }
        | Status::CalledOff => Reason::Crash,
    };
    let why = why_not_started(command, ended.status, &invocation.dir).unwrap_or_default();
    Some(Finding { reason, detail: format!("`{command}`: {why}{}", ended.describe(invocation)) })
}

/// The shell says 126 or 127 where it could not start the program; that deserves plainer words.
fn why_not_started(command: &str, status: Status, dir: &Utf8Path) -> Option<String> {
    let word = command.split_whitespace().next()?;
    let exists = word.contains('/') && dir.join(word).exists();
    match status {
        Status::Exited(127) if word.contains('/') && !exists => Some(format!("there is no {word}; ")),
        Status::Exited(126) if exists => Some(format!("{word} is not executable (chmod +x {word}); ")),
        _ => None,
    }
}
