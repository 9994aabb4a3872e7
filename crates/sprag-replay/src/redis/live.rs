//! The upstream's side of a connection, while recording and verifying.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::READ;
use super::resp::{Command, ReplyEnd};
use crate::exchange::Timing;
use crate::proxy::{FULL, Reserved};

pub(super) struct Live {
    stream: TcpStream,
    input: BytesMut,
    held: Reserved,
}

impl Live {
    /// `held`: where the memory is counted that it takes.
    pub(super) fn new(stream: TcpStream, held: Reserved) -> Self {
        Self { stream, input: BytesMut::new(), held }
    }

    /// Sends commands and takes the reply to each. Gives back the last one: to a transaction, what its EXEC made.
    ///
    /// # Errors
    /// An upstream that went away or does not speak Redis, as a text.
    pub(super) async fn exchange(
        &mut self,
        commands: &[Command],
        since: Instant,
    ) -> Result<(Bytes, Timing), String> {
        if !self.input.is_empty() {
            return Err("it said something unasked".to_owned());
        }
        let mut first = None;
        let mut reply = Bytes::new();
        // One by one: many commands at once could fill the way there while the replies fill the way back.
        for command in commands {
            self.stream.write_all(&command.raw).await.map_err(|error| error.to_string())?;
            reply = self.reply(&mut first).await?;
        }
        let micros = |at: Instant| at.duration_since(since).as_micros().try_into().unwrap_or(u64::MAX);
        let now = Instant::now();
        Ok((reply, Timing { first_us: micros(first.unwrap_or(now)), last_us: micros(now) }))
    }

    async fn reply(&mut self, first: &mut Option<Instant>) -> Result<Bytes, String> {
        let mut end = ReplyEnd::default();
        loop {
            match end.find(&self.input).map_err(|what| format!("its reply is no Redis: {what}"))? {
                Some(length) => return Ok(self.input.split_to(length).freeze()),
                None => self.input.reserve(READ),
            }
            if !self.held.hold(self.input.capacity()) {
                return Err(FULL.to_owned());
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) => return Err("it closed the connection before it had answered".to_owned()),
                Ok(_) => first.get_or_insert_with(Instant::now),
                Err(error) => return Err(error.to_string()),
            };
        }
    }
}
