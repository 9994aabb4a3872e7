//! A text with its name, and where in it something stands.

use std::ops::Range;

/// A file's text, as it is shown in diagnostics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The name printed in diagnostics: a path relative to the repository.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// A source from its name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Line and column of a byte offset, both from 1; the column counts characters. Offsets past the end, or inside
    /// a character, are moved back to the nearest one before.
    pub fn position(&self, offset: usize) -> Position {
        let mut at = offset.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        Position { line: line as u32, column: (before[line_start..].chars().count() + 1) as u32 }
    }
}

/// Where something stands in a text, for people: both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A piece of a text, in bytes.
pub type Span = Range<usize>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_offsets_past_the_end_are_the_end() {
        let source = Source::new("x", "a\nµs → b\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(2 + 2 + 1 + 1), Position { line: 2, column: 4 });
        assert_eq!(source.position(usize::MAX), Position { line: 3, column: 1 });
    }
}
