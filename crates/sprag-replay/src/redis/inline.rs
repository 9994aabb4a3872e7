//! Commands typed by hand: words on a line, as `nc` and health checks send them.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use super::resp::{Command, Malformed};

/// What stands at the start of the buffer.
pub(super) enum Line {
    /// More has to come.
    Unfinished,
    /// Nothing, and it is taken out.
    Empty,
    /// A command, and it is taken out.
    Command(Command),
}

/// Takes one line out of a buffer that is not empty.
///
/// # Errors
/// A line longer than `longest` bytes, quotes that do not close, another protocol.
pub(super) fn take(buffer: &mut BytesMut, longest: usize) -> Result<Line, Malformed> {
    match buffer[0] {
        0x16 => return Err(Malformed("the client speaks TLS: the port speaks plain Redis")),
        first if !first.is_ascii_graphic() && !first.is_ascii_whitespace() => {
            return Err(Malformed("neither a command nor a line of text"));
        }
        _ => {}
    }
    let line = match memchr(b'\n', buffer) {
        Some(length) if length <= longest => buffer.split_to(length + 1).freeze(),
        None if buffer.len() <= longest => return Ok(Line::Unfinished),
        _ => return Err(Malformed("a line longer than 64 KiB")),
    };
    let arguments = words(&line).ok_or(Malformed("unbalanced quotes in a line"))?;
    match arguments.last() {
        None => Ok(Line::Empty),
        Some(last) if last.starts_with(b"HTTP/1.") => {
            Err(Malformed("the client speaks HTTP: give that upstream a port as http://"))
        }
        Some(_) => Ok(Line::Command(Command { raw: line, arguments })),
    }
}

/// The words of a line. As in Redis: `"…"` with escapes, `'…'` with `\'` only; `None` where quotes do not close, or where
/// something follows them at once.
fn words(mut line: &[u8]) -> Option<Vec<Bytes>> {
    let mut words = Vec::new();
    loop {
        line = line.trim_ascii_start();
        if line.is_empty() {
            return Some(words);
        }
        let mut word = Vec::new();
        while let Some(&first) = line.first().filter(|first| !first.is_ascii_whitespace()) {
            line.advance(1);
            match first {
                b'"' | b'\'' => {
                    quoted(first, &mut line, &mut word)?;
                    line.first().is_none_or(u8::is_ascii_whitespace).then_some(())?;
                }
                plain => word.push(plain),
            }
        }
        words.push(word.into());
    }
}

/// What stands up to the closing quote.
fn quoted(quote: u8, line: &mut &[u8], word: &mut Vec<u8>) -> Option<()> {
    loop {
        let (byte, length) = match (quote, *line) {
            (_, [end, ..]) if *end == quote => {
                line.advance(1);
                return Some(());
            }
            (b'"', [b'\\', b'x', high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (nibble(*high) << 4 | nibble(*low), 4)
            }
            (b'"', [b'\\', escaped, ..]) => (unescaped(*escaped), 2),
            (_, [b'\\', b'\'', ..]) => (b'\'', 2),
            (_, [plain, ..]) => (*plain, 1),
            (_, []) => return None,
        };
        word.push(byte);
        line.advance(length);
    }
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase() - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<Vec<String>> {
        let words = words(line.as_bytes())?;
        Some(words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }

    #[test]
    fn quotes_hold_a_word_together() {
        assert_eq!(split("  SET  a\t'b c'\r\n").unwrap(), ["SET", "a", "b c"]);
        assert_eq!(split(r#"SET "a\n\x41\"" 'it\'s' """#).unwrap(), ["SET", "a\nA\"", "it's", ""]);
        assert_eq!(split(" \r\n").unwrap(), [""; 0]);
    }

    #[test]
    fn quotes_that_do_not_close_are_refused() {
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\"] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn other_protocols_are_told_by_their_first_bytes() {
        for bytes in [&b"\x16\x03\x01\x02\x00"[..], b"GET / HTTP/1.1\r\n", b"\0\0\0\x08\x04\xd2\x16\x2f"] {
            assert!(take(&mut BytesMut::from(bytes), 1 << 10).is_err(), "{bytes:?}");
        }
    }
}
