//! Limits that hold for all processes of a jail together, and their CPU time: a control group around each jail.
//!
//! The group is made by Sprag, outside, and the launcher is put into it before it does anything. In version 2 of cgroups
//! one folder has all that is needed; it is made in the nearest folder around Sprag's own in which groups have limits. In
//! version 1 there is a tree of folders for each thing that is limited.
//!
//! A folder is locked by the Sprag that made it, for as long as it uses it: the kernel lets go of the lock however that
//! one ends. So one that nobody holds was left behind, whatever its name says and whoever can see whose processes, and
//! the next Sprag takes it away.

mod parents;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, geteuid, kill_process};

use self::parents::{Parent, parents, usual_memory};
use crate::plan::{Refusal, Step};
use crate::{CpuClock, Limits};

/// What the folders are called, before what makes each name another one.
const NAME: &str = "sprag-jail-";
/// How long processes may take to end by themselves, and once more when they are killed.
const PATIENCE: Duration = Duration::from_secs(1);

/// What may be asked for at once, in bytes, and is not counted where it is refused: a huge page, twice.
const LARGEST_CHARGE: u64 = 4 << 20;

/// The processes of one jail, as the kernel counts them. Dropped, it waits for them to end, kills those that do not, and
/// is gone.
#[derive(Debug, Default)]
pub struct Cgroup {
    folders: Vec<Folder>,
    most_memory: u64,
}

impl Cgroup {
    /// Makes it around a process that has started no other. With it comes what could not be had.
    pub(crate) fn around(process: Pid, limits: &Limits) -> (Self, Vec<Refusal>) {
        static PARENTS: OnceLock<Vec<Parent>> = OnceLock::new();
        let parents = PARENTS.get_or_init(|| {
            let parents = parents(&text("/proc/self/mountinfo"), &text("/proc/self/cgroup"));
            parents.iter().for_each(|parent| sweep(&parent.path));
            parents
        });
        let mut group = Self::default();
        let mut refused = Errno::NOENT.into();
        for Parent { kind, path } in parents {
            if group.has(*kind) {
                continue;
            }
            let most_memory = limits.memory_bytes.unwrap_or_else(|| usual_memory(*kind, path));
            match Folder::make(*kind, path, most_memory, limits.processes, process) {
                Ok(folder) => {
                    group.folders.push(folder);
                    if kind.limits_memory() {
                        group.most_memory = most_memory;
                    }
                }
                Err(error) if kind.limits_memory() => refused = error,
                Err(_) => {}
            }
        }
        let lost = match group.folders.iter().any(|folder| folder.kind.limits_memory()) {
            true => Vec::new(),
            false => vec![Refusal::of(Step::Memory)(refused)],
        };
        (group, lost)
    }

    fn has(&self, kind: Kind) -> bool {
        self.folders.iter().any(|folder| folder.kind == kind || folder.kind == Kind::All)
    }

    pub(crate) fn limits_processes(&self) -> bool {
        self.has(Kind::Processes)
    }

    /// A clock that starts now.
    pub(crate) fn clock(&self) -> Option<CpuClock> {
        self.folders.iter().find_map(|folder| match folder.kind {
            Kind::All => CpuClock::of_group(&folder.path.join("cpu.stat")).ok(),
            Kind::Time => CpuClock::of_group(&folder.path.join("cpuacct.usage")).ok(),
            Kind::Memory | Kind::Processes => None,
        })
    }

    /// The most memory that they may have together, in bytes, where the kernel has killed one of them for having more.
    pub fn ran_out_of_memory(&self) -> Option<u64> {
        let out = self.folders.iter().any(|folder| {
            let count = |name: &str, key: &str| counted(&text(folder.path.join(name)), key);
            match folder.kind {
                // A group that is killed for the memory of the whole machine has not reached its own limit.
                Kind::All => count("memory.events", "oom_kill") > 0 && count("memory.events", "oom") > 0,
                Kind::Memory => {
                    let most = ["memory.max_usage_in_bytes", "memory.memsw.max_usage_in_bytes"];
                    let most = most.iter().map(|name| count(name, "")).max().unwrap_or(0);
                    count("memory.oom_control", "oom_kill") > 0 && most + LARGEST_CHARGE >= self.most_memory
                }
                Kind::Processes | Kind::Time => false,
            }
        });
        out.then_some(self.most_memory)
    }

    /// Kills all that is in it. No other can be started meanwhile, where the number of processes is limited.
    pub fn kill(&self) {
        self.folders.iter().for_each(Folder::kill);
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let gone = |folders: &mut Vec<Folder>| {
            let deadline = Instant::now() + PATIENCE;
            while !folders.is_empty() && Instant::now() < deadline {
                folders.retain(|folder| !folder.is_removed());
                if !folders.is_empty() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        };
        gone(&mut self.folders);
        self.kill();
        // What is still there then hangs in the kernel, and the next Sprag takes it away.
        gone(&mut self.folders);
    }
}

/// What one folder limits, or counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of version 2.
    All,
    Memory,
    Processes,
    Time,
}

impl Kind {
    fn limits_memory(self) -> bool {
        matches!(self, Self::All | Self::Memory)
    }

    /// What is written into which file, and whether there must be such a file.
    fn limits(self, memory: u64, processes: u64) -> Vec<(&'static str, String, bool)> {
        // The launcher, bubblewrap and the first process of a namespace are not the program's.
        let (memory, processes) = (memory.to_string(), processes.saturating_add(3).to_string());
        match self {
            Self::All => vec![
                ("memory.max", memory, true),
                // Where the kernel counts memory on disk apart, none may go there.
                ("memory.swap.max", "0".to_owned(), false),
                ("pids.max", processes, true),
            ],
            Self::Memory => vec![
                ("memory.limit_in_bytes", memory.clone(), true),
                ("memory.memsw.limit_in_bytes", memory, false),
            ],
            Self::Processes => vec![("pids.max", processes, true)],
            Self::Time => Vec::new(),
        }
    }
}

/// One folder, and the lock that says whose it is.
#[derive(Debug)]
struct Folder {
    kind: Kind,
    path: PathBuf,
    _lock: File,
}

impl Folder {
    fn make(kind: Kind, parent: &Path, memory: u64, processes: u64, process: Pid) -> io::Result<Self> {
        let folder = Self::locked(kind, parent)?;
        for (name, value, needed) in kind.limits(memory, processes) {
            match fs::write(folder.path.join(name), value) {
                Err(error) if needed => return Err(error),
                _ => {}
            }
        }
        fs::write(folder.path.join("cgroup.procs"), process.to_string())?;
        Ok(folder)
    }

    /// A new one. Another Sprag that looks for what was left behind may take it away before it is locked.
    fn locked(kind: Kind, parent: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // In another namespace of processes there may be one with the same number.
        for _ in 0..100 {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("{NAME}{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            let still_there = |lock: &File| Some(lock.metadata().ok()?.ino() == path.metadata().ok()?.ino());
            match locked(&path) {
                Ok(lock) if still_there(&lock) == Some(true) => return Ok(Self { kind, path, _lock: lock }),
                _ => {}
            }
        }
        Err(Errno::EXIST.into())
    }

    fn is_removed(&self) -> bool {
        is_removed(&self.path)
    }

    fn kill(&self) {
        kill(&self.path);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // One in which something runs is looked after by the group.
        let _ = fs::remove_dir(&self.path);
    }
}

/// A folder that nobody else holds.
fn locked(path: &Path) -> io::Result<File> {
    let lock = File::open(path)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    Ok(lock)
}

fn is_removed(path: &Path) -> bool {
    match fs::remove_dir(path) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn kill(path: &Path) {
    // Each of them is where the version and the kind have it. Without either, what starts others faster than it is killed
    // may get away.
    let _ = fs::write(path.join("pids.max"), "0");
    let _ = fs::write(path.join("cgroup.kill"), "1");
    for line in text(path.join("cgroup.procs")).lines() {
        if let Some(pid) = line.parse().ok().and_then(Pid::from_raw) {
            // One that is gone already is what was wanted.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Whether a folder has a name that a Sprag gave it, to the letter: who takes it away kills what runs there.
fn is_ours(name: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix(NAME)
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(pid, number)| is_number(pid) && is_number(number))
}

/// Takes away what this user's earlier Sprags left behind in a folder, with all that still runs in it.
fn sweep(parent: &Path) {
    let user = geteuid().as_raw();
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(is_ours)
            && entry.metadata().is_ok_and(|metadata| metadata.uid() == user);
        let Some(_lock) = ours.then(|| locked(&entry.path()).ok()).flatten() else { continue };
        let deadline = Instant::now() + PATIENCE;
        while !is_removed(&entry.path()) && Instant::now() < deadline {
            kill(&entry.path());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The number after a key in a file of lines `key number`, or the number alone; 0 where there is none.
fn counted(text: &str, key: &str) -> u64 {
    let value = |line: &str| match key {
        "" => line.trim().parse().ok(),
        key => line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok(),
    };
    text.lines().find_map(value).unwrap_or(0)
}

/// What a file says; nothing where it can't be read.
fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_begins_as_our_folders_do_is_somebody_elses() {
        assert!(is_ours("sprag-jail-4711-0"));
        for other in [
            "sprag-jail-",
            "sprag-jail-4711",
            "sprag-jail-4711-",
            "sprag-nightly.service",
            "sprag-jail-1-2.scope",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn a_number_is_found_by_its_whole_key() {
        let events = "low 0\nmax 12\noom 3\noom_kill 2\n";
        assert_eq!([counted(events, "oom"), counted(events, "oom_kill"), counted(events, "none")], [3, 2, 0]);
        assert_eq!(counted("41\n", ""), 41);
    }
}
