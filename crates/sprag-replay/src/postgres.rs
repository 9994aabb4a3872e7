//! PostgreSQL, versions 3.x of its protocol.
//!
//! An exchange is a statement: what the simple protocol asks at once, or what Bind and Execute ask together. Prepared
//! statements are described by exchanges of their own, which belong to the connection and no case: drivers prepare when
//! they like. Encryption is declined, so that a client that insists on it (`sslmode=require`) does not connect; in replay
//! everybody is let in without a password.
//!
//! COPY, LISTEN, replication and the old function call are refused. What a driver says in SQL about its own prepared
//! statements, DEALLOCATE, is answered here.

mod answer;
mod frame;
mod live;
mod message;
mod names;
mod play;
mod question;
mod session;
mod start;
mod waiting;

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use self::frame::{FRONTEND, FrameError, Frames};
use self::question::Question;
use self::start::{Start, Wish};
use crate::desk::{Connection, Reply};
use crate::escape::escape;
use crate::exchange::Asked;
use crate::proxy::{Memory, Port};
use crate::trouble::Trouble;

/// Why a connection ends before its time.
#[derive(Debug)]
enum Stop {
    /// Its peer has gone: there is nobody to tell.
    Gone,
    /// It is not let through, for this.
    Denied(String),
    /// For this, which the scope knows.
    Told(Trouble),
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<FrameError> for Stop {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(_) => Self::Gone,
            FrameError::Protocol(what) => Self::Denied(what),
        }
    }
}

/// Serves one connection of the application, to its end.
pub(crate) async fn serve<S>(stream: S, connection: Connection, port: &Port, memory: &Memory)
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, mut writer) = tokio::io::split(stream);
    let mut client = Frames::new(reader, FRONTEND, memory.reserve());
    let (trouble, code) = match converse(&mut client, &mut writer, &connection, port, memory).await {
        Ok(()) | Err(Stop::Gone) => return,
        Err(Stop::Denied(what)) => {
            let trouble = Trouble::Denied { upstream: port.upstream.to_string(), what };
            connection.desk().latch(trouble.clone());
            (trouble, answer::code::NOT_SUPPORTED)
        }
        Err(Stop::Told(trouble)) => (trouble, answer::code::CONNECTION_FAILURE),
    };
    let mut out = BytesMut::new();
    answer::put_error(&mut out, "FATAL", code, &format!("sprag: {trouble}"));
    // Whether the client still listens or not: it is over.
    let _ = writer.write_all(&out).await;
    let _ = writer.shutdown().await;
}

async fn converse<R, W>(
    client: &mut Frames<R>,
    writer: &mut W,
    connection: &Connection,
    port: &Port,
    memory: &Memory,
) -> Result<(), Stop>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (packet, start) = loop {
        let Some(packet) = client.start().await? else { return Ok(()) };
        match Wish::read(&packet)? {
            Wish::Encryption => writer.write_all(b"N").await?,
            Wish::Cancel => return cancel(connection, port, &packet).await,
            Wish::Start(start) => break (packet, start),
        }
    };
    if start.is_replication() {
        return Err(Stop::Denied("replication cannot be recorded or replayed".to_owned()));
    }
    let caller = Caller::new(connection, port, memory, &start);
    match connection.desk().dialer() {
        None => play::serve(client, writer, &caller, &start).await,
        Some(dialer) => live::serve(client, writer, &caller, &packet, dialer).await,
    }
}

/// Passed on where there is somebody to pass it on to. In replay nothing takes so long that it could be cancelled.
async fn cancel(connection: &Connection, port: &Port, packet: &Bytes) -> Result<(), Stop> {
    if let Some(dialer) = connection.desk().dialer() {
        let mut upstream = dialer.tcp(&port.upstream.host, port.upstream.port).await?;
        upstream.write_all(packet).await?;
        upstream.shutdown().await?;
    }
    Ok(())
}

/// Who asks: one connection of the application, and where it is connected to.
struct Caller<'a> {
    connection: &'a Connection,
    port: &'a Port,
    /// Where the memory is counted that the connection takes.
    memory: &'a Memory,
    upstream: String,
    /// Upstream, database and what else was said at the beginning that answers may depend on:
    /// `postgres://127.0.0.1:5432/app?client_encoding=UTF8`.
    place: String,
}

impl<'a> Caller<'a> {
    fn new(connection: &'a Connection, port: &'a Port, memory: &'a Memory, start: &Start) -> Self {
        let upstream = port.upstream.to_string();
        let mut place = format!("{upstream}/");
        escape(start.database().as_bytes(), &mut place);
        for (nth, (name, value)) in start.relevant().iter().enumerate() {
            place.push(if nth == 0 { '?' } else { '&' });
            escape(name.as_bytes(), &mut place);
            place.push('=');
            escape(value.as_bytes(), &mut place);
        }
        Self { connection, port, memory, upstream, place }
    }

    /// A question as the rules leave it.
    fn asked(&self, question: Question) -> Asked {
        let Question { label, text, bytes, aside } = question;
        let canonical = format!("{}\n{text}", self.place);
        let asked = self.connection.desk().rules().statement(
            &self.upstream,
            &self.port.name,
            &label,
            canonical,
            bytes,
        );
        Asked { aside, ..asked }
    }

    fn ask(&self, question: Question) -> Reply {
        self.connection.ask(self.asked(question))
    }

    /// The scope is latched, for something that the application did.
    fn deny(&self, what: String) -> Trouble {
        self.latch(Trouble::Denied { upstream: self.upstream.clone(), what })
    }

    /// The scope is latched, for something that the server did.
    fn unreachable(&self, what: impl ToString) -> Stop {
        Stop::Told(self.latch(Trouble::Upstream { upstream: self.upstream.clone(), what: what.to_string() }))
    }

    fn latch(&self, trouble: Trouble) -> Trouble {
        self.connection.desk().latch(trouble.clone());
        trouble
    }
}
