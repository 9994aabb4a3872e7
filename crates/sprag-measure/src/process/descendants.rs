//! The family of a process, from /proc. Best effort: a process can always fork between two looks.

use std::fs;
use std::sync::Once;

use rustix::process::{Pid, getpid, set_child_subreaper};

/// Orphans of what Sprag starts come to Sprag instead of init, where they can be found and killed. Once per process.
pub(crate) fn start_reaping() {
    static ONCE: Once = Once::new();
    // Where it is refused (it never is on Linux 3.4 and later) the group is still killed; only a process that left
    // the group and lost its parent escapes.
    ONCE.call_once(|| {
        let _ = set_child_subreaper(Some(getpid()));
    });
}

/// The threads of a process. Empty where it is gone.
pub(crate) fn threads_of(pid: Pid) -> Vec<Pid> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())) else { return Vec::new() };
    tasks.flatten().filter_map(|task| Pid::from_raw(task.file_name().to_str()?.parse().ok()?)).collect()
}

/// Pids of the direct children of all threads of `pid`.
pub(crate) fn children_of(pid: Pid) -> Vec<Pid> {
    let of_thread = |thread: Pid| {
        fs::read_to_string(format!(
            "/proc/{}/task/{}/children",
            pid.as_raw_nonzero(),
            thread.as_raw_nonzero()
        ))
        .ok()
    };
    threads_of(pid)
        .into_iter()
        .filter_map(of_thread)
        .flat_map(|list| {
            list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect::<Vec<_>>()
        })
        .collect()
}

/// `root` and everything below it, parents first.
pub(crate) fn family_of(root: Pid) -> Vec<Pid> {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&pid) = family.get(next) {
        let children = children_of(pid);
        family.extend(children.into_iter().filter(|child| !family.contains(child)).collect::<Vec<_>>());
        next += 1;
    }
    family
}

/// What /proc/PID/stat says of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `R`, `S`, `T`, `Z`, …
    pub(crate) state: u8,
    /// The process group.
    pub(crate) group: i32,
    /// User and system time of it and of the children it waited for, in clock ticks.
    pub(crate) cpu_ticks: u64,
}

/// `None` where the process is gone.
pub(crate) fn stat_of(pid: Pid) -> Option<Stat> {
    parse_stat(&fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
}

/// The name in brackets may hold anything, brackets and spaces too: fields are counted from its last bracket.
fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let end = bytes.iter().rposition(|&b| b == b')')?;
    let mut fields = std::str::from_utf8(bytes.get(end + 1..)?).ok()?.split_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    // state is field 3, the group 5; utime, stime, cutime, cstime are 14 to 17 (proc_pid_stat(5)).
    let group = fields.nth(1)?.parse().ok()?;
    let times: Vec<u64> = fields.skip(8).take(4).map_while(|field| field.parse().ok()).collect();
    (times.len() == 4).then(|| Stat { state, group, cpu_ticks: times.iter().sum() })
}

/// Children of Sprag in `group`, or that carry `marker` in the environment they were started with, with all below
/// them: the orphans of a run.
pub(crate) fn orphans_with(group: Pid, marker: &str) -> Vec<Pid> {
    let belongs = |pid: &Pid| -> bool {
        let environ = || fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
        stat_of(*pid).is_some_and(|stat| stat.group == group.as_raw_nonzero().get())
            || environ().split(|&b| b == 0).any(|entry| entry == marker.as_bytes())
    };
    // Not the leader's family: whoever asks has that already.
    children_of(getpid())
        .into_iter()
        .filter(|&pid| pid != group && belongs(&pid))
        .flat_map(family_of)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_process_name_does_not_confuse_the_fields() {
        let line = b"7 (a) R 1 (x) S 1 7 7 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 5";
        assert_eq!(parse_stat(line), Some(Stat { state: b'S', group: 7, cpu_ticks: 100 }));
        assert_eq!(parse_stat(b"7 (cut"), None);
        assert_eq!(parse_stat(b"7 (a) S 1"), None);
    }

    #[test]
    fn the_family_of_this_process_includes_its_children() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let pid = Pid::from_child(&child);
        assert!(family_of(getpid()).contains(&pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(stat_of(pid), None);
    }
}
