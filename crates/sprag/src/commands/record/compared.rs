//! What changed since the cassette that was there: a new recording of the same program shows what is volatile.

use std::fmt::Write as _;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use serde_json::{Value, json};
use sprag_contract::settings::replay::Part;
use sprag_replay::CassetteError;
use sprag_replay::cassette::{self, Cassette, Comparison, Proposal, Unmatched, Which, propose};
use tempfile::TempDir;

use crate::replaying::words;

/// How many answers that are other ones are kept to be shown.
const SHOWN: usize = 100;

/// The cassette that is about to be replaced, copied to where it can still be read.
pub(crate) struct Before(Option<Result<(TempDir, Utf8PathBuf), String>>);

/// How two recordings differ.
#[derive(Debug)]
pub(crate) enum Compared {
    /// Their sealed bytes are the same.
    Same,
    /// They cannot be compared, and why.
    Not(String),
    /// They differ.
    Differ(Box<Differ>),
}

#[derive(Debug, Default)]
pub(crate) struct Differ {
    /// Exchanges that only the new one has.
    new: u64,
    /// Exchanges that only the old one has.
    gone: u64,
    /// Exchanges that both have, with another answer.
    answers: u64,
    /// The first of them: the request, and how the answers differ.
    other: Vec<(String, String)>,
    comparison: Comparison,
}

impl Before {
    /// Nothing is replaced, or what is replaced is a part of what comes.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Copies what is in the folder of the cassette. That it is damaged is no reason not to record another.
    pub(crate) fn keep(folder: &Utf8Path) -> Self {
        if !folder.is_dir() {
            return Self(None);
        }
        let copied = || -> std::io::Result<_> {
            let temp = tempfile::tempdir()?;
            let to =
                Utf8PathBuf::try_from(temp.path().join("cassette")).map_err(|error| error.into_io_error())?;
            copy(folder, &to)?;
            Ok((temp, to))
        };
        Self(Some(copied().map_err(|error| error.to_string())))
    }

    /// `None` where there was none.
    pub(crate) fn compare(self, now: &Cassette) -> Option<Compared> {
        let compared = self.0?.and_then(|(_held, folder)| {
            let was = Cassette::open(&folder).map_err(|error| at_home(error, &folder, now.dir()))?;
            compare(&was, now).map_err(|error| at_home(error, &folder, now.dir()))
        });
        Some(compared.unwrap_or_else(Compared::Not))
    }
}

/// An error about the copy as one about what was copied.
fn at_home(error: CassetteError, copy: &Utf8Path, folder: &Utf8Path) -> String {
    match error {
        CassetteError::Rules(_) => "it was recorded under other [replay] rules".to_owned(),
        error => error.to_string().replace(copy.as_str(), folder.as_str()),
    }
}

/// A cassette has files, and one folder of files.
fn copy(from: &Utf8Path, to: &Utf8Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_dir() => copy(entry.path(), &to.join(entry.file_name()))?,
            kind if kind.is_file() => drop(fs::copy(entry.path(), to.join(entry.file_name()))?),
            _ => {}
        }
    }
    Ok(())
}

fn compare(was: &Cassette, now: &Cassette) -> Result<Compared, CassetteError> {
    if was.manifest().seal == now.manifest().seal {
        return Ok(Compared::Same);
    }
    let mut differ = Differ { comparison: propose(was, now)?, ..Differ::default() };
    for shown in cassette::show(now, Which::All) {
        let shown = shown?;
        let slot = was.find(&shown.case, shown.key).filter(|slot| shown.ordinal < was.answers(*slot));
        let Some(slot) = slot else {
            differ.new += 1;
            continue;
        };
        let answer = was.answer(slot, shown.ordinal)?;
        if let Some(what) = answer.answer.difference(&shown.played.answer) {
            differ.answers += 1;
            if differ.other.len() < SHOWN {
                differ.other.push((format!("{}{}", shown.label, words::within(&shown.case)), what));
            }
        }
    }
    differ.gone = was.manifest().interactions + differ.new - now.manifest().interactions;
    Ok(Compared::Differ(Box::new(differ)))
}

impl Compared {
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Same => {
                "the recording is the one that was there, byte for byte but for its timings\n".to_owned()
            }
            Self::Not(why) => format!("it was not compared with what was there: {why}\n"),
            Self::Differ(differ) => differ.told(),
        }
    }

    pub(crate) fn as_json(&self) -> Value {
        match self {
            Self::Same => json!({ "same": true }),
            Self::Not(why) => json!({ "same": null, "why_not": why }),
            Self::Differ(differ) => differ.as_json(),
        }
    }
}

impl Differ {
    fn told(&self) -> String {
        let Self { new, gone, answers, other, comparison } = self;
        let Comparison { proposals, unmatched } = comparison;
        if new + gone + answers == 0 {
            return "nothing differs from what was there but headers of answers\n".to_owned();
        }
        let mut text = format!(
            "since the recording that was there: {new} new, {gone} gone, {answers} answered otherwise\n"
        );
        let line = |one: &Unmatched| {
            let word = if one.in_first { "gone" } else { "new" };
            format!("{word:<4}  {}{}", one.label, words::within(&one.case))
        };
        words::list(&mut text, unmatched.iter().map(line));
        words::list(&mut text, other.iter().map(|(label, what)| format!("{label}: {what}")));
        if !proposals.is_empty() {
            let _ = writeln!(
                text,
                "where requests are alike but for these places, replay misses them; if a place is no part of the question, \
                 add its lines to the settings and record again:\n"
            );
            proposals.iter().for_each(|proposal| text.push_str(&lines(proposal)));
        }
        text
    }

    fn as_json(&self) -> Value {
        let Self { new, gone, answers, other, comparison } = self;
        let unmatched = comparison.unmatched.iter().map(
            |one| json!({ "case": one.case, "label": one.label, "in": if one.in_first { "before" } else { "now" } }),
        );
        let volatile = comparison.proposals.iter().map(|one| {
            json!({
                "rule": one.part, "toml": rule(&one.part), "requests": one.requests, "label": one.label, "was": one.was,
                "is": one.is,
            })
        });
        json!({
            "same": false,
            "new": new,
            "gone": gone,
            "answers": answers,
            "other_answers": other.iter().map(|(label, what)| json!({ "label": label, "what": what })).collect::<Value>(),
            "unmatched": unmatched.collect::<Value>(),
            "volatile": volatile.collect::<Value>(),
        })
    }
}

/// A rule as it is pasted, and why as a comment above it.
fn lines(proposal: &Proposal) -> String {
    let Proposal { part, requests, label, was, is } = proposal;
    let more = if *requests == 1 { String::new() } else { format!(" ({requests} requests)") };
    let why = words::one_line(&format!("{label}: {was}, then {is}{more}"));
    format!("# {why}\n{}\n", rule(part))
}

/// A rule as TOML.
fn rule(part: &Part) -> String {
    #[derive(Serialize)]
    struct Settings<'a> {
        replay: Table<'a>,
    }
    #[derive(Serialize)]
    struct Table<'a> {
        volatile: [&'a Part; 1],
    }
    toml::to_string(&Settings { replay: Table { volatile: [part] } }).expect("a table of strings is TOML")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_pasted_as_it_is_and_read_again() {
        let part = Part {
            path: Some(r#"^/v1/runs/([0-9a-f"']+)$"#.to_owned()),
            class: Some("runs".to_owned()),
            ..Part::default()
        };
        let text = rule(&part);
        insta::assert_snapshot!(text, @r#####"
        [[replay.volatile]]
        path = """^/v1/runs/([0-9a-f"']+)$"""
        class = "runs"
        "#####);
        let read: toml::Table = toml::from_str(&text).unwrap();
        let volatile: Vec<Part> = read["replay"]["volatile"].clone().try_into().unwrap();
        assert_eq!(volatile, [part]);
    }
}
