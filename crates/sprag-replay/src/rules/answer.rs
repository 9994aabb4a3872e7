//! Answers as they may be written: what is secret in them is replaced.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::body::{
    FORM, Part, field_of, grpc_messages, headers_of, is_grpc, media_type, multipart_parts, parameter,
    read_json, value_of,
};
use super::coding::decoded;
use super::json::Json;
use super::marks::{Mark, REDACTED_IN_JSON, View, moved, replace_members};
use super::pieces::Pieces;
use super::target::decoded_name;
use crate::exchange::{Answer, Body, HttpAnswer, LARGEST_BODY, PostgresAnswer, TcpAnswer};

/// Headers that tell about the bytes of a body, and lie about another.
const OF_THE_BYTES: [&str; 5] =
    ["content-encoding", "content-md5", "digest", "content-digest", "repr-digest"];

pub(super) fn redacted(view: &View<'_>, answer: Answer) -> Answer {
    match answer {
        Answer::Http(answer) => Answer::Http(http(view, answer)),
        Answer::Postgres(PostgresAnswer { messages, state }) => {
            Answer::Postgres(PostgresAnswer { messages: postgres(view, messages), state })
        }
        Answer::Redis(replies) => Answer::Redis(redis(view, replies)),
        Answer::Tcp(TcpAnswer { bytes, closes, next }) => {
            Answer::Tcp(TcpAnswer { bytes: plain(view, bytes), closes, next: plain(view, next) })
        }
    }
}

/// Bytes of which nothing is known.
pub(super) fn plain(view: &View<'_>, bytes: Bytes) -> Bytes {
    let mut pieces = Pieces::whole(&bytes[..]);
    view.replace(&mut pieces);
    if pieces.is_changed() { pieces.bytes.into_owned().into() } else { bytes }
}

fn http(view: &View<'_>, answer: HttpAnswer) -> HttpAnswer {
    let HttpAnswer { status, mut headers, mut body, mut trailers } = answer;
    headers.iter_mut().chain(&mut trailers).for_each(|(name, value)| header(view, name, value));
    if let Some(changed) = changed_body(view, &headers, &body) {
        headers.retain(|(name, _)| !OF_THE_BYTES.iter().any(|own| name.eq_ignore_ascii_case(own)));
        for (_, length) in headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            *length = changed.bytes.len().to_string();
        }
        body = changed;
    }
    HttpAnswer { status, headers, body, trailers }
}

fn header(view: &View<'_>, name: &str, value: &mut String) {
    if name.eq_ignore_ascii_case("set-cookie") {
        // The client goes on with a cookie of that name and path.
        let rest = value.split_once(';').map_or(String::new(), |(_, rest)| format!(";{rest}"));
        let name = value.split(['=', ';']).next().unwrap_or_default();
        *value = format!("{name}={}{rest}", Mark::Redacted.text());
    } else if let Some(mark) = view.header(name) {
        mark.text().clone_into(value);
    } else if name.eq_ignore_ascii_case("location") || name.eq_ignore_ascii_case("content-location") {
        let mut pieces = Pieces::whole(value.as_bytes());
        let places = values_of(value, &['?', '&', '#'], |name| view.parameter(name).is_some());
        pieces.replace(&places, Mark::Redacted.text());
        *value = String::from_utf8_lossy(&pieces.bytes).into_owned();
    }
}

/// Why an answer cannot be searched for secrets, and what to do; `None` where it can.
pub(super) fn unsearched(answer: &Answer) -> Option<String> {
    let Answer::Http(HttpAnswer { headers, body, .. }) = answer else { return None };
    // The answer to HEAD has headers of a body and none.
    if body.bytes.is_empty() {
        return None;
    }
    let codings = codings(headers);
    decoded(Some(&codings), &body.bytes).is_none().then(|| {
        format!(
            "its body is encoded as `{codings}` and cannot be searched for secrets: gzip, deflate and zstd can, where they \
             are whole and unpack to no more than {} MiB; have the upstream send it unencoded, or ask for less",
            LARGEST_BODY >> 20
        )
    })
}

fn codings(headers: &[(String, String)]) -> String {
    let named = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    named.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(",")
}

/// The body with its secrets replaced and no longer compressed; `None` where there are none, or it cannot be read.
fn changed_body(view: &View<'_>, headers: &[(String, String)], body: &Body) -> Option<Body> {
    let named = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = named.map_or("", |(_, value)| value.as_str());
    let media = media_type(content_type);
    let meant = decoded(Some(&codings(headers)), &body.bytes)?;
    // What was cut while it was compressed has no pieces when it is not.
    let mut pieces = match meant {
        Cow::Borrowed(_) => Pieces::of(body),
        decoded => Pieces::whole(decoded),
    };
    if is_grpc(&media) {
        messages(view, &mut pieces);
    } else {
        match parts(&media, content_type, &pieces) {
            // From the end on, so that those before stay where they are.
            Some(parts) => parts.into_iter().rev().for_each(|part| multipart(view, part, &mut pieces)),
            None => content(view, &media, 0..pieces.bytes.len(), &mut pieces),
        }
        view.replace(&mut pieces);
    }
    pieces.is_changed().then(|| pieces.into_body())
}

fn parts(media: &str, content_type: &str, pieces: &Pieces<'_>) -> Option<Vec<Part>> {
    let boundary = media.starts_with("multipart/").then(|| parameter(content_type, "boundary"))??;
    multipart_parts(&pieces.bytes, boundary)
}

/// A part: its headers, and its content, which may be secret as a whole by the name of its field.
fn multipart(view: &View<'_>, part: Part, pieces: &mut Pieces<'_>) {
    let Part { head, body } = part;
    let text = String::from_utf8_lossy(&pieces.bytes[head.clone()]).into_owned();
    let headers = headers_of(&text);
    match field_of(&headers).and_then(|name| view.field(name)) {
        Some(mark) => pieces.replace(&[body], mark.text()),
        None => {
            let media = value_of(&headers, "content-type").map(media_type).unwrap_or_default();
            content(view, &media, body, pieces);
        }
    }
    let mut places = Vec::new();
    let mut start = head.start;
    for line in pieces.bytes[head].split_inclusive(|byte| *byte == b'\n') {
        let colon = memchr::memchr(b':', line);
        let name = colon.and_then(|colon| std::str::from_utf8(&line[..colon]).ok());
        if let (Some(colon), Some(name)) = (colon, name)
            && view.header(name.trim()).is_some()
        {
            let value = line[colon + 1..].trim_ascii();
            let from =
                start + colon + 1 + line[colon + 1..].len() - line[colon + 1..].trim_ascii_start().len();
            places.push(from..from + value.len());
        }
        start += line.len();
    }
    pieces.replace(&places, Mark::Redacted.text());
}

/// JSON, a form, events or lines with JSON in them, all within a part.
fn content(view: &View<'_>, media: &str, within: Range<usize>, pieces: &mut Pieces<'_>) {
    let (start, tail) = (within.start, pieces.bytes.len() - within.end);
    let bytes = &pieces.bytes[within];
    if let Some(places) = read_json(bytes, media).map(|json| json.marked(view)) {
        return pieces.replace(&moved(places, start), REDACTED_IN_JSON);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if media == FORM {
        let places = values_of(text, &['&'], |name| view.field(name).is_some());
        return pieces.replace(&moved(places, start), Mark::Redacted.text());
    }
    if view.has_json() {
        let mut places = Vec::new();
        let mut start = start;
        for line in text.split_inclusive('\n') {
            let data = line.strip_prefix("data:").unwrap_or(line);
            let from = start + line.len() - data.len();
            if let Some(json) = data.trim_start().starts_with(['{', '[']).then(|| Json::read(data)).flatten()
            {
                places.extend(moved(json.marked(view), from));
            }
            start += line.len();
        }
        pieces.replace(&places, REDACTED_IN_JSON);
    }
    replace_members(pieces, start..pieces.bytes.len() - tail);
}

/// Where the values of secret pairs stand.
fn values_of(text: &str, separators: &[char], is_secret: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut start = 0;
    for pair in text.split(separators) {
        let end = start + pair.len();
        match pair.split_once('=') {
            Some((name, value)) if is_secret(&decoded_name(name)) => places.push(end - value.len()..end),
            _ => {}
        }
        start = end + 1;
    }
    places
}

/// gRPC: what is inside of a message knows its lengths, so they stay as they are.
fn messages(view: &View<'_>, pieces: &mut Pieces<'_>) {
    if view.has_body() {
        for message in grpc_messages(&pieces.bytes).unwrap_or_default() {
            view.overwrite(message.start..message.end, pieces);
        }
    }
}

/// PostgreSQL: the values of rows, and the texts of errors and notices.
fn postgres(view: &View<'_>, messages: Bytes) -> Bytes {
    if !view.has_body() {
        return messages;
    }
    let mut out = Vec::with_capacity(messages.len());
    let mut rest = &messages[..];
    while let Some((kind, body, after)) = postgres_message(rest) {
        let changed = match kind {
            b'D' => row(view, body),
            b'E' | b'N' => fields(view, body),
            b'd' => Some(replaced(view, body)),
            _ => None,
        };
        let body = changed.as_deref().unwrap_or(body);
        out.push(kind);
        out.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        out.extend_from_slice(body);
        rest = after;
    }
    // What is no message stays as it came.
    out.extend_from_slice(rest);
    out.into()
}

/// The first message: its type, its body, and what follows.
fn postgres_message(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [kind, length @ ..] = *bytes.first_chunk::<5>()?;
    let (body, after) = bytes[5..].split_at_checked((u32::from_be_bytes(length) as usize).checked_sub(4)?)?;
    Some((kind, body, after))
}

fn replaced(view: &View<'_>, bytes: &[u8]) -> Vec<u8> {
    let mut pieces = Pieces::whole(bytes);
    view.replace(&mut pieces);
    pieces.bytes.into_owned()
}

/// A row: how many values, then each with its length, or -1 for NULL. `None` where it does not add up.
fn row(view: &View<'_>, body: &[u8]) -> Option<Vec<u8>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut out = count.to_vec();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            out.extend_from_slice(length);
            continue;
        };
        let (value, after) = rest.split_at_checked(length)?;
        let value = replaced(view, value);
        out.extend_from_slice(&(value.len() as u32).to_be_bytes());
        out.extend_from_slice(&value);
        rest = after;
    }
    rest.is_empty().then_some(out)
}

/// The fields of an error: each a letter and a text that ends in a zero, then a zero.
fn fields(view: &View<'_>, body: &[u8]) -> Option<Vec<u8>> {
    let fields = body.strip_suffix(&[0, 0])?;
    let each = fields.split(|byte| *byte == 0).map(|field| {
        let (letter, text) = field.split_first()?;
        Some([&[*letter][..], &replaced(view, text)].concat())
    });
    let mut out = each.collect::<Option<Vec<_>>>()?.join(&0);
    out.extend_from_slice(&[0, 0]);
    Some(out)
}

/// Redis: the texts of replies.
fn redis(view: &View<'_>, replies: Bytes) -> Bytes {
    match view.has_body() {
        true => with_texts(&replies, |text| replaced(view, text)),
        false => replies,
    }
}

/// Replies of Redis with others in the place of their texts, whose lengths stand before them.
pub(crate) fn with_texts(replies: &[u8], mut replaced: impl FnMut(&[u8]) -> Vec<u8>) -> Bytes {
    let mut out = Vec::with_capacity(replies.len());
    let mut rest = replies;
    while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
        let (line, after) = (&rest[..end], &rest[end + 2..]);
        let length = match line.first() {
            Some(b'$' | b'=' | b'!' | b';') => std::str::from_utf8(&line[1..]).ok(),
            _ => None,
        };
        match length
            .and_then(|length| length.parse::<usize>().ok())
            .and_then(|length| after.split_at_checked(length))
        {
            Some((text, after)) => {
                let text = replaced(text);
                out.push(line[0]);
                out.extend_from_slice(format!("{}\r\n", text.len()).as_bytes());
                out.extend_from_slice(&text);
                rest = after;
            }
            None => {
                match line.split_first() {
                    Some((kind @ (b'+' | b'-'), text)) => {
                        out.push(*kind);
                        out.extend_from_slice(&replaced(text));
                    }
                    _ => out.extend_from_slice(line),
                }
                out.extend_from_slice(b"\r\n");
                rest = after;
            }
        }
    }
    out.extend_from_slice(rest);
    out.into()
}
