//! A recorded conversation, played.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{READ, Script};
use crate::cassette::Played;
use crate::desk::Reply;
use crate::exchange::Answer;
use crate::trouble::Trouble;

/// How the client's turn went.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// As recorded.
    AsRecorded,
    /// It says nothing more.
    Over,
    /// It said something else; that much of it, together with what was as recorded.
    Departs(Bytes),
}

/// Plays a conversation from its first answer on.
pub(super) async fn play<S: AsyncRead + AsyncWrite>(
    stream: S,
    mut script: Script<'_>,
    mut played: Arc<Played>,
) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    let mut client = Client { reader, writer, heard: BytesMut::new(), ended: false };
    loop {
        let Answer::Tcp(answer) = &played.answer else {
            let what = "the cassette holds an answer of another protocol".to_owned();
            return Ok(refuse(&script, what));
        };
        script.answered(answer);
        let wait = script.connection.desk().timing(&played).last_us;
        if wait > 0 {
            tokio::time::sleep(Duration::from_micros(wait)).await;
        }
        let asked = match client.turn(answer.bytes.clone(), answer.closes, &answer.next).await? {
            Turn::Over => return client.writer.shutdown().await,
            Turn::Departs(said) => script.departs(&said, &answer.next),
            Turn::AsRecorded => script.turn(&answer.next),
        };
        played = match script.connection.ask(asked) {
            Reply::Play(next) => next,
            Reply::Refuse(_) => return Ok(()),
            // The upstream that the ticket is for has heard nothing of this conversation.
            Reply::Forward(_) => {
                let what = "the conversation departs from what was recorded, and cannot be taken up in its middle: \
                            record it anew";
                return Ok(refuse(&script, what.to_owned()));
            }
        };
    }
}

fn refuse(script: &Script<'_>, what: String) {
    script.connection.desk().latch(Trouble::Denied { upstream: script.upstream.clone(), what });
}

struct Client<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    /// What it has said and what was not yet its turn.
    heard: BytesMut,
    ended: bool,
}

impl<S: AsyncRead + AsyncWrite> Client<S> {
    /// Gives the client an answer and hears its next turn. Both at once: it may speak before it has read all.
    async fn turn(&mut self, mut answer: Bytes, closes: bool, next: &[u8]) -> io::Result<Turn> {
        // How much of what was heard is as recorded.
        let mut same = 0;
        let mut must_close = closes;
        loop {
            if answer.is_empty() && std::mem::take(&mut must_close) {
                self.writer.shutdown().await?;
            }
            let heard = &self.heard[same..self.heard.len().min(next.len())];
            if *heard != next[same..same + heard.len()] || self.heard.len() > next.len() && next.is_empty() {
                return Ok(Turn::Departs(self.heard.split().freeze()));
            }
            same += heard.len();
            let is_whole = same == next.len();
            if answer.is_empty() && is_whole && !next.is_empty() {
                self.heard.advance(same);
                return Ok(Turn::AsRecorded);
            }
            if answer.is_empty() && self.ended {
                return Ok(match self.heard.is_empty() {
                    true => Turn::Over,
                    false => Turn::Departs(self.heard.split().freeze()),
                });
            }
            // Nothing beyond its turn is read before it has had the answer.
            let reads = !self.ended && (!is_whole || answer.is_empty());
            self.heard.reserve(READ);
            tokio::select! {
                read = self.reader.read_buf(&mut self.heard), if reads => self.ended = read? == 0,
                written = self.writer.write_buf(&mut answer), if !answer.is_empty() => match written? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    _ => {}
                },
            }
        }
    }
}
