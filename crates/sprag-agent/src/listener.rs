//! Listens to what an agent prints while it prints it: line by line, with a limit, into a transcript without secrets.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use camino::{Utf8Path, Utf8PathBuf};
use memchr::memmem;
use serde_json::Value;

use crate::adapter::Adapter;
use crate::told::Told;

/// A longer line is not read, in bytes: the longest seen hold a whole conversation.
const MAX_LINE: usize = 32 << 20;
/// How much is taken in at once, in bytes: whoever listens has a deadline to look at, too.
const MAX_AT_ONCE: usize = 4 << 20;
/// A shorter value is no secret, and would be found in any text.
const SHORTEST_SECRET: usize = 8;

/// A shorter line of a value of several lines is no secret by itself.
const LONG_LINE: usize = 16;

/// Values of an environment that stand in no file and no row, each with the name of its variable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// Those of `names` in an environment.
    pub(crate) fn of<'a>(env: &BTreeMap<String, String>, names: impl IntoIterator<Item = &'a str>) -> Self {
        let value = |name: &str| Some((name.to_owned(), env.get(name)?.clone()));
        Self::default().with(names.into_iter().filter_map(value))
    }

    /// These besides, each in all the forms in which it may be printed.
    #[must_use]
    pub(crate) fn with(mut self, more: impl IntoIterator<Item = (String, String)>) -> Self {
        let forms = |(name, value): (String, String)| {
            let forms = forms_of(&value).into_iter().map(move |form| (name.clone(), form));
            forms.collect::<Vec<_>>()
        };
        self.0.extend(more.into_iter().flat_map(forms).filter(|(_, value)| value.len() >= SHORTEST_SECRET));
        // One may begin with another one, whose name in its place would leave the rest.
        self.0.sort_by(|(_, a), (_, b)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.0.dedup_by(|(_, a), (_, b)| a == b);
        self
    }

    pub(crate) fn hidden_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(value, &format!("[{name}]")))
    }

    /// The same in all words of a value, those that are keys among them.
    pub(crate) fn hidden_in_json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.hidden_in(&text).into(),
            Value::Array(all) => all.into_iter().map(|value| self.hidden_in_json(value)).collect(),
            Value::Object(all) => {
                let all =
                    all.into_iter().map(|(key, value)| (self.hidden_in(&key), self.hidden_in_json(value)));
                Value::Object(all.collect())
            }
            other => other,
        }
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

/// A secret as it is; as it stands in JSON; of several lines each one; and the secrets in it, where it is JSON or an address.
fn forms_of(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    forms.extend(escaped(value));
    let lines =
        value.lines().map(str::trim).filter(|line| line.len() >= LONG_LINE && !line.starts_with("-----"));
    forms.extend(lines.filter(|line| *line != value).map(str::to_owned));
    let password = value.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')?.0.split_once(':'));
    forms.extend(password.map(|(_, password)| password.to_owned()));
    if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(value) {
        in_settings("", &value, &mut forms);
    }
    forms
}

fn escaped(value: &str) -> Option<String> {
    let text = Value::from(value).to_string();
    Some(text.trim_start_matches('"').strip_suffix('"')?.to_owned()).filter(|text| text != value)
}

/// What stands in settings under a name that says that it is secret.
fn in_settings(key: &str, value: &Value, found: &mut Vec<String>) {
    let is_secret =
        ["key", "token", "secret", "password"].iter().any(|word| key.to_lowercase().contains(word));
    match value {
        Value::String(text) if is_secret => {
            found.extend(escaped(text));
            found.push(text.clone());
        }
        Value::Array(all) => all.iter().for_each(|value| in_settings(key, value, found)),
        Value::Object(all) => all.iter().for_each(|(key, value)| in_settings(key, value, found)),
        _ => {}
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
