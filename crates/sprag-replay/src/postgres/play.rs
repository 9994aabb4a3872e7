//! Plays the server from the cassette.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::answer::{self, FAILED, IDLE, code};
use super::frame::Frames;
use super::message::{Message, Sql};
use super::names::deallocated;
use super::question::Question;
use super::session::{Described, Execution, Session, Step};
use super::start::Start;
use super::waiting::{Held, Waiting};
use super::{Caller, Stop};
use crate::cassette::Played;
use crate::desk::Reply;
use crate::exchange::{Answer, PostgresAnswer};
use crate::trouble::Trouble;

/// How much is kept back before it is sent, in bytes.
const OUT: usize = 64 << 10;
/// How many messages may wait for the one that answers them.
const HELD: usize = 1_000;
/// What the server says to Parse and to Bind. The answer to a portal's first execution begins with the second; with the
/// first where only its Bind failed; and with the error where its statement could not be prepared.
pub(super) const PARSED: &[u8] = b"1\0\0\0\x04";
pub(super) const BOUND: &[u8] = b"2\0\0\0\x04";

/// Serves a connection whose first packet has been read.
pub(super) async fn serve<R, W>(
    client: &mut Frames<R>,
    writer: &mut W,
    caller: &Caller<'_>,
    start: &Start,
) -> Result<(), Stop>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut player = Player {
        writer,
        caller,
        out: BytesMut::new(),
        session: Session::new(caller.memory.reserve()),
        waiting: Waiting::new(caller.memory.reserve()),
        state: IDLE,
        skipping: false,
    };
    player.welcome(start).await?;
    loop {
        // Nothing more has come: the client may be waiting for what it has asked so far.
        if client.drained() {
            player.flush().await?;
        }
        let Some(frame) = client.next().await? else { return Ok(()) };
        let message = Message::read(&frame)?;
        if player.skipping && !matches!(message, Message::Sync | Message::Terminate) {
            continue;
        }
        match player.session.step(message)? {
            Step::Terminate => return Ok(()),
            step => player.take(step).await?,
        }
    }
}

struct Player<'a, W> {
    writer: &'a mut W,
    caller: &'a Caller<'a>,
    out: BytesMut,
    session: Session,
    waiting: Waiting,
    /// Of the transaction.
    state: u8,
    /// There was an error: messages are passed over up to Sync.
    skipping: bool,
}

impl<W: AsyncWrite + Unpin> Player<'_, W> {
    /// Lets the client in, with the parameters that the server reported when it was recorded.
    async fn welcome(&mut self, start: &Start) -> Result<(), Stop> {
        let played = self.ask(Question::connect()).map_err(Stop::Told)?;
        let options = start.options();
        if start.is_newer || !options.is_empty() {
            // "Only 3.0, and none of these options."
            answer::put(&mut self.out, b'v', |out| {
                out.put_u32(0);
                out.put_u32(options.len() as u32);
                for option in options {
                    out.put_slice(option.as_bytes());
                    out.put_u8(0);
                }
            });
        }
        answer::put(&mut self.out, b'R', |out| out.put_u32(0));
        self.out.put_slice(&postgres(&played)?.messages);
        answer::put_parameter(&mut self.out, "application_name", start.application());
        answer::put_parameter(&mut self.out, "session_authorization", start.user());
        // A process and a key to cancel it with: there is nothing to cancel.
        answer::put(&mut self.out, b'K', |out| out.put_slice(&[0, 0, 0, 1, 0, 0, 0, 1]));
        answer::put_ready(&mut self.out, self.state);
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<(), Stop> {
        match step {
            Step::Query(sql) => self.query(&sql).await?,
            Step::Parse(statement) => self.waiting.push(Held::Parse(statement))?,
            Step::Bind(portal) => self.waiting.push(Held::Bind(portal))?,
            Step::Describe(described) => self.waiting.push(Held::Describe(described))?,
            Step::Close => self.waiting.push(Held::Close)?,
            Step::Execute(execution) => self.execute(&execution).await?,
            Step::Flush => self.release(true).await?,
            Step::Sync => {
                self.release(true).await?;
                self.skipping = false;
                answer::put_ready(&mut self.out, self.state);
            }
            Step::Unknown { code, what } => {
                self.release(true).await?;
                let what = format!("{what}: known are what Parse and Bind have made, and cursors of DECLARE");
                let trouble = self.caller.deny(what);
                self.fail(code, &trouble);
            }
            Step::Refused(what) => return Err(Stop::Denied(what)),
            Step::Terminate => {}
        }
        // A client that never asks for an answer.
        if self.waiting.messages.len() > HELD {
            self.release(true).await?;
        }
        Ok(())
    }

    async fn query(&mut self, sql: &Sql) -> Result<(), Stop> {
        self.release(true).await?;
        if self.skipping {
            return Ok(());
        }
        if let Some(deallocated) = deallocated(sql) {
            answer::put_complete(&mut self.out, deallocated.command());
        } else {
            match self.ask(Question::query(sql)) {
                Ok(played) => {
                    let PostgresAnswer { messages, state } = postgres(&played)?;
                    self.pause(&played).await?;
                    self.state = answer::state_after(self.state, messages, *state);
                    self.put(messages).await?;
                }
                Err(trouble) => {
                    self.fail(code::SYSTEM_ERROR, &trouble);
                    self.skipping = false;
                }
            }
        }
        answer::put_ready(&mut self.out, self.state);
        Ok(())
    }

    async fn execute(&mut self, execution: &Execution) -> Result<(), Stop> {
        let portal = &execution.portal;
        let (messages, state) = if let Some(deallocated) = deallocated(&portal.statement.sql) {
            let mut out = BytesMut::from(BOUND);
            answer::put_complete(&mut out, deallocated.command());
            (out.freeze(), self.state)
        } else {
            match self.ask(Question::execute(execution)) {
                Ok(played) => {
                    self.pause(&played).await?;
                    let PostgresAnswer { messages, state } = postgres(&played)?;
                    (messages.clone(), *state)
                }
                Err(trouble) => {
                    self.fail(code::SYSTEM_ERROR, &trouble);
                    return Ok(());
                }
            }
        };
        let asked = &mut self.waiting.messages;
        let (executed, failed) = if let Some(rest) = messages.strip_prefix(BOUND) {
            (rest, None)
        } else if let Some(rest) = messages.strip_prefix(PARSED) {
            (rest, asked.iter().position(|held| held.binds(portal)))
        } else if execution.before == 0 {
            (&messages[..], asked.iter().position(|held| held.parses(portal) || held.binds(portal)))
        } else {
            (&messages[..], None)
        };
        let executed = messages.slice_ref(executed);
        asked.truncate(failed.unwrap_or(asked.len()));
        self.release(false).await?;
        if self.skipping {
            return Ok(());
        }
        self.state = answer::state_after(self.state, &messages, state);
        self.skipping = answer::fails(&messages);
        self.put(&executed).await
    }

    /// Answers what is held. `alone`: no execution followed that would say whether it succeeded.
    async fn release(&mut self, alone: bool) -> Result<(), Stop> {
        // What they take is counted until the last of them is answered.
        let nothing = self.nothing();
        let Waiting { messages, memory: _counted } = mem::replace(&mut self.waiting, nothing);
        for held in messages {
            if self.skipping {
                break;
            }
            match held {
                Held::Parse(statement) => {
                    self.complete(b'1', alone.then(|| Question::parse(&statement))).await?
                }
                Held::Bind(portal) => self.complete(b'2', alone.then(|| Question::bind(&portal))).await?,
                Held::Close => answer::put_empty(&mut self.out, b'3'),
                Held::Describe(described) => self.describe(&described).await?,
            }
        }
        Ok(())
    }

    /// What succeeds, unless it failed when it was recorded.
    async fn complete(&mut self, tag: u8, question: Option<Question>) -> Result<(), Stop> {
        let recall =
            |question| self.caller.connection.recall(self.caller.asked(question)).map_err(Stop::Told);
        let Some(failure) = question.map(recall).transpose()?.flatten() else {
            answer::put_empty(&mut self.out, tag);
            return Ok(());
        };
        let PostgresAnswer { messages, state } = postgres(&failure)?;
        self.pause(&failure).await?;
        self.state = answer::state_after(self.state, messages, *state);
        self.skipping = true;
        self.put(messages).await
    }

    async fn describe(&mut self, described: &Described) -> Result<(), Stop> {
        if deallocated(&described.statement().sql).is_some() {
            if let Described::Statement(_) = described {
                answer::put(&mut self.out, b't', |out| out.put_u16(0));
            }
            answer::put_empty(&mut self.out, b'n');
            return Ok(());
        }
        match self.ask(Question::describe(described)) {
            Ok(played) => {
                self.pause(&played).await?;
                self.put(&postgres(&played)?.messages).await
            }
            Err(trouble) => {
                self.fail(code::SYSTEM_ERROR, &trouble);
                Ok(())
            }
        }
    }

    fn ask(&self, question: Question) -> Result<Arc<Played>, Trouble> {
        match self.caller.ask(question) {
            Reply::Play(played) => Ok(played),
            Reply::Refuse(trouble) => Err(trouble),
            // The desk forwards only where there is a dialer, and then nobody is here.
            Reply::Forward(ticket) => Err(ticket.failed("there is no way to it from here".to_owned())),
        }
    }

    fn nothing(&self) -> Waiting {
        Waiting::new(self.caller.memory.reserve())
    }

    fn fail(&mut self, code: &str, trouble: &Trouble) {
        answer::put_error(&mut self.out, "ERROR", code, &format!("sprag: {trouble}"));
        if self.state != IDLE {
            self.state = FAILED;
        }
        self.waiting = self.nothing();
        self.skipping = true;
    }

    async fn put(&mut self, messages: &Bytes) -> Result<(), Stop> {
        if self.out.len() + messages.len() > OUT {
            self.flush().await?;
            self.writer.write_all(messages).await?;
            self.writer.flush().await?;
        } else {
            self.out.put_slice(messages);
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        if !self.out.is_empty() {
            self.writer.write_all(&self.out).await?;
            self.writer.flush().await?;
            self.out.clear();
        }
        Ok(())
    }

    /// Waits for as long as the settings want an answer to take.
    async fn pause(&mut self, played: &Played) -> Result<(), Stop> {
        let wait = self.caller.connection.desk().timing(played).last_us;
        if wait > 0 {
            // What was answered before is not held back.
            self.flush().await?;
            tokio::time::sleep(Duration::from_micros(wait)).await;
        }
        Ok(())
    }
}

/// The answer of an exchange; the cassette could hold one of another protocol under the same key only by hand.
fn postgres(played: &Played) -> Result<&PostgresAnswer, Stop> {
    match &played.answer {
        Answer::Postgres(answer) => Ok(answer),
        _ => Err(Stop::Denied(
            "the cassette holds an answer of another protocol for this statement".to_owned(),
        )),
    }
}
