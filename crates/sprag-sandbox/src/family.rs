//! The processes of a jail with namespaces of its own: the one that Sprag spawned, the first inside, and the program.
//!
//! The first process of a process namespace takes it along when it ends: whatever was started inside, and however it
//! hid, is dead then. It ends as soon as the program does, and it is killed with the one that Sprag spawned. That one
//! waits outside and ends as the program did. Each waits for the next, so what all of them cost reaches Sprag.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal as Named};
use nix::unistd::{ForkResult, fork};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, getegid, geteuid, kill_process, kill_process_group,
    set_dumpable_behavior, set_parent_process_death_signal, setsid, wait,
};

use crate::channel::Channel;
use crate::plan::{Refusal, Step};
use crate::{network, privileges};

/// The exit code of a launcher that started no program, as env(1) and timeout(1) have it.
pub(crate) const FAILED: u8 = 125;
/// What is sent to the process that Sprag spawned goes on to the program.
const FORWARDED: [Named; 6] =
    [Named::SIGHUP, Named::SIGINT, Named::SIGQUIT, Named::SIGTERM, Named::SIGUSR1, Named::SIGUSR2];

/// Makes namespaces for all that this process starts, which must have one thread only, and takes it into them but for
/// that of processes. Inside it has every right, and outside none.
pub(crate) fn separate(open_network: bool) -> Result<(), Refusal> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let mut namespaces = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    namespaces.set(CloneFlags::CLONE_NEWNET, !open_network);
    unshare(namespaces).map_err(Refusal::of(Step::Namespaces))?;
    network::keep_identity(user, group).map_err(Refusal::of(Step::Identity))
}

/// Comes back in the process that shall become the program, with the channel, of which there is no other copy. The
/// process that called it, and the one between, end with the program and as it did.
///
/// # Errors
/// Where there can be no more processes; then it comes back in that one which could not start the next.
pub(crate) fn descend(channel: Channel) -> Result<Channel, (Channel, Refusal)> {
    let (reports, report) = match Reports::open() {
        Ok(opened) => opened,
        Err(error) => return Err(refused(channel, error)),
    };
    match forked() {
        Ok(Some(first)) => {
            drop((channel, report));
            reports.end_with(first, |signal| {
                // One that has just ended needs none any more.
                let _ = kill_process(first, signal);
            })
        }
        Ok(None) => {}
        Err(error) => return Err(refused(channel, error)),
    }
    drop(reports);
    be_first(channel, report)
}

/// What the process that Sprag spawned needs once another one has taken over.
pub(crate) struct Reports {
    /// Where the first process inside says how the program ended.
    end: OwnedFd,
    nothing: OwnedFd,
}

impl Reports {
    /// With the end into which the first process writes. Signals are held back from now on: none comes in a moment in
    /// which nobody waits for it.
    pub(crate) fn open() -> io::Result<(Self, OwnedFd)> {
        let (end, report) = pipe_with(PipeFlags::CLOEXEC)?;
        let nothing = nothing()?;
        heard().thread_block()?;
        Ok((Self { end, nothing }, report))
    }

    /// Waits for a child, and ends as the program did. Signals are handed to `forward`.
    pub(crate) fn end_with(self, child: Pid, forward: impl Fn(Signal)) -> ! {
        privileges::give_up().ok();
        silence(&self.nothing);
        let status = attend(child, forward);
        let mut last = [0; 4];
        // The first one says how the program ended; where it could not, it is its own end that counts.
        match File::from(self.end).read_exact(&mut last) {
            Ok(()) => end_as(i32::from_ne_bytes(last)),
            Err(_) => end_as(status),
        }
    }
}

/// Called by the first process of a process namespace; comes back in the process that shall become the program.
///
/// # Errors
/// As [`descend`].
pub(crate) fn be_first(channel: Channel, report: OwnedFd) -> Result<Channel, (Channel, Refusal)> {
    let prepared = || -> io::Result<OwnedFd> {
        heard().thread_block()?;
        // After that, whoever should die of the death of its parent has none: it is looked for.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        outlived(&report)?;
        nothing()
    };
    let nothing = match prepared() {
        Ok(nothing) => nothing,
        Err(error) => return Err(refused(channel, error)),
    };
    match forked() {
        Ok(Some(program)) => {
            drop(channel);
            // Nobody inside may write into the memory of the one that says how the program ended.
            let shut = set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from);
            if shut.and_then(|()| privileges::give_up()).is_err() {
                std::process::exit(FAILED.into());
            }
            silence(&nothing);
            let status = attend(program, |signal| {
                let _ = kill_process_group(program, signal);
            });
            // Where nobody reads it nobody wants to know.
            let _ = File::from(report).write_all(&status.to_ne_bytes());
            std::process::exit(0)
        }
        Ok(None) => {
            // In a session of its own it has no terminal, and the signals of no other group.
            match setsid() {
                Ok(_) => Ok(channel),
                Err(error) => Err(refused(channel, error.into())),
            }
        }
        Err(error) => Err(refused(channel, error)),
    }
}

fn refused(channel: Channel, error: io::Error) -> (Channel, Refusal) {
    (channel, Refusal::of(Step::Process)(error))
}

fn nothing() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// `None` in the child.
fn forked() -> io::Result<Option<Pid>> {
    #[expect(unsafe_code, reason = "a process namespace is entered by a child alone")]
    // SAFETY: the launcher has one thread, so no lock is held that the child would wait for.
    match unsafe { fork() }? {
        ForkResult::Child => Ok(None),
        ForkResult::Parent { child } => Ok(Pid::from_raw(child.as_raw())),
    }
}

/// Fails where the process that reads the report has died already.
fn outlived(report: &OwnedFd) -> io::Result<()> {
    let mut fds = [PollFd::new(report, PollFlags::empty())];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    match fds[0].revents().contains(PollFlags::ERR) {
        true => Err(Errno::PIPE.into()),
        false => Ok(()),
    }
}

/// The three streams are the program's alone: the one at their other end sees when it closes them.
fn silence(nothing: &OwnedFd) {
    let done = rustix::stdio::dup2_stdin(nothing)
        .and_then(|()| rustix::stdio::dup2_stdout(nothing))
        .and_then(|()| rustix::stdio::dup2_stderr(nothing));
    // Fails only for descriptors that are none.
    debug_assert!(done.is_ok());
}

fn heard() -> SigSet {
    FORWARDED.into_iter().chain([Named::SIGCHLD]).collect()
}

/// Holds back what goes on to the program, in a process between that would die of it.
pub(crate) fn hold_back() -> io::Result<()> {
    Ok(FORWARDED.into_iter().collect::<SigSet>().thread_block()?)
}

/// Waits for the end of a child, and of whatever else comes to this process meanwhile.
fn attend(child: Pid, forward: impl Fn(Signal)) -> i32 {
    let heard = heard();
    loop {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == child => return status.as_raw(),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                // There is no child any more: somebody else has waited for it, which can't be.
                Err(_) => return i32::from(FAILED) << 8,
            }
        }
        match heard.wait() {
            Ok(Named::SIGCHLD) | Err(_) => {}
            Ok(signal) => Signal::from_named_raw(signal as i32).into_iter().for_each(&forward),
        }
    }
}

/// Ends this process as the one did whose status it is.
fn end_as(status: i32) -> ! {
    if libc::WIFSIGNALED(status) {
        privileges::end_by(libc::WTERMSIG(status));
    }
    std::process::exit(if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { FAILED.into() })
}
