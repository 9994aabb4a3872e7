//! Text of others made safe for a terminal: what an agent or a log says is data.

use unicode_width::UnicodeWidthChar;

/// How many marks without width may follow a character: enough for every script, too few to climb over lines.
const MOST_MARKS: usize = 4;

/// One line without anything that a terminal would act on or that would hide or reorder text: control characters,
/// bidirectional and invisible marks are written as `\u{1b}`, line breaks and tabs become spaces.
pub fn sanitize(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        match c {
            '\n' | '\r' | '\t' => safe.push(' '),
            c if is_hidden(c) => safe.extend(c.escape_unicode()),
            _ if marks > MOST_MARKS => {}
            c => safe.push(c),
        }
    }
    safe
}

/// Control and format characters: a terminal obeys them, or a person cannot see them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

/// [`sanitize`]d text of at most `width` columns; what is cut off is shown by `…`.
pub fn clip(text: &str, width: usize) -> String {
    // Longer than any terminal: what lies beyond cannot be shown, so it need not be looked at.
    let enough = text.char_indices().nth(width.saturating_mul(2) + 64).map_or(text.len(), |(at, _)| at);
    let safe = sanitize(&text[..enough]);
    let full = columns(&safe) <= width && enough == text.len();
    if full {
        return safe;
    }
    let mut used = 0;
    let mut cut = String::new();
    for c in safe.chars() {
        let next = c.width().unwrap_or(0);
        if used + next + 1 > width {
            break;
        }
        used += next;
        cut.push(c);
    }
    let mut cut = cut.trim_end().to_owned();
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// How many columns of a terminal the text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text, filled with spaces on its right up to `width` columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// The text, filled with spaces on its left up to `width` columns.
pub(crate) fn pad_left(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(sanitize("a\u{1b}[31mb\nc\td"), "a\\u{1b}[31mb c d");
        assert_eq!(sanitize("safe\u{202e}exe"), "safe\\u{202e}exe");
        assert_eq!(sanitize("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(sanitize("µs — naïve 日本"), "µs — naïve 日本");
        assert_eq!(sanitize(&format!("e{}", "\u{301}".repeat(50))).chars().count(), 1 + MOST_MARKS);
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(clip("日本語です", 6), "日本…");
        assert_eq!(clip("abcdef", 6), "abcdef");
        assert_eq!(clip("abcdefg", 6), "abcde…");
        assert_eq!(clip("abc", 0), "");
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked_and_nothing_controls(text in any::<String>(), width in 0usize..60) {
            let cut = clip(&text, width);
            prop_assert!(columns(&cut) <= width);
            prop_assert!(!cut.chars().any(is_hidden));
        }
    }
}
