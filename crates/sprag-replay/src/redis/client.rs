//! The application's side of a connection: commands come in, replies go out, and neither waits for the other.
//!
//! A client may send many commands before it reads the first reply. Replies that it has not read yet are kept, up to the
//! size of the largest body; then no more of its commands are read until it has.

use std::io;
use std::pin::pin;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::resp::{Command, Commands, Malformed};
use crate::exchange::LARGEST_BODY;

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
}

impl<S: AsyncRead + AsyncWrite> Client<S> {
    pub(super) fn new(stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            writer,
            input: BytesMut::new(),
            output: BytesMut::new(),
            commands: Commands::default(),
            ended: false,
        }
    }

    /// The next command; `None` when there are no more.
    pub(super) async fn command(&mut self) -> io::Result<Result<Option<Command>, Malformed>> {
        loop {
            let has_room = self.output.len() < LARGEST_BODY;
            if has_room {
                match self.commands.next(&mut self.input) {
                    Ok(None) if !self.ended => {}
                    found => return Ok(found),
                }
            }
            self.input.reserve(READ);
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
