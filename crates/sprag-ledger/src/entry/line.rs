//! One line of a log to an entry and back.
//!
//! Lines of Sprag's own take a short way that leaves the evidence unread. Any other line is read with patience: a
//! field of the wrong type is unknown, an object of an unknown type is kept as it is, and only what is no JSON object
//! at all is a bad line.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sprag_judge::{Metrics, Status};

use crate::{
    Stamp, chain,
    entry::{Config, Entry, Run, RunStatus, StoredEvidence, UnixMs},
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

/// Reads one line, given without its newline. Never looks at hashes: that is the chain's work.
pub(crate) fn decode(line: &[u8]) -> Result<(Entry, Option<Stamp>), ParseError> {
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
    if let Some((open_object, stamp)) = chain::unseal(line)
        && let Ok(text) = std::str::from_utf8(open_object)
        && let Some(entry) = decode_own(text)
    {
        return Ok((entry, Some(stamp)));
    }
    decode_any(&String::from_utf8_lossy(line))
}

fn decode_own(open_object: &str) -> Option<Entry> {
    if !open_object.starts_with("{\"run\":") {
        return decode_typed(&format!("{open_object}}}"));
    }
    // Inside a string a quote has a backslash before it, so the key cannot be found in one; found inside an inner
    // object, the part before it would have an open brace too many and not parse.
    let (head, evidence) = match open_object.split_once(EVIDENCE_KEY) {
        Some((head, evidence)) => (head, Some(StoredEvidence::from_text(evidence))),
        None => (open_object, None),
    };
    let head = format!("{head}}}");
    let mut run: Run = serde_json::from_str(&head).ok()?;
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

fn take<T: DeserializeOwned>(map: &mut Map<String, Value>, key: &str) -> Option<T> {
    map.shift_remove(key).and_then(|value| serde_json::from_value(value).ok())
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

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Milliseconds; text is read as a date.
fn moment(value: Option<Value>) -> Option<UnixMs> {
    match value? {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)).map(UnixMs),
        Value::String(text) => {
            text.trim().parse::<jiff::Timestamp>().ok().map(|at| UnixMs(at.as_millisecond()))
        }
        _ => None,
    }
}

fn patient_run(mut map: Map<String, Value>) -> Run {
    let metrics: Metrics = match map.shift_remove("metrics") {
        Some(Value::Object(metrics)) => {
            metrics.iter().filter_map(|(name, value)| Some((name.clone(), float(value)?))).collect()
        }
        _ => Metrics::new(),
    };
    let mut run = Run {
        run: number(map.get("run")).unwrap_or_default(),
        commit: text(map.shift_remove("commit")),
        metric: map.get("metric").and_then(float),
        metrics,
        status: RunStatus::from(text(map.shift_remove("status")).as_str()),
        description: text(map.shift_remove("description")),
        timestamp: moment(map.shift_remove("timestamp")),
        segment: number(map.get("segment")),
        confidence: map.get("confidence").and_then(float),
        asi: take(&mut map, "asi").unwrap_or_default(),
        iteration_tokens: number(map.get("iterationTokens")),
        kind: take(&mut map, "kind"),
        reason: take(&mut map, "reason"),
        detail: text(map.shift_remove("detail")),
        tree: take(&mut map, "tree"),
        parent: take(&mut map, "parent"),
        diff: take(&mut map, "diff"),
        output: take(&mut map, "output"),
        contract: take(&mut map, "contract"),
        usage: take(&mut map, "usage").unwrap_or_default(),
        agent: take(&mut map, "agent"),
        proposal: take(&mut map, "proposal"),
        seconds: take(&mut map, "seconds").unwrap_or_default(),
        grade: take(&mut map, "grade"),
        caveats: take(&mut map, "caveats").unwrap_or_default(),
        source: take(&mut map, "source"),
        evidence: take(&mut map, "evidence"),
    };
    let unmeasured = map.get("unmeasured").and_then(Value::as_bool).unwrap_or(false);
    forget_placeholder(&mut run, || unmeasured);
    run
}

fn patient_config(mut map: Map<String, Value>) -> Config {
    Config {
        name: text(map.shift_remove("name")),
        metric_name: text(map.shift_remove("metricName")),
        metric_unit: text(map.shift_remove("metricUnit")),
        direction: take(&mut map, "bestDirection").unwrap_or_default(),
        session: take(&mut map, "session"),
        contract: take(&mut map, "contract"),
        harness: take(&mut map, "harness"),
        host: map.shift_remove("host").unwrap_or_default(),
        sandbox: take(&mut map, "sandbox"),
        grade: take(&mut map, "grade"),
        phase: take(&mut map, "phase"),
        revision: take(&mut map, "revision"),
        tree: take(&mut map, "tree"),
        sprag: take(&mut map, "sprag"),
        timestamp: moment(map.shift_remove("timestamp")),
        source: take(&mut map, "source"),
        compiled: map.shift_remove("compiled").unwrap_or_default(),
    }
}
