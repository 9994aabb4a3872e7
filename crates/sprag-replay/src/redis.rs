//! Redis: one command, one reply.
//!
//! A command is recognised by its arguments, and by what its connection has said before: the database it selected and the
//! version of the protocol ([`session`]). Pipelines are taken apart. A transaction is one request: its commands wait here
//! for EXEC and go on together, in every mode, so that an error in one of them shows as EXECABORT.
//!
//! What is refused: commands after which the server speaks unasked (SUBSCRIBE, MONITOR, CLIENT TRACKING). Commands that
//! block, such as BLPOP, are answered as late as the upstream answers them, and in replay at once.

mod canonical;
mod client;
mod inline;
mod live;
mod resp;
mod secret;
mod session;

use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use client::Client;
use live::Live;
use resp::{Command, MOST_ARGUMENTS};
use session::{Plan, Session};

use crate::desk::{Connection, Reply, Ticket};
use crate::escape::cut;
use crate::exchange::{Answer, LARGEST_BODY, Timing};
use crate::proxy::{FULL, Memory, Port, Reserved};
use crate::trouble::Trouble;

/// The longest error that a client is told, in characters.
const ERROR: usize = 1_000;

/// Answers one connection of the application, until it or the proxy ends it.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite>(
    stream: S,
    connection: Connection,
    port: &Port,
    memory: &Memory,
) {
    let upstream = port.upstream.to_string();
    let session = Session::default();
    let mut served = Served {
        client: Client::new(stream, memory.reserve()),
        connection,
        port,
        memory,
        upstream,
        session,
        transaction: None,
        live: None,
    };
    // An error here is that of a client that went away: nobody is left to be told.
    if served.all().await.is_ok() {
        _ = served.client.finish().await;
    }
}

struct Served<'a, S> {
    client: Client<S>,
    connection: Connection,
    port: &'a Port,
    /// Where the memory is counted that the connection takes.
    memory: &'a Memory,
    /// As it is written.
    upstream: String,
    session: Session,
    /// MULTI and what followed it.
    transaction: Option<Transaction>,
    /// Once something had to be said to it.
    live: Option<Live>,
}

#[derive(Default)]
struct Transaction {
    commands: Vec<Command>,
    bytes: usize,
    arguments: usize,
    held: Reserved,
}

impl Transaction {
    fn new(held: Reserved) -> Self {
        Self { held, ..Self::default() }
    }

    fn push(&mut self, command: Command) {
        self.bytes += command.raw.len();
        self.arguments += command.arguments.len();
        self.commands.push(command);
    }

    /// Why it is too large; `None` where it is not.
    fn excess(&mut self) -> Option<&'static str> {
        if self.bytes > LARGEST_BODY || self.arguments > MOST_ARGUMENTS {
            return Some("a transaction of more than 64 MiB or 1,048,576 arguments");
        }
        let arguments = self.arguments * size_of::<Bytes>();
        (!self.held.hold(self.bytes + arguments)).then_some(FULL)
    }
}

impl<S: AsyncRead + AsyncWrite> Served<'_, S> {
    async fn all(&mut self) -> io::Result<()> {
        loop {
            let step = match self.client.command().await? {
                Ok(Some(command)) => self.one(command).await?,
                Ok(None) => return Ok(()),
                Err(what) => {
                    self.refuse(what);
                    ControlFlow::Break(())
                }
            };
            if step.is_break() {
                return Ok(());
            }
        }
    }

    async fn one(&mut self, command: Command) -> io::Result<ControlFlow<()>> {
        match (&command.name()[..], &mut self.transaction) {
            (b"MULTI", None) if command.arguments.len() == 1 => {
                self.transaction.insert(Transaction::new(self.memory.reserve())).push(command);
                self.client.say(b"+OK\r\n");
                return Ok(ControlFlow::Continue(()));
            }
            (b"EXEC" | b"DISCARD", Some(transaction)) => {
                transaction.push(command);
                let commands = std::mem::take(&mut transaction.commands);
                self.transaction = None;
                return self.ask(commands, false).await;
            }
            (b"RESET" | b"QUIT", _) => self.transaction = None,
            (_, Some(_)) => return Ok(self.queue(command)),
            (_, None) => {}
        }
        match self.session.plan(&command) {
            Plan::Ask { aside } => return self.ask(vec![command], aside).await,
            Plan::Answer { reply, after, tell } => {
                if tell && self.connection.desk().dialer().is_some() {
                    return self.tell(command, &reply, after).await;
                }
                self.session = after;
                self.client.say(&reply);
            }
            Plan::Quit { reply } => {
                self.client.say(&reply);
                return Ok(ControlFlow::Break(()));
            }
            Plan::Refuse { what } => self.refuse(what),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A command between MULTI and EXEC.
    fn queue(&mut self, command: Command) -> ControlFlow<()> {
        if let Some(what) = self.session.objection(&command) {
            self.refuse(what);
            return ControlFlow::Continue(());
        }
        let transaction = self.transaction.get_or_insert_with(|| Transaction::new(self.memory.reserve()));
        transaction.push(command);
        if let Some(what) = transaction.excess() {
            self.refuse(what.to_owned());
            return ControlFlow::Break(());
        }
        self.client.say(b"+QUEUED\r\n");
        ControlFlow::Continue(())
    }

    /// Asks for the answer to commands that belong together, and gives it.
    async fn ask(&mut self, commands: Vec<Command>, aside: bool) -> io::Result<ControlFlow<()>> {
        let (canonical, label) = canonical::canonical(&self.upstream, &self.session, &commands);
        let bytes = commands.iter().map(|command| command.raw.len() as u64).sum();
        let rules = self.connection.desk().rules();
        let mut asked = rules.statement(&self.upstream, &self.port.name, &label, canonical, bytes);
        asked.aside = aside;
        match self.connection.ask(asked) {
            Reply::Play(played) => {
                let wait = self.connection.desk().timing(&played).last_us;
                if wait > 0 {
                    self.client.meanwhile(tokio::time::sleep(Duration::from_micros(wait))).await?;
                }
                match &played.answer {
                    Answer::Redis(reply) => self.client.say(reply),
                    _ => self.refuse("the cassette holds an answer of another protocol".to_owned()),
                }
            }
            Reply::Forward(ticket) => return self.forward(ticket, &commands).await,
            Reply::Refuse(trouble) => self.client.say(&error(&trouble)),
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn forward(&mut self, ticket: Ticket, commands: &[Command]) -> io::Result<ControlFlow<()>> {
        Ok(match self.exchange(commands, ticket.since).await? {
            Ok((reply, timing)) => {
                // Before the client can act on it: what it does then may belong to another case.
                let kept = secret::without_secrets(commands, reply.clone());
                ticket.answered(Answer::Redis(kept), timing);
                self.client.say(&reply);
                ControlFlow::Continue(())
            }
            Err(why) => {
                self.client.say(&error(&ticket.failed(why)));
                ControlFlow::Break(())
            }
        })
    }

    /// Tells the upstream what it has to know about the connection. Where it objects, the client hears that.
    async fn tell(&mut self, command: Command, reply: &[u8], after: Session) -> io::Result<ControlFlow<()>> {
        Ok(match self.exchange(&[command], Instant::now()).await? {
            Ok((objection, _)) if objection.starts_with(b"-") => {
                self.client.say(&objection);
                ControlFlow::Continue(())
            }
            Ok(_) => {
                self.session = after;
                self.client.say(reply);
                ControlFlow::Continue(())
            }
            Err(what) => {
                let trouble = Trouble::Upstream { upstream: self.upstream.clone(), what };
                self.client.say(&error(&trouble));
                self.connection.desk().latch(trouble);
                ControlFlow::Break(())
            }
        })
    }

    /// Sends commands on. The outer error is the client's, the inner one the upstream's.
    async fn exchange(
        &mut self,
        commands: &[Command],
        since: Instant,
    ) -> io::Result<Result<(Bytes, Timing), String>> {
        let Self { client, connection, port, memory, live, .. } = self;
        let exchanging = async {
            let live = match live {
                Some(live) => live,
                None => {
                    let dialer = connection.desk().dialer().ok_or("there is no way to the outside")?;
                    let stream = dialer.tcp(&port.upstream.host, port.upstream.port).await;
                    live.insert(Live::new(stream.map_err(|error| error.to_string())?, memory.reserve()))
                }
            };
            live.exchange(commands, since).await
        };
        client.meanwhile(exchanging).await
    }

    /// Says that something is not let through, and latches.
    fn refuse(&mut self, what: String) {
        let trouble = Trouble::Denied { upstream: self.upstream.clone(), what };
        self.client.say(&error(&trouble));
        self.connection.desk().latch(trouble);
    }
}

/// A trouble as Redis would say it: on one line.
fn error(trouble: &Trouble) -> Vec<u8> {
    let text = trouble.to_string();
    let line: Vec<&str> = text.split_whitespace().collect();
    format!("-ERR sprag: {}\r\n", cut(&line.join(" "), ERROR)).into_bytes()
}
