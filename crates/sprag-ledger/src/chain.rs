//! The chain: each line carries the hash of the one before and of itself.
//!
//! A line ends with `,"v":1,"seq":N,"prev":"b3:…","hash":"b3:…"}`. The hash is BLAKE3 over all bytes of the line
//! before its last `,"hash":`; the first line's `prev` is zeros. The chain shows edits, not a full rewrite: against
//! that, keep the head elsewhere.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The version that this crate writes, and the newest that it understands.
pub const VERSION: u32 = 1;

/// The hash of a line. Written as `b3:` and 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first line of a session has before it.
    pub const ZERO: Self = Self([0; 32]);

    /// Of bytes: the same function names blobs, contracts and lines.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b3:{}", blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: expected `b3:` and 64 lower-case hex digits")]
pub struct HashError;

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("b3:").ok_or(HashError)?;
        // One spelling for each hash: otherwise a changed digit's case would go unseen.
        let digits: &[u8; 64] = digits.as_bytes().try_into().map_err(|_| HashError)?;
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(hash))
    }
}

fn nibble(digit: u8) -> Result<u8, HashError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(HashError),
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A line's place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The version of the line's format.
    pub v: u32,
    /// The line's number in its session, from 0.
    pub seq: u64,
    /// The hash of the line before.
    pub prev: Hash,
    /// The hash of this line.
    pub hash: Hash,
}

/// Closes a JSON object, given without its last brace, into a line of the chain (without its newline).
pub(crate) fn seal(open_object: &str, seq: u64, prev: Hash) -> (String, Stamp) {
    let mut line = format!("{open_object},\"v\":{VERSION},\"seq\":{seq},\"prev\":\"{prev}\"");
    let hash = Hash::of(line.as_bytes());
    line.push_str(&format!(",\"hash\":\"{hash}\"}}"));
    (line, Stamp { v: VERSION, seq, prev, hash })
}

const HASH_KEY: &[u8] = b",\"hash\":\"";
const PREV_KEY: &[u8] = b",\"prev\":\"";
const HASH_LENGTH: usize = 3 + 64;
/// From the comma before `"hash"` to the end of the line.
const HASH_TAIL: usize = HASH_KEY.len() + HASH_LENGTH + 2;

/// Splits a line that ends exactly as [`seal`] writes it: the object without its last brace, and the stamp.
pub(crate) fn unseal(line: &[u8]) -> Option<(&[u8], Stamp)> {
    let (rest, tail) = line.split_at_checked(line.len().checked_sub(HASH_TAIL)?)?;
    let hash = parse_hash(tail.strip_prefix(HASH_KEY)?.strip_suffix(b"\"}")?)?;
    let (rest, tail) = rest.split_at_checked(rest.len().checked_sub(PREV_KEY.len() + HASH_LENGTH + 1)?)?;
    let prev = parse_hash(tail.strip_prefix(PREV_KEY)?.strip_suffix(b"\"")?)?;
    let (rest, seq) = split_number(rest, b",\"seq\":")?;
    let (rest, v) = split_number(rest, b",\"v\":")?;
    Some((rest, Stamp { v: v.try_into().ok()?, seq, prev, hash }))
}

/// The hash that a sealed line should carry.
pub(crate) fn recompute(line: &[u8]) -> Option<Hash> {
    Some(Hash::of(line.get(..line.len().checked_sub(HASH_TAIL)?)?))
}

fn parse_hash(bytes: &[u8]) -> Option<Hash> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn split_number<'a>(bytes: &'a [u8], key: &[u8]) -> Option<(&'a [u8], u64)> {
    let digits = bytes.iter().rev().take(20).take_while(|b| b.is_ascii_digit()).count();
    let (rest, number) = bytes.split_at(bytes.len() - digits);
    Some((rest.strip_suffix(key)?, std::str::from_utf8(number).ok()?.parse().ok()?))
}
