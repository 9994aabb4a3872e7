//! The lines and the manifest, as they are on disk. `docs/cassette.md` says the same to people; change both or none.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CassetteError;
use super::blobs::{BlobName, Blobs};
use crate::exchange::{
    Answer, Asked, Body, HttpAnswer, Key, LARGEST_BODY, PostgresAnswer, TcpAnswer, Timing,
};

/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// The names in the folder. There are no others.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const INTERACTIONS: &str = "interactions.jsonl";
pub(super) const TIMINGS: &str = "timings.jsonl";
pub(super) const BLOBS: &str = "blobs";

/// The largest manifest, in bytes.
pub(super) const LARGEST_MANIFEST: u64 = 16 << 20;
/// The longest line, in bytes: what is large lies in blobs, so only headers can make it long.
pub(super) const LONGEST_LINE: usize = 1 << 20;
/// What is written into the line itself, in bytes, so that a change of it is seen in a review.
const INLINE: usize = 4 << 10;
/// The longest label, in characters.
const LABEL: usize = 500;
/// The most pieces of a body that are kept apart.
const CHUNKS: usize = 1 << 16;

/// What a cassette is, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Of the format.
    pub version: u32,
    /// The digest of the rules under which it was recorded. Under others its keys mean nothing.
    pub rules_digest: String,
    /// The names of the classes, in the rules' order.
    pub classes: Vec<String>,
    /// The rules, resolved; for people.
    pub rules: Value,
    /// How many cases made requests.
    pub cases: u64,
    /// How many lines `interactions.jsonl` has.
    pub interactions: u64,
    /// How many bytes `interactions.jsonl` has.
    pub bytes: u64,
    /// How many blobs there are.
    pub blobs: u64,
    /// BLAKE3 over the manifest before this and the interactions, with `b3:` before its hexadecimal digits.
    pub seal: String,
}

const SEAL: &str = "  \"seal\": \"";

impl Manifest {
    /// The bytes of the file up to its seal, which are sealed.
    pub(super) fn head(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        let seal = text.rfind(SEAL).unwrap_or(text.len());
        text.truncate(seal);
        Ok(text)
    }

    /// The bytes of the file after its head.
    pub(super) fn tail(seal: blake3::Hash) -> String {
        format!("{SEAL}b3:{}\"\n}}\n", seal.to_hex())
    }

    /// Reads a manifest; what is wrong with it, otherwise. The second is its head.
    pub(super) fn parse(text: &[u8]) -> Result<(Self, &[u8]), ManifestError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let wrong = |error: serde_json::Error| ManifestError::Wrong(error.to_string());
        let Versioned { version } = serde_json::from_slice(text).map_err(wrong)?;
        if version != u64::from(VERSION) {
            return Err(ManifestError::Version(version));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(wrong)?;
        let tail = format!("{SEAL}{}\"\n}}\n", manifest.seal);
        let head = text.strip_suffix(tail.as_bytes());
        let head = head.ok_or_else(|| ManifestError::Wrong("it does not end with its seal".to_owned()))?;
        Ok((manifest, head))
    }
}

/// What is wrong with a manifest.
pub(super) enum ManifestError {
    Version(u64),
    Wrong(String),
}

/// A line of `interactions.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) case: Cow<'a, str>,
    pub(super) key: Key,
    pub(super) ordinal: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) class: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) aside: bool,
    #[serde(borrow)]
    pub(super) upstream: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) request: Request<'a>,
    #[serde(borrow)]
    pub(super) answer: Written<'a>,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request<'a> {
    #[serde(borrow)]
    pub(super) label: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) canonical: Payload<'a>,
}

/// Bytes: what a text protocol says is text in the line, anything else reads one character a byte, what is large is
/// elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Payload<'a> {
    /// In UTF-8.
    Text(#[serde(borrow)] Cow<'a, str>),
    /// Each character is the byte of its number.
    Latin1(#[serde(borrow)] Cow<'a, str>),
    Blob {
        name: BlobName,
        size: u64,
    },
}

/// An [`Answer`] without how it was cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Written<'a> {
    Http {
        status: u16,
        headers: Vec<(String, String)>,
        #[serde(borrow)]
        body: Payload<'a>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        trailers: Vec<(String, String)>,
    },
    Postgres {
        #[serde(borrow)]
        messages: Payload<'a>,
        state: char,
    },
    Redis(#[serde(borrow)] Payload<'a>),
    Tcp {
        #[serde(borrow)]
        bytes: Payload<'a>,
        #[serde(default, skip_serializing_if = "is_false")]
        closes: bool,
        #[serde(borrow)]
        next: Payload<'a>,
    },
}

/// A line of `timings.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimingLine<'a> {
    #[serde(borrow)]
    pub(super) case: Cow<'a, str>,
    pub(super) key: Key,
    pub(super) ordinal: u32,
    pub(super) first_us: u64,
    pub(super) last_us: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) chunks: Vec<usize>,
}

impl TimingLine<'_> {
    pub(super) fn timing(&self) -> Timing {
        Timing { first_us: self.first_us, last_us: self.last_us }
    }
}

impl<'a> Payload<'a> {
    /// Bytes as they are written. What is large is written to its blob at once.
    pub(super) fn of(bytes: &'a [u8], blobs: &Blobs) -> Result<Self, CassetteError> {
        if bytes.len() > INLINE {
            return Ok(Self::Blob { name: blobs.write(bytes)?, size: bytes.len() as u64 });
        }
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.into()),
            Err(_) => Self::Latin1(bytes.iter().copied().map(char::from).collect::<String>().into()),
        })
    }

    /// The bytes, where they are in the line; an error where they cannot be.
    pub(super) fn inline(&self) -> Result<Option<Cow<'_, [u8]>>, String> {
        match self {
            Self::Text(text) => Ok(Some(text.as_bytes().into())),
            Self::Latin1(text) => {
                let bytes = text.chars().map(u8::try_from).collect::<Result<Vec<u8>, _>>();
                let not = |_| "a `latin1` text has a character that is no byte".to_owned();
                bytes.map(|bytes| Some(bytes.into())).map_err(not)
            }
            Self::Blob { size, .. } if *size > LARGEST_BODY as u64 => {
                Err(format!("a blob of {size} bytes is larger than any body may be ({LARGEST_BODY})"))
            }
            Self::Blob { .. } => Ok(None),
        }
    }

    /// The bytes, wherever they are. `wrong` says where a bad payload stands.
    pub(super) fn bytes(
        &self,
        blobs: &Blobs,
        wrong: impl FnOnce(String) -> CassetteError,
    ) -> Result<Bytes, CassetteError> {
        match (self.inline().map_err(wrong)?, self) {
            (None, Self::Blob { name, size }) => blobs.read(*name, *size),
            (inline, _) => Ok(inline.map(|bytes| Bytes::from(bytes.into_owned())).unwrap_or_default()),
        }
    }

    pub(super) fn into_owned(self) -> Payload<'static> {
        match self {
            Self::Text(text) => Payload::Text(text.into_owned().into()),
            Self::Latin1(text) => Payload::Latin1(text.into_owned().into()),
            Self::Blob { name, size } => Payload::Blob { name, size },
        }
    }

    /// The blob that it names.
    pub(super) fn blob(&self) -> Option<(BlobName, u64)> {
        match self {
            Self::Blob { name, size } => Some((*name, *size)),
            _ => None,
        }
    }
}

impl<'a> Written<'a> {
    pub(super) fn of(answer: &'a Answer, blobs: &Blobs) -> Result<Self, CassetteError> {
        Ok(match answer {
            Answer::Http(http) => Self::Http {
                status: http.status,
                headers: http.headers.clone(),
                body: Payload::of(&http.body.bytes, blobs)?,
                trailers: http.trailers.clone(),
            },
            Answer::Postgres(PostgresAnswer { messages, state }) => {
                Self::Postgres { messages: Payload::of(messages, blobs)?, state: char::from(*state) }
            }
            Answer::Redis(reply) => Self::Redis(Payload::of(reply, blobs)?),
            Answer::Tcp(TcpAnswer { bytes, closes, next }) => Self::Tcp {
                bytes: Payload::of(bytes, blobs)?,
                closes: *closes,
                next: Payload::of(next, blobs)?,
            },
        })
    }

    pub(super) fn into_owned(self) -> Written<'static> {
        match self {
            Self::Http { status, headers, body, trailers } => {
                Written::Http { status, headers, body: body.into_owned(), trailers }
            }
            Self::Postgres { messages, state } => {
                Written::Postgres { messages: messages.into_owned(), state }
            }
            Self::Redis(reply) => Written::Redis(reply.into_owned()),
            Self::Tcp { bytes, closes, next } => {
                Written::Tcp { bytes: bytes.into_owned(), closes, next: next.into_owned() }
            }
        }
    }

    /// The bytes that it holds or names.
    pub(super) fn payloads(&self) -> [Option<&Payload<'a>>; 2] {
        match self {
            Self::Http { body, .. } => [Some(body), None],
            Self::Postgres { messages, .. } => [Some(messages), None],
            Self::Redis(reply) => [Some(reply), None],
            Self::Tcp { bytes, next, .. } => [Some(bytes), Some(next)],
        }
    }

    /// Whether it can be answered so, as far as the line says.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Postgres { state, .. } if !matches!(state, 'I' | 'T' | 'E') => {
                return Err(format!("`{state}` is no state of a transaction"));
            }
            Self::Http { status, .. } if !(100..1_000).contains(status) => {
                return Err(format!("{status} is no status of HTTP"));
            }
            _ => {}
        }
        self.payloads().into_iter().flatten().try_for_each(|payload| payload.inline().map(drop))
    }

    /// The answer. `chunks`: how its body was cut, where that is known; it is used where it fits.
    pub(super) fn answer(
        self,
        chunks: Vec<usize>,
        blobs: &Blobs,
        wrong: impl Fn(String) -> CassetteError,
    ) -> Result<Answer, CassetteError> {
        Ok(match self {
            Self::Http { status, headers, body, trailers } => {
                let bytes = body.bytes(blobs, wrong)?;
                let sum = chunks.iter().try_fold(0usize, |sum, chunk| sum.checked_add(*chunk));
                let chunks = if sum == Some(bytes.len()) { chunks } else { Vec::new() };
                Answer::Http(HttpAnswer { status, headers, body: Body { bytes, chunks }, trailers })
            }
            Self::Postgres { messages, state } => Answer::Postgres(PostgresAnswer {
                messages: messages.bytes(blobs, &wrong)?,
                state: u8::try_from(state).map_err(|_| wrong(format!("`{state}` is no state")))?,
            }),
            Self::Redis(reply) => Answer::Redis(reply.bytes(blobs, wrong)?),
            Self::Tcp { bytes, closes, next } => Answer::Tcp(TcpAnswer {
                bytes: bytes.bytes(blobs, &wrong)?,
                closes,
                next: next.bytes(blobs, &wrong)?,
            }),
        })
    }
}

/// How the body of an answer was cut: as many pieces as are kept, the rest in one.
pub(super) fn chunks(answer: &Answer) -> Vec<usize> {
    let Answer::Http(HttpAnswer { body, .. }) = answer else { return Vec::new() };
    let mut chunks = body.chunks.clone();
    if chunks.len() > CHUNKS {
        let rest = chunks.drain(CHUNKS - 1..).sum();
        chunks.push(rest);
    }
    chunks
}

/// The line of people about a request, cut.
pub(super) fn label(asked: &Asked) -> Cow<'_, str> {
    match asked.label.char_indices().nth(LABEL) {
        None => asked.label.as_str().into(),
        Some((end, _)) => format!("{}…", &asked.label[..end]).into(),
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}
