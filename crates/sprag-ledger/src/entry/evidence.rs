//! A run's evidence, read only when somebody asks for it: it is nine tenths of a ledger's bytes.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};
use serde_json::Value;
use sprag_judge::Evidence;

/// Everything that decided about one candidate, parsed or still as the text of the row.
#[derive(Debug, Clone)]
pub struct StoredEvidence(Form);

#[derive(Debug, Clone)]
enum Form {
    Parsed(Box<Evidence>),
    Text(Box<str>),
}

impl StoredEvidence {
    /// Evidence as a row holds it, not looked at yet.
    pub(crate) fn from_text(text: &str) -> Self {
        Self(Form::Text(text.into()))
    }

    /// The evidence.
    ///
    /// # Errors
    /// The row's text is no evidence that this version understands.
    pub fn get(&self) -> Result<Cow<'_, Evidence>, serde_json::Error> {
        match &self.0 {
            Form::Parsed(evidence) => Ok(Cow::Borrowed(evidence)),
            Form::Text(text) => serde_json::from_str(text).map(Cow::Owned),
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
            (Err(_), Err(_)) => match (&self.0, &other.0) {
                (Form::Text(a), Form::Text(b)) => a == b,
                _ => false,
            },
            _ => false,
        }
    }
}

impl Serialize for StoredEvidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Parsed(evidence) => evidence.serialize(serializer),
            Form::Text(text) => {
                serde_json::from_str::<Value>(text).map_err(S::Error::custom)?.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for StoredEvidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Form::Text(Value::deserialize(deserializer)?.to_string().into())))
    }
}
