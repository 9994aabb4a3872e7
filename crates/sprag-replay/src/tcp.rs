//! Any other protocol over TCP, as a strict script: only the bytes are known, and the order of turns.
//!
//! A conversation is a row of turns. In its turn the client says something, perhaps in many pieces, and the upstream
//! answers; the turn ends when the client speaks again after at least one byte of the answer. Turn 0 is that of a
//! connection just made: the client has said nothing yet, and some upstreams speak first.
//!
//! Each turn is one request. Its canonical form is
//! ```text
//! tcp://127.0.0.1:7000
//! after <hash of all that was said before, by both sides>
//! <what the client says, escaped, as one line>
//! ```
//! and turn 0 has `connection <number>` on its second line and no third: the first, second, … connection to that upstream
//! that was made in the case. The answer ([`TcpAnswer`]) is what the upstream sent, and what the client says next. So the
//! number decides which of the recorded conversations is played, and from there each turn leads to the next.
//!
//! In replay the client's bytes are compared with those of its next turn as they come, as a stream: how the network cuts or
//! joins them does not matter. The first byte that differs is a miss and ends the connection. Connections of one case must
//! therefore be made in a fixed order, or say the same. Counted are the turns; turn 0 counts as a call of no items, so that
//! a class's items are how often the client spoke.
//!
//! A protocol that is not known has no places where secrets are known to be: only expressions of the settings
//! (`[[replay.redact]] body`) find some. Hashes and keys are made from what they leave. Where the script has a secret, what
//! the client says is compared by the same expressions, from the start of its turn.

mod live;
mod play;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::desk::{Connection, Reply};
use crate::escape::{cut, escape};
use crate::exchange::{Asked, TcpAnswer};
use crate::proxy::{Memory, Port};

/// The longest label, in characters.
const LABEL: usize = 200;
/// How much is read at once, in bytes.
const READ: usize = 16 << 10;

/// Answers one connection of the application, until it or the proxy ends it.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite>(
    stream: S,
    connection: Connection,
    port: &Port,
    memory: &Memory,
) {
    let held = memory.reserve();
    let mut script = Script::new(&connection, port);
    // An error is that of a client that went away: nobody is left to be told.
    _ = match connection.ask(script.connects()) {
        Reply::Play(played) => play::play(stream, script, played, held).await,
        Reply::Forward(ticket) => live::carry(stream, script, ticket, held).await,
        // Latched; and in a protocol that is not known nothing can be said but the end.
        Reply::Refuse(_) => Ok(()),
    };
}

/// What was said so far on a connection.
struct Script<'a> {
    connection: &'a Connection,
    port: &'a Port,
    /// As it is written.
    upstream: String,
    said: blake3::Hasher,
    /// The class of the last turn.
    class: Option<usize>,
}

impl<'a> Script<'a> {
    fn new(connection: &'a Connection, port: &'a Port) -> Self {
        Self {
            connection,
            port,
            upstream: port.upstream.to_string(),
            said: blake3::Hasher::new(),
            class: None,
        }
    }

    /// The client has connected.
    fn connects(&mut self) -> Asked {
        let label = format!("connection {}", self.connection.number());
        self.note(label.as_bytes());
        let mut asked = self.asked(&label, format!("{}\n{label}\n", self.upstream), 0);
        asked.items = 0;
        self.class = asked.class;
        asked
    }

    /// The client has had its turn.
    fn turn(&mut self, said: &Bytes) -> Asked {
        let redacted = self.redacted(said);
        let mut asked = self.turn_and(&redacted, "");
        asked.bytes = said.len() as u64;
        self.class = asked.class;
        self.note(&redacted);
        asked
    }

    /// The client says what is not in the script.
    fn departs(&self, said: &Bytes, expected: &[u8]) -> Asked {
        let mut instead = String::from("instead of\n");
        match expected {
            [] => instead.push_str("nothing more"),
            _ => escape(expected, &mut instead),
        }
        instead.push('\n');
        self.turn_and(&self.redacted(said), &instead)
    }

    fn turn_and(&self, said: &[u8], more: &str) -> Asked {
        let mut line = String::new();
        escape(said, &mut line);
        let before = self.said.finalize().to_hex();
        let canonical = format!("{}\nafter {}\n{line}\n{more}", self.upstream, &before[..32]);
        self.asked(&cut(&line, LABEL), canonical, said.len() as u64)
    }

    fn asked(&self, label: &str, canonical: String, bytes: u64) -> Asked {
        let rules = self.connection.desk().rules();
        rules.statement(&self.upstream, &self.port.name, label, canonical, bytes)
    }

    /// The upstream has had its turn.
    fn answered(&mut self, answer: &TcpAnswer) {
        self.note(&self.redacted(&answer.bytes));
        self.note(&[u8::from(answer.closes)]);
    }

    /// As it may be written.
    fn redacted(&self, said: &Bytes) -> Bytes {
        self.connection.desk().rules().redact_bytes(self.class, said.clone())
    }

    fn note(&mut self, part: &[u8]) {
        self.said.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
}
