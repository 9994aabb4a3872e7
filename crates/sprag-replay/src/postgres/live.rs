//! Records: everything goes to the server, what it answers goes back, and each statement is taken down on the way.
//!
//! Where a cassette is completed, a statement that it already knows goes to the server all the same, since transactions
//! and settings live there; the client is given the answer that was recorded.

mod answers;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use self::answers::Answers;
use super::answer::{self, IDLE};
use super::frame::{BACKEND, Fields, Frame, Frames};
use super::message::{Message, Sql};
use super::question::Question;
use super::session::{Described, Execution, Portal, Session, Statement, Step};
use super::{Caller, Stop};
use crate::desk::Reply;
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
    let stream =
        dialer.tcp(&upstream.host, upstream.port).await.map_err(|error| caller.unreachable(error))?;
    let (reader, mut to_server) = stream.into_split();
    let mut server = Frames::new(reader, BACKEND, caller.memory.reserve());
    to_server.write_all(packet).await.map_err(|error| caller.unreachable(error))?;
    if !log_in(client, writer, &mut server, &mut to_server, caller).await? {
        return Ok(());
    }
    let awaited = Mutex::default();
    let asking = ask(client, &mut to_server, &awaited, Session::new(caller.memory.reserve()));
    let answering = Answers::new(writer, caller, &awaited).forward(&mut server);
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
        let said = server.next().await.map_err(|error| caller.unreachable(error))?;
        let Some(frame) = said else {
            return Err(caller.unreachable("it hung up while the client logged in"));
        };
        writer.write_all(frame.raw()).await?;
        match frame.tag() {
            b'R' if is_question(&frame)? => {
                let Some(password) = client.next().await? else { return Ok(false) };
                to_server.write_all(password.raw()).await.map_err(|error| caller.unreachable(error))?;
            }
            b'S' if is_anybodys(&frame) => parameters.put_slice(frame.raw()),
            b'E' => {
                caller.unreachable(format!(
                    "it did not let the client in: {}",
                    answer::message_of(frame.body())
                ));
                return Ok(false);
            }
            b'Z' => break,
            _ => {}
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

/// Whether the server wants an answer: a password, or a step of SCRAM.
fn is_question(authentication: &Frame) -> Result<bool, Stop> {
    match Fields(authentication.body()).u32()? {
        // In; the end of SCRAM.
        0 | 12 => Ok(false),
        3 | 5 | 10 | 11 => Ok(true),
        _ => Err(Stop::Denied(
            "only passwords can be passed on while recording: MD5, SCRAM or plain".to_owned(),
        )),
    }
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
    mut session: Session,
) -> Result<(), Stop>
where
    R: AsyncRead + Unpin,
    T: AsyncWrite + Unpin,
{
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
