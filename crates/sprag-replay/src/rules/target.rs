//! Path and query in one spelling.

use super::body::write_pair;
use super::marks::View;

/// A bound on memory; an HTTP server refuses a longer query long before.
const MOST_PAIRS: usize = 1 << 18;

/// A target, taken apart.
#[derive(Debug)]
pub(super) struct Target<'t> {
    /// Normal, with nothing replaced.
    pub(super) path: String,
    query: &'t str,
}

impl<'t> Target<'t> {
    pub(super) fn read(target: &'t str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut normal = Vec::with_capacity(path.len());
        normal_into(path, &mut normal);
        Self { path: String::from_utf8(normal).expect("what is normal is ASCII"), query }
    }

    /// The parameters, sorted by name, each as `?name=value` on a line.
    pub(super) fn write_query(&self, view: &View<'_>, out: &mut Vec<u8>) {
        for (name, value) in sorted_pairs(self.query).unwrap_or_else(|| vec![(self.query, None)]) {
            out.push(b'?');
            write_pair(name, value, view.parameter(&decoded_name(name)), out);
        }
    }
}

impl Target<'_> {
    /// A hash of the values whose names may be those of secrets, and of other things; 0 where there are none.
    pub(super) fn masked(&self) -> u64 {
        let mut hasher = blake3::Hasher::new();
        for (name, value) in sorted_pairs(self.query).unwrap_or_default() {
            let name = decoded_name(name);
            if let ("key" | "token", Some(value)) = (name.as_str(), value) {
                let mut normal = Vec::new();
                normal_into(value, &mut normal);
                hasher.update(name.as_bytes()).update(b"=").update(&normal).update(b"\n");
            }
        }
        if hasher.count() == 0 {
            return 0;
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        u64::from_le_bytes(first)
    }
}

/// The pairs of a query or a form by name; those of one name stay in their order. `None` where there are too many.
pub(super) fn sorted_pairs(text: &str) -> Option<Vec<(&str, Option<&str>)>> {
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == MOST_PAIRS {
            return None;
        }
        pairs.push(pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value))));
    }
    pairs.sort_by_cached_key(|(name, _)| decoded_name(name));
    Some(pairs)
}

/// What a name means.
pub(super) fn decoded_name(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut at = 0;
    while let Some(byte) = name.as_bytes().get(at) {
        let (byte, taken) = match byte {
            b'%' => escape(name.as_bytes(), at).map_or((b'%', 1), |byte| (byte, 3)),
            b'+' => (b' ', 1),
            byte => (*byte, 1),
        };
        bytes.push(byte);
        at += taken;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes a path, a name or a value: what needs no escape has none, others are in upper case, and all is ASCII.
pub(super) fn normal_into(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = if byte == b'%' { escape(bytes, at) } else { None };
        match escaped {
            Some(meant) if meant.is_ascii_alphanumeric() || b"-._~".contains(&meant) => out.push(meant),
            Some(meant) => push_escape(meant, out),
            None if byte.is_ascii_graphic() => out.push(byte),
            None => push_escape(byte, out),
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
}

fn escape(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    Some((digit(at + 1)? * 16 + digit(at + 2)?) as u8)
}

fn push_escape(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        let mut out = Vec::new();
        normal_into(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_escape_has_one_spelling() {
        assert_eq!(normal("/%7euser/%61%2fb%2F c/é/%zz%"), "/~user/a%2Fb%2F%20c/%C3%A9/%zz%");
        assert_eq!(normal(&normal("/%7euser%2f")), normal("/%7euser%2f"));
    }

    #[test]
    fn parameters_are_sorted_by_name_and_those_of_one_name_stay() {
        let written = |target: &str| {
            let mut out = Vec::new();
            Target::read(target).write_query(&View::nothing(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written("/x?b=2&a=9&&a=1&c&d="), "?a=9\n?a=1\n?b=2\n?c\n?d=\n");
        assert_eq!(written("/x?api%5Fkey=S3CRET&Sig=S3CRET"), "?Sig=REDACTED\n?api_key=REDACTED\n");
        assert_eq!(written("/x"), "");
    }
}
