//! `[agent]`: who proposes, and how it is called.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use sprag_judge::Tier;

use super::{AgentNetwork, duration};
use crate::nearest::nearest;

/// `[agent]`: who proposes, and how it is called. No verdict depends on any of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agent {
    /// Who proposes where the command line names nobody: one, or several that take turns.
    #[serde(rename = "use", with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<AgentName>,
    /// When the next one of several proposes.
    pub turns: Turns,
    /// After so many experiments in a row that were discarded something else is tried; 0: never.
    pub stall: u32,
    /// The model, as the agent itself names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// More arguments for it.
    pub args: Vec<String>,
    /// Names of environment variables that are passed on to it, besides those that it is known to read.
    pub env: Vec<String>,
    /// Outside of its copy, what it may read in a sandbox.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Outside of its copy, what it may write in a sandbox.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// What it reaches in a sandbox.
    #[serde(skip_serializing_if = "AgentNetwork::is_open")]
    pub network: AgentNetwork,
    /// How long to wait after a rate limit or an outage before it is asked again. After the last the session stops.
    #[serde(with = "duration::list")]
    pub retry: Vec<Duration>,
    /// For `builtin`: where its model is served, in place of the provider's own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// For `builtin`: the name of the environment variable that holds its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// For `builtin`: the most that its model takes in, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// For `builtin`: whether it has a shell. Without it: where the session locks programs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<bool>,
    /// For `command`: where its output says what it used.
    #[serde(skip_serializing_if = "UsagePatterns::is_empty")]
    pub usage: UsagePatterns,
}

impl Default for Agent {
    fn default() -> Self {
        let retry = [30, 120, 480].map(Duration::from_secs).to_vec();
        Self {
            names: vec![],
            turns: Turns::default(),
            stall: 5,
            model: None,
            args: vec![],
            env: vec![],
            read: vec![],
            write: vec![],
            network: AgentNetwork::Open,
            retry,
            url: None,
            key: None,
            context: None,
            shell: None,
            usage: UsagePatterns::default(),
        }
    }
}

impl Agent {
    /// What it means in a session of this tier: where nothing is locked in, somebody has to say that a model may run what it
    /// likes. The key is passed on and kept out of every file as what stands in `env` is.
    #[must_use]
    pub fn in_tier(mut self, tier: Tier) -> Self {
        self.shell.get_or_insert(tier != Tier::None);
        self.env.extend(self.key.clone());
        self
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// When the next one of several agents proposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turns {
    /// After each try.
    RoundRobin,
    /// When nothing was kept for a while.
    #[default]
    OnStall,
}

/// One name, or a list of them.
mod one_or_several {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use super::AgentName;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Several(Vec<String>),
    }

    pub(super) fn serialize<S: Serializer>(names: &[AgentName], serializer: S) -> Result<S::Ok, S::Error> {
        match names {
            [name] => name.serialize(serializer),
            names => names.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<AgentName>, D::Error> {
        let names = match Written::deserialize(deserializer)? {
            Written::One(name) => vec![name],
            Written::Several(names) => names,
        };
        names.iter().map(|name| AgentName::parse(name).map_err(D::Error::custom)).collect()
    }
}

/// Regular expressions over what a command prints; the first group of the last match is the number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UsagePatterns {
    /// Input tokens that no cache served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Input tokens that the cache served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<String>,
    /// Output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Of the output, what was reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<String>,
}

impl UsagePatterns {
    /// Each pattern, by its key.
    pub fn all(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("input", self.input.as_deref()),
            ("cached", self.cached.as_deref()),
            ("output", self.output.as_deref()),
            ("reasoning", self.reasoning.as_deref()),
            ("usd", self.usd.as_deref()),
        ]
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whom `--agent` and `[agent] use` can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentName {
    /// Claude Code.
    Claude,
    /// OpenAI Codex.
    Codex,
    /// pi.
    Pi,
    /// OpenCode.
    OpenCode,
    /// Sprag's own.
    Builtin,
    /// The tuner of the spec's knobs.
    Knobs,
    /// `command:LINE`: any program, by its command line.
    Command(String),
    /// `playbook:DIR`: a folder of patches.
    Playbook(String),
}

/// A text that names no agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no agent named `{name}`; {}", match .near {
    Some(near) => format!("did you mean `{near}`?"),
    None => format!("this version knows {}", AgentName::KNOWN),
})]
pub struct NoAgent {
    name: String,
    near: Option<&'static str>,
}

impl AgentName {
    /// All that can be named, for a person.
    pub const KNOWN: &str = "claude, codex, pi, opencode, builtin, knobs, command:LINE and playbook:DIR";

    /// Reads a name.
    ///
    /// # Errors
    /// It names none, or a command line or folder is empty.
    pub fn parse(text: &str) -> Result<Self, NoAgent> {
        let (word, rest) =
            text.split_once(':').map_or((text, None), |(word, rest)| (word, Some(rest.trim())));
        Ok(match (word.trim(), rest) {
            ("claude", None) => Self::Claude,
            ("codex", None) => Self::Codex,
            ("pi", None) => Self::Pi,
            ("opencode", None) => Self::OpenCode,
            ("builtin", None) => Self::Builtin,
            ("knobs", None) => Self::Knobs,
            ("command", Some(line)) if !line.is_empty() => Self::Command(line.to_owned()),
            ("playbook", Some(dir)) if !dir.is_empty() => Self::Playbook(dir.to_owned()),
            (word, _) => {
                let known =
                    ["builtin", "claude", "codex", "opencode", "pi", "knobs", "command:LINE", "playbook:DIR"];
                let near =
                    known.into_iter().find(|known| known.split_once(':').is_some_and(|(k, _)| k == word));
                let near = near.or_else(|| nearest(word, known));
                return Err(NoAgent { name: text.chars().take(80).collect(), near });
            }
        })
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claude => f.write_str("claude"),
            Self::Codex => f.write_str("codex"),
            Self::Pi => f.write_str("pi"),
            Self::OpenCode => f.write_str("opencode"),
            Self::Builtin => f.write_str("builtin"),
            Self::Knobs => f.write_str("knobs"),
            Self::Command(line) => write!(f, "command:{line}"),
            Self::Playbook(dir) => write!(f, "playbook:{dir}"),
        }
    }
}

impl Serialize for AgentName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AgentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_and_printed_back() {
        let others = ["command:aider --yes {prompt_file}", "playbook:a b"];
        for text in ["claude", "codex", "pi", "opencode", "builtin", "knobs"].into_iter().chain(others) {
            assert_eq!(AgentName::parse(text).unwrap().to_string(), text);
        }
        let colon = AgentName::parse("command:sh -c 'a:b'").unwrap();
        assert_eq!(colon, AgentName::Command("sh -c 'a:b'".to_owned()));
    }

    #[test]
    fn a_shell_is_there_where_programs_are_locked_in_and_where_somebody_says_so() {
        let has_shell = |shell, tier| Agent { shell, ..Agent::default() }.in_tier(tier).shell;
        for (said, tier, has) in [
            (None, Tier::Enforced, true),
            (None, Tier::None, false),
            (Some(true), Tier::None, true),
            (Some(false), Tier::Reduced, false),
        ] {
            assert_eq!(has_shell(said, tier), Some(has), "{said:?} {tier:?}");
        }
        let key = Agent { key: Some("MY_KEY".to_owned()), ..Agent::default() };
        assert_eq!(key.in_tier(Tier::Enforced).env, ["MY_KEY"]);
    }

    #[test]
    fn what_names_nobody_is_told_with_what_was_meant() {
        let told = |text: &str| AgentName::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(told("cluade"), @"there is no agent named `cluade`; did you mean `claude`?");
        insta::assert_snapshot!(told("playbook"), @"there is no agent named `playbook`; did you mean `playbook:DIR`?");
        insta::assert_snapshot!(told("command: "), @"there is no agent named `command: `; did you mean `command:LINE`?");
        insta::assert_snapshot!(told("nobody"), @"there is no agent named `nobody`; this version knows claude, codex, pi, opencode, builtin, knobs, command:LINE and playbook:DIR");
        assert!(AgentName::parse("claude:x").is_err());
    }
}
