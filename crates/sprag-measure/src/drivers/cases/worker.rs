//! One worker process: what goes in, what comes out, and when.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use sprag_judge::{Finding, Reason};

use super::answer::{is_ready, output_of};
use super::file::Case;
use crate::process::{Exit, Group, Invocation, capped, length, output_file, sanitized, timespec};
use crate::{CpuSet, Interrupt, MeasureError};

/// How often the interrupt and the size of stderr are looked at. Output itself is seen at once.
const LOOK: Duration = Duration::from_millis(25);
/// The longest line that is read.
const LINE: usize = 32 << 20;

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

/// A running worker. Dropped, it is killed with its group.
pub(super) struct Worker {
    group: Group,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: File,
    invocation: Invocation,
    interrupt: Interrupt,
    started: Instant,
    /// What is left of the deadline: it runs only while Sprag waits for this worker.
    budget: Duration,
    /// Read and not yet taken as a line.
    pending: Vec<u8>,
    /// Everything it wrote, for the log.
    transcript: Vec<u8>,
}

impl Worker {
    pub(super) fn start(invocation: Invocation, interrupt: &Interrupt) -> Result<Self, MeasureError> {
        let stderr = output_file(&invocation.stderr)?;
        let copy = stderr.try_clone().map_err(MeasureError::system("duplicate a file descriptor"))?;
        let started = Instant::now();
        let (group, streams) = Group::spawn(&invocation, Stdio::piped(), Stdio::piped(), copy.into())?;
        let (Some(stdin), Some(stdout)) = (streams.stdin, streams.stdout) else {
            return Err(MeasureError::System { doing: "open pipes", source: ErrorKind::BrokenPipe.into() });
        };
        for set in [fcntl_setfl(&stdin, OFlags::NONBLOCK), fcntl_setfl(&stdout, OFlags::NONBLOCK)] {
            set.map_err(MeasureError::system("make a pipe non-blocking"))?;
        }
        Ok(Self {
            budget: invocation.timeout,
            interrupt: interrupt.clone(),
            pending: Vec::new(),
            transcript: Vec::new(),
            group,
            stdin,
            stdout,
            stderr,
            invocation,
            started,
        })
    }

    pub(super) fn group(&self) -> &Group {
        &self.group
    }

    /// Waits for the ready line. The time since before the process was started.
    pub(super) fn ready(&mut self) -> Result<Duration, Fault> {
        let (at, line) = self.exchange(b"", "the ready line")?;
        if is_ready(&line) {
            return Ok(at.duration_since(self.started));
        }
        let what = format!("the first line is not {{\"ready\":true}} but `{}`", shown(&line));
        Err(self.broke_protocol(&what))
    }

    /// Sends a case and waits for its answer: how long it took from before the first byte was written to the newline
    /// that ends the answer, and the line.
    pub(super) fn ask(&mut self, case: &Case) -> Result<(Duration, Vec<u8>), Fault> {
        self.expect_silence(&format!("before the case {} was sent", case.id))?;
        let start = Instant::now();
        let (end, line) = self.exchange(&case.request, &case.id)?;
        Ok((end.duration_since(start), line))
    }

    /// The output in an answer. Apart from [`ask`](Self::ask), so that nothing is parsed while a clock runs.
    pub(super) fn output(&self, case: &Case, line: &[u8]) -> Result<Vec<u8>, Fault> {
        output_of(line, &case.id).map(<[u8]>::to_vec).map_err(|what| {
            self.broke_protocol(&format!("the answer to {} {what}: `{}`", case.id, shown(line)))
        })
    }

    /// A worker that says something unasked broke the protocol.
    pub(super) fn expect_silence(&mut self, when: &str) -> Result<(), Fault> {
        self.fill(when)?;
        match self.pending.is_empty() {
            true => Ok(()),
            false => Err(self.broke_protocol(&format!(
                "output {when}: `{}`",
                shown(self.pending.split(|&byte| byte == b'\n').next().unwrap_or_default())
            ))),
        }
    }

    /// Moves every thread of its family there.
    pub(super) fn pin(&self, cpus: &CpuSet) -> Result<(), MeasureError> {
        self.group.threads().into_iter().try_for_each(|thread| cpus.pin_thread(thread))
    }

    /// Kills it and writes the log of its stdout.
    pub(super) fn end(self) -> Result<Exit, MeasureError> {
        std::fs::write(&self.invocation.stdout, &self.transcript)
            .map_err(MeasureError::file("write", self.invocation.stdout.clone()))?;
        self.group.end()
    }

    /// Writes `request` and reads one line; the moment its newline was there. `what` names the case.
    fn exchange(&mut self, request: &[u8], what: &str) -> Result<(Instant, Vec<u8>), Fault> {
        let start = Instant::now();
        let mut unsent = request;
        let result = loop {
            match self.step(&mut unsent, start, what) {
                Ok(None) => {}
                Ok(Some(line)) => break Ok(line),
                Err(fault) => break Err(fault),
            }
        };
        self.budget = self.budget.saturating_sub(start.elapsed());
        result
    }

    /// One write, one wait, one read; the line when it is there.
    fn step(
        &mut self,
        unsent: &mut &[u8],
        start: Instant,
        what: &str,
    ) -> Result<Option<(Instant, Vec<u8>)>, Fault> {
        if !unsent.is_empty() {
            match self.stdin.write(unsent) {
                Ok(count) => *unsent = &unsent[count..],
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                // It closed its stdin. What it wrote before, or how it ended, says more.
                Err(_) => *unsent = &[],
            }
        }
        let left = self.budget.saturating_sub(start.elapsed());
        let died = self.wait(!unsent.is_empty(), left.min(LOOK))?;
        let open = self.fill(what)?;
        let now = Instant::now();
        if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
            return self.take_line(end, unsent, what).map(|line| Some((now, line)));
        }
        if !open || died {
            return Err(self.went_silent(what));
        }
        self.interrupt.check()?;
        if length(&self.stderr) > self.invocation.output_limit {
            return Err(self.talked_too_much("stderr", what));
        }
        if left.is_zero() {
            return Err(self.fault(Reason::Timeout, &format!("no answer within the deadline: {what}")));
        }
        Ok(None)
    }

    fn take_line(&mut self, end: usize, unsent: &[u8], what: &str) -> Result<Vec<u8>, Fault> {
        if !unsent.is_empty() {
            return Err(self.broke_protocol(&format!("an answer before the whole request was sent: {what}")));
        }
        if self.pending.len() > end + 1 {
            let second = shown(&self.pending[end + 1..]);
            return Err(self.broke_protocol(&format!("a second line after that of {what}: `{second}`")));
        }
        self.pending.truncate(end);
        Ok(std::mem::take(&mut self.pending))
    }

    /// Waits for output, room for input, or the end; whether it ended.
    fn wait(&self, to_write: bool, patience: Duration) -> Result<bool, MeasureError> {
        let mut fds = vec![
            PollFd::new(&self.stdout, PollFlags::IN),
            PollFd::new(self.group.pidfd(), PollFlags::IN),
            PollFd::new(&self.stdin, PollFlags::OUT),
        ];
        fds.truncate(if to_write { 3 } else { 2 });
        match poll(&mut fds, Some(&timespec(patience))) {
            Ok(_) => Ok(!fds[1].revents().is_empty()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(MeasureError::system("wait for a worker")(error)),
        }
    }

    /// Reads what is there; whether more can come.
    fn fill(&mut self, what: &str) -> Result<bool, Fault> {
        let mut chunk = [0; 64 << 10];
        loop {
            match self.stdout.read(&mut chunk) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.pending.extend_from_slice(&chunk[..count]);
                    self.transcript.extend_from_slice(&chunk[..count]);
                    if self.transcript.len() as u64 > self.invocation.output_limit {
                        return Err(self.talked_too_much("stdout", what));
                    }
                    if self.pending.len() > LINE {
                        let limit = LINE >> 20;
                        return Err(self.broke_protocol(&format!("a line of more than {limit} MiB: {what}")));
                    }
                    // A short read has emptied the pipe; looking again would only delay the clock.
                    if count < chunk.len() {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(MeasureError::system("read from a worker")(error).into()),
            }
        }
    }

    /// The stream ended without the newline: it died, or it closed its stdout.
    fn went_silent(&mut self, what: &str) -> Fault {
        let half = match self.pending.is_empty() {
            true => String::new(),
            false => format!(", after half a line `{}`", shown(&self.pending)),
        };
        if self.group.ends_within(Duration::from_secs(1)) {
            return self
                .fault(Reason::Crash, &format!("the worker ended ({}){half}: {what}", self.how_it_ended()));
        }
        self.broke_protocol(&format!("the worker closed its stdout{half}: {what}"))
    }

    fn how_it_ended(&self) -> String {
        self.group.exit_in_words().unwrap_or_else(|| "in an unknown way".to_owned())
    }

    fn talked_too_much(&self, stream: &str, what: &str) -> Fault {
        let limit = self.invocation.output_limit >> 20;
        self.fault(Reason::Crash, &format!("more than {limit} MiB on {stream}: {what}"))
    }

    fn broke_protocol(&self, what: &str) -> Fault {
        self.fault(Reason::Protocol, what)
    }

    fn fault(&self, reason: Reason, what: &str) -> Fault {
        let printed = capped(&self.invocation.stderr);
        let printed = match printed.is_empty() {
            true => String::new(),
            false => format!("; the last lines of its stderr:\n{printed}"),
        };
        Fault::Worker(Finding { reason, detail: format!("{what}{printed}") })
    }
}

fn shown(bytes: &[u8]) -> String {
    sanitized(&bytes[..bytes.len().min(160)]).trim().to_owned()
}
