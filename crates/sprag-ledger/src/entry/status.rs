//! A run's status as a log tells it: one of Sprag's, or a word that is not known here.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sprag_judge::Status;

/// What became of a run. An unknown word is unknown: never a keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunStatus {
    /// A status of the verdict table.
    Known(Status),
    /// Another tool's or a later version's word; empty where the row has none.
    Unknown(String),
}

impl RunStatus {
    /// The status, where it is one of the verdict table.
    pub fn known(&self) -> Option<Status> {
        match self {
            RunStatus::Known(status) => Some(*status),
            RunStatus::Unknown(_) => None,
        }
    }

    /// The word in the log.
    pub fn word(&self) -> &str {
        match self {
            RunStatus::Known(Status::Keep) => "keep",
            RunStatus::Known(Status::Discard) => "discard",
            RunStatus::Known(Status::ChecksFailed) => "checks_failed",
            RunStatus::Known(Status::Crash) => "crash",
            RunStatus::Unknown(word) => word,
        }
    }
}

impl From<Status> for RunStatus {
    fn from(status: Status) -> Self {
        RunStatus::Known(status)
    }
}

impl From<&str> for RunStatus {
    fn from(word: &str) -> Self {
        match word {
            "keep" => RunStatus::Known(Status::Keep),
            "discard" => RunStatus::Known(Status::Discard),
            "checks_failed" => RunStatus::Known(Status::ChecksFailed),
            "crash" => RunStatus::Known(Status::Crash),
            other => RunStatus::Unknown(other.to_owned()),
        }
    }
}

impl PartialEq<Status> for RunStatus {
    fn eq(&self, other: &Status) -> bool {
        self.known() == Some(*other)
    }
}

impl Default for RunStatus {
    fn default() -> Self {
        RunStatus::Unknown(String::new())
    }
}

impl Serialize for RunStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for RunStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(std::borrow::Cow::<'_, str>::deserialize(deserializer)?.as_ref().into())
    }
}
