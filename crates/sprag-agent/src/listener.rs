//! Listens to what an agent prints while it prints it: line by line, with a limit, into a transcript without secrets.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use camino::{Utf8Path, Utf8PathBuf};
use memchr::memmem;

use crate::adapter::Adapter;
use crate::told::Told;

/// A longer line is not read, in bytes: the longest seen hold a whole conversation.
const MAX_LINE: usize = 32 << 20;
/// How much is taken in at once, in bytes: whoever listens has a deadline to look at, too.
const MAX_AT_ONCE: usize = 4 << 20;
/// A shorter value is no secret, and would be found in any text.
const SHORTEST_SECRET: usize = 8;

/// Values of an environment that stand in no file and no row, each with the name of its variable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// Those of `names` in an environment.
    pub(crate) fn of<'a>(env: &BTreeMap<String, String>, names: impl IntoIterator<Item = &'a str>) -> Self {
        let value = |name: &str| Some((name.to_owned(), env.get(name)?.clone()));
        Self(
            names.into_iter().filter_map(value).filter(|(_, value)| value.len() >= SHORTEST_SECRET).collect(),
        )
    }

    pub(crate) fn hidden_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(value, &format!("[{name}]")))
    }

    pub(crate) fn are_in(&self, bytes: &[u8]) -> bool {
        self.name_in(bytes).is_some()
    }

    /// The variable whose value is in these bytes.
    pub(crate) fn name_in(&self, bytes: &[u8]) -> Option<&str> {
        let found = self.0.iter().find(|(_, value)| memmem::find(bytes, value.as_bytes()).is_some());
        found.map(|(name, _)| name.as_str())
    }

    /// The length of the longest value, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.0.iter().map(|(_, value)| value.len()).max().unwrap_or(0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes that hold a secret become text.
    pub(crate) fn hidden_in_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        if self.are_in(bytes) {
            self.hidden_in(&String::from_utf8_lossy(bytes)).into_bytes()
        } else {
            bytes.to_vec()
        }
    }
}

/// Reads a growing file.
pub(crate) struct Listener<'a> {
    adapter: &'a dyn Adapter,
    path: Utf8PathBuf,
    file: Option<File>,
    /// The line under way.
    line: Vec<u8>,
    /// The line under way is too long, and the rest of it is passed over.
    is_too_long: bool,
    told: Told,
    kept: BufWriter<File>,
    secrets: &'a Secrets,
    trouble: Option<io::Error>,
}

impl<'a> Listener<'a> {
    pub(crate) fn new(adapter: &'a dyn Adapter, path: &Utf8Path, kept: File, secrets: &'a Secrets) -> Self {
        Self {
            adapter,
            path: path.to_owned(),
            file: None,
            line: Vec::new(),
            is_too_long: false,
            told: Told::default(),
            kept: BufWriter::new(kept),
            secrets,
            trouble: None,
        }
    }

    /// What was told so far.
    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// Takes in what was printed since the last time. Whether there was all that may be taken in at once.
    pub(crate) fn listen(&mut self) -> bool {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let mut bytes = vec![0; 64 << 10];
        let mut taken = 0;
        let more = loop {
            // One that cannot be read now may be read the next time.
            let read = self.file.as_mut().and_then(|file| file.read(&mut bytes).ok()).unwrap_or(0);
            if read == 0 {
                break false;
            }
            taken += read;
            for piece in bytes[..read].split_inclusive(|byte| *byte == b'\n') {
                self.line.extend_from_slice(piece);
                if self.line.len() > MAX_LINE {
                    self.line.clear();
                    self.is_too_long = true;
                }
                if piece.ends_with(b"\n") {
                    self.take();
                }
            }
            if taken >= MAX_AT_ONCE {
                break true;
            }
        };
        // However Sprag ends, what was heard stands in the transcript.
        if taken > 0
            && let Err(error) = self.kept.flush()
        {
            self.trouble.get_or_insert(error);
        }
        more
    }

    /// Takes in the rest, and answers all that was told.
    ///
    /// # Errors
    /// The transcript could not be written.
    pub(crate) fn end(mut self) -> io::Result<Told> {
        while self.listen() {}
        if !self.line.is_empty() {
            self.take();
        }
        self.kept.flush()?;
        self.trouble.map_or(Ok(self.told), Err)
    }

    fn take(&mut self) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.is_too_long) {
            return;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        self.adapter.read(text, &mut self.told);
        if !self.adapter.is_noise(text)
            && let Err(error) = writeln!(self.kept, "{}", self.secrets.hidden_in(text))
        {
            self.trouble.get_or_insert(error);
        }
    }
}
