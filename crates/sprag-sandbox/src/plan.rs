//! What Sprag and its launcher say to each other.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Confinement;

/// The most listeners of one jail: the kernel passes 253 descriptors in one message.
pub const MOST_LISTENERS: usize = 128;

/// The most descriptors in one message: the listeners, a socket for each version of IP, and a clock.
pub(crate) const MOST_DESCRIPTORS: usize = MOST_LISTENERS + 3;

/// Where the launcher is told what to do. It is its first argument, as JSON; the program can read it there.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Address {
    /// The abstract name of the socket on which Sprag waits.
    Door(String),
    /// The number of a socket that was inherited, of a launcher outside: this one was started by bubblewrap, inside.
    Inherited(i32),
}

/// What the launcher builds before it becomes the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The ports of the loopback to listen on, in the order in which the listeners are handed out.
    pub(crate) listen: Vec<u16>,
    /// Whether sockets are handed out as well by which to connect to what the program listens on.
    pub(crate) call: bool,
    /// Whether the network stays that of the machine.
    pub(crate) open_network: bool,
    /// What else holds the program; `None` where only the network does.
    pub(crate) confinement: Option<Confinement>,
    /// The program that makes the namespaces and the root; `None` where the launcher does that itself.
    pub(crate) bubblewrap: Option<PathBuf>,
}

/// One message through the door.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// To the launcher: build this.
    Build(Plan),
    /// From the launcher: the jail stands, and here are its listeners, then its callers, then its clock.
    Ready {
        /// Whom the network holds.
        wall: Wall,
        /// Whether the last descriptor is a clock.
        clock: bool,
        /// What was refused, and can be done without.
        lost: Vec<Refusal>,
    },
    /// To the launcher: become the program.
    Go,
    /// From the launcher, its last word.
    Refused(Refusal),
    /// From the launcher inside to the one outside, with a handle to itself: bubblewrap has started it.
    Inside,
    /// To the launcher inside: go on from here, with what is sent along.
    GoOn,
}

/// Whom the network of a jail holds; the later, the fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wall {
    /// Everybody: it is empty, and nobody inside has a right outside of it.
    ForAll,
    /// Everybody but root, which may go back to where it came from: this machine refused the user namespace.
    NotForRoot,
    /// It is that of the machine, and of it there is nothing but TCP to the ports of the listeners.
    Ports,
    /// Nobody: it is that of the machine.
    Open,
}

impl Wall {
    /// What a reader of the numbers should know.
    pub fn caveat(self) -> Option<&'static str> {
        match self {
            Self::ForAll => None,
            Self::NotForRoot => Some("the empty network is no wall for a program that runs as root"),
            Self::Ports => Some("there was no empty network: only TCP to the ports of the proxy was left"),
            Self::Open => Some("the network was open"),
        }
    }
}

/// What the system refused to the launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("failed to {step}: {}", self.source())]
pub struct Refusal {
    /// What was tried.
    pub step: Step,
    /// The system's error number.
    pub errno: i32,
}

impl Refusal {
    /// A refused step, for `map_err`.
    pub(crate) fn of<E: Into<io::Error>>(step: Step) -> impl FnOnce(E) -> Self {
        // An error that has no number was made up by the standard library, about an argument.
        let einval = rustix::io::Errno::INVAL.raw_os_error();
        move |error| Self { step, errno: error.into().raw_os_error().unwrap_or(einval) }
    }

    /// The program is not where it should be.
    pub(crate) fn no_bubblewrap() -> Self {
        Self { step: Step::Bubblewrap(String::new()), errno: rustix::io::Errno::NOENT.raw_os_error() }
    }

    pub(crate) fn is_no_bubblewrap(&self) -> bool {
        *self == Self::no_bubblewrap()
    }

    /// The system's error.
    pub fn source(&self) -> io::Error {
        io::Error::from_raw_os_error(self.errno)
    }
}

/// What the launcher does, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Close what was inherited besides the three streams.
    Descriptors,
    /// Make an empty network, with a user namespace around it where one is needed.
    Network,
    /// Make namespaces for users, files and processes.
    Namespaces,
    /// Keep the user's own ids in a user namespace.
    Identity,
    /// Bring the loopback up.
    Loopback,
    /// Listen on this port of the loopback.
    Listener(u16),
    /// Make a socket by which to connect to the program.
    Caller,
    /// Start a process in a process namespace.
    Process,
    /// Show the processes of a process namespace, and no others, in `/proc`.
    Proc,
    /// Make a root with nothing in it, and move there.
    Root,
    /// Let this file or folder be there inside.
    Place(String),
    /// Put nothing in the place of this file or folder.
    Hide(String),
    /// Be in the working directory.
    Folder(String),
    /// Set a limit.
    Limit,
    /// Limit the number of processes.
    Processes,
    /// Limit the memory of all processes together.
    Memory,
    /// Give all privileges up.
    Privileges,
    /// Filter system calls.
    SystemCalls,
    /// Restrict files by Landlock.
    Landlock,
    /// Count CPU time by a perf event.
    Clock,
    /// Let bubblewrap make the namespaces and the root; what it complained of, where it was started.
    Bubblewrap(String),
    /// Become the program.
    Program(String),
}

impl Step {
    /// Where it is refused, bubblewrap may still be allowed it.
    pub(crate) fn is_of_namespaces(&self) -> bool {
        use Step::{Identity, Loopback, Namespaces, Proc, Process, Root};
        matches!(self, Namespaces | Identity | Loopback | Process | Proc | Root)
    }

    /// About a path, of which so much is said that a message still fits through the door.
    pub(crate) fn about(step: fn(String) -> Self, path: &std::path::Path) -> Self {
        step(path.to_string_lossy().chars().take(1000).collect())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Descriptors => f.write_str("close the descriptors that were inherited"),
            Step::Network => f.write_str("make an empty network"),
            Step::Namespaces => f.write_str("make namespaces for users, files and processes"),
            Step::Identity => f.write_str("keep the user's id in a namespace"),
            Step::Loopback => f.write_str("bring the loopback of an empty network up"),
            Step::Listener(port) => write!(f, "listen on port {port} of an empty network"),
            Step::Caller => f.write_str("make a socket in an empty network"),
            Step::Process => f.write_str("start a process in a namespace"),
            Step::Proc => f.write_str("mount a /proc with the processes of a namespace alone"),
            Step::Root => f.write_str("move into an empty root"),
            Step::Place(path) => write!(f, "let `{path}` be there in a jail"),
            Step::Hide(path) => write!(f, "hide `{path}` in a jail"),
            Step::Folder(path) => {
                write!(f, "be in `{path}` in a jail: is it below what may be read or written there?")
            }
            Step::Limit => f.write_str("set a limit"),
            Step::Processes => f.write_str("limit the number of processes"),
            Step::Memory => f.write_str("limit the memory of all processes together"),
            Step::Privileges => f.write_str("give all privileges up"),
            Step::SystemCalls => f.write_str("filter system calls"),
            Step::Landlock => f.write_str("restrict files by Landlock"),
            Step::Clock => f.write_str("count CPU time by a perf event"),
            Step::Bubblewrap(said) if said.is_empty() => f.write_str("start bubblewrap"),
            Step::Bubblewrap(said) => write!(f, "make a jail by bubblewrap ({said})"),
            Step::Program(program) => write!(f, "start `{program}`"),
        }
    }
}
