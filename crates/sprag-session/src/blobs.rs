//! Bodies beside the ledger: diffs and the ends of outputs, each under its hash, which the row holds.

use std::fs;

use sprag_ledger::Hash;
use sprag_measure::{Role, process};

use crate::SessionError;
use crate::session::Session;

impl Session<'_> {
    /// Keeps bytes under their hash in the session's folder.
    pub(crate) fn keep_blob(&self, bytes: &[u8]) -> Result<String, SessionError> {
        let hash = Hash::of(bytes).to_string();
        let dir = self.home.session(&self.id).join("blobs");
        let path = dir.join(hash.trim_start_matches("b3:"));
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&dir)?;
            let part = path.with_extension("part");
            fs::write(&part, bytes)?;
            fs::rename(&part, &path)
        };
        if !path.exists() {
            write().map_err(|e| SessionError::io("write", &path, e))?;
        }
        Ok(hash)
    }

    /// Keeps the last lines of what the candidate printed; the whole of it stays in the output folder.
    pub(crate) fn keep_output(&self, run: u64) -> Result<Option<String>, SessionError> {
        let dir = self.out(run).join(Role::Candidate.name());
        let Ok(entries) = dir.read_dir_utf8() else { return Ok(None) };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path().to_owned()).collect();
        files.sort();
        let texts: Vec<String> =
            files.iter().map(|file| process::capped(file)).filter(|text| !text.is_empty()).collect();
        if texts.is_empty() { Ok(None) } else { self.keep_blob(texts.join("\n").as_bytes()).map(Some) }
    }
}
