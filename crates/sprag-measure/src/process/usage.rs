//! What a living process has cost so far, from /proc.

use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::process::Pid;

use super::descendants::{stat_of, threads_of};

/// CPU time and memory so far: lower bounds, as exact as /proc gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    /// The largest resident set since `exec`, in bytes.
    pub(crate) peak_rss: u64,
}

impl Usage {
    /// Two sources, both never too high: the threads' own counters are exact to the nanosecond but forget threads
    /// that ended; the process's counter and that of its waited-for children forget nothing but count in ticks.
    pub(crate) fn of(pid: Pid) -> Self {
        let exact: u64 = threads_of(pid).into_iter().filter_map(|thread| on_cpu(pid, thread)).sum();
        let ticks = stat_of(pid).map_or(0, |stat| stat.cpu_ticks);
        let coarse = ticks.saturating_mul(1_000_000_000 / clock_ticks_per_second().max(1));
        Self { cpu: Duration::from_nanos(exact.max(coarse)), peak_rss: high_water(pid).unwrap_or(0) }
    }

    /// Of two processes together: times add up, the larger peak counts.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, peak_rss: self.peak_rss.max(other.peak_rss) }
    }
}

/// Nanoseconds on a CPU (the first field of schedstat).
fn on_cpu(pid: Pid, thread: Pid) -> Option<u64> {
    let path = format!("/proc/{}/task/{}/schedstat", pid.as_raw_nonzero(), thread.as_raw_nonzero());
    fs::read_to_string(path).ok()?.split(' ').next()?.parse().ok()
}

/// `VmHWM`, in bytes.
fn high_water(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().split(' ').next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_and_memory() {
        let pid = rustix::process::getpid();
        let before = Usage::of(pid);
        let mut sum = 0_u64;
        while Usage::of(pid).cpu < before.cpu + Duration::from_millis(20) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(before.peak_rss > 100_000);
    }
}
