//! Bytes as text from which they can be told: for canonical forms that people read and compare.

use std::fmt::Write;

use memchr::memchr;

/// Bytes that are no text are written out up to this length, in bytes; above it they are named by their hash.
const LONGEST_BINARY: usize = 1 << 10;

/// Appends bytes as one line of text. Different bytes give different text.
pub(crate) fn escape(bytes: &[u8], line: &mut String) {
    let is_text = std::str::from_utf8(bytes).is_ok() && memchr(0, bytes).is_none();
    if !is_text && bytes.len() > LONGEST_BINARY {
        // No other text has a backslash before a bracket.
        _ = write!(line, "\\({} bytes, BLAKE3 {})", bytes.len(), blake3::hash(bytes).to_hex());
        return;
    }
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => line.push_str("\\\\"),
                '\n' => line.push_str("\\n"),
                '\r' => line.push_str("\\r"),
                '\t' => line.push_str("\\t"),
                c if c.is_control() => hex(c.encode_utf8(&mut [0; 4]).as_bytes(), line),
                c => line.push(c),
            }
        }
        hex(chunk.invalid(), line);
    }
}

/// The same, for labels: cut after so many characters.
pub(crate) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn hex(bytes: &[u8], line: &mut String) {
    for byte in bytes {
        _ = write!(line, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut line = String::new();
        escape(bytes, &mut line);
        line
    }

    /// What [`escape`] wrote, read back.
    fn unescaped(line: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = line.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match (first, after) {
                (b'\\', [b'x', high, low, after @ ..]) => {
                    let digits = [*high, *low];
                    bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                    rest = after;
                }
                (b'\\', [escape, after @ ..]) => {
                    bytes.push(match escape {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        other => *other,
                    });
                    rest = after;
                }
                (plain, _) => bytes.push(*plain),
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn bytes_can_be_told_from_their_text(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let line = escaped(&bytes);
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert_eq!(unescaped(&line), bytes);
        }

        #[test]
        fn text_stays_text(text in "[ -\\[\\]-~äöü€😀]{0,50}") {
            prop_assert_eq!(escaped(text.as_bytes()), text);
        }
    }

    #[test]
    fn what_is_long_and_no_text_is_named_by_its_hash() {
        let zeros = vec![0; 1 << 20];
        assert!(escaped(&zeros).starts_with("\\(1048576 bytes, BLAKE3 "));
        assert_ne!(escaped(&zeros), escaped(&vec![1; 1 << 20]));
        assert_eq!(escaped(&vec![b'a'; 1 << 20]).len(), 1 << 20);
    }

    #[test]
    fn a_cut_falls_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 2), "äö…");
    }
}
