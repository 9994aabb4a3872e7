//! The corpus as data: a folder for each project, a script for each attack, and in its head what must become of it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use serde::de::Error as _;
use sprag_judge::Tier;

use crate::Result;

/// Where the corpus lies.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/attacks");

/// The table of attacks that the corpus must have, whatever else it has.
const TABLE: &[(char, u32)] = &[('A', 12), ('B', 15), ('C', 12), ('D', 7), ('E', 24)];

/// How a line of the head begins. The rest of the line is TOML.
const HEAD: &str = "#: ";

/// One small project, and the attacks on it.
pub(crate) struct Project {
    /// The folder's name.
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) attacks: Vec<Attack>,
}

/// One attack, or an honest change.
pub(crate) struct Attack {
    /// The beginning of the file's name, such as `A03` or `A03b`.
    pub(crate) id: String,
    pub(crate) script: PathBuf,
    pub(crate) head: Head,
}

/// What an attack says of itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// What it does.
    pub(crate) title: String,
    /// What must become of it, with every wall in place.
    pub(crate) verdict: OneOf<Verdict>,
    /// What stops it.
    pub(crate) layer: OneOf<Layer>,
    /// Words that the row's sentence must hold.
    #[serde(default)]
    pub(crate) says: String,
    /// So many times in a row, in one session; `$N` counts them from 1.
    #[serde(default = "once")]
    pub(crate) times: u32,
    /// Why it gets through in every tier: a known limit of this version.
    pub(crate) limit: Option<String>,
    /// What is other in the tier `reduced`.
    pub(crate) reduced: Option<Other>,
    /// What is other in the tier `none`.
    pub(crate) none: Option<Other>,
}

fn once() -> u32 {
    1
}

/// What becomes of an attack where a wall is missing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Other {
    pub(crate) verdict: OneOf<Verdict>,
    /// Which wall is missing, and what that means.
    pub(crate) why: String,
    /// It reaches what lies outside: files, the network, the ledger.
    #[serde(default)]
    pub(crate) reaches_out: bool,
}

impl Attack {
    /// What is other in `tier` than with every wall in place.
    pub(crate) fn other(&self, tier: Tier) -> Option<&Other> {
        match tier {
            Tier::Enforced => None,
            Tier::Reduced => self.head.reduced.as_ref(),
            Tier::None => self.head.none.as_ref(),
        }
    }

    fn read(script: PathBuf) -> Result<Self> {
        let name = script.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let id = name.split('-').next().unwrap_or_default().to_owned();
        let text = fs::read_to_string(&script)?;
        let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix(HEAD)).collect();
        let head =
            toml::from_str(&head.join("\n")).map_err(|error| format!("{}: {error}", script.display()))?;
        Ok(Self { id, script, head })
    }
}

/// Reads the corpus.
pub(crate) fn corpus() -> Result<Vec<Project>> {
    let mut projects = Vec::new();
    for dir in sorted(Path::new(CORPUS))?.into_iter().filter(|path| path.is_dir()) {
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let scripts =
            sorted(&dir)?.into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "sh"));
        let attacks = scripts.map(Attack::read).collect::<Result<Vec<_>>>()?;
        projects.push(Project { name, dir, attacks });
    }
    let ids: BTreeSet<&str> = projects.iter().flat_map(|p| &p.attacks).map(|a| a.id.as_str()).collect();
    let missing: Vec<String> = TABLE
        .iter()
        .flat_map(|&(letter, last)| (1..=last).map(move |n| format!("{letter}{n:02}")))
        .filter(|id| !ids.iter().any(|have| have.trim_end_matches(char::is_lowercase) == id.as_str()))
        .collect();
    match missing.as_slice() {
        [] => Ok(projects),
        missing => Err(format!("the corpus in {CORPUS} lacks {}", missing.join(", ")).into()),
    }
}

fn sorted(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// One word, or several with `or` between them.
#[derive(Debug)]
pub(crate) struct OneOf<T>(pub(crate) Vec<T>);

impl<'de, T: FromStr<Err = String>> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let words: Result<Vec<T>, String> = text.split(" or ").map(str::parse).collect();
        words.map(Self).map_err(D::Error::custom)
    }
}

impl<T: fmt::Display> fmt::Display for OneOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(T::to_string).collect::<Vec<_>>().join(" or "))
    }
}

/// An enum whose values have one word each, in files and in the table.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$doc])* $value,)+ }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$value),)+
                    _ => Err(format!("`{text}` is none of: {}", [$($word),+].join(", "))),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$value => $word,)+ })
            }
        }
    };
}

words! {
    /// What became of a candidate: a reason, or a class of reasons.
    Verdict {
        /// It is the new incumbent.
        Keep = "keep",
        Scope = "scope",
        Output = "output",
        Hidden = "hidden",
        Control = "control",
        ReplayMiss = "replay_miss",
        Checks = "checks",
        /// Too good to be believed, and not confirmed when it was measured again.
        Suspect = "suspect",
        /// No gain, a regression, or not enough evidence.
        Discard = "discard",
        /// The build failed.
        Build = "build",
        /// It ended early, broke the protocol, took too long, or left no number.
        Crash = "crash",
        /// Nothing was left of it after the import.
        NoEdit = "no_edit",
        /// Nothing was decided: Sprag, or the incumbent beside it, was brought down.
        Lost = "lost",
        /// Anything but `keep`.
        NotKept = "not_kept",
    }
}

words! {
    /// What stops an attack.
    Layer {
        /// The walk over the agent's copy: kinds, names, limits; what is ignored is dropped.
        Import = "import",
        /// The files that may be changed.
        Scope = "scope",
        /// The act itself fails, or reaches nothing.
        Sandbox = "sandbox",
        Build = "build",
        /// Goldens.
        Output = "output",
        /// Bounds on other metrics.
        Control = "control",
        /// The recording.
        Replay = "replay",
        /// Cases that nobody saw.
        Hidden = "hidden",
        Checks = "checks",
        /// What is too good to be believed is measured again.
        Plausibility = "plausibility",
        /// Pairs.
        Statistics = "statistics",
        /// What a measured process has to do at the least.
        Protocol = "protocol",
        /// Nothing does, and nothing must.
        Nothing = "-",
    }
}
