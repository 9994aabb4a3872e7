//! The hidden cases: asked of the baseline before anything else, and of a candidate once, when it would be kept.
//!
//! Of a candidate only yes or no comes back. What was wrong is in the session's own state folder, for the person alone:
//! neither in the row, nor in a brief, nor on a terminal that a proposer may read.

use std::fs;

use camino::Utf8PathBuf;
use sprag_contract::Control;
use sprag_judge::{Bound, Finding, Reason, Trial, is_of_a_case};
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
        let finding = self.wrong_with(&answers, &self.hidden_goldens()?);
        if let Some(finding) = &finding {
            self.tell_the_person(run, role, finding)?;
        }
        Ok(finding.is_none())
    }

    /// Whether a gain is confirmed on the hidden cases, and not on the same inputs in another order. The time of one case is measured on that case alone.
    pub(crate) fn confirms_on_hidden_cases(&self) -> bool {
        self.contract.settings.hidden_cases().is_some() && !is_of_a_case(&self.contract.primary.name)
    }

    /// One more pair on the hidden cases, for a trial that asks to confirm a gain.
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
        let index = coin::CONFIRMING_PAIRS + trial.confirming_pairs();
        let (toss, [incumbent, candidate]) = self.measure_pair(seed, index, |session, toss| {
            let runs = session.lab.hidden_pair(&session.store, toss, &out)?;
            match session.wrong_with(&runs[0], &goldens) {
                Some(finding) => Err(session.incumbent_fails_hidden(run, &finding)?),
                None => Ok(runs),
            }
        })?;
        match self.wrong_with(&candidate, &goldens) {
            Some(finding) => {
                self.tell_the_person(run, Role::Candidate, &finding)?;
                trial.finding(Finding::hidden());
            }
            None => {
                trial.confirm(a_pair(toss, self.lab.shuffles(), &incumbent, &candidate));
            }
        }
        Ok(())
    }

    /// What is told where the incumbent fails what it passed before: the terminal may be read by a proposer, so
    /// which case it was stands in the state folder alone.
    fn incumbent_fails_hidden(&self, run: u64, finding: &Finding) -> Result<SessionError, SessionError> {
        self.tell_the_person(run, Role::Incumbent, finding)?;
        let what = format!(
            "it no longer passes the hidden cases it passed before; hidden/{run:06}/why.txt in the session's state folder \
             says which; see whether the program or a service is flaky"
        );
        Ok(SessionError::IncumbentFailed { what })
    }

    /// What a run of the hidden cases did wrong: its failure, an answer, or other requests than were recorded where they
    /// must be the same.
    fn wrong_with(&self, run: &Run, goldens: &Goldens) -> Option<Finding> {
        let found = run.failure.clone().or_else(|| goldens.check(&run.outputs));
        found.or_else(|| {
            let phase = self.state.segment().map_or(1, |segment| segment.phase);
            let must_be_same = |control: &Control| {
                control.metric.ends_with("_requests_changed") && control.bound == Bound::Equals { value: 0.0 }
            };
            let controls = self.contract.in_phase(phase).controls.into_iter().filter(must_be_same);
            let differing = |control: Control| {
                let changed = run.metrics.get(&control.metric).filter(|changed| **changed != 0.0)?;
                Some(Finding { reason: Reason::Control, detail: format!("{} is {changed}", control.metric) })
            };
            controls.filter_map(differing).next()
        })
    }

    /// Those of the locked harness.
    fn hidden_goldens(&self) -> Result<Goldens, SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let tree = parse_tree(segment.config.tree.as_deref().unwrap_or_default())?;
        let contract = self.contract.on_hidden_cases().ok_or(SessionError::NoHiddenCases)?;
        Goldens::of_harness(&self.store, &tree, &contract, segment.phase)?.ok_or(SessionError::NoHiddenCases)
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

    fn tell_the_person(&self, run: u64, role: Role, finding: &Finding) -> Result<(), SessionError> {
        let path = self.hidden_out(run).join("why.txt");
        let whose = match role {
            Role::Incumbent => "the incumbent, ",
            Role::Candidate => "",
        };
        let text = format!("{whose}{}: {}\n", finding.reason, finding.detail);
        fs::write(&path, text).map_err(|e| SessionError::io("write", &path, e))
    }
}
