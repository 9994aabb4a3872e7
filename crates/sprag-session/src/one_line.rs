//! Text of others where only one line of it fits.

/// `text` on one line of at most `limit` characters, with a blank for each control character.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit).collect()
}
