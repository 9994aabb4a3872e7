//! The launcher: the process that builds a jail around itself and then becomes the program.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::io::{FdFlags, fcntl_setfd};

use crate::channel::Channel;
use crate::plan::{Plan, Refusal, Step, Wall, Word};
use crate::{network, probe};

/// What the hidden command of Sprag's binary runs; `args` are its own arguments, without the name of that command.
/// It comes back only where no program could be started, and Sprag was told why by then.
///
/// The process must have one thread: the kernel lets no other into a user namespace.
pub fn launch(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter();
    let (first, rest): (Option<OsString>, Vec<OsString>) = (args.next(), args.collect());
    if first.as_deref() == Some(OsStr::new(probe::PROBE)) {
        return probe::inside(&rest);
    }
    let plan = first.as_deref().and_then(OsStr::to_str).map(serde_json::from_str::<Plan>);
    let (Some(Ok(plan)), Some((program, args))) = (plan, rest.split_first()) else {
        eprintln!("this command is for sprag itself: it starts what is measured in an empty network");
        return ExitCode::from(2);
    };
    let done =
        Channel::connect(&plan.door).and_then(|channel| become_program(&channel, &plan, program, args));
    if let Err(error) = done {
        eprintln!("sprag's launcher lost its parent: {error}");
    }
    // As env(1) and timeout(1) do where they fail themselves.
    ExitCode::from(125)
}

/// Comes back where something was refused, and then that was said; or as an error where nobody is there to be told.
fn become_program(channel: &Channel, plan: &Plan, program: &OsStr, args: &[OsString]) -> io::Result<()> {
    let (wall, sockets) = match build(plan) {
        Ok(built) => built,
        Err(refusal) => return channel.send(&Word::Refused(refusal), &[]),
    };
    let descriptors: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
    channel.send(&Word::Ready(wall), &descriptors)?;
    match channel.receive()? {
        Some((Word::Go, _)) => {}
        _ => return Err(io::ErrorKind::ConnectionAborted.into()),
    }
    // The channel and our copies of the sockets are closed by the kernel in the moment of the exec.
    let error = Command::new(program).args(args).exec();
    let step = Step::Program(program.to_string_lossy().chars().take(1000).collect());
    channel.send(&Word::Refused(Refusal::of(step)(error)), &[])
}

/// The listeners, and then the callers.
fn build(plan: &Plan) -> Result<(Wall, Vec<OwnedFd>), Refusal> {
    close_inherited_at_exec().map_err(Refusal::of(Step::Descriptors))?;
    let wall = network::enter()?;
    let mut sockets = Vec::new();
    for &port in &plan.listen {
        sockets.push(network::listen(port)?.into());
    }
    if plan.call {
        sockets.extend(network::callers()?);
    }
    Ok((wall, sockets))
}

/// Marks everything but the three streams to be closed by the exec: what the shell around Sprag had open is none of
/// the program's.
fn close_inherited_at_exec() -> io::Result<()> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        numbers.extend(number.filter(|&number| number > 2));
    }
    for number in numbers {
        #[expect(unsafe_code, reason = "a descriptor that was inherited has no owner to borrow it from")]
        // SAFETY: the number comes from the kernel's list of what is open, so it is not -1. Where it was closed since,
        // as the one that read the list was, fcntl says EBADF; the borrow ends with that call and closes nothing.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        match fcntl_setfd(descriptor, FdFlags::CLOEXEC) {
            Ok(()) | Err(rustix::io::Errno::BADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
