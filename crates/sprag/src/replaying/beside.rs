//! Runs a person's command beside the proxy: in their environment, with their terminal, and in replay in a network where
//! nothing else is.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use miette::{IntoDiagnostic, WrapErr, miette};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use sprag_measure::Interrupt;
use sprag_replay::{Listeners, Proxy, Scope};
use sprag_sandbox::{Jail, JailError, Ready, Step};

use super::place::Place;
use crate::jail::launcher;

/// How long the launcher of a jail may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a command has to end after it was told to.
const GRACE: Duration = Duration::from_secs(3);
/// Between two looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

/// What the command finds around itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// This machine's.
    Open,
    /// Nothing but the proxy.
    Empty,
}

/// Where its standard output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Printing {
    /// To ours.
    AsItIs,
    /// To our standard error: on ours there is JSON.
    Aside,
}

/// How it came to its end.
pub(crate) enum End {
    /// By itself.
    Itself(ExitStatus),
    /// By an interrupt; it is gone.
    Interrupted,
}

/// Runs a command in the repository's folder and waits for its end. The scope is still open then, for what it counted.
pub(crate) fn run(
    proxy: &Proxy,
    place: &Place,
    argv: &[OsString],
    network: Network,
    printing: Printing,
    interrupt: &Interrupt,
) -> miette::Result<(Scope, End)> {
    let (mut child, scope) = match network {
        Network::Open => {
            let scope = proxy.scope(Listeners::bind(&place.replay).into_diagnostic()?).into_diagnostic()?;
            let mut command = prepared(argv, place, printing)?;
            command.envs(scope.env());
            (Running::start(&mut command).wrap_err_with(|| not_started(argv))?, scope)
        }
        Network::Empty => in_empty_network(proxy, place, argv, printing)?,
    };
    let end = child.wait(interrupt).into_diagnostic().wrap_err("failed to wait for the command")?;
    Ok((scope, end))
}

fn in_empty_network(
    proxy: &Proxy,
    place: &Place,
    argv: &[OsString],
    printing: Printing,
) -> miette::Result<(Running, Scope)> {
    let listeners = Listeners::inside(&place.replay).into_iter();
    let jail = listeners.fold(Jail::new(launcher()?), |jail, (name, port)| jail.listen(name, port));
    let (jailed, door) = jail.prepare(argv).into_diagnostic()?;
    let mut command = prepared(&jailed, place, printing)?;
    command.envs(proxy.env_inside().into_diagnostic()?);
    let running =
        Running::start(&mut command).wrap_err("failed to start the launcher of the empty network")?;
    let mut ready: Ready = door.open(&running.child, PATIENCE).into_diagnostic()?;
    let sockets = Listeners::from_sockets(ready.take_listeners());
    let scope = proxy.scope(sockets).into_diagnostic()?;
    ready.go().map_err(|error| match &error {
        JailError::Refused(refusal) if matches!(refusal.step, Step::Program(_)) => {
            miette!("{}: {}", not_started(argv), refusal.source())
        }
        _ => miette!("{error}"),
    })?;
    Ok((running, scope))
}

fn not_started(argv: &[OsString]) -> String {
    let program = argv.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
    format!("failed to start {program}")
}

fn prepared(argv: &[OsString], place: &Place, printing: Printing) -> miette::Result<Command> {
    let (program, args) = argv.split_first().ok_or_else(|| miette!("there is no command to run"))?;
    let mut command = Command::new(program);
    command.args(args).current_dir(&place.root);
    if printing == Printing::Aside {
        let stderr = std::io::stderr().as_fd().try_clone_to_owned().into_diagnostic()?;
        command.stdout(Stdio::from(stderr));
    }
    Ok(command)
}

/// A command that runs. Dropped, it is killed.
struct Running {
    child: Child,
    /// It leads a process group of its own.
    leads: bool,
}

impl Running {
    /// At a terminal it stays in our process group, so that it can read from there and gets the terminal's signals.
    /// Elsewhere it leads one of its own, so that all of it can be ended.
    fn start(command: &mut Command) -> miette::Result<Self> {
        let leads = !std::io::stdin().is_terminal();
        if leads {
            command.process_group(0);
        }
        Ok(Self { child: command.spawn().into_diagnostic()?, leads })
    }

    fn wait(&mut self, interrupt: &Interrupt) -> std::io::Result<End> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(if interrupt.is_raised() { End::Interrupted } else { End::Itself(status) });
            }
            if interrupt.is_raised() {
                self.end()?;
                return Ok(End::Interrupted);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Asks it to end, and kills it where it does not.
    fn end(&mut self) -> std::io::Result<()> {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + GRACE;
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        // Not waited for yet, so that its id, which may be the group's, stays its own.
        while waitid(WaitId::Pid(Pid::from_child(&self.child)), ended)?.is_none() && Instant::now() < deadline
        {
            std::thread::sleep(LOOK);
        }
        self.signal(Signal::KILL);
        self.child.wait().map(|_| ())
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        // An error means that there is nobody left.
        let _ = match self.leads {
            true => kill_process_group(pid, signal),
            false => kill_process(pid, signal),
        };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
            // It was killed a moment ago.
            let _ = self.child.wait();
        }
    }
}
