//! Counts and sums over a session. What is unknown is counted apart, never as zero.

use serde::Serialize;
use sprag_judge::Status;

use super::Session;
use crate::{Entry, Seconds, Usage};

/// A sum of numbers some of which may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Sum {
    /// The sum of those that are known.
    pub known: f64,
    /// How many are unknown: where not 0, the true sum is larger than `known`.
    pub unknown: u64,
}

impl Sum {
    fn add(&mut self, value: Option<f64>) {
        match value {
            Some(value) => self.known += value,
            None => self.unknown += 1,
        }
    }
}

/// Counts and sums over a session, all its segments and resumes together.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Totals {
    /// Rows of any kind.
    pub runs: u64,
    /// Rows that are experiments; the next five add up to it.
    pub experiments: u64,
    /// Kept.
    pub keep: u64,
    /// Discarded.
    pub discard: u64,
    /// Refused by scope, outputs, controls or checks.
    pub checks_failed: u64,
    /// Did not build or run.
    pub crash: u64,
    /// With a status that is not known here.
    pub unknown: u64,
    /// Experiments since the last keep, in the last segment.
    pub consecutive_discards: u64,
    /// Tries in a row, up to now, that came to no row.
    pub events_without_row: u64,
    /// Seconds of wall time, by part, over rows and events; a part that never happened is absent.
    pub seconds: Seconds,
    /// US dollars over experiments and tries without a row.
    pub usd: Sum,
    /// Input tokens.
    pub input: Sum,
    /// Output tokens.
    pub output: Sum,
    /// Input tokens read from a cache.
    pub cached: Sum,
    /// Reasoning tokens.
    pub reasoning: Sum,
}

impl Totals {
    pub(super) fn of(session: &Session<'_>) -> Self {
        let mut totals = Totals::default();
        for segment in session.segments() {
            let baseline = segment.baseline();
            for record in segment.records {
                match &record.entry {
                    Entry::Run(run) => {
                        totals.runs += 1;
                        totals.events_without_row = 0;
                        totals.add_seconds(&run.seconds);
                        if run.is_experiment()
                            && !baseline.is_some_and(|base| std::ptr::eq(base, run.as_ref()))
                        {
                            totals.count(run.status.known());
                            totals.add_usage(&run.usage);
                        }
                    }
                    Entry::Event(event) => {
                        totals.add_seconds(&event.seconds);
                        totals.events_without_row += u64::from(event.event.is_try());
                        if event.is_billed() {
                            totals.add_usage(&event.usage);
                        }
                    }
                    _ => {}
                }
            }
        }
        totals.consecutive_discards = session.segment().consecutive_discards();
        totals
    }

    fn count(&mut self, status: Option<Status>) {
        self.experiments += 1;
        *match status {
            Some(Status::Keep) => &mut self.keep,
            Some(Status::Discard) => &mut self.discard,
            Some(Status::ChecksFailed) => &mut self.checks_failed,
            Some(Status::Crash) => &mut self.crash,
            None => &mut self.unknown,
        } += 1;
    }

    fn add_seconds(&mut self, seconds: &Seconds) {
        let sums = &mut self.seconds;
        for (sum, part) in [
            (&mut sums.propose, seconds.propose),
            (&mut sums.build, seconds.build),
            (&mut sums.measure, seconds.measure),
            (&mut sums.check, seconds.check),
        ] {
            if let Some(part) = part {
                *sum = Some(sum.unwrap_or(0.0) + part);
            }
        }
    }

    fn add_usage(&mut self, usage: &Usage) {
        self.usd.add(usage.usd);
        self.input.add(usage.input.map(|n| n as f64));
        self.output.add(usage.output.map(|n| n as f64));
        self.cached.add(usage.cached.map(|n| n as f64));
        self.reasoning.add(usage.reasoning.map(|n| n as f64));
    }
}
