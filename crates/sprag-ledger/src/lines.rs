//! A file line by line, with bounded memory.

use std::io::{self, BufRead, Read};

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
    /// It is longer than [`LONGEST_LINE`]; `bytes` is only its beginning.
    pub(crate) too_long: bool,
}

impl Line<'_> {
    /// Whether the writer was cut off in it: no newline, or zeros where a file was made longer but never filled.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.ended || (self.last && self.bytes.contains(&0))
    }
}

/// Reads lines into one buffer.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    inner: R,
    buffer: Vec<u8>,
    number: u64,
    offset: u64,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, buffer: Vec::new(), number: 0, offset: 0 }
    }

    /// The next line; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let mut length = (&mut self.inner).take(LONGEST_LINE + 1).read_until(b'\n', &mut self.buffer)? as u64;
        if length == 0 {
            return Ok(None);
        }
        let mut ended = self.buffer.last() == Some(&b'\n');
        let too_long = !ended && length > LONGEST_LINE;
        if ended {
            self.buffer.pop();
        }
        let last = if too_long {
            length += self.inner.skip_until(b'\n')? as u64;
            // Whether the rest ended with a newline is not known; a line too long is bad in any case.
            ended = true;
            self.inner.fill_buf()?.is_empty()
        } else {
            !ended || self.inner.fill_buf()?.is_empty()
        };
        self.number += 1;
        let offset = self.offset;
        self.offset += length;
        Ok(Some(Line { number: self.number, offset, bytes: &self.buffer, ended, last, too_long }))
    }
}
