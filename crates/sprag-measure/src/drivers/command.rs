//! `command`: Sprag measures a locked command from outside.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

use sprag_contract::settings::{DriverKind, Settings, Size};
use sprag_judge::{Provenance, Reason};

use super::cases::mebibytes;
use super::launch::Launch;
use super::size::size_kb;
use super::{Driver, Setup, command_line};
use crate::process::{self, Ended, Program};
use crate::{CaseOutput, Floor, MeasureError, Plan, Run, Side};

/// What the command prints is one output, by this name.
pub const STDOUT: &str = "stdout";

/// So much of what the command prints is compared, in bytes.
const COMPARED: u64 = 16 << 20;

/// Below this, starting the process is most of what is timed.
const SHORT: Duration = Duration::from_millis(50);

pub(super) struct Command {
    launch: Launch,
    command: String,
    size: Option<Size>,
    wanted: BTreeSet<String>,
}

impl Command {
    pub(super) fn open(settings: &Settings, setup: Setup) -> Result<Self, MeasureError> {
        Ok(Self {
            launch: Launch::new(settings, &setup)?,
            command: command_line(settings, &setup)?,
            size: settings.measure.size.clone(),
            wanted: setup.wanted,
        })
    }

    fn read(&self, side: &Side<'_>, ended: &Ended, run: &mut Run) -> Result<(), MeasureError> {
        for (name, value) in from_outside(ended) {
            run.put(name, value, Provenance::Observed);
        }
        let bytes = printed(ended, run)?;
        run.outputs.push(CaseOutput { id: STDOUT.to_owned(), repetition: 0, bytes });
        if ended.wall < SHORT {
            run.notes.push(format!(
                "the command took {:.1} ms, less than {} ms: much of that is starting it",
                ended.wall.as_secs_f64() * 1e3,
                SHORT.as_millis()
            ));
        }
        if let Some(size) = &self.size {
            match size_kb(size, side.dir)? {
                Ok(kb) => run.put("size_kb", kb, Provenance::Observed),
                Err(complaint) => run.fail(Reason::Metric, complaint),
            }
        }
        let missing: Vec<&str> =
            self.wanted.iter().map(String::as_str).filter(|name| !run.metrics.contains_key(*name)).collect();
        if let (None, false) = (&run.failure, missing.is_empty()) {
            run.fail(Reason::Metric, format!("a command gives no value for {}", missing.join(", ")));
        }
        Ok(())
    }
}

/// What the command printed; of what is too much to keep, one byte more than is compared, so that a longer output is no
/// equal of a shorter one.
fn printed(ended: &Ended, run: &mut Run) -> Result<Vec<u8>, MeasureError> {
    let mut bytes = Vec::new();
    File::open(&ended.stdout)
        .and_then(|file| file.take(COMPARED + 1).read_to_end(&mut bytes))
        .map_err(MeasureError::file("read", ended.stdout.clone()))?;
    if bytes.len() as u64 > COMPARED {
        run.notes
            .push(format!("the command prints more than {} MiB: only those are compared", COMPARED >> 20));
    }
    Ok(bytes)
}

impl Driver for Command {
    fn measure(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Run, MeasureError> {
        self.launch.run_command(&self.command, side, plan, |ended, run| self.read(side, ended, run))
    }

    fn floor(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Option<Floor>, MeasureError> {
        let program = Program::Shell("true".to_owned());
        let launch = self.launch.alone();
        let invocation = launch.invocation(program, side, plan, 0, &launch.beside(side, 0)?)?;
        let ended = process::run(&invocation, &launch.interrupt)?;
        Ok(Some(Floor { metrics: from_outside(&ended).into(), stand_in: "`true`".to_owned() }))
    }

    fn provenance(&self, metric: &str) -> Provenance {
        match DriverKind::Command.metrics().contains(&metric) {
            true => Provenance::Observed,
            false => self.launch.provenance(metric).unwrap_or(Provenance::Attested),
        }
    }
}

fn from_outside(ended: &Ended) -> [(String, f64); 3] {
    [
        ("wall_ms".to_owned(), ended.wall.as_secs_f64() * 1e3),
        ("cpu_ms".to_owned(), ended.cpu.as_secs_f64() * 1e3),
        ("peak_rss_mb".to_owned(), mebibytes(ended.peak_rss)),
    ]
}
