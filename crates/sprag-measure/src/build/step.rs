//! One step that is not timed: the build, the checks, the profile.

use std::time::Duration;

use camino::Utf8PathBuf;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sprag_contract::settings::{Layout, Settings};
use sprag_judge::{Finding, Reason};

use super::{LayoutControl, shuffled};
use crate::process::{self, Disk, Ended, Invocation, OUTPUT_LIMIT, Program};
use crate::sandbox::{Profile, Sandbox};
use crate::{Interrupt, MeasureError, Side, environment};

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The code's own fault: `build` or `checks`, with the last lines.
    pub failure: Option<Finding>,
    /// How long it took.
    pub wall: Duration,
    /// stdout and stderr, whole. Empty where there was nothing to run.
    pub logs: Vec<Utf8PathBuf>,
    /// What was done about layout luck.
    pub layout: LayoutControl,
}

/// Runs `[run] build` in a side. Without one there is nothing to do, and that succeeds.
///
/// With a `layout` seed, and unless the settings switch it off, a plain cargo build is relinked by it
/// ([`shuffled`]); where that does not link, it is built as written and the step says [`LayoutControl::Off`]. Any
/// other build finds the seed in `SPRAG_LAYOUT_SEED`.
///
/// # Errors
/// Only what is nobody's verdict.
pub fn build(
    settings: &Settings,
    side: &Side<'_>,
    layout: Option<u64>,
    sandbox: Option<&Sandbox>,
    interrupt: &Interrupt,
) -> Result<Step, MeasureError> {
    let Some(command) = &settings.run.build else {
        return Ok(Step {
            failure: None,
            wall: Duration::ZERO,
            logs: Vec::new(),
            layout: LayoutControl::Off,
        });
    };
    let seed = layout.filter(|_| settings.measure.layout != Some(Layout::Off));
    let timeout = settings.run.timeout.build;
    let work = Work { settings, side, timeout, reason: Reason::Build, sandbox, interrupt };
    let Some(seed) = seed else { return work.run("build", command, None, LayoutControl::Off) };
    let Some(rewritten) = shuffled(command, seed) else {
        return work.run("build", command, Some(seed), LayoutControl::Told);
    };
    let step = work.run("build", &rewritten, Some(seed), LayoutControl::Shuffled)?;
    match &step.failure {
        None => Ok(step),
        // The candidate, or a linker that cannot shuffle? Built as written it shows.
        Some(_) => {
            let plain = work.run("build", command, None, LayoutControl::Off)?;
            Ok(Step { wall: step.wall + plain.wall, ..plain })
        }
    }
}

/// Runs the checks in a side; they pass with exit code 0.
///
/// # Errors
/// Only what is nobody's verdict.
pub fn checks(
    command: &str,
    settings: &Settings,
    side: &Side<'_>,
    sandbox: Option<&Sandbox>,
    interrupt: &Interrupt,
) -> Result<Step, MeasureError> {
    let timeout = settings.run.timeout.checks;
    let work = Work { settings, side, timeout, reason: Reason::Checks, sandbox, interrupt };
    work.run("checks", command, None, LayoutControl::Off)
}

/// Runs `[run] profile` in a side, which it finds as a measured run does. Its failure says nothing about the code.
///
/// # Errors
/// Only what is nobody's verdict.
pub fn profile(
    command: &str,
    settings: &Settings,
    side: &Side<'_>,
    sandbox: Option<&Sandbox>,
    interrupt: &Interrupt,
) -> Result<Step, MeasureError> {
    let timeout = settings.run.timeout.measure;
    let work = Work { settings, side, timeout, reason: Reason::Crash, sandbox, interrupt };
    work.run("profile", command, None, LayoutControl::Off)
}

struct Work<'a> {
    settings: &'a Settings,
    side: &'a Side<'a>,
    timeout: Duration,
    reason: Reason,
    sandbox: Option<&'a Sandbox>,
    interrupt: &'a Interrupt,
}

impl Work<'_> {
    fn run(
        &self,
        name: &str,
        command: &str,
        layout_seed: Option<u64>,
        layout: LayoutControl,
    ) -> Result<Step, MeasureError> {
        // Nothing here is timed, so the padding may as well be the same every time.
        let mut padding = ChaCha8Rng::seed_from_u64(0);
        let folders = self.side.tmp.join(name);
        let passed = &self.settings.sandbox.env;
        let mut env = environment::of_process(self.side, &folders, passed, &mut padding)?;
        if let Some(seed) = layout_seed {
            env.insert("SPRAG_LAYOUT_SEED".to_owned(), seed.to_string());
        }
        if self.reason != Reason::Build {
            // As in a measured run: code that knows its checks by a missing seed could behave for them alone.
            env.insert("SPRAG_SEED".to_owned(), rand::random::<u32>().to_string());
        }
        let profile = match self.reason {
            Reason::Build => Profile::Build,
            Reason::Checks => Profile::Checks,
            _ => Profile::Measure,
        };
        let jail = self.sandbox.map(|sandbox| sandbox.jail(profile, self.side, &folders)).transpose()?;
        let log = |stream: &str| self.side.out.join(format!("{}-{name}.{stream}", self.side.role.name()));
        let invocation = Invocation {
            program: Program::Shell(command.to_owned()),
            dir: self.side.dir.to_owned(),
            env,
            timeout: self.timeout,
            stdout: log("stdout"),
            stderr: log("stderr"),
            stdin: None,
            cpus: None,
            output_limit: OUTPUT_LIMIT,
            disk: Some(Disk::usual(vec![crate::sandbox::top(self.sandbox, self.side), folders])),
            jail,
            replayed: None,
        };
        let ended = process::run(&invocation, self.interrupt)?;
        Ok(Step {
            failure: self.finding(command, &ended, &invocation),
            wall: ended.wall,
            logs: vec![ended.stdout, ended.stderr],
            layout,
        })
    }

    fn finding(&self, command: &str, ended: &Ended, invocation: &Invocation) -> Option<Finding> {
        crate::drivers::crash_of(command, ended, invocation)
            .map(|finding| Finding { reason: self.reason, detail: finding.detail })
    }
}
