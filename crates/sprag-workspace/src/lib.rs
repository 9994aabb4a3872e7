//! Trees of Sprag: the user's repository as it is read, the store that belongs to Sprag, the directories in
//! which a tree is measured or edited, and the import of what an untrusted agent left behind.
//!
//! Two rules shape every module. The user's repository is only read, except by [`apply_branch`], which adds
//! objects and one new ref. A candidate is what Sprag itself read from the agent's directory, byte by byte:
//! nothing that git says about that directory is believed.

#![forbid(unsafe_code)]

mod agent_copy;
mod apply;
mod base_pack;
mod baseline;
mod beneath;
mod candidate;
mod change;
mod checkout;
mod collision;
mod commit;
mod diff;
mod error;
mod examine;
mod git;
mod hash;
mod id;
mod index;
mod junk;
mod lfs;
mod loose;
mod manifest;
mod materialize;
mod merge;
mod objects;
pub mod patch;
mod repo_path;
mod stamp;
mod store;
mod survey;
mod transfer;
mod trash;
mod tree;
mod user_repo;
mod violation;

pub use agent_copy::AgentCopy;
pub use apply::{KeepStep, apply_branch};
pub use baseline::{Baseline, Imported, Locked, LockedWhy, Region, Start};
pub use beneath::Beneath;
pub use candidate::{Candidate, ImportRules, import_candidate};
pub use change::{Change, ChangeKind, Edit};
pub use checkout::{Checkout, SyncReport};
pub use commit::{Identity, UnixSeconds};
pub use diff::FileStat;
pub use error::Error;
pub use id::{BadId, BlobId, CommitId, TreeId};
pub use junk::Junk;
pub use manifest::{Entry, FileMode, Manifest};
pub use merge::merge_file;
pub use store::{Expected, Store};
pub use trash::remove_dir;
pub use user_repo::{Commit, DirtyKind, DirtyPath, UserRepo};
pub use violation::{Violation, ViolationKind};

/// What the operations of this crate return.
pub type Result<T> = std::result::Result<T, Error>;
