//! The hidden cases at the bench: other questions to the same slots.

use std::collections::BTreeSet;

use camino::Utf8Path;
use sprag_contract::Contract;
use sprag_measure::{Driver, Plan, Role, Run, Setup, drivers};
use sprag_workspace::{Store, TreeId};

use super::{Lab, open_cassette};
use crate::SessionError;
use crate::coin::Toss;

/// A tree as candidates run in it and proposers see it: without the hidden cases.
///
/// # Errors
/// [`SessionError`] when the store fails.
pub(crate) fn without_hidden(
    store: &Store,
    contract: &Contract,
    tree: &TreeId,
) -> Result<TreeId, SessionError> {
    match contract.settings.hidden_cases() {
        None => Ok(*tree),
        Some(_) => Ok(store.tree_without(tree, &|path| contract.settings.hides(path))?),
    }
}

impl Lab {
    /// One run of one side on the hidden cases. `out` is a folder that only the person looks into.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn hidden_run(
        &mut self,
        store: &Store,
        role: Role,
        seed: u64,
        out: &Utf8Path,
    ) -> Result<Run, SessionError> {
        let mut driver = self.hidden_driver()?;
        self.clean(store, role)?;
        self.with_side(role, out, |_, side| Ok(driver.measure(side, &Plan { seed })?))
    }

    /// One pair on the hidden cases, `[incumbent, candidate]`.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn hidden_pair(
        &mut self,
        store: &Store,
        toss: Toss,
        out: &Utf8Path,
    ) -> Result<[Run; 2], SessionError> {
        let mut driver = self.hidden_driver()?;
        self.pair_by(store, toss, out, |_, incumbent, candidate, plan| {
            driver.measure_pair(incumbent, candidate, plan)
        })
    }

    /// It is opened when it is needed: before a keep and at the start of a segment.
    fn hidden_driver(&self) -> Result<Box<dyn Driver>, SessionError> {
        let contract = self.contract.on_hidden_cases().ok_or(SessionError::NoHiddenCases)?;
        let harness = &self.setup.harness;
        let folder = contract.settings.hidden_cases().unwrap_or_default();
        if !harness.join(folder).join("cases.json").is_file() {
            return Err(SessionError::Refused(format!(
                "`hidden` under [cases] names {folder}, and there is no {folder}/cases.json: write it as the other file of cases; git must not ignore it"
            )));
        }
        if contract.settings.replay.as_ref().is_some_and(|replay| !harness.join(&replay.cassette).is_dir()) {
            return Err(SessionError::Refused(format!(
                "the hidden cases have no cassette in {folder}/cassette: `sprag record --hidden` writes one; git must not ignore it"
            )));
        }
        let setup = Setup {
            wanted: BTreeSet::new(),
            replay: open_cassette(&contract, harness)?,
            ..self.setup.clone()
        };
        Ok(drivers::open(&contract.settings, setup)?)
    }
}
