//! The hidden cases: asked of the baseline before anything else, and of a candidate once, when it would be kept.
//!
//! Of a candidate only yes or no comes back. What was wrong is in the session's own state folder, for the person alone:
//! neither in the row, nor in a brief, nor on a terminal that a proposer may read.

use std::fs;

use camino::Utf8PathBuf;
use sprag_judge::{Finding, Trial, is_of_a_case};
use sprag_measure::{Role, Run};

use crate::SessionError;
use crate::calibrate::{ATTEMPTS, a_pair};
use crate::coin::{self, Seed};
use crate::events::Stage;
use crate::goldens::Goldens;
use crate::lab::is_transient;
use crate::open::parse_tree;
use crate::session::Session;

impl Session<'_> {
    /// The baseline must pass its own hidden cases, where there are some.
    ///
    /// # Errors
    /// [`SessionError::Baseline`] where it does not; and what is nobody's verdict.
    pub(crate) fn baseline_passes_hidden(&mut self, seed: &Seed, run: u64) -> Result<(), SessionError> {
        if self.contract.settings.hidden_cases().is_none() {
            return Ok(());
        }
        self.stage(run, Stage::Hidden, "baseline");
        if self.passes_hidden(Role::Incumbent, seed, run)? {
            return Ok(());
        }
        let what = "it does not pass its own hidden cases: `sprag golden diff --hidden` shows where the working tree does not, \
                    and `sprag golden accept --hidden` takes its answers as the right ones; where the code of the session is \
                    an older one, begin anew with `sprag run --new`";
        Err(SessionError::Baseline { what: what.to_owned(), output: String::new() })
    }

    /// Whether the side of `role` answers every hidden case as its golden does. What does not is written down for the
    /// person alone.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn passes_hidden(&mut self, role: Role, seed: &Seed, run: u64) -> Result<bool, SessionError> {
        let out = self.fresh_hidden_out(run)?;
        let mut attempt = 0;
        let answers = loop {
            let seed = seed.toss(coin::HIDDEN_RUN, attempt).seed;
            match self.lab.hidden_run(&self.store, role, seed, &out) {
                Err(error) if is_transient(&error) && attempt + 1 < ATTEMPTS => attempt += 1,
                other => break other?,
            }
        };
        let goldens = self.hidden_goldens()?;
        let finding = answers.failure.or_else(|| goldens.check(&answers.outputs));
        if let Some(finding) = &finding {
            self.tell_the_person(run, finding)?;
        }
        Ok(finding.is_none())
    }

    /// Whether there are inputs that a gain can be confirmed on. The time of one case is measured on that case alone.
    pub(crate) fn has_fresh_inputs(&self) -> bool {
        self.contract.settings.hidden_cases().is_some() && !is_of_a_case(&self.contract.primary.name)
    }

    /// One more pair on the hidden cases, for a trial that asks for fresh inputs.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(crate) fn hidden_pair(
        &mut self,
        run: u64,
        trial: &mut Trial,
        seed: &Seed,
    ) -> Result<(), SessionError> {
        let out = self.hidden_out(run);
        let goldens = self.hidden_goldens()?;
        let wrong = |run: &Run| run.failure.clone().or_else(|| goldens.check(&run.outputs));
        let index = coin::FRESH + trial.fresh_pairs();
        let (toss, [incumbent, candidate]) = self.measure_pair(seed, index, |session, toss| {
            let runs = session.lab.hidden_pair(&session.store, toss, &out)?;
            match wrong(&runs[0]) {
                Some(_) => Err(SessionError::IncumbentFailed { what: Finding::hidden().detail }),
                None => Ok(runs),
            }
        })?;
        match wrong(&candidate) {
            Some(finding) => {
                self.tell_the_person(run, &finding)?;
                trial.finding(Finding::hidden());
            }
            None => {
                trial.fresh(a_pair(toss, self.lab.shuffles(), &incumbent, &candidate));
            }
        }
        Ok(())
    }

    /// Those of the locked harness.
    fn hidden_goldens(&self) -> Result<Goldens, SessionError> {
        let none = || SessionError::Refused("the settings name no hidden cases".to_owned());
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let tree = parse_tree(segment.config.tree.as_deref().unwrap_or_default())?;
        let contract = self.contract.on_hidden_cases().ok_or_else(none)?;
        Goldens::of_harness(&self.store, &tree, &contract, segment.phase)?.ok_or_else(none)
    }

    fn hidden_out(&self, run: u64) -> Utf8PathBuf {
        self.home.session(&self.id).join("hidden").join(format!("{run:06}"))
    }

    /// The same, without what a try of that number left that came to no row.
    fn fresh_hidden_out(&self, run: u64) -> Result<Utf8PathBuf, SessionError> {
        let out = self.hidden_out(run);
        if out.is_dir() {
            fs::remove_dir_all(&out).map_err(|e| SessionError::io("remove", &out, e))?;
        }
        Ok(out)
    }

    fn tell_the_person(&self, run: u64, finding: &Finding) -> Result<(), SessionError> {
        let path = self.hidden_out(run).join("why.txt");
        let text = format!("{}: {}\n", finding.reason, finding.detail);
        fs::write(&path, text).map_err(|e| SessionError::io("write", &path, e))
    }
}
