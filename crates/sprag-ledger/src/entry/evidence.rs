//! A run's evidence, read only when somebody asks for it: it is nine tenths of a ledger's bytes.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};
use serde_json::Value;
use sprag_judge::Evidence;

/// Everything that decided about one candidate, parsed or still as the text of the row.
#[derive(Clone)]
pub struct StoredEvidence(Form);

#[derive(Clone)]
enum Form {
    Parsed(Box<Evidence>),
    Text(Box<str>),
    /// A part of a file that all its rows share: copying the parts would take longer than all the rest of reading.
    Shared {
        file: Arc<Vec<u8>>,
        start: usize,
        length: usize,
    },
}

impl Form {
    /// The text that was not looked at yet.
    fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Form::Parsed(_) => None,
            Form::Text(text) => Some(Cow::Borrowed(text)),
            Form::Shared { file, start, length } => {
                Some(String::from_utf8_lossy(file.get(*start..start + length).unwrap_or_default()))
            }
        }
    }
}

impl StoredEvidence {
    /// Evidence as a row holds it, not looked at yet. `file`: what the text is a part of.
    pub(crate) fn unread(text: &str, file: Option<&Arc<Vec<u8>>>) -> Self {
        let shared = file.and_then(|file| {
            let start = (text.as_ptr() as usize).checked_sub(file.as_ptr() as usize)?;
            let same = file.get(start..start.checked_add(text.len())?)? == text.as_bytes();
            same.then(|| Form::Shared { file: Arc::clone(file), start, length: text.len() })
        });
        Self(shared.unwrap_or_else(|| Form::Text(text.into())))
    }

    /// The evidence.
    ///
    /// # Errors
    /// The row's text is no evidence that this version understands.
    pub fn get(&self) -> Result<Cow<'_, Evidence>, serde_json::Error> {
        match (&self.0, self.0.text()) {
            (Form::Parsed(evidence), _) => Ok(Cow::Borrowed(evidence)),
            (_, text) => serde_json::from_str(&text.unwrap_or_default()).map(Cow::Owned),
        }
    }
}

impl fmt::Debug for StoredEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, self.0.text()) {
            (Form::Parsed(evidence), _) => evidence.fmt(f),
            (_, text) => f.write_str(&text.unwrap_or_default()),
        }
    }
}

impl From<Evidence> for StoredEvidence {
    fn from(evidence: Evidence) -> Self {
        Self(Form::Parsed(Box::new(evidence)))
    }
}

impl PartialEq for StoredEvidence {
    fn eq(&self, other: &Self) -> bool {
        match (self.get(), other.get()) {
            (Ok(a), Ok(b)) => a == b,
            (Err(_), Err(_)) => self.0.text() == other.0.text(),
            _ => false,
        }
    }
}

impl Serialize for StoredEvidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (&self.0, self.0.text()) {
            (Form::Parsed(evidence), _) => evidence.serialize(serializer),
            (_, text) => serde_json::from_str::<Value>(&text.unwrap_or_default())
                .map_err(S::Error::custom)?
                .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StoredEvidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Form::Text(Value::deserialize(deserializer)?.to_string().into())))
    }
}
