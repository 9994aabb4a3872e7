//! What an earlier Sprag left running when it was itself killed.

use std::fs;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::process::{Pid, Signal, getpid, kill_process};

use super::descendants::stat_of;
use super::group::MARKER;

/// A killed process is gone in milliseconds; after this long it hangs in the kernel.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends what a Sprag that was killed left running, and answers how many processes that were. They are known by the
/// marker in the environment they were started with, and by a folder below `work` in it, where nobody else has any.
/// To be called when no other Sprag works there: while its lock is held.
pub fn end_strays(work: &Utf8Path) -> usize {
    let mut ended = Vec::new();
    // Whatever forked between two looks is found by the next one.
    for _ in 0..5 {
        let found: Vec<Pid> = strays(work).filter(|pid| !ended.contains(pid)).collect();
        if found.is_empty() {
            break;
        }
        for pid in found {
            // One that is gone already is what was wanted.
            let _ = kill_process(pid, Signal::KILL);
            ended.push(pid);
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while ended.iter().any(|&pid| lives(pid)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    ended.len()
}

fn strays(work: &Utf8Path) -> impl Iterator<Item = Pid> {
    let below = format!("{work}/");
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(move |&pid| pid != getpid() && is_stray(pid, &below) && lives(pid))
}

/// Another user's process does not show its environment, and is none of ours.
fn is_stray(pid: Pid, below: &str) -> bool {
    let environ = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    let mut entries = environ.split(|&byte| byte == 0);
    let of_a_run =
        |entry: &[u8]| entry.strip_prefix(MARKER.as_bytes()).is_some_and(|rest| rest.starts_with(b"="));
    let value = |entry: &[u8]| entry.iter().position(|&byte| byte == b'=').map(|at| entry[at + 1..].to_vec());
    entries.clone().any(of_a_run)
        && entries.any(|entry| value(entry).is_some_and(|value| value.starts_with(below.as_bytes())))
}

fn lives(pid: Pid) -> bool {
    stat_of(pid).is_some_and(|stat| !matches!(stat.state, b'Z' | b'X'))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn only_what_ran_below_this_folder_is_ended() {
        let work = tempfile::tempdir().unwrap();
        let work = Utf8Path::from_path(work.path()).unwrap();
        let start = |home: &str, marker: &str| {
            Command::new("sleep").arg("60").env_clear().env("HOME", home).env(marker, "01J").spawn().unwrap()
        };
        let mut ours = start(&format!("{work}/tmp/a/home"), MARKER);
        let mut others = [
            start(&format!("{work}-of-another/tmp"), MARKER),
            start(&format!("{work}/tmp/a/home"), "ANOTHER_MARKER"),
        ];
        // The environment shows as soon as the program runs.
        while fs::read(format!("/proc/{}/environ", ours.id())).unwrap_or_default().is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(end_strays(work), 1);
        assert!(!ours.wait().unwrap().success());
        for other in &mut others {
            assert!(other.try_wait().unwrap().is_none());
            other.kill().unwrap();
            other.wait().unwrap();
        }
        assert_eq!(end_strays(work), 0);
    }
}
