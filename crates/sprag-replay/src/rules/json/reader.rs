//! Reads JSON text: what RFC 8259 allows, and nothing else.

use std::borrow::Cow;

use super::{Node, Value};

/// How deep values may be nested.
const DEEPEST: usize = 128;
/// How many values a text may hold: a bound on memory, which they need several times of what they take as text.
pub(super) const MOST_VALUES: usize = 2 << 20;

/// A text that is read from its start on.
pub(super) struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// How many values may still come.
    left: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, left: MOST_VALUES }
    }

    /// The one value that all of the text is; `None` where it is none.
    pub(super) fn only_value(mut self) -> Option<Node<'t>> {
        let value = self.value(0)?;
        self.blank();
        (self.at == self.text.len()).then_some(value)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Node<'t>> {
        self.left = self.left.checked_sub(1)?;
        self.blank();
        let start = self.at;
        let value = match self.peek()? {
            b'"' => {
                self.string()?;
                Value::Text
            }
            b'[' if depth < DEEPEST => self.list(depth)?,
            b'{' if depth < DEEPEST => self.object(depth)?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        };
        Some(Node { start: start as u32, end: self.at as u32, value })
    }

    fn list(&mut self, depth: usize) -> Option<Value<'t>> {
        self.at += 1;
        let mut list = Vec::new();
        self.blank();
        if self.take(b']') {
            return Some(Value::List(list));
        }
        loop {
            list.push(self.value(depth + 1)?);
            self.blank();
            if self.take(b']') {
                return Some(Value::List(list));
            }
            self.take(b',').then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value<'t>> {
        self.at += 1;
        let mut members = Vec::new();
        self.blank();
        if self.take(b'}') {
            return Some(Value::Object(members));
        }
        loop {
            self.blank();
            let raw = self.string()?;
            // A name that is no text is compared as it is written.
            let key = unescaped(raw).unwrap_or(Cow::Borrowed(raw));
            self.blank();
            self.take(b':').then_some(())?;
            members.push((key, self.value(depth + 1)?));
            self.blank();
            if self.take(b'}') {
                return Some(Value::Object(members));
            }
            self.take(b',').then_some(())?;
        }
    }

    fn word(&mut self, word: &str) -> Option<Value<'t>> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())?;
        Some(Value::Plain)
    }

    fn number(&mut self) -> Option<Value<'t>> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(Value::Plain)
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// What stands between the quotes, still escaped.
    fn string(&mut self) -> Option<&'t str> {
        self.take(b'"').then_some(())?;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                        b'u' => {
                            let hex = self.text.as_bytes().get(self.at + 1..self.at + 5)?;
                            hex.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                            self.at += 5;
                        }
                        _ => return None,
                    }
                }
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        let inside = &self.text[start..self.at];
        self.at += 1;
        Some(inside)
    }
}

/// What an escaped text means; `None` where it holds half of a surrogate pair.
pub(in crate::rules) fn unescaped(escaped: &str) -> Option<Cow<'_, str>> {
    if !escaped.contains('\\') {
        return Some(Cow::Borrowed(escaped));
    }
    let quoted = format!("\"{escaped}\"");
    serde_json::from_str::<String>(&quoted).ok().map(Cow::Owned)
}
