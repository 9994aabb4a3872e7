//! A worker that answers line by line on its standard input and output.

use std::io::{ErrorKind, Read, Write};
use std::process::{ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};

use super::answer::{is_ready, output_of};
use super::file::Case;
use super::worker::{ANSWER, Fault, LOOK, Process, Spent, Worker, shown};
use crate::process::{Invocation, timespec};
use crate::{Interrupt, MeasureError};

pub(super) struct Stdio {
    process: Process,
    stdin: ChildStdin,
    stdout: ChildStdout,
    /// Read and not yet taken as a line.
    pending: Vec<u8>,
    /// Everything it wrote, for the log.
    transcript: Vec<u8>,
}

impl Stdio {
    pub(super) fn start(invocation: Invocation, interrupt: &Interrupt) -> Result<Self, MeasureError> {
        let (process, streams) = Process::start(invocation, interrupt, true)?;
        let (Some(stdin), Some(stdout)) = (streams.stdin, streams.stdout) else {
            return Err(MeasureError::System { doing: "open pipes", source: ErrorKind::BrokenPipe.into() });
        };
        for set in [fcntl_setfl(&stdin, OFlags::NONBLOCK), fcntl_setfl(&stdout, OFlags::NONBLOCK)] {
            set.map_err(MeasureError::system("make a pipe non-blocking"))?;
        }
        Ok(Self { process, stdin, stdout, pending: Vec::new(), transcript: Vec::new() })
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
        self.process.waited(start);
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
        let died = self.wait(!unsent.is_empty(), self.process.left(start).min(LOOK))?;
        let open = self.fill(what)?;
        let now = Instant::now();
        if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
            return self.take_line(end, unsent, what).map(|line| Some((now, line)));
        }
        if !open || died {
            return Err(self.process.went_silent("worker", "stdout", &self.pending, what));
        }
        self.process.check(start, what).map(|()| None)
    }

    fn take_line(&mut self, end: usize, unsent: &[u8], what: &str) -> Result<Vec<u8>, Fault> {
        if !unsent.is_empty() {
            let what = format!("an answer before the whole request was sent: {what}");
            return Err(self.process.broke_protocol(&what));
        }
        if self.pending.len() > end + 1 {
            // The first one may be what does not belong there.
            let (first, second) = (shown(&self.pending[..end]), shown(&self.pending[end + 1..]));
            let what = format!("a second line after that of {what}, `{first}`: `{second}`");
            return Err(self.process.broke_protocol(&what));
        }
        self.pending.truncate(end);
        Ok(std::mem::take(&mut self.pending))
    }

    /// Waits for output, room for input, or the end; whether it ended.
    fn wait(&self, to_write: bool, patience: Duration) -> Result<bool, MeasureError> {
        let mut fds = vec![
            PollFd::new(&self.stdout, PollFlags::IN),
            PollFd::new(self.process.group.pidfd(), PollFlags::IN),
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
                    if self.transcript.len() as u64 > self.process.invocation.output_limit {
                        return Err(self.process.said_too_much("stdout", what));
                    }
                    if self.pending.len() > ANSWER {
                        let what = format!("a line of more than {} MiB: {what}", ANSWER >> 20);
                        return Err(self.process.broke_protocol(&what));
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
}

impl Worker for Stdio {
    /// Waits for the ready line.
    fn ready(&mut self) -> Result<Option<Duration>, Fault> {
        let (at, line) = self.exchange(b"", "the ready line")?;
        if is_ready(&line) {
            return Ok(Some(at.duration_since(self.process.started)));
        }
        let what = format!("the first line is not {{\"ready\":true}} but `{}`", shown(&line));
        Err(self.process.broke_protocol(&what))
    }

    /// From before the first byte was written to the newline that ends the answer.
    fn ask(&mut self, case: &Case) -> Result<(Duration, Vec<u8>), Fault> {
        self.expect_silence(&format!("before the case {} was sent", case.id))?;
        let start = Instant::now();
        let (end, line) = self.exchange(&case.request, &case.id)?;
        Ok((end.duration_since(start), line))
    }

    fn output(&self, case: &Case, line: &[u8]) -> Result<Vec<u8>, Fault> {
        output_of(line, &case.id).map(<[u8]>::to_vec).map_err(|what| {
            self.process.broke_protocol(&format!("the answer to {} {what}: `{}`", case.id, shown(line)))
        })
    }

    fn expect_silence(&mut self, when: &str) -> Result<(), Fault> {
        self.fill(when)?;
        match self.pending.split(|&byte| byte == b'\n').next() {
            Some(line) if !self.pending.is_empty() => {
                Err(self.process.broke_protocol(&format!("output {when}: `{}`", shown(line))))
            }
            _ => Ok(()),
        }
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.process)
    }

    /// Writes the log of its stdout too.
    fn end(self: Box<Self>) -> Result<Spent, MeasureError> {
        let log = &self.process.invocation.stdout;
        std::fs::write(log, &self.transcript).map_err(MeasureError::file("write", log.clone()))?;
        self.process.end()
    }
}
