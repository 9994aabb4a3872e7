//! The machine: what it is, and one measurement at a time on it.

mod fingerprint;
mod lock;

pub use fingerprint::Fingerprint;
pub use lock::HostLock;
