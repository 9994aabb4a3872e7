//! One exchange with the outside: what was asked, in the form by which it is recognised, and what was answered.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The largest body of a request or an answer, in bytes. Above it the exchange is refused and the run latched.
pub const LARGEST_BODY: usize = 64 << 20;

/// What a request is recognised by: the first 128 bits of the BLAKE3 hash of its canonical form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(u128);

impl Key {
    /// Of a canonical form.
    pub fn of(canonical: &[u8]) -> Self {
        let mut first = [0; 16];
        first.copy_from_slice(&blake3::hash(canonical).as_bytes()[..16]);
        Self(u128::from_be_bytes(first))
    }

    /// A number from 0 to 1, evenly spread over keys.
    pub(crate) fn share(self) -> f64 {
        self.0 as f64 / u128::MAX as f64
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for Key {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // One spelling for each key.
        let plain = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let parsed = u128::from_str_radix(&text, 16).ok().filter(|_| plain);
        parsed.map(Self).ok_or("not a key: expected 32 lower-case hex digits")
    }
}

/// A request as it is looked up, recorded and counted: redacted, and without what the rules call volatile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Where it was going: `https://api.example.com`, `postgres://127.0.0.1:5432`.
    pub upstream: String,
    /// One line for people: `POST /v1/embeddings`, the SQL, the Redis command. Redacted.
    pub label: String,
    /// What is hashed into the [`Key`]: text wherever the protocol is text, so that a cassette can be read and compared.
    pub canonical: Bytes,
    /// The class that counts it, as an index into the rules' classes; `None` where no class matches.
    pub class: Option<usize>,
    /// How many things it asks for at once, by the class's rule; 1 without one.
    pub items: u64,
    /// Its size as the application sent it, in bytes.
    pub bytes: u64,
    /// It is about the connection and not the application's work, such as the description of a prepared statement: found
    /// whatever the case, as often as it is asked, and not counted.
    pub aside: bool,
    /// What tells it from others with the same canonical form: a hash of the parameters that are taken for secrets by names
    /// that may mean something else, `key` and `token`; 0 without any. Only compared while recording, and never written.
    pub masked: u64,
}

impl Asked {
    /// What it is recognised by.
    pub fn key(&self) -> Key {
        Key::of(&self.canonical)
    }
}

/// The bytes of a body, and how they were cut when they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Body {
    /// All of it.
    pub bytes: Bytes,
    /// The lengths of the pieces, where there was more than one. Their sum is the length of `bytes`.
    pub chunks: Vec<usize>,
}

impl Body {
    /// Of one piece.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), chunks: Vec::new() }
    }

    /// Of pieces, in order.
    pub fn of_chunks(pieces: &[Bytes]) -> Self {
        match pieces {
            [one] => Self::whole(one.clone()),
            _ => Self { bytes: pieces.concat().into(), chunks: pieces.iter().map(Bytes::len).collect() },
        }
    }

    /// The pieces, in order; none where the body is empty.
    pub fn pieces(&self) -> Vec<Bytes> {
        if self.chunks.is_empty() {
            return Some(self.bytes.clone()).filter(|bytes| !bytes.is_empty()).into_iter().collect();
        }
        let mut at = 0;
        let piece = |length: &usize| {
            let end = (at + length).min(self.bytes.len());
            let piece = self.bytes.slice(at..end);
            at = end;
            piece
        };
        self.chunks.iter().map(piece).collect()
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Over HTTP, of any version; gRPC too, whose status is in the trailers.
    Http(HttpAnswer),
    /// PostgreSQL.
    Postgres(PostgresAnswer),
    /// Redis: one reply, framed as on the wire.
    Redis(Bytes),
    /// Any other protocol: the upstream's turn.
    Tcp(TcpAnswer),
}

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpAnswer {
    /// Such as 200.
    pub status: u16,
    /// In the order and spelling in which they came, without those of the connection (Connection, Transfer-Encoding, …)
    /// and without Date.
    pub headers: Vec<(String, String)>,
    /// As it came, still encoded where it was (gzip, br).
    pub body: Body,
    /// After the body.
    pub trailers: Vec<(String, String)>,
}

/// An answer of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostgresAnswer {
    /// The backend's messages, framed as on the wire, without ReadyForQuery.
    pub messages: Bytes,
    /// The state of the transaction afterwards, as ReadyForQuery says it: `I`, `T` or `E`.
    pub state: u8,
}

/// The upstream's turn in a conversation of which only the bytes are known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TcpAnswer {
    /// What it sent, until the client spoke again. How the network cut it is not kept.
    pub bytes: Bytes,
    /// It closed its side afterwards, and before the client did.
    pub closes: bool,
    /// What the client says in its next turn, without which the conversation does not go on; empty where it said nothing
    /// more.
    pub next: Bytes,
}

/// How long an answer took when it was recorded, from the end of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timing {
    /// Until the first byte, in microseconds.
    pub first_us: u64,
    /// Until the last byte, in microseconds.
    pub last_us: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_keeps_its_pieces() {
        let pieces = [Bytes::from("ab"), Bytes::from("c"), Bytes::new(), Bytes::from("def")];
        let body = Body::of_chunks(&pieces);
        assert_eq!(&body.bytes[..], b"abcdef");
        assert_eq!(body.pieces(), pieces);
        assert!(Body::default().pieces().is_empty());
        assert_eq!(Body::whole("x").pieces(), [Bytes::from("x")]);
    }

    #[test]
    fn a_key_has_one_spelling() {
        let key = Key::of(b"GET /");
        assert_eq!(Key::try_from(key.to_string()), Ok(key));
        assert!(Key::try_from(key.to_string().to_uppercase()).is_err());
        assert!(Key::try_from("+1".to_owned()).is_err());
    }
}
