//! A conversation with the outside, carried both ways and taken down.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{READ, Script};
use crate::desk::{Reply, Ticket};
use crate::exchange::{Answer, LARGEST_BODY, TcpAnswer, Timing};
use crate::proxy::{FULL, Reserved};
use crate::trouble::Trouble;

/// Carries a connection, from a ticket for its turn 0 on.
pub(super) async fn carry<S: AsyncRead + AsyncWrite>(
    stream: S,
    script: Script<'_>,
    ticket: Ticket,
    held: Reserved,
) -> io::Result<()> {
    let Some(dialer) = script.connection.desk().dialer() else { return Ok(()) };
    let upstream = &script.port.upstream;
    let outside = match dialer.tcp(&upstream.host, upstream.port).await {
        Ok(outside) => outside,
        Err(error) => {
            ticket.failed(error.to_string());
            return Ok(());
        }
    };
    let (from_client, to_client) = tokio::io::split(stream);
    let (from_outside, to_outside) = outside.into_split();
    let talk = Mutex::new(Talk::new(script, ticket, held));
    let there = pump(from_client, to_outside, |said| lock(&talk).client_says(said));
    let back = pump(from_outside, to_client, |said| lock(&talk).upstream_says(said));
    // Dropped at the end, however it comes, the talk takes down the turn under way.
    tokio::try_join!(there, back).map(|_| ())
}

fn lock<'m, 'a>(talk: &'m Mutex<Talk<'a>>) -> MutexGuard<'m, Talk<'a>> {
    talk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries bytes one way until their end, which is carried too. `note` sees them first, and the end as no bytes.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    note: impl Fn(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut piece = BytesMut::with_capacity(READ);
    loop {
        piece.clear();
        // A connection that breaks off has ended.
        if from.read_buf(&mut piece).await.is_err() {
            piece.clear();
        }
        note(&piece)?;
        match piece.is_empty() {
            true => return to.shutdown().await,
            false => to.write_all(&piece).await?,
        }
    }
}

/// Which turn it is, and what was said in it.
struct Talk<'a> {
    script: Script<'a>,
    /// The turn whose answer is coming. No ticket: it is not to be taken down.
    ticket: Option<Ticket>,
    answer: BytesMut,
    closes: bool,
    timing: Timing,
    /// When the turn's request was complete.
    since: Instant,
    /// What the client says meanwhile: its next turn, once the upstream answers.
    next: BytesMut,
    /// When it last did.
    last: Instant,
    client_ended: bool,
    /// The memory that it takes.
    held: Reserved,
}

impl<'a> Talk<'a> {
    fn new(script: Script<'a>, ticket: Ticket, held: Reserved) -> Self {
        let now = Instant::now();
        Self {
            script,
            ticket: Some(ticket),
            answer: BytesMut::new(),
            closes: false,
            timing: Timing::default(),
            since: now,
            next: BytesMut::new(),
            last: now,
            client_ended: false,
            held,
        }
    }

    fn client_says(&mut self, said: &[u8]) -> io::Result<()> {
        self.client_ended = said.is_empty();
        self.last = Instant::now();
        self.next.extend_from_slice(said);
        self.is_bounded(self.next.len(), "the client said")
    }

    fn upstream_says(&mut self, said: &[u8]) -> io::Result<()> {
        // Its end is an answer too: some clients say something and then wait for it.
        if !self.next.is_empty() {
            self.turn();
        }
        if said.is_empty() {
            self.closes = !self.client_ended;
            return Ok(());
        }
        let micros = self.since.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
        if self.answer.is_empty() {
            self.timing.first_us = micros;
        }
        self.timing.last_us = micros;
        self.answer.extend_from_slice(said);
        self.is_bounded(self.answer.len(), "the upstream answered")
    }

    /// The turn under way is over, and what the client said meanwhile is the next.
    fn turn(&mut self) {
        let said = self.next.split().freeze();
        let answer =
            TcpAnswer { bytes: self.answer.split().freeze(), closes: self.closes, next: said.clone() };
        let timing = std::mem::take(&mut self.timing);
        self.closes = false;
        self.script.answered(&answer);
        if let Some(ticket) = self.ticket.take() {
            ticket.answered(Answer::Tcp(answer), timing);
        }
        if !said.is_empty() {
            self.since = self.last;
            let asked = self.script.turn(&said);
            self.ticket = match self.script.connection.ask(asked) {
                Reply::Forward(ticket) => Some(ticket),
                Reply::Play(_) | Reply::Refuse(_) => None,
            };
        }
    }

    fn is_bounded(&mut self, length: usize, who: &str) -> io::Result<()> {
        let what = if length > LARGEST_BODY {
            format!("{who} more than 64 MiB in one turn")
        } else if !self.held.hold(self.answer.capacity() + self.next.capacity()) {
            FULL.to_owned()
        } else {
            return Ok(());
        };
        self.ticket = None;
        self.next.clear();
        self.script.connection.desk().latch(Trouble::Denied { upstream: self.script.upstream.clone(), what });
        Err(io::ErrorKind::FileTooLarge.into())
    }
}

impl Drop for Talk<'_> {
    fn drop(&mut self) {
        // What the client said last may have no answer.
        if !self.next.is_empty() {
            self.turn();
        }
        self.turn();
    }
}
