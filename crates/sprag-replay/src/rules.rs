//! How a request is recognised, classed and redacted: the `[replay]` table of the settings, compiled.
//!
//! Nothing here guesses. Two requests are the same when their canonical forms are, byte for byte.

mod answer;
mod body;
mod class;
mod coding;
mod glob;
mod json;
mod loose;
mod marks;
mod pieces;
mod target;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use sprag_contract::settings::replay::{Replay, Upstream};

pub use class::Class;
pub use sprag_contract::settings::replay::Repeat;

pub(crate) use answer::with_texts;
pub(crate) use coding::readable_codings;
pub use marks::REDACTED;

use crate::exchange::{Answer, Asked};
use body::{Sent, escaped_into, media_type, write_header};
use glob::Glob;
use marks::{Parts, View, replace_passwords};
use pieces::Pieces;
use target::Target;

/// The version of the canonical forms: two of them never compare. A change of what [`Rules`] makes of a request makes a
/// new one.
const FORM: u32 = 1;

/// How long a label is, in characters.
const LABEL: usize = 200;

/// Headers that are in nobody's canonical form: what they say is a moment's.
const NEVER: [&str; 2] = ["content-type", "grpc-timeout"];

/// The settings, ready for use. They do not change while they are used.
#[derive(Debug)]
pub struct Rules {
    classes: Vec<Class>,
    volatile: Parts,
    redact: Parts,
    passed: Vec<Glob>,
    resolved: serde_json::Value,
    digest: String,
}

/// What is wrong with the rules. The settings' own diagnostics say it with its place; this is for settings that come from
/// elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[replay] {place}: {what}")]
pub struct RuleError {
    /// The key, such as `class.match.path`.
    pub place: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl RuleError {
    fn new(place: &'static str, what: impl fmt::Display) -> Self {
        Self { place, what: what.to_string() }
    }
}

/// A request over HTTP, complete.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest<'r> {
    /// Where it goes, as an [`Upstream`] is written.
    pub(crate) upstream: &'r str,
    /// In upper case.
    pub(crate) method: &'r str,
    /// Path and query as they came.
    pub(crate) target: Cow<'r, str>,
    /// As they came, in any spelling.
    pub(crate) headers: Vec<(Cow<'r, str>, Cow<'r, str>)>,
    /// All of it, still encoded where it was.
    pub(crate) body: Bytes,
}

impl Rules {
    /// Compiles the settings.
    ///
    /// # Errors
    /// A glob, an expression or a path that cannot be read, or a class that does not exist.
    pub fn compile(settings: &Replay) -> Result<Self, RuleError> {
        let classes: Result<_, _> =
            settings.class.iter().map(|class| Class::compile(class, &settings.port)).collect();
        let names = settings.class.iter().map(|class| class.name.as_str());
        let volatile = Parts::compile(&settings.volatile, names.clone())?;
        let redact = Parts::compile(&settings.redact, names)?;
        let passed: Result<_, _> = settings.pass.iter().map(|pass| Glob::any_case(&pass.host)).collect();
        let passed = passed.map_err(|error| RuleError::new("pass.host", error))?;
        // All that decides what a request is recognised by, and nothing else: another folder, port or pace is the same
        // recording.
        let ports: Vec<_> = settings.port.iter().map(|port| (&port.name, &port.upstream)).collect();
        let resolved = serde_json::json!({
            "form": FORM,
            "port": ports,
            "class": settings.class,
            "volatile": settings.volatile,
            "redact": settings.redact,
        });
        let digest = format!("b3:{}", blake3::hash(resolved.to_string().as_bytes()).to_hex());
        Ok(Self { classes: classes?, volatile, redact, passed, resolved, digest })
    }

    /// The classes, in the order of the settings.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// What a request of a class gets that is asked again. Without a class: the answers in their order, then none.
    pub fn repeat(&self, class: Option<usize>) -> Repeat {
        class.and_then(|class| self.classes.get(class)).map_or(Repeat::default(), |class| class.repeat)
    }

    /// The rules as JSON: what the digest is of.
    pub fn resolved(&self) -> &serde_json::Value {
        &self.resolved
    }

    /// BLAKE3 of [`Self::resolved`], as `b3:` and 64 hex digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether a host is let through to the outside.
    pub fn is_passed(&self, host: &str) -> bool {
        self.passed.iter().any(|glob| glob.matches(host))
    }

    /// The canonical form of a request over HTTP: a text whose lines are the method and the place, the parameters, the
    /// media type, the headers that count, and then the body in a form of its own.
    pub(crate) fn http(&self, request: &HttpRequest<'_>) -> Asked {
        let HttpRequest { upstream, method, target, headers, body } = request;
        let target = Target::read(target);
        let class = self.classes.iter().position(|class| class.counts_http(upstream, method, &target.path));
        let view = self.view(class);
        let header = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| &**value)
        };
        let path = view.path(&target.path);
        let mut query = Vec::new();
        target.write_query(&view, &mut query);
        let query = String::from_utf8_lossy(&query);
        let label = format!("{method} {path}{}", query.trim_end().replace("\n?", "&"));
        let mut canonical = Vec::with_capacity(256 + 2 * body.len());
        escaped_into(&format!("{method} {upstream}{path}"), &mut canonical);
        canonical.push(b'\n');
        canonical.extend_from_slice(query.as_bytes());
        if let Some(content_type) = header("content-type") {
            write_header("content-type", &media_type(content_type), None, &mut canonical);
        }
        let counted = class.map(|class| &self.classes[class]);
        for wanted in
            counted.iter().flat_map(|class| &class.headers).filter(|name| !NEVER.contains(&name.as_str()))
        {
            for (_, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)) {
                write_header(wanted, value.trim(), view.header(wanted), &mut canonical);
            }
        }
        let sent = Sent {
            content_type: header("content-type"),
            content_encoding: header("content-encoding"),
            grpc_encoding: header("grpc-encoding"),
            bytes: body,
        };
        let items = sent.write(&view, counted.and_then(|class| class.items.as_ref()), &mut canonical);
        Asked {
            upstream: (*upstream).to_owned(),
            label: label_of(label.as_bytes()),
            canonical: canonical.into(),
            class,
            items,
            bytes: body.len() as u64,
            aside: false,
            masked: target.masked(),
        }
    }

    /// The canonical form of what is asked of a database. `port` is the name of the port it came in by; `label` the SQL
    /// or the command, by which it is classed; `canonical` all that it is recognised by; `bytes` its size on the wire.
    pub(crate) fn statement(
        &self,
        upstream: &str,
        port: &str,
        label: &str,
        canonical: impl Into<Bytes>,
        bytes: u64,
    ) -> Asked {
        let class = self.classes.iter().position(|class| class.counts_statement(upstream, port, label));
        let view = self.view(class);
        let replaced = |bytes: &[u8]| {
            let mut pieces = Pieces::whole(bytes);
            replace_passwords(&mut pieces);
            view.replace(&mut pieces);
            pieces.is_changed().then(|| pieces.bytes.into_owned())
        };
        let canonical: Bytes = canonical.into();
        Asked {
            upstream: upstream.to_owned(),
            label: label_of(&replaced(label.as_bytes()).unwrap_or_else(|| label.into())),
            canonical: replaced(&canonical).map_or(canonical, Bytes::from),
            class,
            items: 1,
            bytes,
            aside: false,
            masked: 0,
        }
    }

    /// An answer to a request of `class` as it may be written: what is secret in it is replaced.
    pub fn redact_answer(&self, class: Option<usize>, answer: Answer) -> Answer {
        answer::redacted(&self.view_of_answer(class), answer)
    }

    /// Why an answer cannot be searched for secrets, and what to do; `None` where it can. What cannot is not written.
    pub(crate) fn unsearched(&self, answer: &Answer) -> Option<String> {
        answer::unsearched(answer)
    }

    /// Bytes of which nothing is known, as they may be written and compared.
    pub(crate) fn redact_bytes(&self, class: Option<usize>, bytes: Bytes) -> Bytes {
        answer::plain(&self.view_of_answer(class), bytes)
    }

    fn view(&self, class: Option<usize>) -> View<'_> {
        View { volatile: Some(&self.volatile), redact: &self.redact, class }
    }

    fn view_of_answer(&self, class: Option<usize>) -> View<'_> {
        View { volatile: None, redact: &self.redact, class }
    }
}

/// One line for people, of text that may have several.
fn label_of(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut label = String::new();
    let mut left = LABEL;
    for word in text.split_whitespace() {
        if !label.is_empty() {
            label.push(' ');
        }
        for c in word.chars() {
            if left == 0 {
                label.push('…');
                return label;
            }
            left -= 1;
            match c.is_control() {
                true => label.extend(c.escape_default()),
                false => label.push(c),
            }
        }
    }
    label
}

/// The host in an upstream's text; all of it where it is none.
fn host_of(upstream: &str) -> String {
    Upstream::parse(upstream).map_or_else(|_| upstream.to_owned(), |upstream| upstream.host)
}
