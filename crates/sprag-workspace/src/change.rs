//! One difference between two trees, with the bytes that make it.

use crate::manifest::FileMode;

/// What happens to a path. The bytes travel with the change: nobody reads the file a second time.
#[derive(Clone, PartialEq, Eq)]
pub enum Edit {
    /// The path was not there before.
    New {
        /// Ordinary or executable (a link only where Sprag itself takes in a baseline).
        mode: FileMode,
        /// All of its bytes.
        bytes: Vec<u8>,
    },
    /// The path was there with other bytes.
    Changed {
        /// The mode it has now.
        mode: FileMode,
        /// All of its bytes.
        bytes: Vec<u8>,
    },
    /// The path is gone.
    Deleted,
}

impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New { mode, bytes } => write!(f, "New({mode:?}, {} bytes)", bytes.len()),
            Self::Changed { mode, bytes } => write!(f, "Changed({mode:?}, {} bytes)", bytes.len()),
            Self::Deleted => f.write_str("Deleted"),
        }
    }
}

/// One difference between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Relative, with `/`.
    pub path: String,
    /// What happens to it.
    pub edit: Edit,
}

/// The kind of a [`Change`], without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The path was not there before.
    New,
    /// The path was there with other bytes.
    Changed,
    /// The path is gone.
    Deleted,
}

impl Change {
    /// The kind, without the bytes.
    pub fn kind(&self) -> ChangeKind {
        match self.edit {
            Edit::New { .. } => ChangeKind::New,
            Edit::Changed { .. } => ChangeKind::Changed,
            Edit::Deleted => ChangeKind::Deleted,
        }
    }

    /// The bytes after the change; none when the path is gone.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.edit {
            Edit::New { bytes, .. } | Edit::Changed { bytes, .. } => Some(bytes),
            Edit::Deleted => None,
        }
    }
}
