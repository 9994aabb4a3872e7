//! One line of a log to an entry and back.
//!
//! Lines of Sprag's own take a short way that leaves the evidence unread. Any other line is read with patience: a
//! field of the wrong type is unknown, an object of an unknown type is kept as it is, and only what is no JSON object
//! at all is a bad line.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sprag_judge::Status;

use crate::{
    Stamp,
    entry::{Config, Entry, Run, Skimmed, StoredEvidence, UnixMs},
};

/// Why a line is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("not JSON: {0}")]
    Json(String),
    #[error("JSON, but no object")]
    NoObject,
}

const EVIDENCE_KEY: &str = ",\"evidence\":";

/// The JSON object of an entry, without its last brace, so that a stamp can follow.
pub(crate) fn encode(entry: &Entry) -> Result<String, serde_json::Error> {
    let mut text = match entry {
        Entry::Run(run) => return encode_run(run),
        Entry::Config(body) => tagged("config", body),
        Entry::Calibration(body) => tagged("calibration", body),
        Entry::Event(body) => tagged("event", body),
        Entry::Note(body) => tagged("note", body),
        Entry::Idea(body) => tagged("idea", body),
        Entry::Phase(body) => tagged("phase", body),
        Entry::Final(body) => tagged("final", body),
        Entry::Stop(body) => tagged("stop", body),
        Entry::Hook(body) => tagged("hook", body),
        Entry::RedTeam(body) => tagged("redteam", body),
        Entry::Unknown(value) => serde_json::to_string(value),
    }?;
    text.pop();
    Ok(text)
}

fn tagged<T: Serialize>(word: &'static str, body: &T) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Tagged<'a, T> {
        #[serde(rename = "type")]
        word: &'static str,
        #[serde(flatten)]
        body: &'a T,
    }
    serde_json::to_string(&Tagged { word, body })
}

/// Unknown metrics become 0 for older readers; where the status does not say so already, `unmeasured` does. The
/// evidence comes last, where a reader can leave it out unread.
fn encode_run(run: &Run) -> Result<String, serde_json::Error> {
    let mut head = run.clone();
    let evidence = head.evidence.take();
    let unmeasured = head.metric.is_none() && head.status != Status::Crash;
    head.metric.get_or_insert(0.0);
    let mut text = serde_json::to_string(&head)?;
    text.pop();
    if unmeasured {
        text.push_str(",\"unmeasured\":true");
    }
    if let Some(evidence) = evidence {
        text.push_str(EVIDENCE_KEY);
        text.push_str(&serde_json::to_string(&evidence)?);
    }
    Ok(text)
}

/// What becomes of the text of a run's evidence.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keeping<'a> {
    /// It is copied.
    Copied,
    /// It is a part of this file, which is shared.
    Shared(&'a Arc<Vec<u8>>),
    /// It is left out, and so is all of the run that [`Skimmed`] lacks.
    Nothing,
}

/// Reads one line, given without its newline, and as [`crate::chain::unseal`] splits it. Never looks at hashes: that
/// is the chain's work.
pub(crate) fn decode(
    line: &[u8],
    sealed: Option<(&[u8], Stamp)>,
    keeping: Keeping<'_>,
) -> Result<(Entry, Option<Stamp>), ParseError> {
    if let Some((open_object, stamp)) = sealed
        && let Ok(text) = std::str::from_utf8(wanted(open_object, keeping))
        && let Some(entry) = decode_own(text, keeping)
    {
        return Ok((entry, Some(stamp)));
    }
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
    decode_any(&String::from_utf8_lossy(line))
}

/// What of a line is looked at.
fn wanted<'a>(open_object: &'a [u8], keeping: Keeping<'_>) -> &'a [u8] {
    let evidence = match keeping {
        Keeping::Nothing if open_object.starts_with(b"{\"run\":") => {
            memchr::memmem::find(open_object, EVIDENCE_KEY.as_bytes())
        }
        _ => None,
    };
    evidence.map_or(open_object, |at| &open_object[..at])
}

fn decode_own(open_object: &str, keeping: Keeping<'_>) -> Option<Entry> {
    if !open_object.starts_with("{\"run\":") {
        return decode_typed(&format!("{open_object}}}"));
    }
    // Inside a string a quote has a backslash before it, so the key cannot be found in one; found inside an inner
    // object, the part before it would have an open brace too many and not parse.
    let (head, evidence) = match memchr::memmem::find(open_object.as_bytes(), EVIDENCE_KEY.as_bytes()) {
        Some(at) => {
            let text = &open_object[at + EVIDENCE_KEY.len()..];
            let evidence = match keeping {
                Keeping::Copied => Some(StoredEvidence::unread(text, None)),
                Keeping::Shared(file) => Some(StoredEvidence::unread(text, Some(file))),
                Keeping::Nothing => None,
            };
            (&open_object[..at], evidence)
        }
        None => (open_object, None),
    };
    let head = format!("{head}}}");
    let mut run: Run = match keeping {
        Keeping::Nothing => serde_json::from_str::<Skimmed>(&head).ok()?.into(),
        _ => serde_json::from_str(&head).ok()?,
    };
    run.evidence = evidence;
    forget_placeholder(&mut run, || {
        #[derive(Deserialize)]
        struct Flag {
            #[serde(default)]
            unmeasured: bool,
        }
        serde_json::from_str::<Flag>(&head).is_ok_and(|flag| flag.unmeasured)
    });
    Some(Entry::Run(Box::new(run)))
}

/// The 0 that stands for an unknown number is no number.
fn forget_placeholder(run: &mut Run, unmeasured: impl FnOnce() -> bool) {
    if run.metric == Some(0.0) && (run.status == Status::Crash || unmeasured()) {
        run.metric = None;
    }
}

fn decode_typed(text: &str) -> Option<Entry> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow, rename = "type")]
        word: Cow<'a, str>,
    }
    fn body<T: DeserializeOwned + Into<Entry>>(text: &str) -> Option<Entry> {
        serde_json::from_str::<T>(text).ok().map(Into::into)
    }
    let head: Head = serde_json::from_str(text).ok()?;
    match head.word.as_ref() {
        "config" => body::<Config>(text),
        "calibration" => body::<super::Calibration>(text),
        "event" => body::<super::Event>(text),
        "note" => body::<super::Note>(text),
        "idea" => body::<super::Idea>(text),
        "phase" => body::<super::PhaseStart>(text),
        "final" => body::<super::Final>(text),
        "stop" => body::<super::StopEntry>(text),
        "hook" => body::<super::Hook>(text),
        "redteam" => body::<super::RedTeam>(text),
        _ => None,
    }
}

fn decode_any(text: &str) -> Result<(Entry, Option<Stamp>), ParseError> {
    let value: Value = serde_json::from_str(text).map_err(|error| ParseError::Json(error.to_string()))?;
    let Value::Object(mut map) = value else { return Err(ParseError::NoObject) };
    let stamp = take_stamp(&mut map);
    let word = map.get("type").and_then(Value::as_str);
    let entry = match word {
        None if number(map.get("run")).is_some() => Entry::Run(Box::new(patient_run(map))),
        Some("config") => Entry::Config(Box::new(patient_config(map))),
        Some(_) => {
            let value = Value::Object(map);
            decode_typed(&value.to_string()).unwrap_or(Entry::Unknown(value))
        }
        None => Entry::Unknown(Value::Object(map)),
    };
    Ok((entry, stamp))
}

fn take_stamp(map: &mut Map<String, Value>) -> Option<Stamp> {
    let stamp = Stamp::deserialize(&Value::Object(
        ["v", "seq", "prev", "hash"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), map.get(key)?.clone())))
            .collect(),
    ))
    .ok()?;
    for key in ["v", "seq", "prev", "hash"] {
        map.shift_remove(key);
    }
    Some(stamp)
}

/// A whole number from 0, written as one, as a float without fraction, or as text.
fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(n) => n
            .as_u64()
            .or_else(|| n.as_f64().filter(|f| f.fract() == 0.0 && (0.0..9e15).contains(f)).map(|f| f as u64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A finite number, or text that is one.
fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|f| f.is_finite())
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Milliseconds; text is read as a date.
fn moment(value: Value) -> Option<UnixMs> {
    match value {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)).map(UnixMs),
        Value::String(text) => {
            text.trim().parse::<jiff::Timestamp>().ok().map(|at| UnixMs(at.as_millisecond()))
        }
        _ => None,
    }
}

/// Reads an object whose fields may be of wrong types: such a field is unknown, the others stand.
fn patient<T: DeserializeOwned + Default>(map: Map<String, Value>, needed: &str) -> T {
    let value = Value::Object(map);
    if let Ok(whole) = T::deserialize(&value) {
        return whole;
    }
    let Value::Object(mut map) = value else { return T::default() };
    let needed = map.get_key_value(needed).map(|(key, value)| (key.clone(), value.clone()));
    map.retain(|key, value| {
        let alone = needed.clone().into_iter().chain([(key.clone(), value.clone())]);
        T::deserialize(&Value::Object(alone.collect())).is_ok()
    });
    T::deserialize(&Value::Object(map)).unwrap_or_default()
}

/// Turns what other tools write in another type into the line's own.
fn translate(map: &mut Map<String, Value>, key: &str, to: impl FnOnce(Value) -> Value) {
    if let Some(value) = map.get_mut(key) {
        *value = to(value.take());
    }
}

fn patient_run(mut map: Map<String, Value>) -> Run {
    for key in ["run", "segment", "iterationTokens"] {
        translate(&mut map, key, |value| number(Some(&value)).into());
    }
    for key in ["metric", "confidence"] {
        translate(&mut map, key, |value| float(&value).into());
    }
    for key in ["commit", "status", "description", "detail"] {
        translate(&mut map, key, |value| text(value).into());
    }
    translate(&mut map, "timestamp", |value| moment(value).map(|at| at.0).into());
    translate(&mut map, "metrics", |value| match value {
        Value::Object(metrics) => metrics
            .into_iter()
            .filter_map(|(name, value)| Some((name, Value::from(float(&value)?))))
            .collect(),
        _ => Value::Object(Map::new()),
    });
    let unmeasured = map.get("unmeasured").and_then(Value::as_bool).unwrap_or(false);
    let mut run: Run = patient(map, "run");
    forget_placeholder(&mut run, || unmeasured);
    run
}

fn patient_config(mut map: Map<String, Value>) -> Config {
    for key in ["name", "metricName", "metricUnit"] {
        translate(&mut map, key, |value| text(value).into());
    }
    translate(&mut map, "timestamp", |value| moment(value).map(|at| at.0).into());
    patient(map, "name")
}
