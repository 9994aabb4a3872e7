//! The tuner: turns the knobs that the spec names, without a model, and lets Sprag judge each setting.

mod assignment;
mod space;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value};
use sprag_contract::Knob;

use crate::{Asked, History, Note, Proposal, ProposeError, Proposer, Usage};
use assignment::{Assignment, find};
use space::{Point, Space};

/// Under this key of the side information stand the values of a try.
const KEY: &str = "knobs";
/// And under this one those of the code that it was compared with.
const BEFORE: &str = "knobs_before";
/// A larger file is not one that a person sets anything in, in bytes.
const LARGEST_FILE: u64 = 16 << 20;

/// A knob cannot be turned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnobError {
    /// The spec names none.
    #[error(
        "the spec names no knobs to turn\n  add a section to it:\n  ## Knobs\n  - CHUNK in core/scoring.py: 16..4096, log"
    )]
    None,
    /// The file of one cannot be read or written.
    #[error("failed to read or write {path}, where `{knob}` is set: {source}")]
    File {
        /// The knob.
        knob: String,
        /// The file.
        path: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Where it is set is not clear.
    #[error(
        "{file}:{line}: {what}\n  a knob has one place in its file: NAME = value, const NAME: T = value; or NAME: value"
    )]
    Place {
        /// The file, relative to the top of the repository.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// Turns the knobs of a spec.
#[derive(Debug)]
pub struct Knobs {
    knobs: Vec<Knob>,
    space: Space,
    session: String,
    /// What is known of the points: the level of those that were measured.
    tried: BTreeMap<Point, Option<f64>>,
    /// The level of the best code so far.
    level: f64,
    /// What was proposed since the session was opened, whether it came to a row or not.
    proposed: BTreeSet<Point>,
}

impl Knobs {
    /// The tuner of these knobs. Each is looked for in the repository at `root`, so that a slip shows before anything is
    /// measured.
    ///
    /// # Errors
    /// [`KnobError`].
    pub fn open(knobs: &[Knob], root: &Utf8Path) -> Result<Self, KnobError> {
        if knobs.is_empty() {
            return Err(KnobError::None);
        }
        for knob in knobs {
            look_up(knob, root)?;
        }
        Ok(Self {
            knobs: knobs.to_vec(),
            space: Space::of(knobs.iter().map(|knob| &knob.domain)),
            session: String::new(),
            tried: BTreeMap::new(),
            level: 0.0,
            proposed: BTreeSet::new(),
        })
    }

    /// What a knob is called among the others: by its name, and by its file where that is not enough.
    fn key(&self, knob: &Knob) -> String {
        match self.knobs.iter().filter(|other| other.name == knob.name).count() {
            1 => knob.name.clone(),
            _ => format!("{} in {}", knob.name, knob.file),
        }
    }

    /// The point of the values under a key of what was said about a try.
    fn point_of(&self, asi: &Map<String, Value>, key: &str) -> Option<Point> {
        let values = asi.get(key)?.as_object()?;
        self.space.point(self.knobs.iter().map(|knob| values.get(&self.key(knob))?.as_str()))
    }

    /// What the knobs are in the code in `copy`.
    fn values_in(&self, copy: &Utf8Path) -> Result<Map<String, Value>, KnobError> {
        let value = |knob: &Knob| Ok((self.key(knob), look_up(knob, copy)?.1.value.into()));
        self.knobs.iter().map(value).collect()
    }
}

impl Proposer for Knobs {
    fn name(&self) -> &str {
        "knobs"
    }

    /// It goes on by the values and levels of the rows.
    fn resume(&mut self, _done: &[String]) {}

    fn learn(&mut self, history: &History<'_>) {
        self.session = history.session.to_owned();
        self.level = history.level;
        self.tried.clear();
        for past in &history.tries {
            // A value that is out of its range is no point.
            if let Some(point) = self.point_of(past.asi, BEFORE) {
                self.tried.insert(point, Some(past.before));
            }
            if let Some(point) = self.point_of(past.asi, KEY) {
                self.tried.insert(point, past.level);
            }
        }
    }

    fn propose(&mut self, asked: &Asked<'_>) -> Result<Proposal, ProposeError> {
        let mut asi = Map::from_iter([(BEFORE.to_owned(), Value::Object(self.values_in(asked.copy)?))]);
        if let Some(point) = self.point_of(&asi, BEFORE) {
            self.tried.insert(point, Some(self.level));
        }
        for point in &self.proposed {
            self.tried.entry(point.clone()).or_default();
        }
        let Some(point) = self.space.next(&self.session, &self.tried) else { return Ok(Proposal::Exhausted) };
        let mut values = Map::new();
        for (knob, literal) in self.knobs.iter().zip(self.space.literals(&point)) {
            turn(knob, &literal, asked.copy)?;
            values.insert(self.key(knob), literal.into());
        }
        self.proposed.insert(point);
        let said =
            values.iter().map(|(key, value)| format!("{key} = {}", value.as_str().unwrap_or_default()));
        let description = said.collect::<Vec<_>>().join(", ");
        asi.insert(KEY.to_owned(), Value::Object(values));
        Ok(Proposal::Edit(Note { description, asi, usage: Usage::FREE, ..Note::default() }))
    }
}

/// The file of a knob, and where in it the knob is set.
fn look_up(knob: &Knob, top: &Utf8Path) -> Result<(String, Assignment), KnobError> {
    let Knob { name, file, domain } = knob;
    let text = read(top, file).map_err(|source| KnobError::File {
        knob: name.clone(),
        path: top.join(file),
        source,
    })?;
    let place = |(line, what)| KnobError::Place { file: file.clone(), line, what };
    let found = find(&text, name, domain).map_err(place)?;
    Ok((text, found))
}

fn turn(knob: &Knob, literal: &str, copy: &Utf8Path) -> Result<(), KnobError> {
    let (text, found) = look_up(knob, copy)?;
    let path = copy.join(&knob.file);
    let wrong = |source| KnobError::File { knob: knob.name.clone(), path: path.clone(), source };
    fs::write(&path, found.set(&text, literal)).map_err(wrong)
}

/// A text file below `top`, to which no link leads.
fn read(top: &Utf8Path, file: &str) -> io::Result<String> {
    let mut path = top.to_owned();
    for part in file.split('/') {
        path.push(part);
        if path.symlink_metadata()?.is_symlink() {
            return Err(io::Error::other(format!("{path} is a link")));
        }
    }
    let found = path.metadata()?;
    if !found.is_file() || found.len() > LARGEST_FILE {
        return Err(io::Error::other("it is no regular file, or larger than 16 MiB"));
    }
    String::from_utf8(fs::read(&path)?).map_err(|_| io::Error::other("it is not UTF-8"))
}

#[cfg(test)]
mod tests;
