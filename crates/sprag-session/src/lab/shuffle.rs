//! Layout luck: both sides relinked for each pair, so that where the sections lie is noise and no gain.

use camino::Utf8Path;
use sprag_contract::settings::Layout;
use sprag_judge::{Finding, Reason};
use sprag_measure::Role;
use sprag_measure::build::{self, LayoutControl};
use sprag_workspace::Store;

use super::Lab;
use crate::SessionError;
use crate::coin::Toss;

impl Lab {
    /// From here on a pair needs both sides relinked, where they are at all.
    pub(crate) fn insist_on_shuffling(&mut self) {
        self.must_shuffle = self.shuffles();
    }

    /// Relinks both sides with the seeds of `toss`, so that layout is noise of the pair and no constant of a build.
    /// Answers what is wrong with a candidate that cannot be relinked where the incumbent can.
    pub(super) fn shuffle(
        &mut self,
        store: &Store,
        toss: Toss,
        out: &Utf8Path,
    ) -> Result<Option<Finding>, SessionError> {
        if !self.shuffles() {
            return Ok(None);
        }
        for (role, seed) in [(Role::Incumbent, toss.layout[0]), (Role::Candidate, toss.layout[1])] {
            let tree = self.slots[self.slot(role)].tree();
            let loaded = self.load(store, role, &tree, Some(seed), out)?;
            if let Some(finding) = loaded.finding {
                if role == Role::Candidate {
                    // It was built before, and a build that works only once is the code's fault as well as the host's.
                    let detail =
                        format!("it builds once, and not when it is built again: {}", finding.detail);
                    return Ok(Some(Finding { detail, ..finding }));
                }
                // It was built before: the host failed, not the code.
                return Err(SessionError::IncumbentFailed {
                    what: format!("relinking failed: {}", finding.detail),
                });
            }
            if loaded.layout != LayoutControl::Off || loaded.seconds.is_none() {
                continue;
            }
            match (self.must_shuffle, role) {
                (false, _) => self.cannot_shuffle = true,
                (true, Role::Candidate) => {
                    let detail = "it builds, but not with its sections shuffled, as the incumbent does: the luck of one layout is no gain (a build of more than one binary must name one with --bin)";
                    return Ok(Some(Finding { reason: Reason::Build, detail: detail.to_owned() }));
                }
                (true, Role::Incumbent) => {
                    return Err(SessionError::IncumbentFailed {
                        what: "it can no longer be linked with its sections shuffled".to_owned(),
                    });
                }
            }
        }
        Ok(None)
    }

    /// Whether both sides are built for each pair with fresh layout seeds: by default where a plain cargo build can be
    /// relinked so, and wherever the settings ask for it.
    pub(crate) fn shuffles(&self) -> bool {
        let build = self.contract.settings.run.build.as_deref();
        let wanted = match self.contract.settings.measure.layout {
            Some(Layout::Shuffle) => build.is_some(),
            Some(Layout::Off | Layout::Sample) => false,
            None => build.is_some_and(|command| build::shuffled(command, 0).is_some()),
        };
        wanted && !self.cannot_shuffle
    }
}
