//! The canonical form of a body, by what it is.

use std::ops::Range;

use sprag_contract::json_path::Counted;

use super::coding::decoded;
use super::json::Json;
use super::marks::{Mark, View, replace_members};
use super::pieces::Pieces;
use super::target::{decoded_name, normal_into, sorted_pairs};

/// A message of gRPC up to this many bytes is written as it is, a longer one by its hash.
const SHOWN_MESSAGE: usize = 64 << 10;
/// More messages in one body are taken as bytes: a bound on memory.
const MOST_MESSAGES: usize = 1 << 20;
/// More parts in one body are taken as bytes.
const MOST_PARTS: usize = 10_000;

/// The media type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// A body and what its headers say of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'t> {
    /// `Content-Type`, parameters too.
    pub(super) content_type: Option<&'t str>,
    /// `Content-Encoding`.
    pub(super) content_encoding: Option<&'t str>,
    /// `grpc-encoding`.
    pub(super) grpc_encoding: Option<&'t str>,
    pub(super) bytes: &'t [u8],
}

/// The media type in a `Content-Type`: in lower case, without parameters.
pub(super) fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether it is gRPC, which has a form of its own.
pub(super) fn is_grpc(media: &str) -> bool {
    media.starts_with("application/grpc") && !media.starts_with("application/grpc-web-text")
}

impl Sent<'_> {
    /// Writes its kind on a line and its canonical form below. Answers how many things `items` counts in it; what is no
    /// JSON is one thing.
    pub(super) fn write(&self, view: &View<'_>, items: Option<&Counted>, out: &mut Vec<u8>) -> u64 {
        if self.bytes.is_empty() {
            return 1;
        }
        let Some(bytes) = decoded(self.content_encoding, self.bytes) else {
            // Kept apart from what is sent without a coding.
            out.extend_from_slice(b"\nencoded ");
            escaped_into(self.content_encoding.unwrap_or_default(), out);
            out.push(b'\n');
            out.extend_from_slice(hash(self.bytes).as_bytes());
            return 1;
        };
        let (kind, content) = self.content(&bytes, view, true);
        out.push(b'\n');
        out.extend_from_slice(kind.as_bytes());
        out.push(b'\n');
        out.extend_from_slice(&content);
        match items.filter(|_| kind == "json") {
            Some(items) => read_json(&bytes, &self.media()).map_or(1, |json| json.count(items)),
            None => 1,
        }
    }

    fn media(&self) -> String {
        self.content_type.map(media_type).unwrap_or_default()
    }

    /// The kind of a body, and its canonical form.
    fn content(&self, bytes: &[u8], view: &View<'_>, parts: bool) -> (&'static str, Vec<u8>) {
        let media = self.media();
        if let Some(content) = is_grpc(&media).then(|| self.grpc(bytes, view)).flatten() {
            return ("grpc", content);
        }
        let is_multipart = parts && media.starts_with("multipart/");
        if let Some(content) = is_multipart.then(|| self.multipart(bytes, view)).flatten() {
            return ("multipart", content);
        }
        let replaced = |mut pieces: Pieces<'_>| {
            view.replace(&mut pieces);
            pieces.bytes.into_owned()
        };
        let Ok(text) = std::str::from_utf8(bytes) else {
            return ("bytes", hash(&replaced(Pieces::whole(bytes))).into_bytes());
        };
        if let Some(json) = read_json(bytes, &media) {
            let mut written = Vec::new();
            json.write(view, &mut written);
            return ("json", replaced(Pieces::whole(written)));
        }
        let pairs = if media == FORM { sorted_pairs(text) } else { None };
        if let Some(pairs) = pairs {
            let mut written = Vec::new();
            for (name, value) in pairs {
                write_pair(name, value, view.field(&decoded_name(name)), &mut written);
            }
            return ("form", replaced(Pieces::whole(written)));
        }
        let mut pieces = Pieces::whole(bytes);
        replace_members(&mut pieces, 0..bytes.len());
        ("text", replaced(pieces))
    }

    /// Messages, each with its length. `None` where the body is none.
    fn grpc(&self, bytes: &[u8], view: &View<'_>) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for Message { flags, start, end } in grpc_messages(bytes)? {
            let message = &bytes[start..end];
            let meant = match flags & 1 {
                0 => Some(message.into()),
                _ => decoded(self.grpc_encoding, message),
            };
            let how = if meant.is_none() { " compressed" } else { "" };
            let mut pieces = Pieces::whole(meant.unwrap_or_else(|| message.into()));
            view.replace(&mut pieces);
            // The other bits tell trailers from messages in gRPC-Web.
            let kind = flags & !1;
            out.extend_from_slice(format!("message {kind}{how}, {} bytes: ", pieces.bytes.len()).as_bytes());
            match pieces.bytes.len() {
                0..=SHOWN_MESSAGE => out.extend(pieces.bytes.escape_ascii()),
                _ => out.extend_from_slice(hash(&pieces.bytes).as_bytes()),
            }
            out.push(b'\n');
        }
        Some(out)
    }

    /// Parts without their boundary, which differs each time. `None` where the body is none of the kind.
    fn multipart(&self, bytes: &[u8], view: &View<'_>) -> Option<Vec<u8>> {
        let boundary = parameter(self.content_type?, "boundary")?;
        let mut out = Vec::new();
        for Part { head, body } in multipart_parts(bytes, boundary)? {
            let body = &bytes[body];
            let mut headers = headers_of(std::str::from_utf8(&bytes[head]).ok()?);
            headers.sort_by(|(a, _), (b, _)| a.cmp(b));
            let (kind, content) = match field_of(&headers).and_then(|name| view.field(name)) {
                Some(mark) => ("text", mark.text().as_bytes().to_vec()),
                None => {
                    let content_type = value_of(&headers, "content-type");
                    let own = Sent { content_type, content_encoding: None, grpc_encoding: None, bytes: body };
                    own.content(body, view, false)
                }
            };
            out.extend_from_slice(b"part\n");
            for (name, value) in &headers {
                write_header(name, value, view.header(name), &mut out);
            }
            out.extend_from_slice(format!("{kind}, {} bytes\n", content.len()).as_bytes());
            out.extend_from_slice(&content);
            out.push(b'\n');
        }
        Some(out)
    }
}

/// JSON by what it is, not by what it is called: curl calls everything a form.
pub(super) fn read_json<'t>(bytes: &'t [u8], media: &str) -> Option<Json<'t>> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    let looks_like_it = matches!(first, b'{' | b'[') || media.ends_with("json");
    looks_like_it.then(|| Json::read(std::str::from_utf8(bytes).ok()?)).flatten()
}

/// `name=value` on a line.
pub(super) fn write_pair(name: &str, value: Option<&str>, mark: Option<Mark>, out: &mut Vec<u8>) {
    normal_into(name, out);
    if let Some(value) = value {
        out.push(b'=');
        match mark {
            Some(mark) => out.extend_from_slice(mark.text().as_bytes()),
            None => normal_into(value, out),
        }
    }
    out.push(b'\n');
}

/// `name: value` on a line.
pub(super) fn write_header(name: &str, value: &str, mark: Option<Mark>, out: &mut Vec<u8>) {
    escaped_into(name, out);
    out.extend_from_slice(b": ");
    let replaced = mark.map(Mark::text);
    escaped_into(replaced.unwrap_or(value), out);
    out.push(b'\n');
}

/// A text that stays on its line.
pub(super) fn escaped_into(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        match c.is_control() {
            true => out.extend(c.escape_default().map(|c| c as u8)),
            false => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn hash(bytes: &[u8]) -> String {
    format!("blake3 {}, {} bytes", blake3::hash(bytes).to_hex(), bytes.len())
}

/// A message of gRPC: its flags, and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) flags: u8,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The messages of gRPC; `None` where they do not add up, or are too many.
pub(super) fn grpc_messages(bytes: &[u8]) -> Option<Vec<Message>> {
    let mut messages = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let [flags, length @ ..] = *bytes[at..].first_chunk::<5>()?;
        let start = at + 5;
        let end = start + u32::from_be_bytes(length) as usize;
        if end > bytes.len() || messages.len() == MOST_MESSAGES {
            return None;
        }
        messages.push(Message { flags, start, end });
        at = end;
    }
    Some(messages)
}

/// A parameter of a header's value, with or without quotes.
pub(super) fn parameter<'t>(value: &'t str, wanted: &str) -> Option<&'t str> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (found, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (found, next) = quoted.split_once('"')?;
                (found, next.split_once(';').map(|(_, next)| next))
            }
            None => match after.split_once(';') {
                Some((found, next)) => (found.trim(), Some(next)),
                None => (after.trim(), None),
            },
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(found);
        }
        rest = next?;
    }
}

/// A part of a multipart body: where the lines of its headers are, and what they are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) head: Range<usize>,
    pub(super) body: Range<usize>,
}

/// What stands between the boundaries; `None` where the last one is missing, a part is none, or there are too many.
pub(super) fn multipart_parts(bytes: &[u8], boundary: &str) -> Option<Vec<Part>> {
    if boundary.is_empty() || boundary.len() > 200 {
        return None;
    }
    let delimiter = format!("\r\n--{boundary}");
    let finder = memchr::memmem::Finder::new(delimiter.as_bytes());
    // The first one may stand at the very start.
    let mut at = match bytes.starts_with(&delimiter.as_bytes()[2..]) {
        true => delimiter.len() - 2,
        false => finder.find(bytes)? + delimiter.len(),
    };
    let mut parts = Vec::new();
    loop {
        let rest = &bytes[at..];
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        if parts.len() == MOST_PARTS {
            return None;
        }
        // White space may follow a boundary.
        let pad = memchr::memmem::find(rest, b"\r\n")?;
        rest[..pad].iter().all(|byte| matches!(byte, b' ' | b'\t')).then_some(())?;
        let end = finder.find(&rest[pad..])? + pad;
        let part = bytes.get(at + pad + 2..at + end)?;
        // A part without headers begins with the line that ends them.
        let head = if part.starts_with(b"\r\n") { 0 } else { memchr::memmem::find(part, b"\r\n\r\n")? };
        let start = at + pad + 2;
        let body = if head == 0 { start + 2 } else { start + head + 4 };
        parts.push(Part { head: start..start + head, body: body..at + end });
        at += end + delimiter.len();
    }
}

/// The headers of a part, their names in lower case.
pub(super) fn headers_of(head: &str) -> Vec<(String, &str)> {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim())).collect()
}

/// The name of the field that a part is about.
pub(super) fn field_of<'t>(headers: &[(String, &'t str)]) -> Option<&'t str> {
    value_of(headers, "content-disposition").and_then(|value| parameter(value, "name"))
}

/// The value of a header of a part.
pub(super) fn value_of<'t>(headers: &[(String, &'t str)], wanted: &str) -> Option<&'t str> {
    headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value)
}
