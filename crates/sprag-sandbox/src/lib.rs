//! Runs a command in a jail: what a candidate may reach is decided before its first instruction.
//!
//! One layer so far, the empty network: a fresh network namespace with nothing but a loopback, whose TCP listeners
//! are bound inside of it and held outside, by Sprag. So a client that ignores every proxy variable finds no route,
//! and no relay runs among the processes that are measured.
//!
//! Two processes work together. Sprag describes a [`Jail`] and spawns the command that [`Jail::prepare`] gives it:
//! the *launcher*, Sprag's own binary, which calls [`launch`]. The launcher builds the jail around itself, hands the
//! listeners out through the [`Door`], waits for a word, and becomes the program by `exec`. So the program has the
//! process id, the process group and the streams that its launcher was spawned with.
//!
//! A user namespace is around the network, so that root has no right outside of it either. In it are the user's own
//! ids and no others: it cannot become another user there, and what others own is to root what it is to anybody.
//!
//! What this layer does not stop: sockets with a path in the file system lead out of any network namespace; and where
//! root is refused the user namespace, a program that runs as root may go back to where it came from: [`Wall`] tells.

mod acts;
mod caller;
mod channel;
mod clock;
mod confinement;
mod examine;
mod family;
mod grants;
mod jail;
mod lack;
mod launcher;
mod network;
mod places;
mod plan;
mod privileges;
mod probe;
mod report;
mod root;
mod system_calls;

pub use caller::Caller;
pub use clock::CpuClock;
pub use confinement::{Confinement, Limits, Tier};
pub use examine::{examine, examine_up_to};
pub use jail::{Door, Jail, JailError, Ready};
pub use lack::Lack;
pub use launcher::launch;
pub use plan::{MOST_LISTENERS, Refusal, Step, Wall};
pub use probe::network;
pub use report::{Layer, LayerReport, Report, State};
