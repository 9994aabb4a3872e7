//! Proposers: whoever edits. A proposer gets a brief and a copy of the incumbent to edit; what it says about numbers,
//! verdicts or the harness has no weight. The change is read from the copy's bytes, never from its words.
//!
//! A new proposer is one file here that implements [`Proposer`], and one line in [`open`].

mod playbook;
mod proposal;

pub use playbook::{Playbook, PlaybookError, Step};
pub use proposal::{Note, Proposal, ProposeError, Usage};

use camino::Utf8Path;

/// Blobs of the baseline, by git object id (full or abbreviated), for proposals that were made against it.
pub trait Blobs {
    /// The bytes of the blob whose id begins with `id`; `None` where the store does not hold it.
    fn blob(&self, id: &str) -> Option<Vec<u8>>;
}

/// Edits a copy of the incumbent, once a call.
pub trait Proposer {
    /// What rows say under `agent`, such as `playbook` or `claude 2.1`.
    fn name(&self) -> &str;

    /// Told once before the first try: the ids of the proposals that the ledger already holds.
    fn resume(&mut self, done: &[String]);

    /// Told once before the first try: the ids of the ideas that were parked in an earlier phase, and may be tried now.
    fn given_back(&mut self, _ideas: &[String]) {}

    /// Makes one try by editing the files under `copy`.
    ///
    /// # Errors
    /// [`ProposeError`] when the proposer itself failed. That is infrastructure, never a verdict on a candidate.
    fn propose(&mut self, brief: &str, copy: &Utf8Path, blobs: &dyn Blobs) -> Result<Proposal, ProposeError>;
}

/// Opens the proposer that `--agent` names: `playbook:DIR`.
///
/// # Errors
/// [`ProposeError`] when there is no such proposer, or it cannot be read.
pub fn open(name: &str) -> Result<Box<dyn Proposer>, ProposeError> {
    match name.split_once(':') {
        Some(("playbook", dir)) => Ok(Box::new(Playbook::open(Utf8Path::new(dir))?)),
        _ => Err(ProposeError::Unknown { name: name.to_owned() }),
    }
}
