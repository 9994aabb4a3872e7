//! Ideas that wait: appended to the person's file, kept in the ledger, given back when their phase comes.

use std::fs::{self, File};
use std::io::Write;

use sprag_agent::Note;
use sprag_ledger::{Entry, Idea, Log};

use crate::SessionError;
use crate::events::Event;
use crate::one_line::one_line;
use crate::session::{Session, now};

/// One idea is one line, whatever the proposer wrote; its parts are no longer than this.
const LINE: usize = 500;

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
        if let Err(error) = self.append_to_ideas(&idea) {
            let ideas = &self.project.layout.ideas;
            let notice = format!("{ideas} could not be written ({error}); the ledger has the idea");
            self.notice(&notice);
        }
        self.record(idea)?;
        self.observer.tell(&Event::Parked { text: &note.description });
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

/// The ideas that were parked before `phase`, in the order parked.
pub(crate) fn parked_before(log: &Log, phase: u32) -> impl Iterator<Item = &Idea> {
    let ideas = log.records.iter().filter_map(|record| match &record.entry {
        Entry::Idea(idea) => Some(idea),
        _ => None,
    });
    ideas.filter(move |idea| idea.phase.is_some_and(|parked| parked < phase))
}
