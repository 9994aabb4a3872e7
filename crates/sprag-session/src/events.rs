//! What a session tells while it runs. Whoever shows it decides how: a terminal view, plain lines, a page.

use sprag_judge::{Reason, Verdict};
use sprag_ledger::{Calibration, Final, Run, Usage};

/// Something that a person who watches wants to know.
#[derive(Debug)]
pub enum Event<'a> {
    /// The session is open: new or resumed.
    Opened {
        /// Its name.
        name: &'a str,
        /// Its id.
        session: &'a str,
        /// How many runs the ledger holds already.
        runs: u64,
        /// What was found and mended at the start, each in one line.
        found: &'a [String],
    },
    /// A remark: a warning, a caveat, a wait.
    Notice(&'a str),
    /// Something that takes time begins.
    Stage {
        /// The run it belongs to.
        run: u64,
        /// What is running.
        stage: Stage,
        /// The proposal's description; empty where there is none.
        description: &'a str,
    },
    /// One A/A pair is measured.
    Calibrating {
        /// Pairs so far.
        done: usize,
        /// Pairs at most.
        of: usize,
    },
    /// The noise is known.
    Calibrated(&'a Calibration),
    /// One more pair of a candidate.
    Pair {
        /// The run.
        run: u64,
        /// Pairs so far.
        done: usize,
        /// Pairs at most.
        of: u32,
        /// Evidence so far.
        e: f64,
        /// Evidence that a keep needs.
        needed: f64,
        /// The median effect so far, as a log-ratio; positive is better.
        effect: f64,
    },
    /// A row was written.
    Judged {
        /// The row.
        run: &'a Run,
        /// The verdict with its sentence.
        verdict: &'a Verdict,
    },
    /// A try came to no row.
    NoRow {
        /// Its stable word: no_edit, duplicate, skipped, infrastructure.
        word: &'a str,
        /// What was tried.
        description: &'a str,
        /// Why it came to nothing.
        why: &'a str,
        /// What it used all the same.
        usage: &'a Usage,
    },
    /// An idea was parked.
    Parked {
        /// The idea.
        text: &'a str,
    },
    /// One pair of the fresh measurement is done.
    Finishing {
        /// Pairs so far.
        done: usize,
        /// Pairs in all.
        of: usize,
    },
    /// The fresh measurement is done.
    Finished(&'a Final),
    /// The session ended.
    Stopped {
        /// Why.
        why: &'a str,
    },
}

/// A step of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// `[run] prepare`.
    Prepare,
    /// `[run] profile`, on the best code so far.
    Profile,
    /// The proposer edits.
    Propose,
    /// The candidate is imported and its scope checked.
    Import,
    /// `[run] build`.
    Build,
    /// The first run: outputs and exact controls.
    First,
    /// The checks script.
    Checks,
    /// Pairs of incumbent and candidate.
    Pairs,
    /// The hidden cases, before a keep.
    Hidden,
    /// More pairs, before a keep that is too good to be believed at once.
    Confirm,
    /// The fresh measurement at the end.
    Final,
}

impl Stage {
    /// What is running, in a word or two.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Prepare => "preparing",
            Stage::Profile => "profiling",
            Stage::Propose => "proposing",
            Stage::Import => "importing",
            Stage::Build => "building",
            Stage::First => "first run",
            Stage::Checks => "checks",
            Stage::Pairs => "pairs",
            Stage::Hidden => "hidden cases",
            Stage::Confirm => "confirming",
            Stage::Final => "fresh measurement",
        }
    }
}

/// Told of everything that happens. Answers nothing: who watches cannot change a verdict.
pub trait Observer {
    /// Something happened.
    fn tell(&mut self, event: &Event<'_>);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Observer for Nobody {
    fn tell(&mut self, _event: &Event<'_>) {}
}

/// How an experiment ended, for whoever asked for exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A row was written.
    Row {
        /// Its number.
        run: u64,
        /// Its reason.
        reason: Reason,
    },
    /// No row: the stable word of the event.
    NoRow(String),
}
