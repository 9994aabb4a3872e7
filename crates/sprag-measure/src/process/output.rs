//! What people and agents are shown of an output: its end, short and harmless.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use camino::Utf8Path;

const LINES: usize = 10;
const BYTES: u64 = 4096;

/// The last 10 lines of a file, at most 4 KB, [`sanitized`]. Empty where it cannot be read.
pub fn capped(path: &Utf8Path) -> String {
    let tail = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
        let mut bytes = Vec::new();
        file.take(BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = sanitized(&tail().unwrap_or_default());
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Text without what moves a terminal's cursor, hides or reorders: escape sequences, control characters but for
/// newline and tab, bidirectional overrides. Bytes that are no UTF-8 become `�`.
pub fn sanitized(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => clean.push(c),
            '\r' => {
                if rest.peek() != Some(&'\n') {
                    clean.push('\n');
                }
            }
            '\u{1b}' => skip_escape(&mut rest),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {}
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean
}

/// Skips a control sequence (`ESC [ … letter`) or an operating system command (`ESC ] … BEL`), never past the line.
fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let ends: fn(char) -> bool = match rest.peek() {
        Some('[') => |c| ('@'..='~').contains(&c),
        Some(']' | 'P' | '^' | '_' | 'X') => |c| matches!(c, '\u{7}' | '\\'),
        _ => return,
    };
    rest.next();
    while let Some(&c) = rest.peek() {
        if c == '\n' {
            return;
        }
        rest.next();
        if ends(c) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_overrides_disappear() {
        let hostile = b"\x1b[31mred\x1b[0m \x1b]0;title\x07ok \xff\x00\x08 \xe2\x80\xaeevil\rnext\x1b[2K\n";
        assert_eq!(sanitized(hostile), "red ok \u{fffd} evil\nnext\n");
    }

    #[test]
    fn an_unfinished_sequence_ends_with_its_line() {
        assert_eq!(sanitized(b"\x1b]0;never ends\nvisible"), "\nvisible");
    }

    #[test]
    fn only_the_last_lines_are_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(dir.path()).unwrap().join("log");
        std::fs::write(&path, (0..5000).map(|i| format!("line {i}\n")).collect::<String>()).unwrap();
        let shown = capped(&path);
        assert_eq!(shown.lines().count(), 10);
        assert!(shown.ends_with("line 4999"));
        std::fs::write(&path, "x".repeat(1 << 20)).unwrap();
        assert_eq!(capped(&path).len(), 4096);
        assert_eq!(capped(Utf8Path::new("/nowhere")), "");
    }
}
