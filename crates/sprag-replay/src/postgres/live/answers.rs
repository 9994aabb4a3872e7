//! What the server answers while recording: sent back to the client, and written down statement by statement.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::super::answer::{self, IDLE};
use super::super::frame::{Fields, Frame, Frames};
use super::super::message::Sql;
use super::super::names::deallocated;
use super::super::play::{BOUND, PARSED};
use super::super::question::Question;
use super::super::session::Execution;
use super::super::{Caller, Stop};
use super::{Awaited, OUT};
use crate::LARGEST_BODY;
use crate::desk::{Reply, Ticket};
use crate::exchange::{Answer, PostgresAnswer, Timing};
use crate::proxy::{FULL, Reserved};

/// The way back.
pub(super) struct Answers<'a, W> {
    writer: &'a mut W,
    caller: &'a Caller<'a>,
    awaited: &'a Mutex<VecDeque<Awaited>>,
    out: BytesMut,
    /// What has come of the answer under way, and since when.
    current: BytesMut,
    first: Instant,
    /// The memory that it takes.
    held: Reserved,
    /// Of the transaction.
    state: u8,
    /// An error, and what it answered: whom it belongs to shows when it is known what the client has sent after it.
    failure: Option<(Awaited, Bytes)>,
    /// The last execution: its state is known with the next ReadyForQuery, and an error at the end of its transaction is
    /// its own.
    unsettled: Option<Unsettled>,
}

/// What becomes of an answer.
enum Take {
    /// It is written down.
    Down(Ticket),
    /// The cassette knows it already: the client gets what was recorded.
    Known(Bytes),
    /// It is nobody's exchange.
    Not,
}

struct Unsettled {
    ticket: Ticket,
    sql: String,
    messages: BytesMut,
    timing: Timing,
}

impl<'a, W: AsyncWrite + Unpin> Answers<'a, W> {
    pub(super) fn new(
        writer: &'a mut W,
        caller: &'a Caller<'a>,
        awaited: &'a Mutex<VecDeque<Awaited>>,
    ) -> Self {
        Self {
            writer,
            caller,
            awaited,
            out: BytesMut::new(),
            current: BytesMut::new(),
            held: caller.memory.reserve(),
            first: Instant::now(),
            state: IDLE,
            failure: None,
            unsettled: None,
        }
    }

    /// Sends on what the server says, until it hangs up.
    pub(super) async fn forward<S: AsyncRead + Unpin>(mut self, server: &mut Frames<S>) -> Result<(), Stop> {
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

    fn lock(&self) -> MutexGuard<'_, VecDeque<Awaited>> {
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
            return Err(Stop::Denied(
                "a notification came; LISTEN cannot be recorded or replayed".to_owned(),
            ));
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
                if !self.held.hold(self.current.capacity()) {
                    return Err(Stop::Denied(FULL.to_owned()));
                }
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
                self.out.put_slice(&messages);
                self.write_down(Question::describe(&described), messages, IDLE)?;
            }
            Some(Awaited::Execute(execution, since)) => self.executed(&execution, since, messages)?,
            _ => self.out.put_slice(&messages),
        }
        Ok(())
    }

    fn executed(&mut self, execution: &Execution, since: Instant, messages: Bytes) -> Result<(), Stop> {
        self.settle(None);
        let sql = &execution.portal.statement.sql;
        let timing = self.timing(since);
        match self.take_of(sql, Question::execute(execution), &messages)? {
            Take::Down(ticket) => {
                self.out.put_slice(&messages);
                let bound = if execution.before == 0 { BOUND } else { b"" };
                let messages = BytesMut::from(&[bound, &messages].concat()[..]);
                self.unsettled = Some(Unsettled { ticket, sql: sql.text.clone(), messages, timing });
            }
            Take::Known(recorded) => {
                self.out.put_slice(recorded.strip_prefix(BOUND).unwrap_or(&recorded));
                self.state = answer::state_by_text(self.state, &sql.text, &messages);
            }
            Take::Not => self.out.put_slice(&messages),
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
            let timing = self.timing(since);
            match self.take_of(&sql, Question::query(&sql), &messages)? {
                Take::Down(ticket) => {
                    self.out.put_slice(&messages);
                    ticket.answered(Answer::Postgres(PostgresAnswer { messages, state }), timing);
                }
                Take::Known(recorded) => self.out.put_slice(&recorded),
                Take::Not => self.out.put_slice(&messages),
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
            Awaited::Bind(portal) => match followed_by(&|next| Arc::ptr_eq(&next.portal, portal)) {
                Some(execution) => (execution, Bytes::from([PARSED, &error].concat())),
                None => (Question::bind(portal), error),
            },
            Awaited::Parse(statement) => {
                let execution = followed_by(&|next| Arc::ptr_eq(&next.portal.statement, statement));
                (execution.unwrap_or_else(|| Question::parse(statement)), error)
            }
            // The description of a statement that was prepared does not fail, but in a transaction that has.
            _ => return Ok(()),
        };
        self.write_down(question, messages, state)
    }

    /// Writes down the last execution. `state`: as the server has said it.
    fn settle(&mut self, state: Option<u8>) {
        let Some(Unsettled { ticket, sql, messages, timing }) = self.unsettled.take() else { return };
        let messages = messages.freeze();
        let state = state.unwrap_or_else(|| answer::state_by_text(self.state, &sql, &messages));
        self.state = state;
        ticket.answered(Answer::Postgres(PostgresAnswer { messages, state }), timing);
    }

    /// Writes down what the client was given already.
    fn write_down(&self, question: Question, messages: Bytes, state: u8) -> Result<(), Stop> {
        if let Take::Down(ticket) = self.ask(question)? {
            let answer = PostgresAnswer { messages, state };
            ticket.answered(Answer::Postgres(answer), self.timing(self.first));
        }
        Ok(())
    }

    /// What becomes of what a statement was answered. What is known and what the server says now must both succeed or
    /// both fail, or client and server would part ways.
    fn take_of(&self, sql: &Sql, question: Question, live: &Bytes) -> Result<Take, Stop> {
        if deallocated(sql).is_some() {
            return Ok(Take::Not);
        }
        match self.ask(question)? {
            Take::Known(recorded) if answer::fails(&recorded) != answer::fails(live) => {
                let what = "of a recorded answer and what it says now, one is an error; record anew";
                Err(self.caller.unreachable(what))
            }
            take => Ok(take),
        }
    }

    fn ask(&self, question: Question) -> Result<Take, Stop> {
        match self.caller.ask(question) {
            Reply::Forward(ticket) => Ok(Take::Down(ticket)),
            Reply::Refuse(trouble) => Err(Stop::Told(trouble)),
            Reply::Play(known) => match &known.answer {
                Answer::Postgres(answer) => Ok(Take::Known(answer.messages.clone())),
                _ => Ok(Take::Not),
            },
        }
    }

    fn timing(&self, since: Instant) -> Timing {
        let us = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
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
