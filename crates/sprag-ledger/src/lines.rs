//! One line of a file, as far as it can be told without the others.

/// The longest line that is read or written, in bytes.
pub(crate) const LONGEST_LINE: u64 = 16 << 20;

/// One line, without its newline.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: u64,
    /// Where it begins in the file.
    pub(crate) offset: u64,
    pub(crate) bytes: &'a [u8],
    /// It ends with a newline.
    pub(crate) ended: bool,
    /// Nothing comes after it.
    pub(crate) last: bool,
    /// It is longer than [`LONGEST_LINE`].
    pub(crate) too_long: bool,
}

impl Line<'_> {
    /// Whether the writer was cut off in it: no newline, or zeros where a file was made longer but never filled.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.ended || (self.last && self.bytes.contains(&0))
    }
}
