//! What Sprag and its launcher say to each other.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// The most listeners of one jail: the kernel passes 253 descriptors in one message.
pub const MOST_LISTENERS: usize = 128;

/// The most descriptors in one message: the listeners, and a socket for each version of IP.
pub(crate) const MOST_DESCRIPTORS: usize = MOST_LISTENERS + 2;

/// What the launcher builds before it becomes the program. It is its first argument, as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// The abstract name of the socket on which Sprag waits.
    pub(crate) door: String,
    /// The ports of the loopback to listen on, in the order in which the listeners are handed out.
    pub(crate) listen: Vec<u16>,
    /// Whether sockets are handed out as well by which to connect to what the program listens on.
    pub(crate) call: bool,
}

/// One message through the door.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// From the launcher: the jail stands, so firmly, and here are its listeners.
    Ready(Wall),
    /// To the launcher: become the program.
    Go,
    /// From the launcher, its last word.
    Refused(Refusal),
}

/// Whom an empty network holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wall {
    /// Everybody: a user namespace is around it, outside of which nobody inside has a right.
    ForAll,
    /// Everybody but root, which may go back to where it came from: this machine refused the user namespace.
    NotForRoot,
}

impl Wall {
    /// What a reader of the numbers should know.
    pub fn caveat(self) -> Option<&'static str> {
        match self {
            Self::ForAll => None,
            Self::NotForRoot => Some("the empty network is no wall for a program that runs as root"),
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
    /// Keep the user's own ids in that user namespace.
    Identity,
    /// Bring the loopback up.
    Loopback,
    /// Listen on this port of the loopback.
    Listener(u16),
    /// Make a socket by which to connect to the program.
    Caller,
    /// Become the program.
    Program(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Descriptors => f.write_str("close the descriptors that were inherited"),
            Step::Network => f.write_str("make an empty network"),
            Step::Identity => f.write_str("keep the user's id in an empty network"),
            Step::Loopback => f.write_str("bring the loopback of an empty network up"),
            Step::Listener(port) => write!(f, "listen on port {port} of an empty network"),
            Step::Caller => f.write_str("make a socket in an empty network"),
            Step::Program(program) => write!(f, "start `{program}`"),
        }
    }
}
