//! What a new cassette holds: by class and upstream, and what was taken out of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sprag_replay::cassette::{self, Cassette, Which};
use sprag_replay::{Answer, CassetteError, REDACTED};

use crate::replaying::words;

/// How long the name of something that was taken out may be.
const NAME: usize = 60;

/// What a cassette holds.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    sums: BTreeMap<(String, String), Sums>,
    /// How often something was taken out, by the name that stands before it.
    pub(crate) redacted: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Sums {
    requests: u64,
    answers: u64,
    asked: u64,
    answered: u64,
}

impl Contents {
    pub(crate) fn of(cassette: &Cassette) -> Result<Self, CassetteError> {
        let mut contents = Self::default();
        for shown in cassette::show(cassette, Which::All) {
            let shown = shown?;
            let at = (shown.class.unwrap_or_default(), shown.upstream);
            let sums = contents.sums.entry(at).or_default();
            sums.requests += u64::from(shown.ordinal == 0);
            sums.answers += 1;
            sums.asked += shown.canonical.len() as u64;
            sums.answered += body(&shown.played.answer).len() as u64;
            contents.note(&shown.canonical);
            contents.note(body(&shown.played.answer));
            if let Answer::Http(http) = &shown.played.answer {
                for (name, value) in http.headers.iter().chain(&http.trailers) {
                    if value.contains(REDACTED) {
                        *contents.redacted.entry(name.to_ascii_lowercase()).or_default() += 1;
                    }
                }
            }
        }
        Ok(contents)
    }

    fn note(&mut self, text: &[u8]) {
        for name in redacted(text) {
            *self.redacted.entry(name).or_default() += 1;
        }
    }

    pub(crate) fn told(&self) -> String {
        let mut rows = vec![
            ["class", "upstream", "requests", "answers", "asked", "answered"].map(str::to_owned).to_vec(),
        ];
        for ((class, upstream), sums) in &self.sums {
            let class = if class.is_empty() { "-" } else { class };
            let (requests, answers) = (sums.requests.to_string(), sums.answers.to_string());
            let (asked, answered) = (words::size(sums.asked), words::size(sums.answered));
            rows.push(vec![class.to_owned(), words::one_line(upstream), requests, answers, asked, answered]);
        }
        let mut text = words::table(&rows, 2);
        if !self.redacted.is_empty() {
            let each =
                self.redacted.iter().map(|(name, times)| format!("{} ({times})", words::one_line(name)));
            let _ = writeln!(text, "redacted: {}", each.collect::<Vec<_>>().join(", "));
        }
        text
    }

    pub(crate) fn as_json(&self) -> Value {
        let one = |((class, upstream), sums): (&(String, String), &Sums)| {
            json!({
                "class": Some(class).filter(|class| !class.is_empty()),
                "upstream": upstream,
                "requests": sums.requests,
                "answers": sums.answers,
                "asked_bytes": sums.asked,
                "answered_bytes": sums.answered,
            })
        };
        self.sums.iter().map(one).collect()
    }
}

/// What an answer says.
fn body(answer: &Answer) -> &[u8] {
    match answer {
        Answer::Http(http) => &http.body.bytes,
        Answer::Postgres(postgres) => &postgres.messages,
        Answer::Redis(reply) => reply,
        Answer::Tcp(tcp) => &tcp.bytes,
    }
}

/// The names that stand before what was taken out: `api_key` in `api_key=REDACTED`, `"api_key": "REDACTED"` and the like.
fn redacted(text: &[u8]) -> impl Iterator<Item = String> + '_ {
    let found = (0..text.len()).filter(|at| text[*at..].starts_with(REDACTED.as_bytes()));
    found.map(|at| {
        let before = &text[..at];
        let punctuation = |byte: &u8| !b" \t\"':=\\".contains(byte);
        let end = before.iter().rposition(punctuation).map_or(0, |last| last + 1);
        let of_a_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
        let start = before[..end].iter().rposition(|byte| !of_a_name(byte)).map_or(0, |last| last + 1);
        let name = &before[start.max(end.saturating_sub(NAME))..end];
        if name.is_empty() { "elsewhere".to_owned() } else { String::from_utf8_lossy(name).into_owned() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_out_goes_by_the_name_before_it() {
        let names = |text: &str| redacted(text.as_bytes()).collect::<Vec<_>>().join(" ");
        assert_eq!(names("GET http://x/\n?api_key=REDACTED\n?a=1\n"), "api_key");
        assert_eq!(names(r#"{"a":{"password": "REDACTED"},"token":"REDACTED"}"#), "password token");
        assert_eq!(names("alter user x password 'REDACTED'"), "password");
        assert_eq!(names("REDACTED"), "elsewhere");
        assert_eq!(names("nothing"), "");
    }
}
