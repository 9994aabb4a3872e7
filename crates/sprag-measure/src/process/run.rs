//! One command from start to end.

use std::fs::{File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::{Disk, Ended, Exit, Group, Invocation, Status, Watch};
use crate::{Interrupt, MeasureError};

/// How often the interrupt and the size of the output are looked at. The end itself is seen at once.
const LOOK: Duration = Duration::from_millis(25);

/// Runs a command to its end, its deadline or the interrupt; then kills all that is left of its group.
///
/// # Errors
/// [`MeasureError::Interrupted`]; [`MeasureError::Spawn`] where the program is missing; files that cannot be made.
pub fn run(invocation: &Invocation, interrupt: &Interrupt) -> Result<Ended, MeasureError> {
    run_while(invocation, interrupt, &mut || true)
}

/// The same, as long as `wanted` says so. It is asked again and again while the command runs, and may read what was
/// printed so far.
///
/// # Errors
/// As [`run`].
pub fn run_while(
    invocation: &Invocation,
    interrupt: &Interrupt,
    wanted: &mut dyn FnMut() -> bool,
) -> Result<Ended, MeasureError> {
    interrupt.check()?;
    let stdin = match &invocation.stdin {
        Some(path) => Stdio::from(File::open(path).map_err(MeasureError::file("read", path.clone()))?),
        None => Stdio::null(),
    };
    let stdout = output_file(&invocation.stdout)?;
    let stderr = output_file(&invocation.stderr)?;
    let (out, err) = (duplicate(&stdout)?, duplicate(&stderr)?);

    let disk = invocation.disk.as_ref().map(Disk::watch);
    let (group, _) = Group::spawn(invocation, stdin, out.into(), err.into())?;
    let start = group.started();
    let cut = watch(&group, invocation, [&stdout, &stderr], disk.as_ref(), start, interrupt, wanted)?;
    let wall = start.elapsed();
    let exit = group.end()?;
    // A writer that is fast enough ends before anybody looks, and so does a printer.
    let full = cut.is_none() && disk.as_ref().is_some_and(Watch::over);
    let over = truncate_to(&stdout, invocation.output_limit) | truncate_to(&stderr, invocation.output_limit);
    Ok(Ended {
        status: match cut.or(exit.over_memory.map(|most| Status::MemoryLimit { most })) {
            Some(status) => status,
            None if full => Status::DiskLimit,
            None if over => Status::OutputLimit,
            None => status_of(&exit),
        },
        wall,
        cpu: exit.cpu,
        peak_rss: exit.peak_rss,
        leftovers: exit.leftovers,
        stdout: invocation.stdout.clone(),
        stderr: invocation.stderr.clone(),
    })
}

/// Waits for the end; `Some` where it must be cut short.
fn watch(
    group: &Group,
    invocation: &Invocation,
    outputs: [&File; 2],
    disk: Option<&Watch>,
    start: Instant,
    interrupt: &Interrupt,
    wanted: &mut dyn FnMut() -> bool,
) -> Result<Option<Status>, MeasureError> {
    loop {
        let left = invocation.timeout.saturating_sub(start.elapsed());
        if group.ends_within(left.min(LOOK)) {
            return Ok(None);
        }
        interrupt.check()?;
        if outputs.iter().any(|file| length(file) > invocation.output_limit) {
            return Ok(Some(Status::OutputLimit));
        }
        if disk.is_some_and(Watch::over) {
            return Ok(Some(Status::DiskLimit));
        }
        if left.is_zero() {
            return Ok(Some(Status::TimedOut));
        }
        if !wanted() {
            return Ok(Some(Status::CalledOff));
        }
    }
}

fn status_of(exit: &Exit) -> Status {
    match (exit.status.code(), exit.status.signal()) {
        (Some(code), _) => Status::Exited(code),
        (None, signal) => Status::Signaled(signal.unwrap_or_default()),
    }
}

/// Appending, so that a truncated file does not get a hole when a process writes on.
pub(crate) fn output_file(path: &Utf8Path) -> Result<File, MeasureError> {
    let create = || {
        File::create(path)?;
        OpenOptions::new().append(true).open(path)
    };
    create().map_err(MeasureError::file("create", path))
}

fn duplicate(file: &File) -> Result<File, MeasureError> {
    file.try_clone().map_err(MeasureError::system("duplicate a file descriptor"))
}

pub(crate) fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// Gives the disk back what went over the limit. Whether anything did.
fn truncate_to(file: &File, limit: u64) -> bool {
    let over = length(file) > limit;
    if over {
        // Failing, it costs disk and nothing else.
        let _ = file.set_len(limit);
    }
    over
}
