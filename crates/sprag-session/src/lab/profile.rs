//! The profile of a tree at the bench.

use camino::{Utf8Path, Utf8PathBuf};
use sprag_judge::Finding;
use sprag_measure::{Role, Setup, build};
use sprag_workspace::{Store, TreeId};

use super::Lab;
use crate::SessionError;

impl Lab {
    /// Runs `command` on `tree`, built in the slot of the incumbent, as a measured run is locked in. Answers what went wrong,
    /// and where what it printed lies.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn profile(
        &mut self,
        store: &Store,
        command: &str,
        tree: &TreeId,
        out: &Utf8Path,
    ) -> Result<(Option<Finding>, Vec<Utf8PathBuf>), SessionError> {
        let loaded = self.load(store, Role::Incumbent, tree, None, out)?;
        if loaded.finding.is_some() {
            return Ok((loaded.finding, Vec::new()));
        }
        self.clean(store, Role::Incumbent)?;
        let step = self.with_side(Role::Incumbent, out, |lab, side| {
            let Setup { sandbox, interrupt, .. } = &lab.setup;
            Ok(build::profile(command, &lab.contract.settings, side, sandbox.as_ref(), interrupt)?)
        })?;
        Ok((step.failure, step.logs))
    }
}
