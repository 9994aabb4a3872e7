//! How a request is recognised, classed and redacted: the `[replay]` table of the settings, compiled.
//!
//! Nothing here guesses. Two requests are the same when their canonical forms are, byte for byte.

mod class;
mod glob;

use bytes::Bytes;
use sprag_contract::settings::replay::{Replay, Upstream};

pub use class::Class;
pub use sprag_contract::settings::replay::Repeat;

use crate::exchange::{Answer, Asked};
use glob::Glob;

/// The version of the canonical forms: two of them never compare. A change of what [`Rules`] makes of a request makes a
/// new one.
const FORM: u32 = 1;

/// The settings, ready for use. They do not change while they are used.
#[derive(Debug)]
pub struct Rules {
    classes: Vec<Class>,
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

/// A request over HTTP, complete.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest {
    /// Where it goes, as an [`Upstream`] is written.
    pub(crate) upstream: String,
    /// In upper case.
    pub(crate) method: String,
    /// Path and query as they came.
    pub(crate) target: String,
    /// As they came, in any spelling.
    pub(crate) headers: Vec<(String, String)>,
    /// All of it, still encoded where it was.
    pub(crate) body: Bytes,
}

impl Rules {
    /// Compiles the settings.
    ///
    /// # Errors
    /// A glob, an expression or a path that cannot be read, or a class that does not exist.
    pub fn compile(settings: &Replay) -> Result<Self, RuleError> {
        let classes = settings
            .class
            .iter()
            .map(|class| Class::compile(class, &settings.port))
            .collect::<Result<_, _>>()?;
        let passed = settings.pass.iter().map(|pass| Glob::any_case(&pass.host)).collect();
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
        Ok(Self { classes, passed, resolved, digest })
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

    /// The canonical form of a request over HTTP.
    pub(crate) fn http(&self, request: &HttpRequest) -> Asked {
        let HttpRequest { upstream, method, target, headers: _, body } = request;
        let path = target.split_once('?').map_or(target.as_str(), |(path, _)| path);
        let class = self.classes.iter().position(|class| class.counts_http(upstream, method, path));
        let mut canonical = format!("{method} {upstream}{target}\n\n").into_bytes();
        canonical.extend_from_slice(body);
        Asked {
            upstream: upstream.clone(),
            label: format!("{method} {path}"),
            canonical: canonical.into(),
            class,
            items: 1,
            bytes: body.len() as u64,
            aside: false,
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
        Asked {
            upstream: upstream.to_owned(),
            label: label.to_owned(),
            canonical: canonical.into(),
            class: self.classes.iter().position(|class| class.counts_statement(upstream, port, label)),
            items: 1,
            bytes,
            aside: false,
        }
    }

    /// An answer to a request of `class` as it may be written: what is secret in it is replaced.
    pub fn redact_answer(&self, class: Option<usize>, answer: Answer) -> Answer {
        let _ = class;
        answer
    }
}

/// The host in an upstream's text; all of it where it is none.
fn host_of(upstream: &str) -> String {
    Upstream::parse(upstream).map_or_else(|_| upstream.to_owned(), |upstream| upstream.host)
}
