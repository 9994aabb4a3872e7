//! A process group that Sprag started: spawning, freezing, killing whole.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, kill_process, kill_process_group, pidfd_open,
    waitid,
};
use sprag_replay::Listeners;
use sprag_sandbox::{Caller, Cgroup, CpuClock};
use wait4::Wait4;

use super::descendants::{children_of, family_of, orphans_with, start_reaping, stat_of, threads_of};
use super::shell;
use super::usage::Usage;
use super::{Invocation, Program, over_memory};
use crate::relay::{Relay, SERVICE};
use crate::{MeasureError, Replayed};

/// The environment variable by which orphans of a run are recognised.
pub(super) const MARKER: &str = "SPRAG_RUN";

/// How long the building of a jail may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running group. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Group {
    child: Option<Child>,
    leader: Pid,
    pidfd: OwnedFd,
    marker: String,
    started: Instant,
    /// The CPU time of what made room for the program, in the process that became it.
    launching: Duration,
    /// Counts the CPU time of all that it starts, whoever waits for it.
    clock: Option<CpuClock>,
    /// The way to what it listens on, where it is in an empty network.
    caller: Option<Caller>,
    /// The ways to services outside of that network.
    relays: Vec<Relay>,
    /// What answers there.
    replayed: Option<Arc<Replayed>>,
    /// What holds all of it together, where it is in a jail.
    cgroup: Option<Cgroup>,
}

/// What the leading process and what it left behind cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exit {
    pub(crate) status: ExitStatus,
    pub(crate) cpu: Duration,
    pub(crate) peak_rss: u64,
    pub(crate) leftovers: usize,
    /// What memory it was allowed, in bytes, where the kernel killed something of it for using more.
    pub(crate) over_memory: Option<u64>,
}

impl Group {
    /// Starts the program of `invocation` as the leader of a new group, with these three streams.
    pub(crate) fn spawn(
        invocation: &Invocation,
        stdin: Stdio,
        stdout: Stdio,
        stderr: Stdio,
    ) -> Result<(Self, Streams), MeasureError> {
        start_reaping();
        let mut argv: Vec<OsString> = match &invocation.program {
            Program::Shell(line) => {
                vec!["/bin/sh".into(), "-c".into(), shell::replacing_itself(line).as_ref().into()]
            }
            Program::Argv(argv) => argv.iter().map(Into::into).collect(),
        };
        let mut door = None;
        if let Some(jail) = &invocation.jail {
            let (launcher, opened) = jail.prepare(&argv).map_err(MeasureError::jail)?;
            argv = launcher;
            door = Some(opened);
        }
        let program = argv
            .first()
            .ok_or_else(|| MeasureError::harness("an empty command", "name a program in the settings"))?;
        let mut command = Command::new(program);
        command.args(&argv[1..]);
        let marker = ulid::Ulid::generate().to_string();
        command.current_dir(&invocation.dir).env_clear().envs(&invocation.env).env(MARKER, &marker);
        command.stdin(stdin).stdout(stdout).stderr(stderr).process_group(0);
        let started = Instant::now();
        let spawned = match &invocation.cpus {
            Some(cpus) => cpus.during(|| command.spawn())?,
            None => command.spawn(),
        };
        let mut child = spawned.map_err(|source| MeasureError::Spawn {
            program: command.get_program().to_string_lossy().into_owned(),
            dir: invocation.dir.clone(),
            source,
        })?;
        let leader = Pid::from_child(&child);
        let streams = Streams { stdin: child.stdin.take(), stdout: child.stdout.take() };
        let pidfd = match pidfd_open(leader, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(error) => {
                let _ = kill_process_group(leader, Signal::KILL);
                let _ = child.wait();
                return Err(MeasureError::system("watch a process (pidfd_open, Linux 5.3 and later)")(error));
            }
        };
        let marker = format!("{MARKER}={marker}");
        let mut group = Self {
            child: Some(child),
            leader,
            pidfd,
            marker,
            started,
            launching: Duration::ZERO,
            clock: None,
            caller: None,
            relays: Vec::new(),
            replayed: None,
            cgroup: None,
        };
        if let (Some(door), Some(child)) = (door, &group.child) {
            // Where this fails the launcher is killed with the group.
            let mut ready = door.open(child, PATIENCE).map_err(MeasureError::jail)?;
            let (services, listeners): (Vec<_>, Vec<_>) =
                ready.take_listeners().into_iter().partition(|(name, _)| name.starts_with(SERVICE));
            group.relays =
                services.into_iter().map(|(_, inside)| Relay::start(inside)).collect::<Result<_, _>>()?;
            if let Some(replayed) = &invocation.replayed {
                replayed.attach(Listeners::from_sockets(listeners))?;
                group.replayed = Some(replayed.clone());
            }
            group.caller = ready.take_caller();
            group.clock = ready.take_clock();
            group.launching = group.usage().cpu;
            group.started = Instant::now();
            group.cgroup = Some(ready.go().map_err(MeasureError::jail)?);
        }
        Ok((group, streams))
    }

    /// Just before the program was let go.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// The way to what the program listens on, where that is not the loopback of this machine.
    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// Becomes readable when the leading process has ended.
    pub(crate) fn pidfd(&self) -> &OwnedFd {
        &self.pidfd
    }

    /// Waits at most `patience` for the leading process to end, without reaping it.
    pub(crate) fn ends_within(&self, patience: Duration) -> bool {
        let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
        matches!(poll(&mut fds, Some(&timespec(patience))), Ok(1..))
    }

    /// How the leading process ended, where it has and before it is reaped.
    pub(crate) fn exit_in_words(&self) -> Option<String> {
        if let Some(most) = self.cgroup.as_ref().and_then(Cgroup::ran_out_of_memory) {
            return Some(over_memory(most));
        }
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let status = waitid(WaitId::Pid(self.leader), ended).ok().flatten()?;
        let code = status.exit_status().map(|code| format!("exit code {code}"));
        code.or_else(|| status.terminating_signal().map(|signal| format!("killed by signal {signal}")))
    }

    /// Every thread of the leading process and of all below it.
    pub(crate) fn threads(&self) -> Vec<Pid> {
        self.members().into_iter().flat_map(threads_of).collect()
    }

    /// What the leading process and all below it have cost so far.
    pub(crate) fn usage(&self) -> Usage {
        let used = self.members().into_iter().map(Usage::of).fold(Usage::default(), Usage::and);
        Usage { cpu: used.cpu.saturating_sub(self.launching).max(self.counted()), ..used }
    }

    /// The CPU time that the clock has counted; zero where there is none.
    fn counted(&self) -> Duration {
        self.clock.as_ref().and_then(|clock| clock.read().ok()).unwrap_or_default()
    }

    /// Stops every process of the group, everything below it and the orphans it made, and waits until none of them
    /// runs any more.
    pub(crate) fn freeze(&self) -> Result<(), MeasureError> {
        self.signal(Signal::STOP);
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut known = Vec::new();
        loop {
            // One may have left the group, so they are stopped by name; and one that was about to be stopped may have
            // started another, so they are looked for until nobody new is found.
            let members = self.members();
            for pid in &members {
                let _ = kill_process(*pid, Signal::STOP);
            }
            if members == known && !members.iter().copied().any(runs) {
                return Ok(());
            }
            known = members;
            if Instant::now() > deadline {
                return Err(MeasureError::System {
                    doing: "stop a worker and all it started within 5 s",
                    source: std::io::ErrorKind::TimedOut.into(),
                });
            }
            std::thread::yield_now();
        }
    }

    /// Lets a frozen group go on.
    pub(crate) fn thaw(&self) {
        for pid in self.members() {
            let _ = kill_process(pid, Signal::CONT);
        }
        self.signal(Signal::CONT);
    }

    /// The leading process, all below it, and the orphans.
    fn members(&self) -> Vec<Pid> {
        let mut members = family_of(self.leader);
        members.extend(orphans_with(self.leader, &self.marker));
        members
    }

    fn signal(&self, signal: Signal) {
        // Fails only where the group has no member left, and then there is nothing to signal.
        let _ = kill_process_group(self.leader, signal);
    }

    /// Kills everything, and says how the leading process ended if it had ended before.
    pub(crate) fn end(mut self) -> Result<Exit, MeasureError> {
        self.kill()?.ok_or(MeasureError::System {
            doing: "wait for a process that was waited for already",
            source: std::io::ErrorKind::InvalidInput.into(),
        })
    }

    /// The leader is reaped only after all is killed: until then its id, which is the group's, is nobody else's.
    fn kill(&mut self) -> Result<Option<Exit>, MeasureError> {
        let Some(child) = self.child.take() else { return Ok(None) };
        let ended = self.ends_within(Duration::ZERO);
        // Looked for before anything is killed: who is alive now was left behind. And the group is killed at one
        // stroke, so that no shell lives to comment on the death of its children.
        let mut remains = Remains::default();
        let members = remains.note(self.members().into_iter().skip(1));
        self.signal(Signal::KILL);
        kill_each(&members);
        // The leader must be dead before its orphans can have come to Sprag.
        let dead = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(self.leader), dead).map_err(MeasureError::system("wait for a killed process"))?;
        // Whatever forked between two looks is found by the next one.
        for _ in 0..3 {
            kill_each(&remains.note(orphans_with(self.leader, &self.marker).into_iter()));
            self.signal(Signal::KILL);
        }
        let end = child.wait4().map_err(MeasureError::system("read a process's usage"))?;
        let mut exit = Exit {
            status: end.status,
            cpu: (end.rusage.utime + end.rusage.stime).saturating_sub(self.launching),
            peak_rss: end.rusage.maxrss,
            leftovers: if ended { remains.alive } else { 0 },
            over_memory: None,
        };
        remains.reap(&mut exit);
        exit.over_memory = self.cgroup.as_ref().and_then(Cgroup::ran_out_of_memory);
        exit.cpu = exit.cpu.max(self.counted());
        if let Some(cgroup) = self.cgroup.take() {
            // Whoever hid from every look is still in it.
            cgroup.kill();
        }
        if let Some(replayed) = self.replayed.take() {
            replayed.leave();
        }
        Ok(Some(exit))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Whether a process that was sent SIGSTOP may still do something of its own. One that waits in the kernel (D), such as
/// for a child that was stopped between vfork and exec, stops before its next instruction.
fn runs(pid: Pid) -> bool {
    stat_of(pid).is_some_and(|stat| !matches!(stat.state, b'T' | b't' | b'Z' | b'X' | b'D'))
}

fn kill_each(pids: &[Pid]) {
    for pid in pids {
        // One that is gone already is what was wanted.
        let _ = kill_process(*pid, Signal::KILL);
    }
}

/// What a leading process leaves behind.
#[derive(Default)]
struct Remains {
    pids: Vec<Pid>,
    alive: usize,
}

impl Remains {
    /// Takes them down, and gives back those that are new.
    fn note(&mut self, pids: impl Iterator<Item = Pid>) -> Vec<Pid> {
        let fresh: Vec<Pid> = pids.filter(|pid| !self.pids.contains(pid)).collect();
        let lives = |pid: &&Pid| stat_of(**pid).is_some_and(|stat| !matches!(stat.state, b'Z' | b'X'));
        self.alive += fresh.iter().filter(lives).count();
        self.pids.extend(&fresh);
        fresh
    }

    /// Collects those that have become children of Sprag and adds what they cost. Each was sent SIGKILL, so the wait
    /// ends unless the kernel hangs, and is bounded for that.
    fn reap(mut self, exit: &mut Exit) {
        let deadline = Instant::now() + Duration::from_secs(2);
        while !self.pids.is_empty() && Instant::now() < deadline {
            let ours = children_of(getpid());
            self.pids.retain(|&pid| {
                if !ours.contains(&pid) {
                    // Its own parent is dying too, or has reaped it.
                    return stat_of(pid).is_some();
                }
                let Ok(Some(end)) = wait4::try_wait4_pid(pid.as_raw_nonzero().get().unsigned_abs()) else {
                    return stat_of(pid).is_some();
                };
                exit.cpu += end.rusage.utime + end.rusage.stime;
                exit.peak_rss = exit.peak_rss.max(end.rusage.maxrss);
                false
            });
            if !self.pids.is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// The parent's ends of a child's pipes, where it was given any.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
}

pub(crate) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
