//! The application's side of a connection: commands come in, replies go out, and neither waits for the other.
//!
//! A client may send many commands before it reads the first reply. Replies that it has not read yet are kept, up to the
//! size of the largest body; then no more of its commands are read until it has.

use std::io;
use std::pin::pin;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::resp::{Command, Commands};
use crate::exchange::LARGEST_BODY;
use crate::proxy::{FULL, Reserved};

/// How much is read at once, in bytes.
pub(super) const READ: usize = 16 << 10;

pub(super) struct Client<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    input: BytesMut,
    output: BytesMut,
    commands: Commands,
    /// It sends nothing more; it may still read.
    ended: bool,
    /// The memory that all of it takes.
    held: Reserved,
    /// There was no memory for a reply: it is not said, and nothing more is heard.
    full: bool,
}

impl<S: AsyncRead + AsyncWrite> Client<S> {
    /// `held`: where the memory is counted that it takes.
    pub(super) fn new(stream: S, held: Reserved) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            writer,
            input: BytesMut::new(),
            output: BytesMut::new(),
            commands: Commands::default(),
            ended: false,
            held,
            full: false,
        }
    }

    /// The next command; `None` when there are no more. The outer error is the client's end, the inner one what is not let
    /// through.
    pub(super) async fn command(&mut self) -> io::Result<Result<Option<Command>, String>> {
        loop {
            self.input.reserve(READ);
            if self.full || !self.held.hold(self.input.capacity() + self.output.capacity()) {
                return Ok(Err(FULL.to_owned()));
            }
            let has_room = self.output.len() < LARGEST_BODY;
            if has_room {
                match self.commands.next(&mut self.input) {
                    Ok(None) if !self.ended => {}
                    Ok(found) => return Ok(Ok(found)),
                    Err(malformed) => {
                        return Ok(Err(format!("what the client sent is no Redis: {malformed}")));
                    }
                }
            }
            tokio::select! {
                read = self.reader.read_buf(&mut self.input), if has_room => self.ended = read? == 0,
                written = self.writer.write_buf(&mut self.output), if !self.output.is_empty() => {
                    wrote(written)?;
                }
            }
        }
    }

    /// Has something to say, in due course.
    pub(super) fn say(&mut self, reply: &[u8]) {
        // What is small is said in any case: why the connection ends is among it.
        let bytes = self.input.capacity() + self.output.len() + reply.len();
        if !self.held.hold(bytes) && reply.len() > READ {
            self.full = true;
            return;
        }
        self.output.extend_from_slice(reply);
    }

    /// Lets the client have what was said to it while something else is done.
    pub(super) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> io::Result<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                written = self.writer.write_buf(&mut self.output), if !self.output.is_empty() => {
                    wrote(written)?;
                }
            }
        }
    }

    /// Says all that is left to say, and that it was all.
    pub(super) async fn finish(mut self) -> io::Result<()> {
        self.writer.write_all_buf(&mut self.output).await?;
        self.writer.shutdown().await
    }
}

fn wrote(written: io::Result<usize>) -> io::Result<()> {
    match written? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Memory;

    #[tokio::test]
    async fn neither_commands_nor_replies_grow_beyond_the_memory_of_the_scope() {
        let (mut far, near) = tokio::io::duplex(1 << 10);
        let mut client = Client::new(near, Memory::with_left(100 << 10).reserve());
        far.write_all(b"PING\r\n").await.unwrap();
        assert!(matches!(client.command().await, Ok(Ok(Some(_)))));
        client.say(&[b'x'; 200 << 10]);
        assert_eq!(client.output.len(), 0);
        assert_eq!(client.command().await.unwrap(), Err(FULL.to_owned()));

        let (mut far, near) = tokio::io::duplex(1 << 20);
        let mut client = Client::new(near, Memory::with_left(100 << 10).reserve());
        far.write_all(format!("*2\r\n$3\r\nGET\r\n$204800\r\n{}", "k".repeat(204_800)).as_bytes())
            .await
            .unwrap();
        assert_eq!(client.command().await.unwrap(), Err(FULL.to_owned()));
    }
}
