//! `[run] profile`: run once on each incumbent before the next try, for the brief. Nothing is decided by it, and where it
//! fails the session goes on.

use std::fs::File;
use std::io::Read as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use sprag_ledger::{Entry, Event, EventKind, Log};
use sprag_measure::process;

use crate::SessionError;
use crate::events::Stage;
use crate::open::parse_tree;
use crate::session::{Session, now};

/// So much of what it prints is kept, from its beginning: profilers say the most important first.
const KEPT: u64 = 4 << 10;
/// Under this key of the event lies the text.
const TEXT: &str = "text";
/// And under this one what was run: another command is another profile.
const COMMAND: &str = "command";

impl Session<'_> {
    /// Profiles the incumbent, unless that was done or nobody asks for it. That it failed is told once a session.
    ///
    /// # Errors
    /// An interrupt, or the ledger cannot be written. What the profile does wrong is no error.
    pub(crate) fn profile(&mut self) -> Result<(), SessionError> {
        let Some(command) = self.contract.settings.run.profile.clone() else { return Ok(()) };
        let tree = self.state.segment().map_err(SessionError::Refused)?.incumbent.tree.clone();
        let is_of = |event: &&Event| event.data.get(COMMAND).and_then(Value::as_str) == Some(&command);
        if profiles(self.ledger.log()).filter(is_of).any(|event| event.tree.as_ref() == Some(&tree)) {
            return Ok(());
        }
        self.hold_host()?;
        self.stage(self.state.last_run, Stage::Profile, &command);
        let out = self.home.work("profile");
        let (text, failed) = match self.lab.profile(&self.store, &command, &parse_tree(&tree)?, &out) {
            Err(error) if self.interrupt.check().is_err() => return Err(error),
            Err(error) => (String::new(), Some(error.to_string())),
            Ok((finding, logs)) => (beginning(&logs), finding.map(|finding| finding.detail)),
        };
        if let Some(why) = &failed
            && !profiles(self.ledger.log()).filter(is_of).any(|event| !event.detail.is_empty())
        {
            self.notice(&format!("[run] profile failed, and the session goes on without it: {why}"));
        }
        // What a failed one printed is no profile.
        let text = if failed.is_some() { String::new() } else { text };
        let mut event = Event::new(EventKind::Profiled, failed.unwrap_or_default(), now());
        event.tree = Some(tree);
        event.data.insert(TEXT.to_owned(), text.into());
        event.data.insert(COMMAND.to_owned(), command.into());
        self.record(event)
    }
}

/// What the profile of `tree` said, empty where it failed; `None` where it was not made.
pub(crate) fn profile_of<'a>(log: &'a Log, tree: &str) -> Option<&'a str> {
    let event = profiles(log).filter(|event| event.tree.as_deref() == Some(tree)).last()?;
    Some(event.data.get(TEXT).and_then(Value::as_str).unwrap_or_default())
}

fn profiles(log: &Log) -> impl Iterator<Item = &Event> {
    log.records.iter().filter_map(|record| match &record.entry {
        Entry::Event(event) if event.event == EventKind::Profiled => Some(&**event),
        _ => None,
    })
}

/// The beginning of the first of the files that holds anything: standard output, else standard error.
fn beginning(logs: &[Utf8PathBuf]) -> String {
    logs.iter().map(|log| head(log)).find(|text| !text.is_empty()).unwrap_or_default()
}

fn head(path: &Utf8Path) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(KEPT).read_to_end(&mut bytes));
    let cut = read.is_ok_and(|length| length as u64 == KEPT);
    // The last line of what was cut is a part of one.
    let whole =
        if cut { bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(bytes.len()) } else { bytes.len() };
    process::sanitized(&bytes[..whole]).trim_end().to_owned()
}
