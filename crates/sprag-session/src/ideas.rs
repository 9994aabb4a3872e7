//! Ideas that wait: appended to the person's file, kept in the ledger, given back when their phase comes.

use std::fs::{self, File};
use std::io::Write;

use serde_json::{Map, Value};
use sprag_agent::Note;
use sprag_ledger::{Entry, Idea, Log};

use crate::SessionError;
use crate::events::Event;
use crate::one_line::one_line;
use crate::session::{Session, now};

/// One idea is one line, whatever the proposer wrote; its parts are no longer than this.
const LINE: usize = 500;
/// More ideas of one try are not parked.
const IDEAS_OF_A_TRY: usize = 5;

impl Session<'_> {
    /// Parks an idea: one line in the ideas file, one entry in the ledger.
    ///
    /// # Errors
    /// [`SessionError`]: the ledger.
    pub fn park(&mut self, note: &Note) -> Result<(), SessionError> {
        let note = note.clone().capped();
        let phase = self.state.segment().map_err(SessionError::Refused)?.phase;
        let said = |key: &str| note.asi.get(key).and_then(|v| v.as_str());
        let why = said("rule").or(said("rollback_reason")).unwrap_or_default().to_owned();
        let idea = Idea {
            text: note.description.clone(),
            why,
            phase: Some(phase),
            proposal: note.id.clone(),
            timestamp: Some(now()),
            ..Idea::default()
        };
        self.park_one(idea)
    }

    /// Parks what a proposer left under `ideas` beside its change, in the try numbered `run`: some short texts, each once.
    pub(crate) fn park_beside(&mut self, run: u64, asi: &Map<String, Value>) -> Result<(), SessionError> {
        let phase = self.state.segment().map_err(SessionError::Refused)?.phase;
        let said: Vec<String> = match asi.get("ideas") {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => return Ok(()),
        };
        let texts = said.iter().map(|text| one_line(text.trim(), LINE)).filter(|text| !text.is_empty());
        for text in texts.take(IDEAS_OF_A_TRY) {
            if parked(self.ledger.log()).any(|known| known.text == text) {
                continue;
            }
            let (from_run, phase, timestamp) = (Some(run), Some(phase), Some(now()));
            self.park_one(Idea { text, from_run, phase, timestamp, ..Idea::default() })?;
        }
        Ok(())
    }

    fn park_one(&mut self, idea: Idea) -> Result<(), SessionError> {
        if let Err(error) = self.append_to_ideas(&idea) {
            let ideas = &self.project.layout.ideas;
            let notice = format!("{ideas} could not be written ({error}); the ledger has the idea");
            self.notice(&notice);
        }
        let text = idea.text.clone();
        self.record(idea)?;
        self.observer.tell(&Event::Parked { text: &text });
        Ok(())
    }

    /// Ideas parked in an earlier phase than the one under way, in the order parked.
    pub(crate) fn ideas_given_back(&self) -> Vec<&Idea> {
        let phase = self.state.segment().map_or(1, |segment| segment.phase);
        parked_before(self.ledger.log(), phase).collect()
    }

    /// The proposals behind those ideas, but for the ones that were tried since.
    pub(crate) fn proposals_given_back(&self) -> Vec<String> {
        let times = |id: &String| self.state.proposals.iter().filter(|known| *known == id).count();
        let ideas = self.ideas_given_back().into_iter();
        ideas.filter_map(|idea| idea.proposal.clone()).filter(|id| times(id) == 1).collect()
    }

    fn append_to_ideas(&self, idea: &Idea) -> std::io::Result<()> {
        let path = self.project.root.join(&self.project.layout.ideas);
        let before = match path.symlink_metadata() {
            // A link in a cloned repository must not lead the ideas elsewhere.
            Ok(meta) if !meta.is_file() => {
                return Err(std::io::Error::other("it is a link or no regular file; remove it"));
            }
            Ok(_) => fs::read(&path)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let phase = idea.phase.map_or(String::new(), |phase| format!(" (parked in phase {phase})"));
        let why =
            if idea.why.is_empty() { String::new() } else { format!(": {}", one_line(&idea.why, LINE)) };
        let separator = if before.last().is_some_and(|&last| last != b'\n') { "\n" } else { "" };
        let mut file = File::options().create(true).append(true).open(&path)?;
        file.write_all(format!("{separator}- {}{phase}{why}\n", one_line(&idea.text, LINE)).as_bytes())?;
        file.sync_all()
    }
}

/// The ideas that were parked in `phase`, in the order parked.
pub(crate) fn parked_in(log: &Log, phase: u32) -> impl Iterator<Item = &Idea> {
    parked(log).filter(move |idea| idea.phase == Some(phase))
}

/// The ideas that were parked before `phase`, in the order parked.
pub(crate) fn parked_before(log: &Log, phase: u32) -> impl Iterator<Item = &Idea> {
    parked(log).filter(move |idea| idea.phase.is_some_and(|parked| parked < phase))
}

fn parked(log: &Log) -> impl Iterator<Item = &Idea> {
    log.records.iter().filter_map(|record| match &record.entry {
        Entry::Idea(idea) => Some(idea),
        _ => None,
    })
}
