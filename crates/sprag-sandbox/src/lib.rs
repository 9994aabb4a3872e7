//! Runs a command in a jail: what a candidate may read, write, reach and use up is decided before its first instruction.
//!
//! Two processes work together. Sprag describes a [`Jail`] and spawns the command that [`Jail::prepare`] gives it:
//! the *launcher*, Sprag's own binary, which calls [`launch`]. The launcher is told through the [`Door`] what to build,
//! builds the jail around itself, hands listeners and a clock out, waits for a word, and becomes the program by `exec`.
//!
//! A jail has layers, and each holds by itself:
//!
//! - **The network** is empty: a namespace with nothing but a loopback, whose TCP listeners are bound inside of it and
//!   held outside, by Sprag. So a client that ignores every proxy variable finds no route, and no relay runs among the
//!   processes that are measured. A jail without a [`Confinement`] has this layer alone.
//! - **Privileges and limits**: nothing is inherited but three streams, no program inside gains a right, and processes,
//!   descriptors, files and scratch have limits. Those of processes and of memory are a [`Cgroup`]'s, where one can be made.
//! - **Namespaces** ([`Tier::Enforced`]): a root in memory with the system, read-only, and what the program was given;
//!   a process namespace that is dead as a whole when the program has ended. The launcher then stays outside, with the
//!   process id and the group that Sprag knows, and ends as the program did. Where the machine allows namespaces to
//!   `bwrap` alone, that makes them ([`Backend`]).
//! - **A filter for system calls**, and **Landlock's rules for files**: all that there is in [`Tier::Reduced`], on
//!   machines that allow no namespaces.
//!
//! [`examine()`] builds such a jail, tries from inside what must fail in it, and says which tier this machine has. There
//! is no silent fall: a jail of a tier that the machine lacks is refused.
//!
//! Namespaces, that of an empty network too, lie in a user namespace, so that root has no right outside of them either;
//! [`Wall::NotForRoot`] says where there is none. In it are the user's own ids and no others: root cannot become another
//! user there, and what others own is to it what it is to anybody.
//!
//! What it does not stop: in an open network, whatever the network reaches; in the reduced tier, `stat`, `chmod` and
//! `utime` of paths, which Landlock does not know; a fault of the kernel; and memory that is used up, where Sprag may
//! make no cgroup.

mod acts;
mod backend;
mod bubblewrap;
mod caller;
mod cgroup;
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

pub use backend::Backend;
pub use caller::Caller;
pub use cgroup::Cgroup;
pub use clock::CpuClock;
pub use confinement::{Confinement, Limits};
pub use examine::{examine, examine_by, examine_up_to};
pub use jail::{Door, Jail, JailError, Ready};
pub use lack::Lack;
pub use launcher::{COMMAND, launch};
pub use plan::{MOST_LISTENERS, Refusal, Step, Wall};
pub use probe::network;
pub use report::{Layer, LayerReport, Report, State};
pub use sprag_judge::Tier;
