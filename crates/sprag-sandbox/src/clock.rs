//! The CPU time of a program and of all that it starts, whoever waits for it.
//!
//! The kernel adds the time of a child to its parent's only where the parent waits for it: of one that ignores `SIGCHLD`
//! nothing is seen. A perf event counts while it runs, and every process that is started from there inherits it.
//!
//! One thing ends it: a program file that its user may execute and not read. The kernel lets nobody look into such a
//! process, and counts it no further. So the filter for system calls lets nobody make one.
//!
//! Where perf events are refused a control group counts, from the moment in which the launcher is let go.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

/// Counts the CPU time of a program, from its first instruction on, and of all that it has started. It counts those
/// that run and those that have ended.
#[derive(Debug)]
pub struct CpuClock(Source);

#[derive(Debug)]
enum Source {
    Event(File),
    /// A file of a group, and what it said at first.
    Group(File, Duration),
}

impl CpuClock {
    pub(crate) fn of_event(event: OwnedFd) -> Self {
        Self(Source::Event(File::from(event)))
    }

    pub(crate) fn of_group(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let before = time_in(&file)?;
        Ok(Self(Source::Group(file, before)))
    }

    /// All that was used until now. It may be read again and again, and after the program has ended.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn read(&self) -> io::Result<Duration> {
        match &self.0 {
            Source::Event(event) => {
                let mut nanoseconds = [0; 8];
                (&*event).read_exact(&mut nanoseconds)?;
                Ok(Duration::from_nanos(u64::from_ne_bytes(nanoseconds)))
            }
            Source::Group(file, before) => Ok(time_in(file)?.saturating_sub(*before)),
        }
    }
}

/// In `cpu.stat` of version 2 among others, in microseconds; in `cpuacct.usage` of version 1 alone, in nanoseconds.
fn time_in(file: &File) -> io::Result<Duration> {
    let mut bytes = [0; 4096];
    let length = file.read_at(&mut bytes, 0)?;
    let text = String::from_utf8_lossy(&bytes[..length]);
    let micros = text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse().ok());
    let time =
        micros.map(Duration::from_micros).or_else(|| text.trim().parse().ok().map(Duration::from_nanos));
    time.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The first published layout of `struct perf_event_attr`, of 64 bytes: all that is needed.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    breakpoint_address: u64,
}

/// A clock of this process and of its children to come, that starts with the next program that it executes.
pub(crate) fn open() -> io::Result<OwnedFd> {
    const SOFTWARE: u32 = 1;
    const TASK_CLOCK: u64 = 1;
    const DISABLED: u64 = 1;
    const INHERIT: u64 = 1 << 1;
    // Who is not root may not look into the kernel; of time, that in the kernel is counted all the same.
    const EXCLUDE_KERNEL: u64 = 1 << 5;
    const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
    const ENABLE_ON_EXEC: u64 = 1 << 12;
    const THIS_PROCESS: libc::pid_t = 0;
    const ANY_CPU: libc::c_int = -1;
    const NO_GROUP: libc::c_int = -1;
    const CLOEXEC: libc::c_ulong = 1 << 3;

    let attributes = Attributes {
        kind: SOFTWARE,
        size: 64,
        config: TASK_CLOCK,
        flags: DISABLED | INHERIT | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR | ENABLE_ON_EXEC,
        ..Attributes::default()
    };
    #[expect(unsafe_code, reason = "neither rustix nor nix has perf_event_open(2)")]
    // SAFETY: the struct is as long as it says, and the kernel only reads it.
    let number = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            THIS_PROCESS,
            ANY_CPU,
            NO_GROUP,
            CLOEXEC,
        )
    };
    let number = libc::c_int::try_from(number).unwrap_or(-1);
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    #[expect(unsafe_code, reason = "it comes from a raw system call")]
    // SAFETY: the kernel has just opened it for us, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_one_that_the_kernel_knows_by_its_length() {
        assert_eq!(size_of::<Attributes>(), 64);
    }
}
