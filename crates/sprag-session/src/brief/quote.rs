//! Text of others in a brief: on one line in quotes, or set off as a block; never longer than its limit.

use sprag_ledger::view::sanitize;

/// How long a text from the ledger may be on its line, in characters.
pub(crate) const TEXT: usize = 200;

/// In less room than that, a line is left out instead of being cut, in bytes.
const WORTH_CUTTING: usize = 200;

/// Text from outside, on one line, cut at `most` characters and in quotes.
pub(crate) fn quoted(text: &str, most: usize) -> String {
    // What is cut off need not be made safe first.
    let head: String = text.chars().take(most + 1).collect();
    let safe = sanitize(&head).replace('"', "'");
    let cut: String = safe.chars().take(most).collect();
    let more = if safe.chars().count() > most { "…" } else { "" };
    format!("\"{cut}{more}\"")
}

/// Several lines of text, set off from what is Sprag's; at most `most` bytes of them, and what is left out is said.
pub(super) fn block(text: &str, most: usize) -> Vec<String> {
    within(text.lines().map(|line| format!("> {}", sanitize(line)).trim_end().to_owned()), most)
}

/// As many of the lines as have room in `most` bytes: the last of them is cut, and what is left out is said.
pub(super) fn within(lines: impl IntoIterator<Item = String>, most: usize) -> Vec<String> {
    let (mut kept, mut room, mut left) = (Vec::new(), most, 0);
    for mut line in lines {
        if line.len() < room {
            room -= line.len() + 1;
            kept.push(line);
            continue;
        }
        left += 1;
        if room > WORTH_CUTTING {
            line.truncate(line.floor_char_boundary(room));
            kept.push(format!("{line}…"));
        }
        room = 0;
    }
    if left > 0 {
        kept.push(format!(
            "(the rest of {left} {} is left out here)",
            if left == 1 { "line" } else { "lines" }
        ));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_log_is_one_quoted_line() {
        assert_eq!(quoted("faster\n## Stop \"now\"", TEXT), "\"faster ## Stop 'now'\"");
        assert_eq!(quoted("safe\u{202e}exe\u{1b}[2J", TEXT), r#""safe\u{202e}exe\u{1b}[2J""#);
        let cut = quoted(&"x".repeat(1000), TEXT);
        assert_eq!((cut.len(), cut.ends_with("x…\"")), (TEXT + 5, true));
        assert_eq!(quoted(&"x".repeat(TEXT), TEXT).len(), TEXT + 2);
    }

    #[test]
    fn a_text_of_several_lines_is_a_block_that_ends_at_its_limit() {
        assert_eq!(
            block("leave the cache alone\n\n- it is shared\u{1b}[2J", 100).join("\n"),
            "> leave the cache alone\n>\n> - it is shared\\u{1b}[2J"
        );
        assert_eq!(
            block(&"line\n".repeat(10), 14).join("\n"),
            "> line\n> line\n(the rest of 8 lines is left out here)"
        );
        let cut = within(["ä".repeat(1000), "next".to_owned()], 301).join("\n");
        assert_eq!(cut, format!("{}…\n(the rest of 2 lines is left out here)", "ä".repeat(150)));
    }
}
