//! What a program starts with: no privilege, the limits of its jail, and signals that do what they do by default.

use std::io;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use rustix::thread::{clear_ambient_capability_set, remove_capability_from_bounding_set, set_no_new_privs};

use crate::Limits;

/// Gives every privilege up for good: no program that is started from here has one, whoever owns it.
pub(crate) fn give_up() -> io::Result<()> {
    for number in 0..u64::BITS {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // The first that this kernel does not know; or there is no right to give up rights, and nobody inside
            // will ever have any: the next lines see to that.
            Err(Errno::INVAL | Errno::PERM) => break,
            Err(error) => return Err(error.into()),
        }
    }
    match clear_ambient_capability_set() {
        // Kernels before 4.3 have no such set.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    let (effective, permitted, inheritable) =
        (CapabilitySet::empty(), CapabilitySet::empty(), CapabilitySet::empty());
    set_capabilities(None, CapabilitySets { effective, permitted, inheritable })?;
    Ok(set_no_new_privs(true)?)
}

/// Sets all limits but that of processes, for which it counts who else there is.
pub(crate) fn limit(limits: &Limits) -> io::Result<()> {
    at_most(Resource::Core, 0)?;
    at_most(Resource::Nofile, limits.open_files)?;
    at_most(Resource::Fsize, limits.file_bytes)?;
    umask(Mode::from_raw_mode(0o022));
    Ok(())
}

/// Limits the processes of this user, of which there are so many that don't count.
pub(crate) fn limit_processes(limits: &Limits, others: u64) -> io::Result<()> {
    at_most(Resource::Nproc, limits.processes.saturating_add(others))
}

/// How many processes and threads this machine has, whosever they are.
pub(crate) fn others_on_this_machine() -> io::Result<u64> {
    // Fields of proc_loadavg(5): the fourth is those that can run, a slash, and all.
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let all = load.split(' ').nth(3).and_then(|field| field.split_once('/')?.1.parse().ok());
    all.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Never more than it was.
fn at_most(resource: Resource, most: u64) -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(resource);
    let least = |limit: Option<u64>| Some(limit.map_or(most, |limit| limit.min(most)));
    Ok(setrlimit(resource, Rlimit { current: least(current), maximum: least(maximum) })?)
}

/// Lets go of the terminal, where there is one: nothing can be typed into it from here.
pub(crate) fn leave_terminal() {
    let Ok(terminal) = rustix::fs::open("/dev/tty", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) else {
        return;
    };
    #[expect(unsafe_code, reason = "rustix has no TIOCNOTTY")]
    // SAFETY: it takes no argument.
    unsafe {
        libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&terminal), libc::TIOCNOTTY);
    }
}

/// Every signal does what it does by default, and none is held back.
pub(crate) fn default_signals() -> io::Result<()> {
    for signal in 1..=libc::SIGRTMAX() {
        by_default(signal);
    }
    Ok(nix::sys::signal::SigSet::empty().thread_set_mask()?)
}

/// Ends this process by a signal; comes back where that does not end one.
pub(crate) fn end_by(signal: i32) {
    // No core: it would be that of the launcher.
    let _ = at_most(Resource::Core, 0);
    by_default(signal);
    let _ = nix::sys::signal::SigSet::empty().thread_set_mask();
    #[expect(unsafe_code, reason = "the signals without names are not in nix")]
    // SAFETY: it is sent to this thread, and does what it does by default.
    unsafe {
        libc::raise(signal);
    }
}

fn by_default(signal: i32) {
    #[expect(unsafe_code, reason = "it replaces a handler")]
    // SAFETY: the default action runs no code of ours. Those that can't be changed are left as they are.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
    }
}
