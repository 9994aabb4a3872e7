//! A side as an HTTP server: each case is a request, on a connection that is kept.

mod framing;
mod output;
mod request;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt::set_tcp_quickack;
use sprag_contract::settings::CompareKind;

use super::file::Case;
use super::worker::{Fault, LOOK, Process, Spent, Worker, shown};
use crate::process::{Invocation, timespec};
use crate::{Interrupt, MeasureError};

use framing::{AtEnd, Framing};
pub(super) use request::request_of;

/// Where a server may listen: one that was told `localhost` chooses by its own taste.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(1);
/// How often a server is asked whether it is up.
const KNOCK: Duration = Duration::from_millis(2);
/// How much is read at once.
const CHUNK: usize = 64 << 10;

pub(super) struct Server {
    process: Process,
    port: u16,
    /// The path that answers 2xx when it is up.
    ready: Option<String>,
    compare: CompareKind,
    connection: Option<Connection>,
    /// How many bytes it has sent in all.
    received: u64,
}

struct Connection {
    stream: TcpStream,
    /// It has answered a request. One that was idle may be closed by the server at any time, as HTTP allows.
    answered: bool,
}

impl Connection {
    /// A server that writes head and body apart waits between the two for an acknowledgement, which the kernel would
    /// hold back for 40 ms, or not, by rules of its own. The kernel forgets this wish, so it is told again and again.
    fn acknowledge_at_once(&self) {
        // Where that is not to be had, the time is as it is for other clients.
        let _ = set_tcp_quickack(&self.stream, true);
    }
}

impl Drop for Connection {
    /// Closing alone is not enough for a socket that others hold as well.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// What became of a request.
enum Exchanged {
    /// All of the answer was there at this moment: its status in three digits, then its body.
    Answer(Instant, Vec<u8>),
    /// The connection was closed before a byte of an answer.
    Closed,
}

impl Server {
    pub(super) fn start(
        invocation: Invocation,
        interrupt: &Interrupt,
        port: u16,
        ready: Option<String>,
        compare: CompareKind,
    ) -> Result<Self, MeasureError> {
        let (process, _) = Process::start(invocation, interrupt, false)?;
        Ok(Self { process, port, ready, compare, connection: None, received: 0 })
    }

    fn connect(&mut self) -> io::Result<()> {
        if self.connection.is_some() {
            return Ok(());
        }
        let dial = |ip: IpAddr| TcpStream::connect_timeout(&SocketAddr::new(ip, self.port), CONNECT);
        let stream = match self.process.group.caller() {
            Some(caller) => caller.connect(self.port, CONNECT)?,
            None => dial(LOOPBACK[0]).or_else(|first| dial(LOOPBACK[1]).map_err(|_| first))?,
        };
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        self.connection = Some(Connection { stream, answered: false });
        Ok(())
    }

    /// A connection for the case `what`, to a server that was up before.
    fn reconnect(&mut self, what: &str) -> Result<(), Fault> {
        let start = Instant::now();
        loop {
            match self.connect() {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::TimedOut => self.process.check(start, what)?,
                Err(_) => return Err(self.process.went_silent("server", "port", &[], what)),
            }
        }
    }

    /// Sends `request` and reads its answer; `what` names it in a finding. Closes the connection where either side
    /// wants that.
    fn exchange(
        &mut self,
        request: &[u8],
        chunk: &mut [u8],
        start: Instant,
        what: &str,
    ) -> Result<Exchanged, Fault> {
        let mut unsent = request;
        let mut framing = Framing::new(request.starts_with(b"HEAD "));
        loop {
            let connection = self.connection.as_mut().expect("there is a connection to ask on");
            if !unsent.is_empty() {
                match connection.stream.write(unsent) {
                    Ok(count) => unsent = &unsent[count..],
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                    // It closed the connection. What it sent before, or how it ended, says more.
                    Err(_) => unsent = &[],
                }
            }
            connection.acknowledge_at_once();
            let died = self.wait(!unsent.is_empty(), self.process.left(start).min(LOOK))?;
            let (count, open) = self.read(chunk, what)?;
            let now = Instant::now();
            let complaint = |server: &Self, complaint: String| {
                server.process.broke_protocol(&format!("the answer to {what} {complaint}"))
            };
            let extra = framing.feed(&chunk[..count]).map_err(|text| complaint(self, text))?;
            if !open && !framing.is_complete() {
                match framing.at_end() {
                    AtEnd::Complete => {}
                    AtEnd::Nothing if !died => {
                        self.connection = None;
                        return Ok(Exchanged::Closed);
                    }
                    AtEnd::Nothing => {
                        return Err(self.process.went_silent("server", "connection", &[], what));
                    }
                    AtEnd::Half(head) => {
                        return Err(self.process.went_silent("server", "connection", &head, what));
                    }
                }
            }
            if framing.is_complete() {
                if !unsent.is_empty() {
                    return Err(complaint(self, "came before the whole request was sent".to_owned()));
                }
                if extra > 0 {
                    let rest = shown(&chunk[count - extra..count]);
                    return Err(complaint(self, format!("is followed by more: `{rest}`")));
                }
                let connection = self.connection.as_mut().expect("it was just read from");
                connection.answered = true;
                if framing.closes() || !open {
                    self.connection = None;
                }
                return Ok(Exchanged::Answer(now, framing.into_answer()));
            }
            if died && count == 0 {
                return Err(self.process.went_silent("server", "connection", framing.head(), what));
            }
            self.process.check(start, what)?;
        }
    }

    /// Waits for bytes, room for bytes, or the end of the process; whether that ended.
    fn wait(&self, to_write: bool, patience: Duration) -> Result<bool, MeasureError> {
        let connection = self.connection.as_ref().expect("there is a connection to wait for");
        let wanted = if to_write { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut fds =
            [PollFd::new(&connection.stream, wanted), PollFd::new(self.process.group.pidfd(), PollFlags::IN)];
        match poll(&mut fds, Some(&timespec(patience))) {
            Ok(_) => Ok(!fds[1].revents().is_empty()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(MeasureError::system("wait for a server")(error)),
        }
    }

    /// Reads what is there, at most one chunk: how many bytes, and whether more can come.
    fn read(&mut self, chunk: &mut [u8], what: &str) -> Result<(usize, bool), Fault> {
        let connection = self.connection.as_mut().expect("there is a connection to read from");
        match connection.stream.read(chunk) {
            Ok(count) => {
                self.received += count as u64;
                if self.received > self.process.invocation.output_limit {
                    return Err(self.process.said_too_much("its connections", what));
                }
                Ok((count, count > 0))
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Ok((0, true))
            }
            // Reset by the other side, which is one way to close.
            Err(_) => Ok((0, false)),
        }
    }

    /// Asks once whether it is up; why not, where it is not.
    fn knock(&mut self, start: Instant) -> Result<Result<Instant, String>, Fault> {
        if let Err(error) = self.connect() {
            return Ok(Err(format!("port {} does not accept connections ({error})", self.port)));
        }
        let Some(path) = self.ready.clone() else { return Ok(Ok(Instant::now())) };
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let what = format!("the question at {path} whether it is up");
        Ok(match self.exchange(request.as_bytes(), &mut [0; CHUNK], start, &what)? {
            Exchanged::Answer(at, answer) if answer.starts_with(b"2") => Ok(at),
            Exchanged::Answer(_, answer) => {
                Err(format!("{path} answers {}", String::from_utf8_lossy(&answer[..3])))
            }
            Exchanged::Closed => Err(format!("{path} is not answered")),
        })
    }
}

impl Worker for Server {
    /// Waits until the URL that says so answers 2xx, else until the port accepts connections.
    fn ready(&mut self) -> Result<Option<Duration>, Fault> {
        let start = self.process.started;
        let at = loop {
            let why = match self.knock(start)? {
                Ok(at) => break at,
                Err(why) => why,
            };
            if self.process.group.ends_within(KNOCK) {
                return Err(self.process.went_silent("server", "port", &[], "before it was ready"));
            }
            self.process.check(start, &format!("the server is not ready: {why}"))?;
        };
        self.process.waited(start);
        Ok(Some(at.duration_since(start)))
    }

    /// From before the first byte is sent to the last one received.
    fn ask(&mut self, case: &Case) -> Result<(Duration, Vec<u8>), Fault> {
        self.expect_silence(&format!("before the case {} was sent", case.id))?;
        self.reconnect(&case.id)?;
        let was_idle = self.connection.as_ref().is_some_and(|connection| connection.answered);
        let mut chunk = [0; CHUNK];
        let start = Instant::now();
        let mut result = self.exchange(&case.request, &mut chunk, start, &case.id);
        // A server that closed an idle connection while the request was under way has not read it, which is no fault:
        // it is sent again, and the clock runs on.
        if was_idle && matches!(result, Ok(Exchanged::Closed)) {
            self.reconnect(&case.id)?;
            result = self.exchange(&case.request, &mut chunk, start, &case.id);
        }
        self.process.waited(start);
        match result? {
            Exchanged::Answer(end, answer) => Ok((end.duration_since(start), answer)),
            Exchanged::Closed => Err(self.process.went_silent("server", "connection", &[], &case.id)),
        }
    }

    fn output(&self, _: &Case, answer: &[u8]) -> Result<Vec<u8>, Fault> {
        let (status, body) = answer.split_at(3);
        Ok(output::written(status, body, self.compare))
    }

    fn expect_silence(&mut self, when: &str) -> Result<(), Fault> {
        if self.connection.is_none() {
            return Ok(());
        }
        let mut chunk = [0; 4 << 10];
        let (count, open) = self.read(&mut chunk, when)?;
        if count > 0 {
            let what = format!("output {when}: `{}`", shown(&chunk[..count]));
            return Err(self.process.broke_protocol(&what));
        }
        if !open {
            self.connection = None;
        }
        Ok(())
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.process)
    }

    fn end(self: Box<Self>) -> Result<Spent, MeasureError> {
        self.process.end()
    }
}
