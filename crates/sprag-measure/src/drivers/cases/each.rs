//! One process a case: the input on standard input, the output on standard output, timed from spawn to exit.

use std::fs;
use std::time::Duration;

use camino::Utf8PathBuf;
use rand_chacha::ChaCha8Rng;
use sprag_judge::{Finding, Reason};

use super::file::Case;
use super::worker::{ANSWER, Fault, Process, Spent, Worker};
use crate::drivers::crash_of;
use crate::process::{self, Invocation, OUTPUT_LIMIT, Program, Usage};
use crate::{CpuSet, Interrupt, MeasureError, environment};

/// The processes of one side and repetition, of which at most one runs at a time.
pub(super) struct Each {
    invocation: Invocation,
    interrupt: Interrupt,
    /// Where the input of the case under way lies.
    input: Utf8PathBuf,
    /// The folders that each process gets anew.
    folders: Utf8PathBuf,
    padding: ChaCha8Rng,
    /// What is left of the deadline for all cases together.
    budget: Duration,
    /// How many bytes all of them printed.
    printed: u64,
    spent: Spent,
}

impl Each {
    /// `folders` are those of the invocation's environment; `padding` draws that of each process.
    pub(super) fn new(
        invocation: Invocation,
        interrupt: &Interrupt,
        folders: Utf8PathBuf,
        padding: ChaCha8Rng,
    ) -> Self {
        Self {
            budget: invocation.timeout,
            interrupt: interrupt.clone(),
            input: folders.with_extension("stdin"),
            folders,
            padding,
            printed: 0,
            spent: Spent::default(),
            invocation,
        }
    }

    fn command(&self) -> String {
        match &self.invocation.program {
            Program::Shell(line) => line.clone(),
            Program::Argv(argv) => argv.join(" "),
        }
    }

    /// Everything that is not timed.
    fn prepare(&mut self, case: &Case) -> Result<Invocation, MeasureError> {
        environment::fresh_folders(&self.folders)?;
        self.invocation.env.insert(environment::PADDING.to_owned(), environment::padding(&mut self.padding));
        fs::write(&self.input, &case.request).map_err(MeasureError::file("write", self.input.clone()))?;
        Ok(Invocation {
            timeout: Duration::from_millis(self.budget.as_millis().try_into().unwrap_or(u64::MAX)),
            stdin: Some(self.input.clone()),
            output_limit: OUTPUT_LIMIT.saturating_sub(self.printed).min(ANSWER as u64),
            ..self.invocation.clone()
        })
    }
}

impl Worker for Each {
    fn ready(&mut self) -> Result<Option<Duration>, Fault> {
        Ok(None)
    }

    fn ask(&mut self, case: &Case) -> Result<(Duration, Vec<u8>), Fault> {
        let invocation = self.prepare(case)?;
        let ended = process::run(&invocation, &self.interrupt)?;
        self.budget = self.budget.saturating_sub(ended.wall);
        self.spent.cpu += ended.cpu;
        self.spent.peak_rss = self.spent.peak_rss.max(ended.peak_rss);
        self.spent.leftovers += ended.leftovers;
        let of_case = |finding: Finding| {
            Fault::Worker(Finding { detail: format!("case {}: {}", case.id, finding.detail), ..finding })
        };
        if let Some(finding) = crash_of(&self.command(), &ended, &invocation) {
            return Err(of_case(finding));
        }
        // Its children may still have written before they were killed: the limit holds for what is read.
        let size = fs::metadata(&ended.stdout).map_or(0, |file| file.len());
        self.printed += size;
        if size > invocation.output_limit {
            let detail = format!("it printed more than {} MiB", invocation.output_limit >> 20);
            return Err(of_case(Finding { reason: Reason::Crash, detail }));
        }
        let output = fs::read(&ended.stdout).map_err(MeasureError::file("read", ended.stdout.clone()))?;
        Ok((ended.wall, output))
    }

    fn output(&self, _: &Case, answer: &[u8]) -> Result<Vec<u8>, Fault> {
        Ok(answer.to_vec())
    }

    /// Nothing of it lives between two cases.
    fn expect_silence(&mut self, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    /// None of them lives while anything is asked of all: what is stopped is nothing, and CPUs are for those to come.
    fn process(&self) -> Option<&Process> {
        None
    }

    fn pin(&mut self, cpus: &CpuSet) -> Result<(), MeasureError> {
        self.invocation.cpus = Some(cpus.clone());
        Ok(())
    }

    fn usage(&self) -> Usage {
        Usage { cpu: self.spent.cpu, peak_rss: self.spent.peak_rss }
    }

    fn end(self: Box<Self>) -> Result<Spent, MeasureError> {
        Ok(self.spent)
    }
}
