//! A commit: who, when, and its bytes as git writes them.

use crate::{CommitId, TreeId};

/// Seconds since 1970-01-01T00:00:00Z, as commits carry them (the ledger carries milliseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixSeconds(pub i64);

impl UnixSeconds {
    /// From milliseconds since the same moment, rounded down.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.div_euclid(1000))
    }
}

/// Who a commit is by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

impl Identity {
    /// Sprag itself, in its own store and where a person's configuration names nobody.
    pub fn sprag() -> Self {
        Self { name: "Sprag".to_owned(), email: "sprag@localhost".to_owned() }
    }
}

/// A commit as git writes it, in UTF-8 and in UTC.
pub(crate) fn commit_bytes(
    tree: &TreeId,
    parent: Option<&CommitId>,
    message: &str,
    by: &Identity,
    at: UnixSeconds,
) -> Vec<u8> {
    let parent = parent.map_or_else(String::new, |parent| format!("parent {parent}\n"));
    let who = format!("{} <{}> {} +0000", plain_word(&by.name), plain_word(&by.email), at.0);
    // NUL cannot be in a commit message; everything else is kept as it is.
    let message = message.replace('\0', "\u{fffd}");
    format!("tree {tree}\n{parent}author {who}\ncommitter {who}\n\n{message}").into_bytes()
}

/// A name or an address as git cleans it: nothing that ends the field or the line, no punctuation around it.
fn plain_word(text: &str) -> String {
    let crud = |c: char| c <= ' ' || ".,:;<>\"\\'".contains(c);
    let word: String = text.chars().filter(|c| !"<>\n\0".contains(*c)).collect();
    let word = word.trim_matches(crud);
    if word.is_empty() { "unknown".to_owned() } else { word.to_owned() }
}
