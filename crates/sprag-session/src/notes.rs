//! A person's notes: into the ledger at once where nobody holds it, else into an inbox that the running session
//! empties before its next try.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_ledger::{Ledger, Note};
use ulid::Ulid;

use crate::SessionError;
use crate::home::Home;
use crate::session::{Session, now};

/// No remark is longer.
const MAX_NOTE: usize = 8 << 10;

/// Leaves a note for the session that `home` means, whose log in the repository is `mirror`. Answers what became of it, in one line.
///
/// # Errors
/// [`SessionError`] where there is no session, or the note cannot be written.
pub fn leave_note(home: &Home, mirror: &Utf8Path, text: &str) -> Result<String, SessionError> {
    let id = home.current().ok_or(SessionError::NoSession)?;
    let text: String = text.chars().take(MAX_NOTE).collect();
    match home.lock() {
        Ok(_held) => {
            let (mut ledger, _) = Ledger::open(&home.ledger(&id), Some(mirror))?;
            ledger.append(Note { text, timestamp: Some(now()) })?;
            Ok("noted".to_owned())
        }
        Err(SessionError::Running { .. }) => {
            let inbox = home.inbox();
            fs::create_dir_all(&inbox).map_err(|e| SessionError::io("make", &inbox, e))?;
            let (path, part) = (inbox.join(Ulid::generate().to_string()), inbox.join("part"));
            fs::write(&part, &text)
                .and_then(|()| fs::rename(&part, &path))
                .map_err(|e| SessionError::io("write", &path, e))?;
            Ok("noted: the running session takes it in before its next try".to_owned())
        }
        Err(error) => Err(error),
    }
}

impl Session<'_> {
    /// Takes in what people left in the inbox. A note is in the ledger before its file is removed.
    pub(crate) fn take_notes(&mut self) -> Result<(), SessionError> {
        let Ok(entries) = self.home.inbox().read_dir_utf8() else { return Ok(()) };
        let mut paths: Vec<Utf8PathBuf> = entries.flatten().map(|entry| entry.into_path()).collect();
        paths.retain(|path| path.file_name() != Some("part"));
        paths.sort();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|e| SessionError::io("read", &path, e))?;
            self.record(Note { text, timestamp: Some(now()) })?;
            fs::remove_file(&path).map_err(|e| SessionError::io("remove", &path, e))?;
        }
        Ok(())
    }
}
