//! What a candidate may not do to the tree.

use std::fmt;

/// The kind of a [`Violation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ViolationKind {
    /// A path that is not in scope was added.
    NewOutsideScope,
    /// A path that is not in scope was changed.
    ChangedOutsideScope,
    /// A path that is not in scope was deleted.
    DeletedOutsideScope,
    /// A path that is off limits was added, changed or deleted.
    OffLimits,
    /// A submodule or an LFS file was changed.
    Locked,
    /// A new file, where the contract forbids new files.
    NewFile,
    /// The execute bit changed, or a set-user-id bit is set.
    Mode,
    /// A symbolic link, new or changed or deleted, or in the place of a file.
    Symlink,
    /// A file with more than one name.
    HardLink,
    /// A socket, pipe or device.
    SpecialFile,
    /// A repository inside the tree.
    NestedGit,
    /// Extended attributes of the user's kind.
    Xattr,
    /// A name that differs from another only by case or by Unicode form.
    Collision,
    /// A name that is not UTF-8, or has control characters.
    BadName,
    /// More files, bytes or depth than the limits allow.
    TooMuch,
    /// A file or directory that cannot be read.
    Unreadable,
}

impl ViolationKind {
    /// What happened, to be read after the path.
    fn phrase(self) -> &'static str {
        match self {
            Self::NewOutsideScope => "added outside the scope",
            Self::ChangedOutsideScope => "changed outside the scope",
            Self::DeletedOutsideScope => "deleted outside the scope",
            Self::OffLimits => "is off limits",
            Self::Locked => "belongs to a submodule or to Git LFS and cannot be changed",
            Self::NewFile => "is a new file, and the contract allows none",
            Self::Mode => "has other permissions",
            Self::Symlink => "is a symbolic link that the tree does not have",
            Self::HardLink => "is a hard link",
            Self::SpecialFile => "is a pipe, socket or device",
            Self::NestedGit => "is a git repository inside the tree",
            Self::Xattr => "has extended attributes",
            Self::Collision => "differs from another path only by case or Unicode form",
            Self::BadName => "has a name that is not plain UTF-8 text",
            Self::TooMuch => "is more than the limits allow",
            Self::Unreadable => "cannot be read",
        }
    }
}

/// One violation: the path, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The path, with control characters escaped and foreign bytes replaced.
    pub path: String,
    /// What kind of violation.
    pub kind: ViolationKind,
    /// More about it, such as the path that a name collides with; may be empty.
    pub detail: String,
}

impl Violation {
    pub(crate) fn new(path: &[u8], kind: ViolationKind, detail: impl Into<String>) -> Self {
        Self { path: printable(path), kind, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.kind.phrase())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

/// A name as text that a terminal can show, capped.
pub(crate) fn printable(name: &[u8]) -> String {
    let mut text = String::new();
    for c in String::from_utf8_lossy(name).chars().take(300) {
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}
