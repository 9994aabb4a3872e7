//! Taking out a secret that got in.

use bytes::Bytes;
use camino::Utf8Path;
use regex::bytes::Regex;

use super::rewrite;
use crate::cassette::draft::UnderRules;
use crate::cassette::format::{Payload, Written};
use crate::cassette::{Cassette, CassetteError, Manifest};
use crate::exchange::{Answer, HttpAnswer, Key};
use crate::rules::{REDACTED, Rules};

/// How many bodies that could not be searched are named.
const NAMED: usize = 1_000;

/// What was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// How many exchanges were changed.
    pub changed: u64,
    /// How many requests are recognised by another key now: without a rule that redacts the same from what the application
    /// asks, they are missed.
    pub keys_changed: u64,
    /// The labels of exchanges whose body is compressed, so that it could not be searched; at most a thousand.
    pub not_searched: Vec<String>,
    /// The cassette now; sealed anew, unless nothing was changed.
    pub manifest: Manifest,
}

/// Replaces what a regular expression finds, its first group where it has one, in requests, headers, trailers and bodies.
/// Text becomes `REDACTED`; where bytes have a frame with lengths, asterisks keep them. With `rules`, answers are redacted
/// by them too, and they are the cassette's from then on.
///
/// What was committed to a version control before stays in its history.
///
/// # Errors
/// The pattern is none; as [`Cassette::open`]; another process is writing; or the file system refuses. Then nothing is
/// changed.
pub fn redact(dir: &Utf8Path, pattern: &str, rules: Option<&Rules>) -> Result<Redacted, CassetteError> {
    let pattern = Regex::new(pattern).map_err(|error| CassetteError::Pattern(error.to_string()))?;
    let cassette = Cassette::open(dir)?;
    let (mut changed, mut keys_changed, mut not_searched) = (0, 0, Vec::new());
    let draft = rewrite(&cassette, |nth, line, timing, blobs| {
        let wrong = |what| cassette.wrong(nth, what);
        let canonical = line.request.canonical.bytes(&cassette.blobs, wrong)?;
        let mut differs = false;
        if let Some(redacted) = replaced(&pattern, &canonical, Fill::Text) {
            line.request.canonical = Payload::of(&redacted, blobs)?.into_owned();
            line.key = Key::of(&redacted);
            (differs, keys_changed) = (true, keys_changed + 1);
        }
        if let Some(label) = replaced_text(&pattern, &line.request.label) {
            line.request.label = label.into();
            differs = true;
        }
        let chunks = timing.as_mut().map(|timing| std::mem::take(&mut timing.chunks)).unwrap_or_default();
        let was = line.answer.clone().answer(chunks, &cassette.blobs, wrong)?;
        if is_compressed(&was) && not_searched.len() < NAMED {
            not_searched.push(line.request.label.to_string());
        }
        let mut is = redacted(&pattern, was.clone());
        if let Some(rules) = rules {
            let class = rules.classes().iter().position(|class| Some(&class.name) == line.class.as_ref());
            is = rules.redact_answer(class, is);
        }
        if let (Some(timing), Answer::Http(http)) = (timing, &is) {
            timing.chunks = http.body.chunks.clone();
        }
        if was != is {
            line.answer = Written::of(&is, blobs)?.into_owned();
            differs = true;
        }
        changed += u64::from(differs);
        Ok(true)
    })?;
    let mut under = UnderRules::of(cassette.manifest());
    if let Some(rules) = rules {
        under = UnderRules::from(rules);
    }
    let same = changed == 0 && under.digest == cassette.manifest().rules_digest;
    let manifest = if same { cassette.manifest().clone() } else { draft.publish(under)? };
    Ok(Redacted { changed, keys_changed, not_searched, manifest })
}

/// What stands where something was taken out.
#[derive(Clone, Copy)]
enum Fill {
    Text,
    SameLength,
}

/// `None` where the pattern finds nothing.
fn replaced(pattern: &Regex, bytes: &[u8], fill: Fill) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut copied = 0;
    for found in pattern.captures_iter(bytes) {
        let Some(found) = found.get(1).or_else(|| found.get(0)).filter(|found| !found.is_empty()) else {
            continue;
        };
        out.extend_from_slice(&bytes[copied..found.start()]);
        match fill {
            Fill::Text => out.extend_from_slice(REDACTED.as_bytes()),
            Fill::SameLength => out.resize(out.len() + found.len(), b'*'),
        }
        copied = found.end();
    }
    out.extend_from_slice(&bytes[copied..]);
    // What was redacted before may be found again.
    (out != bytes).then_some(out)
}

fn replaced_text(pattern: &Regex, text: &str) -> Option<String> {
    replaced(pattern, text.as_bytes(), Fill::Text).map(|text| String::from_utf8_lossy(&text).into_owned())
}

fn redacted(pattern: &Regex, answer: Answer) -> Answer {
    let filled = |bytes: Bytes, fill| replaced(pattern, &bytes, fill).map_or(bytes, Bytes::from);
    match answer {
        Answer::Http(http) => Answer::Http(redacted_http(pattern, http)),
        Answer::Postgres(mut postgres) => {
            postgres.messages = filled(postgres.messages, Fill::SameLength);
            Answer::Postgres(postgres)
        }
        Answer::Redis(reply) => Answer::Redis(filled(reply, Fill::SameLength)),
        Answer::Tcp(mut tcp) => {
            // What the client says next must be what it will say.
            tcp.bytes = filled(tcp.bytes, Fill::SameLength);
            tcp.next = filled(tcp.next, Fill::Text);
            Answer::Tcp(tcp)
        }
    }
}

fn redacted_http(pattern: &Regex, mut http: HttpAnswer) -> HttpAnswer {
    for (_, value) in http.headers.iter_mut().chain(&mut http.trailers) {
        if let Some(redacted) = replaced_text(pattern, value) {
            *value = redacted;
        }
    }
    let is_framed = header(&http, "content-type").is_some_and(|media| media.starts_with("application/grpc"));
    let is_text = std::str::from_utf8(&http.body.bytes).is_ok() && !is_framed;
    let fill = if is_text { Fill::Text } else { Fill::SameLength };
    if let Some(bytes) = replaced(pattern, &http.body.bytes, fill) {
        if bytes.len() != http.body.bytes.len() {
            http.body.chunks.clear();
            let length =
                (http.headers.iter_mut()).find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            if let Some((_, length)) = length {
                *length = bytes.len().to_string();
            }
        }
        http.body.bytes = bytes.into();
    }
    http
}

/// Whether its body is encoded, so that no pattern finds anything in it.
fn is_compressed(answer: &Answer) -> bool {
    let Answer::Http(http) = answer else { return false };
    !http.body.bytes.is_empty() && header(http, "content-encoding").is_some_and(|coding| coding != "identity")
}

fn header(http: &HttpAnswer, wanted: &str) -> Option<String> {
    let value =
        http.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
    value.map(|value| value.trim().to_ascii_lowercase())
}
