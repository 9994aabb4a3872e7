//! A side's code while its cases are asked, whichever way it is spoken to.

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use sprag_judge::{Finding, Reason};

use super::file::Case;
use crate::process::{
    Disk, Exit, Group, Invocation, Streams, Usage, Watch, capped, length, output_file, sanitized,
};
use crate::{CpuSet, Interrupt, MeasureError};

/// How often the interrupt and the size of what is printed are looked at. Answers themselves are seen at once.
pub(super) const LOOK: Duration = Duration::from_millis(25);
/// The longest answer that is read.
pub(super) const ANSWER: usize = 32 << 20;

/// Why a worker cannot go on.
#[derive(Debug)]
pub(super) enum Fault {
    /// Its own fault.
    Worker(Finding),
    /// Nobody's verdict.
    Ours(MeasureError),
}

impl From<MeasureError> for Fault {
    fn from(error: MeasureError) -> Self {
        Fault::Ours(error)
    }
}

/// What a worker has cost, and what it left running.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    pub(super) cpu: Duration,
    /// In bytes.
    pub(super) peak_rss: u64,
    pub(super) leftovers: usize,
    /// What memory it was allowed, in bytes, where something of it was killed for using more.
    pub(super) over_memory: Option<u64>,
}

/// A side's code, started. Dropped, it is killed with all that it started.
pub(super) trait Worker: Send {
    /// Waits until it is up. The time since before it was started; `None` where there is nothing to wait for.
    fn ready(&mut self) -> Result<Option<Duration>, Fault>;

    /// Sends a case and waits for all of its answer: how long that took, and what came.
    fn ask(&mut self, case: &Case) -> Result<(Duration, Vec<u8>), Fault>;

    /// The output in what [`ask`](Self::ask) gave. Apart from it, so that nothing is parsed while a clock runs.
    fn output(&self, case: &Case, answer: &[u8]) -> Result<Vec<u8>, Fault>;

    /// A worker that says something unasked broke the protocol.
    fn expect_silence(&mut self, when: &str) -> Result<(), Fault>;

    /// The process that lives through all the cases; `None` where each case has one of its own.
    fn process(&self) -> Option<&Process>;

    /// Moves all of it to these CPUs.
    fn pin(&mut self, cpus: &CpuSet) -> Result<(), MeasureError> {
        self.process().map_or(Ok(()), |process| process.pin(cpus))
    }

    /// Stops all of it, until [`thaw`](Self::thaw).
    fn freeze(&self) -> Result<(), MeasureError> {
        self.process().map_or(Ok(()), |process| process.group.freeze())
    }

    /// Lets it go on.
    fn thaw(&self) {
        self.process().into_iter().for_each(|process| process.group.thaw());
    }

    /// What it has cost so far.
    fn usage(&self) -> Usage {
        self.process().map(|process| process.group.usage()).unwrap_or_default()
    }

    /// Kills it.
    fn end(self: Box<Self>) -> Result<Spent, MeasureError>;
}

/// One process that lives through all the cases, and how long Sprag still waits for it.
pub(super) struct Process {
    pub(super) group: Group,
    pub(super) invocation: Invocation,
    pub(super) started: Instant,
    interrupt: Interrupt,
    /// What it prints that is no answer; where it is too much, that is a fault. The names say which in a finding.
    prints: Vec<(&'static str, File, Utf8PathBuf)>,
    /// Where what it leaves is too much, that is one too.
    disk: Option<Watch>,
    /// What is left of the deadline: it runs only while Sprag waits for this process.
    budget: Duration,
}

impl Process {
    /// Starts it. Its stderr goes to the log, and its stdout too unless it is `piped`.
    pub(super) fn start(
        invocation: Invocation,
        interrupt: &Interrupt,
        piped: bool,
    ) -> Result<(Self, Streams), MeasureError> {
        let log = |path: &Utf8PathBuf| -> Result<(File, Stdio), MeasureError> {
            let file = output_file(path)?;
            let copy = file.try_clone().map_err(MeasureError::system("duplicate a file descriptor"))?;
            Ok((file, copy.into()))
        };
        let (file, stderr) = log(&invocation.stderr)?;
        let mut prints = vec![("stderr", file, invocation.stderr.clone())];
        let (stdin, stdout) = match piped {
            true => (Stdio::piped(), Stdio::piped()),
            false => {
                let (file, stdout) = log(&invocation.stdout)?;
                prints.push(("stdout", file, invocation.stdout.clone()));
                (Stdio::null(), stdout)
            }
        };
        let disk = invocation.disk.as_ref().map(Disk::watch);
        let (group, streams) = Group::spawn(&invocation, stdin, stdout, stderr)?;
        let started = group.started();
        let budget = invocation.timeout;
        Ok((Self { group, invocation, started, interrupt: interrupt.clone(), prints, disk, budget }, streams))
    }

    /// What is left of the deadline where Sprag has been waiting since `since`.
    pub(super) fn left(&self, since: Instant) -> Duration {
        self.budget.saturating_sub(since.elapsed())
    }

    /// The wait since `since` is over.
    pub(super) fn waited(&mut self, since: Instant) {
        self.budget = self.left(since);
    }

    /// Whether Sprag may go on waiting, for `what`.
    pub(super) fn check(&self, since: Instant, what: &str) -> Result<(), Fault> {
        self.interrupt.check()?;
        for (stream, file, _) in &self.prints {
            if length(file) > self.invocation.output_limit {
                return Err(self.said_too_much(stream, what));
            }
        }
        if let (Some(watch), Some(disk)) = (&self.disk, &self.invocation.disk)
            && watch.over()
        {
            return Err(self.fault(Reason::Crash, &format!("it {disk}: {what}")));
        }
        match self.left(since).is_zero() {
            true => Err(self.fault(Reason::Timeout, &format!("no answer within the deadline: {what}"))),
            false => Ok(()),
        }
    }

    /// The other end is gone: it died, or it `closed` what it answers on, after `half` of something.
    pub(super) fn went_silent(&self, name: &str, closed: &str, half: &[u8], what: &str) -> Fault {
        let half = match half.is_empty() {
            true => String::new(),
            false => format!(", after half an answer `{}`", shown(half)),
        };
        if self.group.ends_within(Duration::from_secs(1)) {
            let how = self.group.exit_in_words().unwrap_or_else(|| "in an unknown way".to_owned());
            return self.fault(Reason::Crash, &format!("the {name} ended ({how}){half}: {what}"));
        }
        self.broke_protocol(&format!("the {name} closed its {closed}{half}: {what}"))
    }

    pub(super) fn said_too_much(&self, stream: &str, what: &str) -> Fault {
        let limit = self.invocation.output_limit >> 20;
        self.fault(Reason::Crash, &format!("more than {limit} MiB on {stream}: {what}"))
    }

    pub(super) fn broke_protocol(&self, what: &str) -> Fault {
        self.fault(Reason::Protocol, what)
    }

    pub(super) fn fault(&self, reason: Reason, what: &str) -> Fault {
        let printed = self.prints.iter().map(|(stream, _, path)| (stream, capped(path)));
        let printed = match printed.into_iter().find(|(_, text)| !text.is_empty()) {
            None => String::new(),
            Some((stream, text)) => format!("; the last lines of its {stream}:\n{text}"),
        };
        Fault::Worker(Finding { reason, detail: format!("{what}{printed}") })
    }

    /// Moves every thread of its family there.
    pub(super) fn pin(&self, cpus: &CpuSet) -> Result<(), MeasureError> {
        self.group.threads().into_iter().try_for_each(|thread| cpus.pin_thread(thread))
    }

    pub(super) fn end(self) -> Result<Spent, MeasureError> {
        let Exit { cpu, peak_rss, leftovers, over_memory, .. } = self.group.end()?;
        Ok(Spent { cpu, peak_rss, leftovers, over_memory })
    }
}

/// The beginning of something that came, harmless.
pub(super) fn shown(bytes: &[u8]) -> String {
    sanitized(&bytes[..bytes.len().min(160)]).trim().to_owned()
}
