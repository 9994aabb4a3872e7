//! What in a request or an answer is volatile or secret: the rules of the settings, and those that are always on.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;
use sprag_contract::json_path::{JsonPath, Step};
use sprag_contract::settings::replay::{Part, Place};

use super::RuleError;
use super::loose::secret_values;
use super::pieces::Pieces;

/// What stands for a secret.
pub const REDACTED: &str = "REDACTED";
/// The same where a value of JSON is secret.
pub(super) const REDACTED_IN_JSON: &str = "\"REDACTED\"";

/// What becomes of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It differs each time.
    Volatile,
    /// It is secret.
    Redacted,
}

impl Mark {
    /// What stands in its place.
    pub(super) fn text(self) -> &'static str {
        match self {
            Mark::Volatile => "*",
            Mark::Redacted => REDACTED,
        }
    }
}

/// Names of members and fields that hold secrets, as [`squeezed`].
const FIELDS: [&str; 11] = [
    "password",
    "passwd",
    "secret",
    "clientsecret",
    "apikey",
    "token",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "authorization",
    "privatekey",
];

/// Names of parameters of a query that hold secrets, besides [`FIELDS`].
const PARAMETERS: [&str; 12] = [
    "key",
    "sig",
    "signature",
    "authtoken",
    "subscriptionkey",
    "awsaccesskeyid",
    "xamzcredential",
    "xamzsecuritytoken",
    "xamzsignature",
    "xgoogcredential",
    "xgoogsignature",
    "securitytoken",
];

/// Ends of the names of headers that hold secrets.
const HEADERS: [&str; 12] = [
    "authorization",
    "cookie",
    "apikey",
    "token",
    "secret",
    "password",
    "accesskey",
    "authkey",
    "functionskey",
    "subscriptionkey",
    "signature",
    "credential",
];

/// A name in lower case without `-` and `_`, so that `api_key`, `apiKey` and `API-Key` are one. Names longer than any of
/// ours are cut.
fn squeezed(name: &str, room: &mut [u8; 40]) -> usize {
    let letters = name.bytes().filter(|byte| !matches!(byte, b'-' | b'_'));
    let mut length = 0;
    for (byte, place) in letters.zip(room.iter_mut()) {
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    length
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    let mut room = [0; 40];
    let length = squeezed(name, &mut room);
    names.iter().any(|own| own.as_bytes() == &room[..length])
}

fn is_secret_header(name: &str) -> bool {
    let mut room = [0; 40];
    let length = squeezed(name, &mut room);
    // A name that was cut has lost its end.
    length == room.len() || HEADERS.iter().any(|end| room[..length].ends_with(end.as_bytes()))
}

/// Passwords in SQL: `ALTER ROLE x PASSWORD 'secret'`, `password = 'secret'`. Whether a backslash escapes a quote depends
/// on the server's settings: it does where another quote follows.
static PASSWORDS: LazyLock<Regex> = LazyLock::new(|| {
    let text = r"(?is)\b(?:password|identified\s+by)(?:\s*=\s*|\s+)e?'((?:[^'\\]|''|\\.|\\)*)'";
    Regex::new(text).expect("it is an expression")
});

/// The start of a password between dollars, `PASSWORD $$secret$$` or `$tag$secret$tag$`: the group is what ends it, too.
static DOLLARS: LazyLock<Regex> = LazyLock::new(|| {
    let text = r"(?is)\b(?:password|identified\s+by)(?:\s*=\s*|\s+)(\$(?:[a-z_]\w*)?\$)";
    Regex::new(text).expect("it is an expression")
});

/// The rules of one of `[[replay.volatile]]` and `[[replay.redact]]`, by place.
#[derive(Debug, Default)]
pub(super) struct Parts {
    json: Vec<Rule<JsonPath>>,
    /// In lower case.
    header: Vec<Rule<String>>,
    query: Vec<Rule<String>>,
    path: Vec<Rule<Regex>>,
    body: Vec<Rule<Regex>>,
}

#[derive(Debug)]
struct Rule<T> {
    what: T,
    class: Option<usize>,
}

impl<T> Rule<T> {
    fn holds(&self, class: Option<usize>) -> bool {
        self.class.is_none() || self.class == class
    }
}

impl Parts {
    pub(super) fn compile<'c>(
        parts: &[Part],
        classes: impl Iterator<Item = &'c str> + Clone,
    ) -> Result<Self, RuleError> {
        let mut all = Self::default();
        for part in parts {
            let class = part.class.as_deref().map(|name| {
                let found = classes.clone().position(|class| class == name);
                found.ok_or_else(|| RuleError::new("class", format!("no class is called `{name}`")))
            });
            let class = class.transpose()?;
            let wrong = |place, error: &dyn std::fmt::Display| RuleError::new(place, error.to_string());
            match part.place() {
                Some(Place::Json(path)) => {
                    let what = path.parse().map_err(|error| wrong("json", &error))?;
                    all.json.push(Rule { what, class });
                }
                Some(Place::Header(name)) => all.header.push(Rule { what: name.to_ascii_lowercase(), class }),
                Some(Place::Query(name)) => all.query.push(Rule { what: name.to_owned(), class }),
                Some(Place::Path(text)) => {
                    let what = Regex::new(text).map_err(|error| wrong("path", &error))?;
                    if what.captures_len() != 2 {
                        return Err(wrong("path", &"it needs exactly one group"));
                    }
                    all.path.push(Rule { what, class });
                }
                Some(Place::Body(text)) => {
                    let what = Regex::new(text).map_err(|error| wrong("body", &error))?;
                    all.body.push(Rule { what, class });
                }
                None => return Err(wrong("volatile or redact", &"a rule needs exactly one place")),
            }
        }
        Ok(all)
    }
}

/// No rules at all.
#[cfg(test)]
static NOTHING: Parts =
    Parts { json: Vec::new(), header: Vec::new(), query: Vec::new(), path: Vec::new(), body: Vec::new() };

/// The rules as they hold for one request, or for its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'r> {
    /// `None` for an answer: it is kept whole.
    pub(super) volatile: Option<&'r Parts>,
    pub(super) redact: &'r Parts,
    pub(super) class: Option<usize>,
}

impl<'r> View<'r> {
    /// Only what is always on.
    #[cfg(test)]
    pub(super) fn nothing() -> Self {
        Self { volatile: None, redact: &NOTHING, class: None }
    }

    /// The first mark that a rule of the settings gives, secrets first.
    fn ruled<T: 'r>(
        &self,
        rules: impl Fn(&'r Parts) -> &'r [Rule<T>],
        is: impl Fn(&T) -> bool,
    ) -> Option<Mark> {
        let any = |parts: &'r Parts| rules(parts).iter().any(|rule| rule.holds(self.class) && is(&rule.what));
        match self.volatile {
            _ if any(self.redact) => Some(Mark::Redacted),
            Some(volatile) if any(volatile) => Some(Mark::Volatile),
            _ => None,
        }
    }

    /// Of a value in a JSON body; `holds`: it is a text or a number.
    pub(super) fn json(&self, steps: &[Step<'_>], holds: bool) -> Option<Mark> {
        let named = match steps {
            [.., Step::Key(name)] | [.., Step::Key(name), Step::Index(_)] if holds => {
                is_one_of(name, &FIELDS)
            }
            _ => false,
        };
        if named {
            return Some(Mark::Redacted);
        }
        self.ruled(|parts| &parts.json, |path| path.names(steps))
    }

    /// Whether any rule names a secret place in JSON.
    pub(super) fn has_json(&self) -> bool {
        self.redact.json.iter().any(|rule| rule.holds(self.class))
    }

    /// Whether any expression is looked for in bodies.
    pub(super) fn has_body(&self) -> bool {
        self.both().any(|(parts, _)| parts.body.iter().any(|rule| rule.holds(self.class)))
    }

    /// Of a header, by its name in any spelling.
    pub(super) fn header(&self, name: &str) -> Option<Mark> {
        match is_secret_header(name) {
            true => Some(Mark::Redacted),
            false => self.ruled(|parts| &parts.header, |own| own.eq_ignore_ascii_case(name)),
        }
    }

    /// Of a parameter of a query, by its decoded name.
    pub(super) fn parameter(&self, name: &str) -> Option<Mark> {
        match is_one_of(name, &PARAMETERS) {
            true => Some(Mark::Redacted),
            false => self.field(name),
        }
    }

    /// Of a field of a form, by its decoded name.
    pub(super) fn field(&self, name: &str) -> Option<Mark> {
        match is_one_of(name, &FIELDS) {
            true => Some(Mark::Redacted),
            false => self.ruled(|parts| &parts.query, |own| own == name),
        }
    }

    /// A path with its marked parts replaced.
    pub(super) fn path(&self, path: &str) -> String {
        let mut pieces = Pieces::whole(path.as_bytes());
        for (parts, mark) in self.both() {
            for rule in parts.path.iter().filter(|rule| rule.holds(self.class)) {
                pieces.replace_all(&rule.what, mark.text());
            }
        }
        String::from_utf8_lossy(&pieces.bytes).into_owned()
    }

    /// Replaces what is marked in a body, a statement or a reply, whatever it is.
    pub(super) fn replace(&self, pieces: &mut Pieces<'_>) {
        for (parts, mark) in self.both() {
            for rule in parts.body.iter().filter(|rule| rule.holds(self.class)) {
                pieces.replace_all(&rule.what, mark.text());
            }
        }
    }

    /// The same within a part of bytes whose length is known elsewhere, and must stay.
    pub(super) fn overwrite(&self, part: Range<usize>, pieces: &mut Pieces<'_>) {
        for (parts, mark) in self.both() {
            for rule in parts.body.iter().filter(|rule| rule.holds(self.class)) {
                pieces.overwrite(part.clone(), &rule.what, mark.text());
            }
        }
    }

    /// What is secret before what is volatile.
    fn both(&self) -> impl Iterator<Item = (&'r Parts, Mark)> {
        let volatile = self.volatile.map(|parts| (parts, Mark::Volatile));
        [(self.redact, Mark::Redacted)].into_iter().chain(volatile)
    }
}

/// Replaces the values of members with secrets within a part that is no JSON as a whole.
pub(super) fn replace_members(pieces: &mut Pieces<'_>, within: Range<usize>) {
    let start = within.start;
    let places = secret_values(&pieces.bytes[within], |name| is_one_of(name, &FIELDS));
    pieces.replace(&moved(places, start), REDACTED_IN_JSON);
}

/// Places in a part of something as places in the whole.
pub(super) fn moved(places: Vec<Range<usize>>, by: usize) -> Vec<Range<usize>> {
    places.into_iter().map(|place| place.start + by..place.end + by).collect()
}

/// Replaces passwords in SQL.
pub(super) fn replace_passwords(pieces: &mut Pieces<'_>) {
    pieces.replace_all(&PASSWORDS, Mark::Redacted.text());
    let mut places: Vec<Range<usize>> = Vec::new();
    for found in DOLLARS.captures_iter(&pieces.bytes) {
        let Some(dollars) = found.get(1) else { continue };
        let start = dollars.end();
        // One that is inside of another is no start.
        if places.last().is_some_and(|before| start <= before.end + dollars.len()) {
            continue;
        }
        let rest = &pieces.bytes[start..];
        // Without an end it is no SQL, and none of it is shown.
        let length = memchr::memmem::find(rest, dollars.as_bytes()).unwrap_or(rest.len());
        places.push(start..start + length);
    }
    pieces.replace(&places, Mark::Redacted.text());
}
