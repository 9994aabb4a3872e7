//! What makes a scope invalid, and how the outside differs from what was recorded.

use std::fmt;

use crate::exchange::{Answer, Asked};

/// How much of a request is shown to people, in characters.
const SHOWN: usize = 2_000;

/// What made a scope invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A request that the cassette does not hold, or does not hold any more.
    Miss(Box<Miss>),
    /// A connection or a request that is not let through: no route, another protocol, too large.
    Denied {
        /// Where it was going, as far as known.
        upstream: String,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// The cassette could not be read. Nobody's fault but the disk's.
    Cassette(crate::CassetteError),
    /// The outside did not answer while recording or verifying.
    Upstream {
        /// Which.
        upstream: String,
        /// Why.
        what: String,
    },
    /// The proxy could not do its work: this machine did not let it. Nobody's fault.
    Host {
        /// What failed, and what to do.
        what: String,
    },
}

/// A request without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The case it was made in; empty outside of any.
    pub case: String,
    /// Where it was going.
    pub upstream: String,
    /// One line: method and path, SQL, command.
    pub label: String,
    /// Its canonical form, redacted and cut.
    pub request: String,
    /// What was recorded that is most like it.
    pub closest: Option<Closest>,
}

/// The recorded request that is most like one that was missed. It answers nothing: it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closest {
    /// The same request, whose recorded answers were used up.
    UsedUp {
        /// How many there were.
        answers: u32,
    },
    /// The same request, in another case.
    OtherCase(String),
    /// Another request to the same place.
    Alike {
        /// Its line.
        label: String,
        /// Its canonical form, cut.
        request: String,
    },
}

impl Trouble {
    pub(crate) fn miss(case: &str, asked: &Asked, closest: Option<Closest>) -> Self {
        Self::Miss(Box::new(Miss {
            case: case.to_owned(),
            upstream: asked.upstream.clone(),
            label: asked.label.clone(),
            request: shown(&asked.canonical),
            closest,
        }))
    }

    /// Whether the application is at fault, and not the disk, the machine or the outside.
    pub fn is_the_applications(&self) -> bool {
        matches!(self, Self::Miss(_) | Self::Denied { .. })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Miss(miss) => miss.fmt(f),
            Self::Denied { upstream, what } if upstream.is_empty() => f.write_str(what),
            Self::Denied { upstream, what } => write!(f, "{upstream}: {what}"),
            Self::Cassette(error) => error.fmt(f),
            Self::Upstream { upstream, what } => write!(f, "{upstream} did not answer: {what}"),
            Self::Host { what } => f.write_str(what),
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, upstream, label, request, closest } = self;
        let within = if case.is_empty() { String::new() } else { format!(" in case {case}") };
        write!(f, "no recorded answer for {label} to {upstream}{within}")?;
        match closest {
            None => write!(f, "; nothing like it was recorded"),
            Some(Closest::UsedUp { answers }) => {
                write!(f, ": it was recorded {answers} time(s) there, and asked once more")
            }
            Some(Closest::OtherCase(other)) => write!(f, ": it was recorded in case {other}, not here"),
            Some(Closest::Alike { label, request: recorded }) => {
                write!(
                    f,
                    "; the closest that was recorded is {label}\n  asked:    {request}\n  recorded: {recorded}"
                )
            }
        }
    }
}

/// Where the outside differs from the cassette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The case of the request.
    pub case: String,
    /// Where it went.
    pub upstream: String,
    /// One line.
    pub label: String,
    /// What differs.
    pub what: String,
}

impl Difference {
    /// The request was never recorded.
    pub(crate) fn unknown(case: &str, asked: &Asked) -> Self {
        Self::new(case, asked, "it is not in the cassette".to_owned())
    }

    /// `None` where the answers are the same.
    pub(crate) fn between(case: &str, asked: &Asked, recorded: &Answer, live: &Answer) -> Option<Self> {
        Some(Self::new(case, asked, what_differs(recorded, live)?))
    }

    fn new(case: &str, asked: &Asked, what: String) -> Self {
        Self { case: case.to_owned(), upstream: asked.upstream.clone(), label: asked.label.clone(), what }
    }
}

impl Answer {
    /// How another answer to the same request differs; `None` where the client would hardly see a difference. Headers are
    /// not compared: servers put ids and times there.
    pub fn difference(&self, other: &Self) -> Option<String> {
        what_differs(self, other)
    }
}

fn what_differs(recorded: &Answer, live: &Answer) -> Option<String> {
    let (was, is) = match (recorded, live) {
        (Answer::Http(was), Answer::Http(is)) if was.status != is.status => {
            return Some(format!("the status was {} and is {}", was.status, is.status));
        }
        (Answer::Http(was), Answer::Http(is)) if was.trailers != is.trailers => {
            return Some(format!("the trailers were {:?} and are {:?}", was.trailers, is.trailers));
        }
        // How a body was cut is the network's doing.
        (Answer::Http(was), Answer::Http(is)) => (&was.body.bytes, &is.body.bytes),
        (Answer::Postgres(was), Answer::Postgres(is)) => (&was.messages, &is.messages),
        (Answer::Redis(was), Answer::Redis(is)) => (was, is),
        (Answer::Tcp(was), Answer::Tcp(is)) if was.bytes == is.bytes && was.closes != is.closes => {
            return Some(format!("it closed the connection: recorded {}, now {}", was.closes, is.closes));
        }
        // What the client says next is a request of its own.
        (Answer::Tcp(was), Answer::Tcp(is)) => (&was.bytes, &is.bytes),
        _ => return Some("it is answered in another protocol".to_owned()),
    };
    if was == is {
        return None;
    }
    let at = was.iter().zip(is.iter()).take_while(|(a, b)| a == b).count();
    let part = |bytes: &[u8]| shown(&bytes[at.saturating_sub(20)..(at + 60).min(bytes.len())]);
    Some(format!("the answers differ from byte {at} on: recorded …{}…, now …{}…", part(was), part(is)))
}

/// Bytes as text for people: what is no printable text is escaped, and what is long is cut.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN)]);
    let mut shown = String::new();
    for c in text.chars().take(SHOWN) {
        match c {
            '\n' => shown.push('\n'),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    if text.chars().nth(SHOWN).is_some() || bytes.len() > 4 * SHOWN {
        shown.push('…');
    }
    shown
}
