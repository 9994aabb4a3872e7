//! Where commands and replies end. What a reply says is nobody's business here: only how long it is.
//!
//! Both readers go on where they stood when more bytes come, so that every byte is looked at once, however the network cut
//! them, and they keep no more than the bytes themselves and one number for each argument or level.

use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use super::inline;
use crate::exchange::LARGEST_BODY;

/// The longest line, in bytes: an inline command, a status, an error, a length. Redis's own limit.
const LONGEST_LINE: usize = 64 << 10;
/// The most arguments of a command, as in Redis.
pub(super) const MOST_ARGUMENTS: usize = 1 << 20;
/// How deep a reply may be nested.
const DEEPEST: usize = 128;

/// Bytes that are no RESP, or too many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) &'static str);

const TOO_LARGE: Malformed = Malformed("longer than 64 MiB");
const TOO_LONG: Malformed = Malformed("a line longer than 64 KiB");
const NO_LINE_END: Malformed = Malformed("a line or a string does not end with CR LF");

/// A command as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Its bytes.
    pub(super) raw: Bytes,
    /// Its name and what follows; at least one.
    pub(super) arguments: Vec<Bytes>,
}

impl Command {
    /// The name in upper case.
    pub(super) fn name(&self) -> Vec<u8> {
        self.arguments[0].to_ascii_uppercase()
    }
}

/// Reads commands from bytes that come piece by piece.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Where to go on.
    at: usize,
    /// How many arguments of the command under way are still to come.
    missing: usize,
    arguments: Vec<Range<usize>>,
}

impl Commands {
    /// Takes the first command out of `buffer`; `None` until it is whole.
    ///
    /// # Errors
    /// What is no command. Nothing after it can be understood.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Command>, Malformed> {
        while self.missing == 0 {
            match buffer.first() {
                None => return Ok(None),
                Some(b'*') => {
                    let Some(end) = line_end(buffer, 0)? else { return Ok(None) };
                    match number(&buffer[1..end - 2])? {
                        // Redis says nothing to a command without a name.
                        None | Some(0) => buffer.advance(end),
                        Some(count) if count > MOST_ARGUMENTS => {
                            return Err(Malformed("a command of more than 1,048,576 arguments"));
                        }
                        Some(count) => (self.at, self.missing) = (end, count),
                    }
                }
                Some(_) => match inline::take(buffer, LONGEST_LINE)? {
                    inline::Line::Unfinished => return Ok(None),
                    inline::Line::Empty => {}
                    inline::Line::Command(command) => return Ok(Some(command)),
                },
            }
        }
        while self.missing > 0 {
            match buffer.get(self.at) {
                None => return Ok(None),
                Some(b'$') => {}
                Some(_) => return Err(Malformed("an argument does not start with `$`")),
            }
            let Some(start) = line_end(buffer, self.at)? else { return Ok(None) };
            let length = number(&buffer[self.at + 1..start - 2])?;
            let length = length.ok_or(Malformed("an argument of a negative length"))?;
            let Some(end) = string_end(buffer, start, length)? else { return Ok(None) };
            self.arguments.push(start..start + length);
            self.missing -= 1;
            self.at = end;
        }
        let raw = buffer.split_to(self.at).freeze();
        let arguments = self.arguments.drain(..).map(|range| raw.slice(range)).collect();
        self.at = 0;
        Ok(Some(Command { raw, arguments }))
    }
}

/// Finds where a reply ends in bytes that come piece by piece.
#[derive(Debug, Default)]
pub(super) struct ReplyEnd {
    at: usize,
    /// How many values are still to come, at each level.
    open: Vec<usize>,
}

impl ReplyEnd {
    /// How long the reply is that `buffer` starts with; `None` until it is whole.
    ///
    /// # Errors
    /// What is no reply.
    pub(super) fn find(&mut self, buffer: &[u8]) -> Result<Option<usize>, Malformed> {
        loop {
            let Some(&kind) = buffer.get(self.at) else { return Ok(None) };
            let Some(end) = line_end(buffer, self.at)? else { return Ok(None) };
            let line = &buffer[self.at + 1..end - 2];
            let mut values = 0;
            self.at = match kind {
                b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => end,
                b'$' | b'!' | b'=' => match number(line)? {
                    None => end,
                    Some(length) => match string_end(buffer, end, length)? {
                        None => return Ok(None),
                        Some(end) => end,
                    },
                },
                b'>' if self.open.is_empty() => return Err(Malformed("a push message, unasked")),
                b'*' | b'~' | b'>' | b'%' | b'|' => {
                    let count = number(line)?.unwrap_or(0);
                    values = match kind {
                        b'%' => 2 * count,
                        // Attributes come before the value that they are of.
                        b'|' => 2 * count + 1,
                        _ => count,
                    };
                    end
                }
                _ => return Err(Malformed("a value of an unknown type")),
            };
            if self.at > LARGEST_BODY {
                return Err(TOO_LARGE);
            }
            if values > 0 {
                if self.open.len() == DEEPEST {
                    return Err(Malformed("nested deeper than 128 levels"));
                }
                self.open.push(values);
                continue;
            }
            while let Some(values) = self.open.last_mut() {
                *values -= 1;
                if *values > 0 {
                    break;
                }
                self.open.pop();
            }
            if self.open.is_empty() {
                return Ok(Some(std::mem::take(&mut self.at)));
            }
        }
    }
}

/// Where the line at `start` ends, after its CR LF; `None` until it is whole.
fn line_end(buffer: &[u8], start: usize) -> Result<Option<usize>, Malformed> {
    match memchr(b'\n', &buffer[start..]) {
        Some(length) if length > LONGEST_LINE => Err(TOO_LONG),
        Some(length) if length >= 2 && buffer[start + length - 1] == b'\r' => Ok(Some(start + length + 1)),
        Some(_) => Err(NO_LINE_END),
        None if buffer.len() - start > LONGEST_LINE => Err(TOO_LONG),
        None if start > LARGEST_BODY => Err(TOO_LARGE),
        None => Ok(None),
    }
}

/// Where the string at `start` ends, after its CR LF; `None` until it is whole.
fn string_end(buffer: &[u8], start: usize, length: usize) -> Result<Option<usize>, Malformed> {
    let end = start + length;
    if end > LARGEST_BODY {
        return Err(TOO_LARGE);
    }
    match buffer.get(end..end + 2) {
        None => Ok(None),
        Some(b"\r\n") => Ok(Some(end + 2)),
        Some(_) => Err(NO_LINE_END),
    }
}

/// A length, at most that of the largest body; `None` for −1.
fn number(digits: &[u8]) -> Result<Option<usize>, Malformed> {
    match digits {
        b"-1" => Ok(None),
        [] => Err(Malformed("a length is missing")),
        _ if digits.len() > 10 => Err(TOO_LARGE),
        _ => {
            let digit = |sum: Option<usize>, digit: &u8| {
                Some(sum? * 10 + usize::from(digit.is_ascii_digit().then(|| digit - b'0')?))
            };
            let length = digits.iter().fold(Some(0), digit).ok_or(Malformed("a length is not a number"))?;
            if length > LARGEST_BODY { Err(TOO_LARGE) } else { Ok(Some(length)) }
        }
    }
}

#[cfg(test)]
mod tests;
