//! The machine: what it is, how busy it is, and one measurement at a time on it.

mod fingerprint;
mod lock;

pub use fingerprint::{Fingerprint, Load};
pub use lock::HostLock;
