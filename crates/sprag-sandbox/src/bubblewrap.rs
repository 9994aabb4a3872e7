//! Namespaces and a root that `bwrap` makes, for machines that allow them to it and not to Sprag.
//!
//! The launcher that Sprag spawned stays outside, as it does with namespaces of its own. It starts bubblewrap, which
//! starts the launcher once more, as the first process inside; that one is handed all that it needs by a socket which it
//! inherits, and goes on as the first process of [`family`] does. So bubblewrap is a process between the two that only
//! waits, and that ends with either. No word of the user's is an option of it, and it gets no environment.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, getuid, kill_process, pidfd_open, pidfd_send_signal,
    set_child_subreaper, set_parent_process_death_signal,
};
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::family::{self, Reports};
use crate::launcher::{Argv, COMMAND};
use crate::places::{Kind, Places};
use crate::plan::{Address, Plan, Refusal, Step, Word};
use crate::{Confinement, Tier};

/// Where distributions have it. `PATH` is not asked: a folder of what is measured may be in it.
const PROGRAMS: [&str; 4] =
    ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/run/wrappers/bin/bwrap", "/run/current-system/sw/bin/bwrap"];
/// What of its complaint is told, in bytes.
const LONGEST_COMPLAINT: u64 = 500;

/// The program of the system, where it is installed so that nobody but root can replace it.
pub(crate) fn find() -> Result<PathBuf, Refusal> {
    let mut real = PROGRAMS.iter().filter_map(|program| fs::canonicalize(program).ok());
    real.find(|program| is_roots(program)).ok_or_else(Refusal::no_bubblewrap)
}

fn is_roots(program: &Path) -> bool {
    // In a folder with the sticky bit what is root's can't be replaced by others.
    let closed = |found: &Metadata| found.mode() & 0o022 == 0 || found.is_dir() && found.mode() & 0o1000 != 0;
    program
        .ancestors()
        .all(|path| path.symlink_metadata().is_ok_and(|found| found.uid() == 0 && closed(&found)))
}

/// Whether it works by root's rights. Then it takes less from who calls it: no limit of what is in memory.
fn is_setuid(program: &Path) -> bool {
    !getuid().is_root() && fs::metadata(program).is_ok_and(|found| found.mode() & 0o4000 != 0)
}

/// What the launcher inside can't find out there.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Inside {
    pub(crate) plan: Plan,
    pub(crate) places: Places,
    pub(crate) folder: PathBuf,
    /// The program's. Of a program that may have root's rights, as this one, it would not be kept as it is.
    pub(crate) environment: Vec<(OsString, OsString)>,
}

/// Starts the launcher inside of what `program` makes, and ends as that one does. It comes back only where
/// that was refused.
pub(crate) fn descend(channel: Channel, program: &Path, plan: &Plan, argv: Argv<'_>) -> (Channel, Refusal) {
    let started = match started(program, plan, argv) {
        Ok(started) => started,
        Err(refusal) => return (channel, refusal),
    };
    let Started { bubblewrap, handle, socket, inside } = started;
    let handed_over = Reports::open().and_then(|(reports, report)| {
        let streams = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
        let own: [BorrowedFd<'_>; 3] = [channel.0.as_fd(), report.as_fd(), inside.as_fd()];
        socket.send(&Word::GoOn, &[own, streams].concat())?;
        Ok(reports)
    });
    match handed_over {
        Ok(reports) => {
            drop((channel, socket, inside));
            reports.end_with(Pid::from_child(&bubblewrap), |signal| {
                // One that has just ended needs none any more.
                let _ = pidfd_send_signal(&handle, signal);
            })
        }
        // Without the socket it ends, and bubblewrap with it.
        Err(error) => (channel, Refusal::of(Step::Process)(error)),
    }
}

/// A launcher inside, that waits.
struct Started {
    bubblewrap: Child,
    /// Of the launcher inside.
    handle: OwnedFd,
    socket: Channel,
    /// What it is told, in memory.
    inside: OwnedFd,
}

fn started(program: &Path, plan: &Plan, argv: Argv<'_>) -> Result<Started, Refusal> {
    let step = || Step::Bubblewrap(String::new());
    let itself = std::env::current_exe().map_err(Refusal::of(step()))?;
    let folder = std::env::current_dir().map_err(Refusal::of(Step::Folder(".".to_owned())))?;
    let mut confinement = plan.confinement.clone().unwrap_or_else(|| Confinement::new(Tier::Enforced));
    // Wherever it lies, it is started inside once more.
    confinement.read.push(itself.clone());
    let places = Places::of(&confinement, plan.open_network)?;
    let scratch_bytes = (!is_setuid(program)).then_some(confinement.limits.scratch_bytes);
    let arguments = Arguments::of(&places, scratch_bytes, plan.open_network);
    let arguments = arguments.map_err(Refusal::of(step()))?;
    let environment = std::env::vars_os().collect();
    let inside = Inside { plan: plan.clone(), places, folder, environment };
    let inside = serde_json::to_vec(&inside).map_err(io::Error::from);
    let inside = inside.and_then(|told| in_memory("inside", &told)).map_err(Refusal::of(step()))?;
    let mut command = Command::new(program);
    let (mut bubblewrap, socket) =
        spawn(&mut command, arguments, &itself, argv).map_err(Refusal::of(step()))?;
    let end = pidfd_open(Pid::from_child(&bubblewrap), PidfdFlags::empty()).map_err(Refusal::of(step()))?;
    let handle = match socket.receive_unless(&end) {
        Ok(Some((Word::Inside, mut sent))) => sent.pop(),
        _ => None,
    };
    match handle {
        Some(handle) => Ok(Started { bubblewrap, handle, socket, inside }),
        None => Err(complaint(&mut bubblewrap)),
    }
}

/// With it comes the socket of the launcher that it starts.
fn spawn(
    command: &mut Command,
    arguments: Arguments,
    itself: &Path,
    argv: Argv<'_>,
) -> io::Result<(Child, Channel)> {
    let Arguments { words, mut kept } = arguments;
    let told = in_memory("arguments", &words.join(&0))?;
    let (socket, theirs) = Channel::pair()?;
    let address = serde_json::to_string(&Address::Inherited(theirs.0.as_raw_fd()))?;
    command.env_clear().arg("--args").arg(told.as_raw_fd().to_string()).arg("--");
    command.arg(itself).arg(COMMAND).arg(address).arg(argv.program).args(argv.args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    #[expect(
        unsafe_code,
        reason = "a process that only waits shall not die of what is meant for the program"
    )]
    // SAFETY: both are one system call each, and touch no memory of others.
    unsafe {
        command.pre_exec(|| {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            family::hold_back()
        });
    }
    kept.extend([told, theirs.0]);
    // This process has one thread: nothing else starts a program meanwhile. When it comes back, these are open in the
    // other one alone, so that its end is seen.
    kept.iter().try_for_each(|kept| fcntl_setfd(kept, FdFlags::empty()))?;
    set_child_subreaper(Some(getpid()))?;
    Ok((command.spawn()?, socket))
}

/// Why it has ended. What it started may wait for it without end, and has come to this process.
fn complaint(bubblewrap: &mut Child) -> Refusal {
    // Each of these fails only where there is nothing to be done.
    let _ = bubblewrap.kill();
    let _ = bubblewrap.wait();
    let children = format!("/proc/self/task/{}/children", getpid());
    for child in fs::read_to_string(children).unwrap_or_default().split_whitespace() {
        if let Some(child) = child.parse().ok().and_then(Pid::from_raw) {
            let _ = kill_process(child, Signal::KILL);
        }
    }
    let mut said = Vec::new();
    if let Some(stderr) = bubblewrap.stderr.take() {
        // All that it had to say is there.
        let _ = ioctl_fionbio(&stderr, true);
        let _ = stderr.take(LONGEST_COMPLAINT).read_to_end(&mut said);
    }
    refusal_in(&String::from_utf8_lossy(&said))
}

/// Its last line is `bwrap: `, what it tried, and mostly what the system said.
fn refusal_in(said: &str) -> Refusal {
    let line = said.lines().last().unwrap_or_default();
    let line = line.strip_prefix("bwrap: ").unwrap_or(line).trim();
    let errno = |text: &str| {
        let is_of =
            |errno: &i32| io::Error::from_raw_os_error(*errno).to_string().starts_with(&format!("{text} ("));
        (1..=libc::EHWPOISON).find(is_of)
    };
    match line.rsplit_once(": ").and_then(|(tried, text)| Some((tried, errno(text)?))) {
        Some((tried, errno)) => Refusal { step: Step::Bubblewrap(tried.to_owned()), errno },
        None if line.is_empty() => {
            Refusal::of(Step::Bubblewrap(String::new()))(io::Error::from(Errno::CHILD))
        }
        None => Refusal::of(Step::Bubblewrap(line.to_owned()))(io::Error::from(Errno::PERM)),
    }
}

/// Takes up, in the process that bubblewrap started, what the launcher outside hands over: the channel to Sprag, where to
/// say how the program ended, and what it is told. The three streams are the program's from now on.
pub(crate) fn take_up(socket: OwnedFd) -> io::Result<(Channel, OwnedFd, Inside)> {
    let socket = Channel(socket);
    let handle = pidfd_open(getpid(), PidfdFlags::empty())?;
    socket.send(&Word::Inside, &[handle.as_fd()])?;
    let sent = match socket.receive()? {
        Some((Word::GoOn, sent)) => <[OwnedFd; 6]>::try_from(sent).map_err(|_| Errno::PROTO)?,
        _ => return Err(io::ErrorKind::ConnectionAborted.into()),
    };
    let [channel, report, inside, stdin, stdout, stderr] = sent;
    rustix::stdio::dup2_stdin(stdin)?;
    rustix::stdio::dup2_stdout(stdout)?;
    rustix::stdio::dup2_stderr(stderr)?;
    Ok((Channel(channel), report, serde_json::from_reader(File::from(inside))?))
}

/// The socket of this number, which was inherited.
pub(crate) fn inherited(number: i32) -> OwnedFd {
    #[expect(unsafe_code, reason = "a descriptor that was inherited is known by its number alone")]
    // SAFETY: it was open before this process opened anything, so nobody else here holds it.
    unsafe {
        OwnedFd::from_raw_fd(number)
    }
}

/// A file in memory, read from its start.
fn in_memory(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// What bubblewrap is told.
#[derive(Default)]
struct Arguments {
    words: Vec<Vec<u8>>,
    /// What it inherits.
    kept: Vec<OwnedFd>,
}

impl Arguments {
    fn of(places: &Places, scratch_bytes: Option<u64>, open_network: bool) -> io::Result<Self> {
        let mut arguments = Self::default();
        arguments.add(["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]);
        if !open_network {
            arguments.add(["--unshare-net"]);
        }
        // It dies with those around it, and leaves being the first process to the launcher.
        arguments.add(["--die-with-parent", "--as-pid-1"]);
        arguments.root(places, scratch_bytes)?;
        Ok(arguments)
    }

    fn add<S: AsRef<OsStr>>(&mut self, words: impl IntoIterator<Item = S>) {
        self.words.extend(words.into_iter().map(|word| word.as_ref().as_bytes().to_vec()));
    }

    /// The same root as [`root::enter`](crate::root::enter) makes, but for the number of files in scratch folders, and
    /// that each of these may have as many bytes as all of them may there.
    fn root(&mut self, places: &Places, scratch_bytes: Option<u64>) -> io::Result<()> {
        self.add(["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]);
        for (path, kind) in &places.kinds {
            let path = path.as_os_str();
            let one = |option: &str| [option.as_ref(), path, path].map(OsStr::to_owned);
            match kind {
                Kind::Read => self.add(one("--ro-bind")),
                Kind::Write => self.add(one("--bind")),
                Kind::Scratch => {
                    if let Some(bytes) = scratch_bytes {
                        self.add(["--size", &bytes.to_string()]);
                    }
                    self.add([OsStr::new("--perms"), OsStr::new("1777"), OsStr::new("--tmpfs"), path]);
                }
                Kind::Hidden if Path::new(path).is_dir() => {
                    self.add(["--perms", "0555", "--tmpfs"]);
                    self.add([path, OsStr::new("--remount-ro"), path]);
                }
                Kind::Hidden => {
                    let nothing = OwnedFd::from(File::open("/dev/null")?);
                    self.add(["--perms", "0444", "--ro-bind-data", &nothing.as_raw_fd().to_string()]);
                    self.add([path]);
                    self.kept.push(nothing);
                }
            }
        }
        for (link, target) in places.links_to_make() {
            self.add([OsStr::new("--symlink"), target.as_os_str(), link.as_os_str()]);
        }
        self.add(["--remount-ro", "/dev", "--remount-ro", "/"]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_it_complains_of_is_told_with_the_systems_word() {
        let told = |said: &str| refusal_in(said).to_string();
        assert_eq!(
            told("bwrap: setting up uid map: Permission denied\n"),
            "failed to make a jail by bubblewrap (setting up uid map): Permission denied (os error 13)"
        );
        assert_eq!(
            told("bwrap: Unknown option --size\n"),
            "failed to make a jail by bubblewrap (Unknown option --size): Operation not permitted (os error 1)"
        );
        assert_eq!(told(""), "failed to start bubblewrap: No child processes (os error 10)");
    }

    #[test]
    fn a_program_that_others_can_replace_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().canonicalize().unwrap().join("bwrap");
        fs::write(&program, "").unwrap();
        let trusted = |of_folder, of_program| {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(of_folder)).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(of_program)).unwrap();
            is_roots(&program)
        };
        assert_eq!(trusted(0o755, 0o755), rustix::process::geteuid().is_root());
        assert!(!trusted(0o775, 0o755) && !trusted(0o757, 0o755) && !trusted(0o755, 0o775));
    }
}
