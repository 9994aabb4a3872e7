//! A recorded conversation, played.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{READ, Script};
use crate::cassette::Played;
use crate::desk::Reply;
use crate::exchange::{Answer, LARGEST_BODY, TcpAnswer};
use crate::proxy::{FULL, Reserved};
use crate::rules::REDACTED;
use crate::trouble::Trouble;

/// How the client's turn went.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// As recorded; what it said.
    AsRecorded(Bytes),
    /// It says nothing more.
    Over,
    /// It said something else; that much of it, together with what was as recorded.
    Departs(Bytes),
    /// There is no memory for it.
    Full,
}

/// Plays a conversation from its first answer on.
pub(super) async fn play<S: AsyncRead + AsyncWrite>(
    stream: S,
    mut script: Script<'_>,
    mut played: Arc<Played>,
    held: Reserved,
) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    let mut client = Client { reader, writer, heard: BytesMut::new(), ended: false, held };
    loop {
        let Answer::Tcp(answer) = &played.answer else {
            refuse(&script, "the cassette holds an answer of another protocol");
            return Ok(());
        };
        script.answered(answer);
        let wait = script.connection.desk().timing(&played).last_us;
        if wait > 0 {
            tokio::time::sleep(Duration::from_micros(wait)).await;
        }
        let asked = match client.turn(answer, |said| script.redacted(said)).await? {
            Turn::Full => {
                refuse(&script, FULL);
                return Ok(());
            }
            Turn::Over => return client.writer.shutdown().await,
            Turn::Departs(said) => script.departs(&said, &answer.next),
            Turn::AsRecorded(said) => script.turn(&said),
        };
        played = match script.connection.ask(asked) {
            Reply::Play(next) => next,
            Reply::Refuse(_) => return Ok(()),
            // The upstream that the ticket is for has heard nothing of this conversation.
            Reply::Forward(_) => {
                let what = "the conversation departs from what was recorded, and cannot be taken up in its middle: \
                            record it anew";
                refuse(&script, what);
                return Ok(());
            }
        };
    }
}

fn refuse(script: &Script<'_>, what: &str) {
    let what = what.to_owned();
    script.connection.desk().latch(Trouble::Denied { upstream: script.upstream.clone(), what });
}

struct Client<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    /// What it has said and what was not yet its turn.
    heard: BytesMut,
    ended: bool,
    /// The memory that it takes.
    held: Reserved,
}

impl<S: AsyncRead + AsyncWrite> Client<S> {
    /// Gives the client an answer and hears its next turn. Both at once: it may speak before it has read all.
    async fn turn(&mut self, answer: &TcpAnswer, redacted: impl Fn(&Bytes) -> Bytes) -> io::Result<Turn> {
        let next = &answer.next;
        let (mut unsent, mut closes) = (answer.bytes.clone(), answer.closes);
        // How much of what was heard is as recorded, byte by byte.
        let mut same = 0;
        loop {
            if unsent.is_empty() && std::mem::take(&mut closes) {
                self.writer.shutdown().await?;
            }
            same +=
                self.heard[same..].iter().zip(&next[same..]).take_while(|(said, next)| said == next).count();
            let turn = if same == next.len() {
                Some(same)
            } else if same == self.heard.len() {
                None
            } else if is_in_secret(next, same) && self.heard.len() <= LARGEST_BODY {
                // Its length is not known: it is over when what was heard is, redacted, what was recorded.
                let heard = Bytes::copy_from_slice(&self.heard);
                (redacted(&heard) == next).then_some(heard.len())
            } else {
                return Ok(self.departs());
            };
            match turn {
                Some(0) if !self.heard.is_empty() => return Ok(self.departs()),
                Some(length) if length > 0 && unsent.is_empty() => {
                    return Ok(Turn::AsRecorded(self.heard.split_to(length).freeze()));
                }
                _ if self.ended && unsent.is_empty() && self.heard.is_empty() => return Ok(Turn::Over),
                _ if self.ended && unsent.is_empty() => return Ok(self.departs()),
                _ => {}
            }
            // Nothing beyond its turn is read before it has had the answer.
            let reads = !self.ended && (turn.is_none() || unsent.is_empty());
            self.heard.reserve(READ);
            if !self.held.hold(self.heard.capacity()) {
                return Ok(Turn::Full);
            }
            tokio::select! {
                read = self.reader.read_buf(&mut self.heard), if reads => self.ended = read? == 0,
                written = self.writer.write_buf(&mut unsent), if !unsent.is_empty() => {
                    if written? == 0 {
                        return Err(io::ErrorKind::WriteZero.into());
                    }
                }
            }
        }
    }

    fn departs(&mut self) -> Turn {
        Turn::Departs(self.heard.split().freeze())
    }
}

/// Whether what stands at a place of a recorded turn stands for a secret.
fn is_in_secret(next: &[u8], at: usize) -> bool {
    (at.saturating_sub(REDACTED.len() - 1)..=at).any(|start| next[start..].starts_with(REDACTED.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Memory;

    #[tokio::test]
    async fn a_turn_is_heard_within_the_memory_of_the_scope() {
        for (left, expected) in
            [(1 << 20, Turn::AsRecorded("x".repeat(50_000).into())), (40 << 10, Turn::Full)]
        {
            let (mut far, near) = tokio::io::duplex(1 << 20);
            far.write_all(&[b'x'; 50_000]).await.unwrap();
            let (reader, writer) = tokio::io::split(near);
            let held = Memory::with_left(left).reserve();
            let mut client = Client { reader, writer, heard: BytesMut::new(), ended: false, held };
            let answer = TcpAnswer { next: "x".repeat(50_000).into(), ..TcpAnswer::default() };
            assert_eq!(client.turn(&answer, Bytes::clone).await.unwrap(), expected);
        }
    }
}
