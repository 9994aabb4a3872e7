//! A login that is lent to an agent: a copy, of which nothing is taken back but tokens that were renewed.
//!
//! Some agents run what their file of logins says: a key that begins with `!`, a provider that serves settings. So what is
//! taken back has the same keys and the same words as before, and only tokens and times are others.

use std::fs::{self, File};
use std::io::{self, Read, Write};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use sprag_workspace::Beneath;

/// A larger file is no login, in bytes.
const MAX_BYTES: u64 = 256 << 10;
/// A shorter word of a login is no secret.
const SHORTEST_SECRET: usize = 20;
/// What is in the names of what may be renewed.
const RENEWED: [&str; 5] = ["token", "access", "refresh", "expire", "expiry"];

/// A file of logins, and its copy.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    /// The person's.
    pub(crate) place: Utf8PathBuf,
    /// The agent's home.
    pub(crate) home: Utf8PathBuf,
    /// The copy, below the home.
    pub(crate) below: Utf8PathBuf,
    /// What was lent, where the agent does not see it.
    pub(crate) before: Utf8PathBuf,
}

/// What became of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is what it was, or was never lent.
    Same,
    /// It was renewed, and the person's own is the new one.
    Renewed,
    /// It was changed otherwise, or the person's own was changed meanwhile: that one stays.
    Refused,
}

impl Login {
    /// Copies it into the home.
    pub(crate) fn lend(&self) -> io::Result<()> {
        let Some(bytes) = read(File::open(&self.place)) else { return Ok(()) };
        let copy = self.home.join(&self.below);
        fs::create_dir_all(copy.parent().unwrap_or(&self.home))?;
        private(&self.before, &bytes)?;
        private(&copy, &bytes)
    }

    /// Takes it back where it was renewed and nothing else.
    pub(crate) fn take_back(&self) -> Taken {
        let Some(before) = read(File::open(&self.before)) else { return Taken::Same };
        // Whoever ran in the home may have put links into it.
        let copy = Beneath::open(&self.home).ok();
        let copy = copy.and_then(|home| home.file(self.below.as_str().as_bytes()).ok()).map(File::from);
        let Some(after) = read(copy.ok_or(io::ErrorKind::NotFound.into())) else { return Taken::Same };
        if after == before {
            return Taken::Same;
        }
        let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
        let is_renewed =
            parsed(&before).zip(parsed(&after)).is_some_and(|(before, after)| renews("", &before, &after));
        let is_still_lent = read(File::open(&self.place)).as_ref() == Some(&before);
        match is_renewed && is_still_lent && replace(&self.place, &after).is_ok() {
            true => {
                // What is taken back is taken back once.
                let _ = private(&self.before, &after);
                Taken::Renewed
            }
            false => Taken::Refused,
        }
    }

    /// The words of it that nobody must read, each with what it is called.
    pub(crate) fn secrets(&self) -> Vec<(String, String)> {
        let Some(value) = read(File::open(&self.place)).and_then(|bytes| serde_json::from_slice(&bytes).ok())
        else {
            return Vec::new();
        };
        let mut words = Vec::new();
        leaves(&value, &mut words);
        words.retain(|word| word.len() >= SHORTEST_SECRET);
        let name = format!("a login in {}", self.below);
        words.into_iter().map(|word| (name.clone(), word)).collect()
    }
}

/// Whether one differs from the other in tokens and times alone. `key` is what it stands under.
fn renews(key: &str, before: &Value, after: &Value) -> bool {
    let key = key.to_lowercase();
    let may_differ = RENEWED.iter().any(|word| key.contains(word));
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            before.len() == after.len()
                && before.iter().all(|(key, value)| after.get(key).is_some_and(|new| renews(key, value, new)))
        }
        (Value::String(_), Value::String(new)) if may_differ && is_token(new) => true,
        (Value::Number(_), Value::Number(_)) if may_differ => true,
        _ => before == after,
    }
}

/// Whether it has but what tokens and times are written with.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=:|".contains(&byte))
}

fn leaves(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) => words.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|value| leaves(value, words)),
        Value::Object(all) => all.values().for_each(|value| leaves(value, words)),
        _ => {}
    }
}

/// All of a plain file; `None` where it is none, or cannot be read.
fn read(file: io::Result<File>) -> Option<Vec<u8>> {
    let file = file.ok()?;
    let found = file.metadata().ok()?;
    let mut bytes = Vec::new();
    let is_plain = found.is_file() && found.len() <= MAX_BYTES;
    (is_plain && file.take(MAX_BYTES).read_to_end(&mut bytes).is_ok()).then_some(bytes)
}

/// A file that its owner alone reads.
fn private(path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

/// Replaces a file as a whole. Where it is a link, what that leads to.
fn replace(path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let path = path.canonicalize_utf8()?;
    let mode = path.metadata()?.permissions();
    let part = Utf8PathBuf::from(format!("{path}.sprag-part"));
    private(&part, bytes)?;
    fs::set_permissions(&part, mode)?;
    fs::rename(&part, &path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn new_tokens_and_times_are_a_renewal_and_nothing_else_is() {
        let login =
            json!({ "anthropic": { "type": "oauth", "access": "a-1", "refresh": "r-1", "expires": 1 } });
        let with = |key: &str, value: Value| {
            let mut changed = login.clone();
            changed["anthropic"][key] = value;
            renews("", &login, &changed)
        };
        assert!(with("access", json!("a-2")) && with("expires", json!(2)));
        assert!(!with("type", json!("wellknown")), "another kind of login");
        assert!(!with("access", json!("!touch x")), "a command");
        assert!(!with("url", json!("http://x")), "a new word");
        let mut more = login.clone();
        more["other"] = json!({ "type": "api_key", "key": "!touch x" });
        assert!(!renews("", &login, &more), "a new provider");
        let key = |key: &str| json!({ "openai": { "type": "api_key", "key": key } });
        assert!(!renews("", &key("sk-1"), &key("sk-2")), "keys are not renewed");
        let codex =
            |at: &str| json!({ "OPENAI_API_KEY": null, "tokens": { "id_token": at }, "last_refresh": at });
        assert!(renews("", &codex("2026-11-01T10:00:00Z"), &codex("2026-11-02T10:00:00.5Z")));
    }
}
