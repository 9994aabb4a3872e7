//! Limits that hold for all processes of a jail together, and their CPU time: a control group around each jail.
//!
//! The group is made by Sprag, outside, and the launcher is put into it before it does anything. In version 2 of cgroups
//! one folder has all that is needed; it is made in the nearest folder around Sprag's own in which groups have limits. In
//! version 1 there is a tree of folders for each thing that is limited.
//!
//! A folder is locked by the Sprag that made it, for as long as it uses it: the kernel lets go of the lock however that
//! one ends. So one that nobody holds was left behind, whatever its name says and whoever can see whose processes, and
//! the next Sprag takes it away.

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

use crate::plan::{Refusal, Step};
use crate::{CpuClock, Limits};

/// What the folders are called, before what makes each name another one.
const NAME: &str = "sprag-";
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
        // The launcher and the first process of a namespace are not the program's.
        let (memory, processes) = (memory.to_string(), processes.saturating_add(2).to_string());
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

/// A folder in which groups can be made.
#[derive(Debug, PartialEq, Eq)]
struct Parent {
    kind: Kind,
    path: PathBuf,
}

/// Where groups may be had, the best first: `mounts` is a proc_pid_mountinfo(5), `own` a cgroup(7) of this process.
fn parents(mounts: &str, own: &str) -> Vec<Parent> {
    let mut parents = Vec::new();
    for line in mounts.lines() {
        let (mount, source) = line.split_once(" - ").unwrap_or_default();
        let mount: Vec<&str> = mount.split(' ').collect();
        let mut source = source.split(' ');
        let (Some(root), Some(at), Some(kind)) = (mount.get(3), mount.get(4), source.next()) else {
            continue;
        };
        let options: Vec<&str> = source.nth(1).unwrap_or_default().split(',').collect();
        let place = |controller: &str| {
            // number:controllers:path; those of version 2 have no name.
            let path = own.lines().find_map(|line| {
                let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
                controllers.split(',').any(|name| name == controller).then_some(path)
            });
            let below = Path::new(path?).strip_prefix(root).ok()?;
            // One above what is mounted can't be reached.
            (!below.starts_with("..")).then(|| Path::new(at).join(below))
        };
        match kind {
            "cgroup2" => {
                let own = place("").unwrap_or_default();
                let around = own.ancestors().take_while(|path| path.starts_with(at));
                let all = around.filter(|path| limits_groups(path));
                parents.splice(0..0, all.map(|path| Parent { kind: Kind::All, path: path.to_owned() }));
            }
            "cgroup" => {
                let names = [("memory", Kind::Memory), ("pids", Kind::Processes), ("cpuacct", Kind::Time)];
                let found = names.into_iter().filter(|(name, _)| options.contains(name));
                parents.extend(found.filter_map(|(name, kind)| Some(Parent { kind, path: place(name)? })));
            }
            _ => {}
        }
    }
    parents
}

/// Whether what is made in this folder of version 2 has limits.
fn limits_groups(path: &Path) -> bool {
    let given = text(path.join("cgroup.subtree_control"));
    ["memory", "pids"].iter().all(|name| given.split_whitespace().any(|given| given == *name))
}

/// Three quarters of what there is, in whole megabytes.
fn usual_memory(kind: Kind, parent: &Path) -> u64 {
    let machine = rustix::system::sysinfo();
    let machine = (machine.totalram as u64).saturating_mul(machine.mem_unit.into());
    let around = match kind {
        Kind::All => {
            parent.ancestors().filter_map(|path| text(path.join("memory.max")).trim().parse().ok()).min()
        }
        _ => Some(counted(&text(parent.join("memory.stat")), "hierarchical_memory_limit"))
            .filter(|most| *most > 0),
    };
    around.unwrap_or(u64::MAX).min(machine) / 4 * 3 / 1_000_000 * 1_000_000
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

/// Takes away what this user's earlier Sprags left behind in a folder, with all that still runs in it.
fn sweep(parent: &Path) {
    let user = geteuid().as_raw();
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(NAME))
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

    /// A tree of version 2 in which these folders give limits to those in them.
    fn tree(giving: &[&str]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for path in ["user.slice/user@1.service/app.slice/run-1.scope", "user.slice/session-1.scope"] {
            for folder in Path::new(path).ancestors() {
                fs::create_dir_all(tree.path().join(folder)).unwrap();
                let given =
                    if giving.contains(&folder.to_str().unwrap()) { "cpu memory pids" } else { "cpu" };
                fs::write(tree.path().join(folder).join("cgroup.subtree_control"), given).unwrap();
            }
        }
        tree
    }

    #[test]
    fn in_version_2_a_group_is_made_in_the_nearest_folder_that_gives_limits() {
        let tree = tree(&["", "user.slice", "user.slice/user@1.service/app.slice"]);
        let at = tree.path().to_str().unwrap();
        let mounts = format!(
            "22 1 8:1 / / rw - ext4 /dev/sda rw\n30 22 0:26 / {at} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
        );
        let found = parents(&mounts, "0::/user.slice/user@1.service/app.slice/run-1.scope\n");
        let paths: Vec<_> = found.iter().map(|parent| parent.path.strip_prefix(at).unwrap()).collect();
        let expected = ["user.slice/user@1.service/app.slice", "user.slice", ""].map(Path::new);
        assert_eq!(paths, expected);
        assert!(found.iter().all(|parent| parent.kind == Kind::All));
        // What is outside of a namespace of groups is nobody's to be written.
        assert_eq!(parents(&mounts, "0::/../session-1.scope\n"), []);
    }

    #[test]
    fn in_version_1_there_is_a_folder_for_each_thing_below_what_is_mounted() {
        let mounts = "40 1 0:30 /docker/a /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
41 1 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
42 1 0:32 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
43 1 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";
        let own = "7:cpu,cpuacct:/x\n4:memory:/docker/a/b\n3:pids:/\n0::/x\n";
        let found: Vec<_> = parents(mounts, own).into_iter().map(|p| (p.kind, p.path)).collect();
        let expected = [
            (Kind::Memory, "/sys/fs/cgroup/memory/b"),
            (Kind::Processes, "/sys/fs/cgroup/pids/"),
            (Kind::Time, "/sys/fs/cgroup/cpu,cpuacct/x"),
        ];
        assert_eq!(found, expected.map(|(kind, path)| (kind, path.into())));
        assert_eq!(parents("nonsense\n - \n", ""), []);
    }

    #[test]
    fn a_number_is_found_by_its_whole_key() {
        let events = "low 0\nmax 12\noom 3\noom_kill 2\n";
        assert_eq!([counted(events, "oom"), counted(events, "oom_kill"), counted(events, "none")], [3, 2, 0]);
        assert_eq!(counted("41\n", ""), 41);
    }
}
