//! What is wrong in `[replay]`.

mod classes;
mod parts;
mod ports;
#[cfg(test)]
mod tests;

use super::Findings;
use crate::{
    diagnostic::Severity,
    settings::{
        Settings,
        replay::{Pace, Replay},
    },
};

/// More classes than anybody counts by. The proxy has a bit for each.
const MAX_CLASSES: usize = 60;
/// More of anything else than anybody writes.
const MAX_ENTRIES: usize = 200;
/// A longer glob is a mistake.
const MAX_GLOB: usize = 500;

impl Findings {
    pub(super) fn replay(&mut self, replay: &Replay, settings: &Settings) {
        if let Pace::Uniform([from, to]) = replay.timing
            && from > to
        {
            self.wrong(&["timing"], "the first duration is longer than the second", "swap the two");
        }
        for (key, count, most) in [
            ("port", replay.port.len(), MAX_ENTRIES),
            ("class", replay.class.len(), MAX_CLASSES),
            ("volatile", replay.volatile.len(), MAX_ENTRIES),
            ("redact", replay.redact.len(), MAX_ENTRIES),
            ("pass", replay.pass.len(), MAX_ENTRIES),
        ] {
            if count > most {
                let message = format!("{count} entries of `[[replay.{key}]]`: {most} is the limit");
                return self.wrong(&[key], message, "merge some of them with globs");
            }
        }
        self.ports(replay, settings);
        self.classes(replay, settings);
        self.parts("volatile", &replay.volatile, &replay.class);
        self.parts("redact", &replay.redact, &replay.class);
        for (at, pass) in replay.pass.iter().enumerate() {
            self.glob(&["pass", &at.to_string(), "host"], &pass.host);
        }
    }

    /// `path` is below `replay`.
    fn wrong(&mut self, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, &[&["replay"], path].concat(), message, help);
    }

    fn glob(&mut self, path: &[&str], glob: &str) {
        if glob.trim().is_empty() {
            self.wrong(
                path,
                "an empty glob matches nothing",
                "write a text in which `*` stands for any characters",
            );
        } else if glob.len() > MAX_GLOB {
            let message = format!("a glob of {} bytes: {MAX_GLOB} is the limit", glob.len());
            self.wrong(path, message, "write `*` for its middle");
        }
    }
}

fn is_header(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(plain)
}
