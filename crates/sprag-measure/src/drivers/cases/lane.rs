//! One side through one repetition: what runs beside it, its worker, what it answered.

use std::time::Duration;

use sprag_judge::{Finding, Reason};

use super::file::Case;
use super::way::Way;
use super::worker::{Fault, Worker};
use crate::drivers::beside::{Beside, Counted};
use crate::drivers::launch::Launch;
use crate::process::{Usage, over_memory};
use crate::{CpuSet, MeasureError, Plan, Side};

/// A started side. It exists only while its worker can go on; a fault ends it.
pub(super) struct Lane {
    beside: Beside,
    worker: Box<dyn Worker>,
    start_up: Option<Duration>,
    used: Usage,
    answers: Vec<Answer>,
}

/// One scored case's answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The case's place in the case file.
    pub(super) case: usize,
    pub(super) took: Duration,
    pub(super) output: Vec<u8>,
}

/// What one repetition of a side gave.
#[derive(Debug, Clone)]
pub(super) struct Lap {
    /// `None` where there was nothing to wait for.
    pub(super) start_up: Option<Duration>,
    pub(super) cpu: Duration,
    pub(super) peak_rss: u64,
    pub(super) answers: Vec<Answer>,
    pub(super) counted: Counted,
    pub(super) leftovers: usize,
}

/// A side's end: what it gave, or the finding against it. `Err` is nobody's verdict.
pub(super) type Outcome<T> = Result<Result<T, Finding>, MeasureError>;

impl Lane {
    /// Starts what runs beside it, then the worker on `cpus`, and waits until it is ready.
    pub(super) fn start(
        launch: &Launch,
        way: &Way,
        side: &Side<'_>,
        plan: &Plan,
        repetition: u32,
        cpus: Option<&CpuSet>,
    ) -> Outcome<Self> {
        let beside = launch.beside(side, repetition)?;
        let mut worker = way.start(launch, side, plan, repetition, &beside, cpus)?;
        match worker.ready() {
            Ok(start_up) => {
                Ok(Ok(Self { beside, worker, start_up, used: Usage::default(), answers: Vec::new() }))
            }
            Err(fault) => Ok(Err(blame(fault, &beside, worker)?)),
        }
    }

    pub(super) fn pin(&mut self, cpus: &CpuSet) -> Result<(), MeasureError> {
        self.worker.pin(cpus)
    }

    pub(super) fn freeze(&self) -> Result<(), MeasureError> {
        self.worker.freeze()?;
        // Now that it can ask for nothing more.
        self.beside.freeze();
        Ok(())
    }

    pub(super) fn thaw(&self) {
        self.beside.thaw();
        self.worker.thaw();
    }

    /// Sends a case whose answer is thrown away once it was seen to be one.
    pub(super) fn warm_up(&mut self, case: &Case) -> Result<(), Fault> {
        self.beside.enter(&case.id);
        let (_, answer) = self.worker.ask(case)?;
        self.worker.output(case, &answer).map(drop)
    }

    /// From here on counts and CPU time are those of the scored cases.
    pub(super) fn begin_scoring(&mut self) -> Result<(), MeasureError> {
        self.beside.start_counting()?;
        self.used = self.worker.usage();
        Ok(())
    }

    /// Sends a scored case. Its answer is only looked at after the worker's end.
    pub(super) fn score(&mut self, index: usize, case: &Case) -> Result<(), Fault> {
        self.beside.enter(&case.id);
        let (took, output) = self.worker.ask(case)?;
        self.answers.push(Answer { case: index, took, output });
        Ok(())
    }

    /// Ends a side that did all its cases.
    pub(super) fn finish(mut self, cases: &[Case]) -> Outcome<Lap> {
        self.thaw();
        let mut verdict = self.worker.expect_silence("after the last case");
        let used = self.worker.usage();
        let counted = self.beside.counted()?;
        for answer in &mut self.answers {
            if verdict.is_ok() {
                let case = &cases[answer.case];
                verdict = self.worker.output(case, &answer.output).map(|output| answer.output = output);
            }
        }
        if let Err(fault) = verdict {
            return Ok(Err(blame(fault, &self.beside, self.worker)?));
        }
        let spent = self.worker.end()?;
        // Something that it had started was killed, and it went on without.
        let over = spent.over_memory.map(|most| Finding { reason: Reason::Crash, detail: over_memory(most) });
        if let Some(finding) = self.beside.blame(over)? {
            return Ok(Err(finding));
        }
        Ok(Ok(Lap {
            start_up: self.start_up,
            cpu: spent.cpu.max(used.cpu).saturating_sub(self.used.cpu),
            peak_rss: peak(spent.peak_rss, used.peak_rss),
            answers: self.answers,
            counted,
            leftovers: spent.leftovers,
        }))
    }

    /// Ends a side because of `fault`.
    pub(super) fn give_up(self, fault: Fault) -> Result<Finding, MeasureError> {
        blame(fault, &self.beside, self.worker)
    }

    /// Ends a side because the other one cannot go on.
    pub(super) fn abandon(self) -> Result<(), MeasureError> {
        self.worker.end().map(drop)
    }
}

/// Whose fault it was: where a service has died, the worker cannot be blamed for what followed.
fn blame(fault: Fault, beside: &Beside, worker: Box<dyn Worker>) -> Result<Finding, MeasureError> {
    worker.end()?;
    match fault {
        Fault::Ours(error) => Err(error),
        Fault::Worker(finding) => Ok(beside.blame(Some(finding.clone()))?.unwrap_or(finding)),
    }
}

/// The kernel's figure for a dead process includes the moment before `exec`, when it shared Sprag's memory: where it
/// is no larger than Sprag itself, what the living process showed is nearer the truth.
fn peak(of_dead: u64, of_living: u64) -> u64 {
    let own = Usage::of(rustix::process::getpid()).peak_rss;
    if of_dead > own || of_living == 0 { of_dead } else { of_living }
}
