//! What planted code tells on standard error: what is called in a run, and that a cheat has acted.
//!
//! It is our own code that tells. What else a program prints there has another beginning, and a program that imitated it
//! would only fool its own person.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;

use camino::Utf8PathBuf;

/// How a line of ours begins.
const MARK: &str = "sprag-redteam\t";
/// Of each log so much is read.
const READ: u64 = 32 << 20;

/// A function of the code: its file, and its name in it.
pub(super) type Place = (String, String);

/// What planted code told in a run.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The functions that were called, in the order of their first calls, and how many others were around them then.
    pub(super) called: Vec<(Place, u32)>,
    /// The type of what each gave first.
    pub(super) gives: BTreeMap<Place, String>,
    /// What each answered to which question, both encoded; of functions that no other one called, and of those that ask
    /// the outside.
    pub(super) answers: BTreeMap<Place, BTreeMap<String, String>>,
    words: BTreeMap<String, BTreeSet<Place>>,
    details: BTreeSet<String>,
}

impl Seen {
    /// Reads the logs of a run.
    pub(super) fn of(logs: &[Utf8PathBuf]) -> Self {
        let mut seen = Self::default();
        for log in logs {
            let mut bytes = Vec::new();
            if File::open(log).and_then(|file| file.take(READ).read_to_end(&mut bytes)).is_ok() {
                String::from_utf8_lossy(&bytes).lines().for_each(|line| seen.take(line));
            }
        }
        seen
    }

    fn take(&mut self, line: &str) {
        let Some(line) = line.strip_prefix(MARK) else { return };
        let mut parts = line.split('\t');
        let (Some(word), Some(path), Some(name)) = (parts.next(), parts.next(), parts.next()) else { return };
        let place: Place = (path.to_owned(), name.to_owned());
        match (word, parts.next(), parts.next()) {
            ("called", Some(depth), _) if !self.called.iter().any(|(known, _)| *known == place) => {
                self.called.push((place, depth.parse().unwrap_or(u32::MAX)));
            }
            ("gives", Some(of), _) => {
                self.gives.entry(place).or_insert(of.to_owned());
            }
            ("answer", Some(key), Some(answer)) => {
                self.answers.entry(place).or_default().insert(key.to_owned(), answer.to_owned());
            }
            (word, detail, _) => {
                self.details.extend(detail.map(str::to_owned));
                self.words.entry(word.to_owned()).or_default().insert(place);
            }
        }
    }

    /// Whether it was told of a function that it `varies`, is asked `again`, `asks` the outside, or is `odd`.
    pub(super) fn says(&self, word: &str, place: &Place) -> bool {
        self.words.get(word).is_some_and(|places| places.contains(place))
    }

    /// Whether a function was called that a cheat is put around.
    pub(super) fn ran(&self) -> bool {
        self.words.contains_key("ran")
    }

    /// Whether a cheat acted.
    pub(super) fn acted(&self) -> bool {
        self.words.contains_key("acted")
    }

    /// Whether it was asked what it should have known, and did not.
    pub(super) fn missed(&self) -> bool {
        self.words.contains_key("missed")
    }

    /// What it told besides.
    pub(super) fn details(&self) -> String {
        let more = self.details.len().saturating_sub(1);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.details.first().map_or(String::new(), |first| format!("{first}{more}"))
    }

    /// The function nearest to the benchmark for which `fits` holds.
    pub(super) fn outermost(&self, fits: impl Fn(&Place, u32) -> bool) -> Option<&Place> {
        let fitting = self.called.iter().filter(|(place, depth)| fits(place, *depth));
        fitting.min_by_key(|(_, depth)| *depth).map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ours_are_told_apart_and_broken_ones_say_nothing() {
        let mut seen = Seen::default();
        for line in [
            "sprag-redteam\tcalled\ta.py\tinner\t1",
            "sprag-redteam\tcalled\ta.py\touter\t0",
            "sprag-redteam\tcalled\ta.py\touter\t3",
            "sprag-redteam\tvaries\ta.py\tinner",
            "sprag-redteam\tcalled",
            "sprag-redteam acted",
            "noise",
        ] {
            seen.take(line);
        }
        let outer = ("a.py".to_owned(), "outer".to_owned());
        assert_eq!(seen.outermost(|_, _| true), Some(&outer));
        assert_eq!(seen.outermost(|place, _| seen.says("varies", place)).unwrap().1, "inner");
        assert!(!seen.acted());
    }
}
