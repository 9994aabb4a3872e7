//! What is tried from inside of a jail, to see what it holds.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::net::{AddressFamily, SocketType, ipproto, socket};
use rustix::process::{Pid, getpid, test_kill_process};
use serde::{Deserialize, Serialize};

use crate::probe;

/// One act. None of them does harm where it succeeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// Make a file, and write into it.
    Write(PathBuf),
    /// Read a byte of a file.
    Read(PathBuf),
    /// Start a program of the system.
    Execute,
    /// Find a process that was not started inside.
    See,
    /// Send a signal to this process of the machine.
    Signal(i32),
    /// Connect to this port of the machine's loopback.
    Connect(u16),
    /// Find a way to the internet.
    Route,
    /// Connect to a listener of the jail, and write to it.
    Inside(u16),
    /// Trace a process.
    Trace,
    /// Mount a file system on this folder.
    Mount(PathBuf),
    /// Open a socket for bare packets.
    RawSocket,
    /// Become root in a user namespace.
    Unshare,
    /// Fill so many bytes of memory.
    Fill(usize),
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Write(_) => "write a file",
            Self::Read(_) => "read a hidden file",
            Self::Execute => "start a program",
            Self::See => "see a process of the machine",
            Self::Signal(_) => "send a signal to a process of the machine",
            Self::Connect(_) => "connect to the loopback of the machine",
            Self::Route => "find a way to the internet",
            Self::Inside(_) => "connect to a listener of the jail",
            Self::Trace => "trace a process",
            Self::Mount(_) => "mount a file system",
            Self::RawSocket => "open a socket for bare packets",
            Self::Unshare => "make a user namespace",
            Self::Fill(_) => "use more memory than it may",
        })
    }
}

impl Act {
    /// Tries it.
    pub(crate) fn attempt(&self) -> io::Result<()> {
        match self {
            Self::Write(path) => {
                OpenOptions::new().write(true).create(true).truncate(true).open(path)?.write_all(b"!")
            }
            Self::Read(path) => Ok(fs::File::open(path)?.read_exact(&mut [0]).map_err(|_| Errno::NODATA)?),
            Self::Execute => {
                let mut shell = Command::new("/bin/sh");
                let streams =
                    shell.args(["-c", ":"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                match streams.status()?.success() {
                    true => Ok(()),
                    false => Err(Errno::NOEXEC.into()),
                }
            }
            Self::See => see(),
            Self::Signal(process) => match Pid::from_raw(*process) {
                // In a namespace of processes the number may be ours.
                Some(process) if process != getpid() => Ok(test_kill_process(process)?),
                _ => Err(Errno::SRCH.into()),
            },
            Self::Connect(port) => connect(*port).map(drop),
            Self::Route => probe::route().map_or(Err(Errno::NETUNREACH.into()), |_| Ok(())),
            Self::Inside(port) => connect(*port)?.write_all(b"!"),
            Self::Trace => trace(),
            Self::Mount(path) => Ok(mount("none", path, "tmpfs", MountFlags::empty(), None)?),
            Self::RawSocket => {
                Ok(socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP)).map(drop)?)
            }
            Self::Unshare => Ok(unshare(CloneFlags::CLONE_NEWUSER)?),
            Self::Fill(bytes) => fill(*bytes),
        }
    }
}

/// Inside there are the first process and this one.
fn see() -> io::Result<()> {
    let ours = [1, getpid().as_raw_nonzero().get()];
    for entry in fs::read_dir("/proc")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        if number.is_some_and(|number| !ours.contains(&number)) {
            return Ok(());
        }
    }
    Err(Errno::SRCH.into())
}

fn connect(port: u16) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1))
}

/// In a child, which is killed where it fails.
fn fill(bytes: usize) -> io::Result<()> {
    #[expect(unsafe_code, reason = "a program that is started anew would have to be there inside")]
    // SAFETY: the probe has one thread, so no lock is held that the child would wait for.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let mut memory = vec![0_u8; bytes];
            // Memory is taken when it is written.
            memory.chunks_mut(1024).for_each(|chunk| chunk[0] = 1);
            std::hint::black_box(&memory);
            std::process::exit(0)
        }
        ForkResult::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Exited(_, 0) => Ok(()),
            _ => Err(Errno::NOMEM.into()),
        },
    }
}

fn trace() -> io::Result<()> {
    #[expect(unsafe_code, reason = "to see that it is refused")]
    // SAFETY: asking to be traced touches no memory.
    let result = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
