//! What is wrong in `[agent]`.

use regex::Regex;

use super::Findings;
use crate::{
    diagnostic::Severity,
    settings::{Agent, AgentName},
};

/// The most waits after a rate limit: ten tries in a row that come to nothing end a session anyway.
const MAX_RETRIES: usize = 9;

/// In tokens.
const LEAST_CONTEXT: u64 = 8_000;

impl Findings {
    pub(super) fn agent(&mut self, agent: &Agent) {
        for (at, name) in agent.env.iter().enumerate() {
            if !is_name_of_variable(name) {
                // Whatever stands there may be a secret.
                let message = "an entry of `env` is no name of a variable";
                let help =
                    "write the name alone: its value is taken from the environment, and stands in no file";
                self.add(Severity::Error, &["agent", "env", &at.to_string()], message, help);
            }
        }
        for (key, paths) in [("read", &agent.read), ("write", &agent.write)] {
            for (at, path) in paths.iter().enumerate() {
                if !(path.starts_with('/') || path.starts_with("~/")) {
                    let message = format!("`{path}` does not say where it is");
                    let help = "write a path from `/` or from `~/`: what lies in the repository is in the agent's copy";
                    self.add(Severity::Error, &["agent", key, &at.to_string()], message, help);
                }
            }
        }
        if agent.key.as_deref().is_some_and(|name| !is_name_of_variable(name)) {
            let message = "`key` is no name of a variable";
            let help =
                "write the name alone: the key itself is taken from the environment, and stands in no file";
            self.add(Severity::Error, &["agent", "key"], message, help);
        }
        self.builtin(agent);
        if agent.retry.len() > MAX_RETRIES {
            let message = format!("`retry` has {} waits", agent.retry.len());
            let help = format!("write {MAX_RETRIES} at the most: after that somebody should look");
            self.add(Severity::Error, &["agent", "retry"], message, help);
        }
        let is_command = |name: &AgentName| matches!(name, AgentName::Command(_));
        let is_other = !agent.names.is_empty() && !agent.names.iter().any(is_command);
        for (key, pattern) in agent.usage.all() {
            let Some(pattern) = pattern else { continue };
            let path = ["agent", "usage", key];
            if is_other {
                let message = format!("`{key}` is not used: this agent says itself what it used");
                self.add(Severity::Warning, &path, message, "remove it, or write `use = \"command:…\"`");
            }
            match Regex::new(pattern) {
                Ok(pattern) if pattern.captures_len() >= 2 => {}
                Ok(_) => {
                    let message = format!("`{key}` has no group");
                    self.add(
                        Severity::Error,
                        &path,
                        message,
                        "put the number in round brackets: `in=([0-9]+)`",
                    );
                }
                Err(error) => {
                    let message = error.to_string().lines().last().unwrap_or_default().to_owned();
                    self.add(Severity::Error, &path, message, "write a regular expression with one group");
                }
            }
        }
        let playbook = agent.names.iter().position(|name| matches!(name, AgentName::Playbook(_)));
        if let Some(at) = playbook.filter(|_| agent.names.len() > 1) {
            let message = "a playbook plays alone: it takes no turns with an agent";
            let help = "name agents alone, or one playbook";
            self.add(Severity::Error, &["agent", "use", &at.to_string()], message, help);
        }
        if is_command_with_model(agent) {
            let message = "`model` is not used: the command's own line names it";
            self.add(Severity::Warning, &["agent", "model"], message, "write it into the line");
        }
    }

    /// What only Sprag's own agent reads, and what it cannot do without.
    fn builtin(&mut self, agent: &Agent) {
        let is_it = agent.names.contains(&AgentName::Builtin);
        if is_it && agent.model.is_none() {
            let help =
                "name one, as in `model = \"claude-sonnet-4-6\"`, `\"ollama::qwen3\"`, or any with a `url`";
            self.add(Severity::Error, &["agent", "use"], "`builtin` needs a `model`", help);
        }
        if is_it && !agent.args.is_empty() {
            self.add(
                Severity::Warning,
                &["agent", "args"],
                "`args` is not used: `builtin` has none",
                "remove it",
            );
        }
        let keys = [
            ("url", agent.url.is_some()),
            ("key", agent.key.is_some()),
            ("context", agent.context.is_some()),
            ("shell", agent.shell.is_some()),
        ];
        for (key, _) in keys.into_iter().filter(|(_, is_set)| *is_set && !agent.names.is_empty() && !is_it) {
            let message = format!("`{key}` is not used: only `builtin` reads it");
            self.add(Severity::Warning, &["agent", key], message, "remove it, or write `use = \"builtin\"`");
        }
        if let Some(url) = &agent.url {
            let rest = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
            let path = ["agent", "url"];
            match rest {
                None => {
                    let help = "write it whole, as in `http://127.0.0.1:8000/v1`";
                    self.add(Severity::Error, &path, "`url` is no address of HTTP", help);
                }
                Some(rest) if rest.split('/').next().is_some_and(|host| host.contains('@')) => {
                    let help = "name with `key` the variable that holds it";
                    self.add(Severity::Error, &path, "`url` is no place for a password", help);
                }
                Some(_) => {}
            }
        }
        if agent.context.is_some_and(|tokens| tokens < LEAST_CONTEXT) {
            let message = format!("`context` is too small: a brief alone may have {LEAST_CONTEXT} tokens");
            let help =
                "write how many tokens the model takes in; a local server has to be started with as many";
            self.add(Severity::Error, &["agent", "context"], message, help);
        }
    }
}

fn is_name_of_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_command_with_model(agent: &Agent) -> bool {
    let takes_none =
        |name: &AgentName| matches!(name, AgentName::Command(_) | AgentName::Playbook(_) | AgentName::Knobs);
    agent.model.is_some() && !agent.names.is_empty() && agent.names.iter().all(takes_none)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::told;
    use crate::settings::{AgentName, Settings, Turns};

    #[test]
    fn the_table_is_read() {
        let text =
            "[agent]\nuse = 'pi'\nmodel = 'm'\nargs = ['--x']\nenv = ['MY_KEY']\nretry = ['1s', '2m']\n";
        let (settings, found) = Settings::parse(&crate::Source::new("sprag.toml", text)).unwrap();
        assert_eq!(found, []);
        assert_eq!(settings.agent.names, [AgentName::Pi]);
        assert_eq!(settings.agent.retry, [1, 120].map(Duration::from_secs));
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
    }

    #[test]
    fn several_agents_take_turns_and_a_playbook_plays_alone() {
        let text = "[agent]\nuse = ['claude', 'codex']\nturns = 'round-robin'\nstall = 0\n";
        let (settings, found) = Settings::parse(&crate::Source::new("sprag.toml", text)).unwrap();
        assert_eq!(found, []);
        assert_eq!(settings.agent.names, [AgentName::Claude, AgentName::Codex]);
        assert_eq!((settings.agent.turns, settings.agent.stall), (Turns::RoundRobin, 0));
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
        insta::assert_snapshot!(told("[agent]\nuse = ['claude', 'playbook:x']\n"), @"2:18 a playbook plays alone: it takes no turns with an agent | name agents alone, or one playbook");
        insta::assert_snapshot!(told("[agent]\nuse = ['claude', 'cluade']\n"), @"2:7 there is no agent named `cluade`; did you mean `claude`? | -");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        insta::assert_snapshot!(told("[agent]\nuse = 'cluade'\n"), @"2:7 there is no agent named `cluade`; did you mean `claude`? | -");
        insta::assert_snapshot!(told("[agent]\nenv = ['KEY=sk-123']\nretry = ['soon']\n"), @r#"3:9 `soon` is no duration: write a number with its unit, such as "90s", "10m" or "1h30m" | -"#);
        insta::assert_snapshot!(told("[agent]\nenv = ['OK', 'KEY=sk-123']\n"), @"2:14 an entry of `env` is no name of a variable | write the name alone: its value is taken from the environment, and stands in no file");
        insta::assert_snapshot!(told("[agent]\nuse = 'command:x'\nmodel = 'm'\nusage = { input = 'in=[0-9]+', usd = '(' }\n"), @r"
        4:19 `input` has no group | put the number in round brackets: `in=([0-9]+)`
        4:38 error: unclosed group | write a regular expression with one group
        3:9 `model` is not used: the command's own line names it | write it into the line
        ");
        insta::assert_snapshot!(told("[agent]\nnetwork = ['https://api.example.com']\n"), @r#"2:11 `https://api.example.com` names no host: write a name such as "api.example.com", with a port where it is not 443 | -"#);
        insta::assert_snapshot!(told("[agent]\nread = ['~/notes', 'src']\nwrite = ['../out']\n"), @r"
        2:20 `src` does not say where it is | write a path from `/` or from `~/`: what lies in the repository is in the agent's copy
        3:10 `../out` does not say where it is | write a path from `/` or from `~/`: what lies in the repository is in the agent's copy
        ");
        insta::assert_snapshot!(told("[agent]\nuse = 'pi'\nusage = { usd = '([0-9.]+)' }\n"), @r#"3:17 `usd` is not used: this agent says itself what it used | remove it, or write `use = "command:…"`"#);
    }

    #[test]
    fn what_the_built_in_agent_needs_is_told() {
        insta::assert_snapshot!(told("[agent]\nuse = 'builtin'\n"), @r#"2:7 `builtin` needs a `model` | name one, as in `model = "claude-sonnet-4-6"`, `"ollama::qwen3"`, or any with a `url`"#);
        insta::assert_snapshot!(told("[agent]\nuse = 'builtin'\nmodel = 'm'\nurl = 'localhost:8000'\nkey = 'sk-1-2'\ncontext = 10\n"), @r"
        5:7 `key` is no name of a variable | write the name alone: the key itself is taken from the environment, and stands in no file
        4:7 `url` is no address of HTTP | write it whole, as in `http://127.0.0.1:8000/v1`
        6:11 `context` is too small: a brief alone may have 8000 tokens | write how many tokens the model takes in; a local server has to be started with as many
        ");
        assert!(
            told("[agent]\nuse = 'builtin'\nmodel = 'm'\nurl = 'https://me:secret@host/v1'\n")
                .contains("is no place for a password")
        );
        insta::assert_snapshot!(told("[agent]\nuse = 'pi'\ncontext = 100000\n"), @r#"3:11 `context` is not used: only `builtin` reads it | remove it, or write `use = "builtin"`"#);
        assert_eq!(
            told(
                "[agent]\nuse = 'builtin'\nmodel = 'm'\nurl = 'http://127.0.0.1:1/v1'\nkey = 'KEY'\nshell = true\n"
            ),
            ""
        );
    }
}
