//! Trees of Sprag: the user's repository as it is read, the store that belongs to Sprag, the directories in
//! which a tree is measured or edited, and the import of what an untrusted agent left behind.
//!
//! Two rules shape every module. The user's repository is only read, except by [`apply_branch`], which adds
//! objects and one new ref. A candidate is what Sprag itself read from the agent's directory, byte by byte:
//! nothing that git says about that directory is believed.

#![forbid(unsafe_code)]

mod agent_copy;
mod apply;
mod baseline;
mod candidate;
mod change;
mod checkout;
mod error;
mod id;
mod manifest;
mod merge;
pub mod patch;
mod store;
mod user_repo;

pub use agent_copy::AgentCopy;
pub use apply::{KeepStep, apply_branch};
pub use baseline::{Baseline, Imported, Locked, LockedWhy, Region, Start};
pub use candidate::{Candidate, ImportRules, Junk, Violation, ViolationKind, import_candidate};
pub use change::{Change, ChangeKind, Edit};
pub use checkout::{Checkout, SyncReport};
pub use error::Error;
pub use id::{BadId, BlobId, CommitId, TreeId};
pub use manifest::{Entry, FileMode, Manifest};
pub use merge::merge_file;
pub use store::{Expected, FileStat, Identity, Store, UnixSeconds};
pub use user_repo::{Commit, DirtyKind, DirtyPath, Head, UserRepo};

/// What the operations of this crate return.
pub type Result<T> = std::result::Result<T, Error>;
