//! What a jailed program may read, write and use up, as Sprag says it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sprag_judge::Tier;

/// What is left to a program. Paths are absolute, and each means what is there when the jail is built: links are
/// followed then. What is named in none of the lists is not there inside, but for the folders of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// How far it is locked in. There is no silent fall: where that can't be done, the jail is refused.
    pub tier: Tier,
    /// Files and folders that are there inside, and can't be changed.
    pub read: Vec<PathBuf>,
    /// Files and folders that can be changed.
    pub write: Vec<PathBuf>,
    /// Files and folders below the others in whose place is an empty one. These win over all.
    pub hide: Vec<PathBuf>,
    /// Folders that are empty at first, and gone when the program has ended. `/tmp`, `/var/tmp`, `/dev/shm` and `/run`
    /// always are. In [`Tier::Reduced`] these are the folders of the machine itself, and only those named here are there.
    pub scratch: Vec<PathBuf>,
    /// What it may use up.
    pub limits: Limits,
}

impl Confinement {
    /// Nothing to read or write besides the system, with the usual limits.
    pub fn new(tier: Tier) -> Self {
        let none = Vec::new;
        let limits = Limits::default();
        Self { tier, read: none(), write: none(), hide: none(), scratch: none(), limits }
    }
}

/// What a program may use up. Where the user's own limit is lower, that one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processes and threads at a time.
    pub processes: u64,
    /// Memory of all processes together, in bytes; `None` for three quarters of what Sprag itself may have.
    pub memory_bytes: Option<u64>,
    /// Open descriptors of each process.
    pub open_files: u64,
    /// Size of each file that it writes, in bytes.
    pub file_bytes: u64,
    /// All that it leaves in scratch folders at a time, in bytes. It is memory. By [`Backend::Bubblewrap`](crate::Backend)
    /// it is the limit of each of them; one that is setuid knows none.
    pub scratch_bytes: u64,
    /// Files and folders in scratch folders; without a limit by [`Backend::Bubblewrap`](crate::Backend).
    pub scratch_files: u64,
}

impl Default for Limits {
    /// Far above what builds and tests need, and below what brings a machine down.
    fn default() -> Self {
        Self {
            processes: 4096,
            memory_bytes: None,
            open_files: 65_536,
            file_bytes: 8 << 30,
            scratch_bytes: 1 << 30,
            scratch_files: 200_000,
        }
    }
}
