//! Records: everything goes to the server, what it answers goes back, and each statement is taken down on the way.
//!
//! Where a cassette is completed, a statement that it already knows goes to the server all the same, since transactions
//! and settings live there; the client is given the answer that was recorded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::answer::{self, IDLE};
use super::frame::{BACKEND, Fields, Frame, Frames};
use super::message::{Message, Sql};
use super::names::deallocated;
use super::question::Question;
use super::replay::BOUND;
use super::session::{Described, Execution, Portal, Session, Statement, Step};
use super::{Caller, Stop};
use crate::LARGEST_BODY;
use crate::desk::{Reply, Ticket};
use crate::dial::Dialer;
use crate::exchange::{Answer, PostgresAnswer, Timing};

/// How much is kept back before it is sent, in bytes.
const OUT: usize = 64 << 10;

/// Serves a connection whose first packet has been read.
pub(super) async fn serve<R, W>(
    client: &mut Frames<R>,
    writer: &mut W,
    caller: &Caller<'_>,
    packet: &Bytes,
    dialer: &Dialer,
) -> Result<(), Stop>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let upstream = &caller.port.upstream;
    let stream = dialer.tcp(&upstream.host, upstream.port).await.map_err(|error| caller.unreachable(error))?;
    let (reader, mut to_server) = stream.into_split();
    let mut server = Frames::new(reader, BACKEND);
    to_server.write_all(packet).await.map_err(|error| caller.unreachable(error))?;
    if !log_in(client, writer, &mut server, &mut to_server, caller).await? {
        return Ok(());
    }
    let awaited = Mutex::default();
    let asking = ask(client, &mut to_server, &awaited);
    let answers = Answers {
        writer,
        caller,
        awaited: &awaited,
        out: BytesMut::new(),
        current: BytesMut::new(),
        first: Instant::now(),
        state: IDLE,
        failure: None,
        unsettled: None,
    };
    let answering = answers.forward(&mut server);
    tokio::pin!(asking, answering);
    tokio::select! {
        answered = &mut answering => answered,
        // The client has said all it wants to; the server still answers, and then hangs up.
        asked = &mut asking => {
            asked?;
            answering.await
        }
    }
}

/// Relays what client and server say to each other about who is there, and looks away: nothing of it is kept but the
/// parameters that the server reports. `false` where the client was not let in.
async fn log_in<R, W, S, T>(
    client: &mut Frames<R>,
    writer: &mut W,
    server: &mut Frames<S>,
    to_server: &mut T,
    caller: &Caller<'_>,
) -> Result<bool, Stop>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: AsyncRead + Unpin,
    T: AsyncWrite + Unpin,
{
    let mut parameters = BytesMut::new();
    loop {
        tokio::select! {
            said = client.next() => {
                let Some(frame) = said? else { return Ok(false) };
                to_server.write_all(frame.raw()).await?;
            }
            said = server.next() => {
                let said = said.map_err(|error| caller.unreachable(error))?;
                let Some(frame) = said else {
                    return Err(caller.unreachable("it hung up while the client logged in"));
                };
                writer.write_all(frame.raw()).await?;
                match frame.tag() {
                    b'S' if is_anybodys(&frame) => parameters.put_slice(frame.raw()),
                    b'E' => {
                        let why = answer::message_of(frame.body());
                        caller.unreachable(format!("it did not let the client in: {why}"));
                        return Ok(false);
                    }
                    b'Z' => break,
                    _ => {}
                }
            }
        }
    }
    let answer = PostgresAnswer { messages: parameters.freeze(), state: IDLE };
    match caller.ask(Question::connect()) {
        Reply::Forward(ticket) => ticket.answered(Answer::Postgres(answer), Timing::default()),
        Reply::Play(_) => {}
        Reply::Refuse(trouble) => return Err(Stop::Told(trouble)),
    }
    Ok(true)
}

/// Whether a parameter says something of the server, and nothing of who is connected: that is answered in replay by what
/// the client says then.
fn is_anybodys(parameter: &Frame) -> bool {
    let name = Fields(parameter.body()).string().unwrap_or_default();
    !matches!(&name[..], b"application_name" | b"session_authorization")
}

/// What the client has asked and the server has to answer, in order.
enum Awaited {
    Query(Sql, Instant),
    Parse(Arc<Statement>),
    Bind(Arc<Portal>),
    Describe(Described),
    Execute(Execution, Instant),
    /// It is answered by a message, and nobody's exchange.
    Other,
    /// It is not answered; errors before it do not belong to what comes after it.
    Flush,
    Sync,
}

/// Sends on what the client says, until it has said everything.
async fn ask<R, T>(
    client: &mut Frames<R>,
    to_server: &mut T,
    awaited: &Mutex<VecDeque<Awaited>>,
) -> Result<(), Stop>
where
    R: AsyncRead + Unpin,
    T: AsyncWrite + Unpin,
{
    let mut session = Session::default();
    let mut out = BytesMut::new();
    loop {
        if !out.is_empty() && (client.drained() || out.len() > OUT) {
            if to_server.write_all(&out).await.is_err() {
                // It hung up: whether it owes an answer shows on the way back.
                return Ok(());
            }
            out.clear();
        }
        let Some(frame) = client.next().await? else { break };
        let next = match session.step(Message::read(&frame)?)? {
            Step::Query(sql) => Some(Awaited::Query(sql, Instant::now())),
            Step::Parse(statement) => Some(Awaited::Parse(statement)),
            Step::Bind(portal) => Some(Awaited::Bind(portal)),
            Step::Describe(described) => Some(Awaited::Describe(described)),
            Step::Execute(execution) => Some(Awaited::Execute(execution, Instant::now())),
            Step::Close | Step::Unknown { .. } => Some(Awaited::Other),
            Step::Flush => Some(Awaited::Flush),
            Step::Sync => Some(Awaited::Sync),
            Step::Terminate => None,
            Step::Refused(what) => return Err(Stop::Denied(what)),
        };
        // Before it is sent, so that no answer comes unexpected.
        awaited.lock().unwrap_or_else(PoisonError::into_inner).extend(next);
        out.put_slice(frame.raw());
    }
    if to_server.write_all(&out).await.is_ok() {
        _ = to_server.shutdown().await;
    }
    Ok(())
}

/// The way back.
struct Answers<'a, W> {
    writer: &'a mut W,
    caller: &'a Caller<'a>,
    awaited: &'a Mutex<VecDeque<Awaited>>,
    out: BytesMut,
    /// What has come of the answer under way, and since when.
    current: BytesMut,
    first: Instant,
    /// Of the transaction.
    state: u8,
    /// An error, and what it answered: whom it belongs to shows when it is known what the client has sent after it.
    failure: Option<(Awaited, Bytes)>,
    /// The last execution: its state is known with the next ReadyForQuery, and an error at the end of its transaction is
    /// its own.
    unsettled: Option<Unsettled>,
}

struct Unsettled {
    ticket: Ticket,
    sql: String,
    messages: BytesMut,
    timing: Timing,
}

impl<W: AsyncWrite + Unpin> Answers<'_, W> {
    async fn forward<S: AsyncRead + Unpin>(mut self, server: &mut Frames<S>) -> Result<(), Stop> {
        let ended = loop {
            if !self.out.is_empty() && (server.drained() || self.out.len() > OUT) {
                self.writer.write_all(&self.out).await?;
                self.writer.flush().await?;
                self.out.clear();
            }
            match server.next().await {
                Ok(Some(frame)) => self.take(frame)?,
                Ok(None) => break Ok(()),
                Err(error) => break Err(self.caller.unreachable(error)),
            }
        };
        self.settle(None);
        let left = self.lock().iter().any(|awaited| !matches!(awaited, Awaited::Flush | Awaited::Sync));
        match ended {
            Ok(()) if left || self.failure.is_some() => {
                Err(self.caller.unreachable("it hung up before it had answered"))
            }
            ended => ended,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Awaited>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next message of the server answers.
    fn front(&self) -> Front {
        let mut awaited = self.lock();
        while let Some(Awaited::Flush) = awaited.front() {
            awaited.pop_front();
        }
        match awaited.front() {
            None => Front::Nothing,
            Some(Awaited::Sync) => Front::Sync,
            Some(Awaited::Query(..)) => Front::Query,
            Some(_) => Front::Extended,
        }
    }

    fn take(&mut self, frame: Frame) -> Result<(), Stop> {
        if let b'G' | b'H' | b'W' = frame.tag() {
            return Err(Stop::Denied("COPY cannot be recorded or replayed: use INSERT".to_owned()));
        }
        if frame.tag() == b'A' {
            return Err(Stop::Denied("a notification came; LISTEN cannot be recorded or replayed".to_owned()));
        }
        if self.failure.is_some() {
            // All is passed over up to Sync.
            self.out.put_slice(frame.raw());
            return if frame.tag() == b'Z' { self.failed(&frame) } else { Ok(()) };
        }
        match (self.front(), frame.tag()) {
            (Front::Query | Front::Sync, b'Z') => self.ready(&frame),
            (_, b'Z') => Err(self.caller.unreachable("it is ready before it has answered")),
            (Front::Nothing | Front::Sync, _) => {
                // The aftermath of what was executed: settings that it changed, a constraint that it broke.
                if let Some(last) = &mut self.unsettled {
                    last.messages.put_slice(frame.raw());
                }
                self.out.put_slice(frame.raw());
                Ok(())
            }
            (front, tag) => {
                if self.current.is_empty() {
                    self.first = Instant::now();
                }
                self.current.put_slice(frame.raw());
                if self.current.len() > LARGEST_BODY {
                    return Err(Stop::Denied(format!("an answer has more than {LARGEST_BODY} bytes")));
                }
                match (front, tag) {
                    (Front::Query, _) => Ok(()),
                    (_, b'E') => {
                        let messages = self.current.split().freeze();
                        self.out.put_slice(&messages);
                        let failed = self.lock().pop_front();
                        self.failure = failed.map(|failed| (failed, messages));
                        Ok(())
                    }
                    (_, b'1' | b'2' | b'3' | b'T' | b'n' | b'C' | b'I' | b's') => self.complete(),
                    _ => Ok(()),
                }
            }
        }
    }

    /// A message of the extended protocol has been answered.
    fn complete(&mut self) -> Result<(), Stop> {
        let messages = self.current.split().freeze();
        let answered = self.lock().pop_front();
        match answered {
            Some(Awaited::Describe(described)) if deallocated(&described.statement().sql).is_none() => {
                let answer = PostgresAnswer { messages: messages.clone(), state: IDLE };
                let timing = self.timing(self.first);
                if let Some(ticket) = self.ticket(Question::describe(&described), &mut None)? {
                    ticket.answered(Answer::Postgres(answer), timing);
                }
                self.out.put_slice(&messages);
            }
            Some(Awaited::Execute(execution, since)) => self.executed(&execution, since, messages)?,
            _ => self.out.put_slice(&messages),
        }
        Ok(())
    }

    fn executed(&mut self, execution: &Execution, since: Instant, messages: Bytes) -> Result<(), Stop> {
        self.settle(None);
        let sql = &execution.portal.statement.sql;
        let mut played = None;
        let timing = self.timing(since);
        let ticket = match deallocated(sql) {
            Some(_) => None,
            None => self.ticket(Question::execute(execution), &mut played)?,
        };
        let recorded = played.as_ref().map(|answer| answer.messages.strip_prefix(BOUND).unwrap_or(&answer.messages));
        self.agree(recorded, &messages)?;
        self.out.put_slice(recorded.unwrap_or(&messages));
        match ticket {
            Some(ticket) => {
                let mut all = BytesMut::new();
                if execution.before == 0 {
                    all.put_slice(BOUND);
                }
                all.put_slice(&messages);
                self.unsettled = Some(Unsettled { ticket, sql: sql.text.clone(), messages: all, timing });
            }
            None => self.state = answer::state_by_text(self.state, &sql.text, &messages),
        }
        Ok(())
    }

    /// A simple query has been answered, or a pipeline has ended.
    fn ready(&mut self, frame: &Frame) -> Result<(), Stop> {
        let state = Fields(frame.body()).u8().unwrap_or(IDLE);
        self.settle(Some(state));
        self.state = state;
        let answered = self.lock().pop_front();
        if let Some(Awaited::Query(sql, since)) = answered {
            let messages = self.current.split().freeze();
            let mut played = None;
            let timing = self.timing(since);
            let ticket = match deallocated(&sql) {
                Some(_) => None,
                None => self.ticket(Question::query(&sql), &mut played)?,
            };
            let recorded = played.as_ref().map(|answer| &answer.messages[..]);
            self.agree(recorded, &messages)?;
            self.out.put_slice(recorded.unwrap_or(&messages));
            if let Some(ticket) = ticket {
                ticket.answered(Answer::Postgres(PostgresAnswer { messages, state }), timing);
            }
        }
        self.out.put_slice(frame.raw());
        Ok(())
    }

    /// A pipeline has ended in which something failed. It belongs to the execution that it was for, where there was one.
    fn failed(&mut self, frame: &Frame) -> Result<(), Stop> {
        let state = Fields(frame.body()).u8().unwrap_or(IDLE);
        self.settle(None);
        self.state = state;
        let Some((failed, error)) = self.failure.take() else { return Ok(()) };
        let skipped: Vec<Awaited> = {
            let mut awaited = self.lock();
            let sync = awaited.iter().position(|awaited| matches!(awaited, Awaited::Sync));
            awaited.drain(..sync.map_or(0, |at| at + 1)).collect()
        };
        let followed_by = |is_it: &dyn Fn(&Execution) -> bool| {
            let soon = skipped.iter().take_while(|next| !matches!(next, Awaited::Flush));
            soon.filter_map(|next| match next {
                Awaited::Execute(execution, _) if execution.before == 0 && is_it(execution) => {
                    Some(Question::execute(execution))
                }
                _ => None,
            })
            .next()
        };
        let (question, messages) = match &failed {
            Awaited::Execute(execution, _) if execution.before == 0 => {
                (Question::execute(execution), Bytes::from([BOUND, &error].concat()))
            }
            Awaited::Execute(execution, _) => (Question::execute(execution), error),
            Awaited::Bind(portal) => {
                let execution = followed_by(&|next| Arc::ptr_eq(&next.portal, portal));
                (execution.unwrap_or_else(|| Question::bind(portal)), error)
            }
            Awaited::Parse(statement) => {
                let execution = followed_by(&|next| Arc::ptr_eq(&next.portal.statement, statement));
                (execution.unwrap_or_else(|| Question::parse(statement)), error)
            }
            // The description of a statement that was prepared does not fail, but in a transaction that has.
            _ => return Ok(()),
        };
        let timing = self.timing(self.first);
        if let Some(ticket) = self.ticket(question, &mut None)? {
            ticket.answered(Answer::Postgres(PostgresAnswer { messages, state }), timing);
        }
        Ok(())
    }

    /// Writes down the last execution. `state`: as the server has said it.
    fn settle(&mut self, state: Option<u8>) {
        let Some(Unsettled { ticket, sql, messages, timing }) = self.unsettled.take() else { return };
        let messages = messages.freeze();
        let state = state.unwrap_or_else(|| answer::state_by_text(self.state, &sql, &messages));
        self.state = state;
        ticket.answered(Answer::Postgres(PostgresAnswer { messages, state }), timing);
    }

    /// The right to record, or what is known already.
    fn ticket(&self, question: Question, played: &mut Option<PostgresAnswer>) -> Result<Option<Ticket>, Stop> {
        match self.caller.ask(question) {
            Reply::Forward(ticket) => Ok(Some(ticket)),
            Reply::Refuse(trouble) => Err(Stop::Told(trouble)),
            Reply::Play(known) => {
                if let Answer::Postgres(answer) = &known.answer {
                    *played = Some(answer.clone());
                }
                Ok(None)
            }
        }
    }

    /// What is known and what the server says now must both succeed or both fail, or client and server would part ways.
    fn agree(&self, recorded: Option<&[u8]>, live: &[u8]) -> Result<(), Stop> {
        match recorded {
            Some(recorded) if answer::fails(recorded) != answer::fails(live) => {
                Err(self.caller.unreachable("of a recorded answer and what it says now, one is an error; record anew"))
            }
            _ => Ok(()),
        }
    }

    fn timing(&self, since: Instant) -> Timing {
        let us = |duration: std::time::Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Timing { first_us: us(self.first.saturating_duration_since(since)), last_us: us(since.elapsed()) }
    }
}

/// What the next message belongs to.
enum Front {
    Nothing,
    Sync,
    Query,
    Extended,
}
