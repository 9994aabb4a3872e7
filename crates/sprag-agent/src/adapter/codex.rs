//! OpenAI Codex (`@openai/codex`).

use serde_json::Value;
use sprag_measure::process::Program;

use super::{Adapter, Call, event};
use crate::home::{Given, Kept};
use crate::told::Told;
use crate::{Failure, Tells, Usage};

pub(crate) struct Codex;

impl Adapter for Codex {
    fn name(&self) -> &'static str {
        "codex"
    }

    fn program(&self) -> Option<(&'static str, &'static str)> {
        Some(("codex", "npm install -g @openai/codex"))
    }

    fn call(&self, call: &Call<'_>) -> Program {
        let mut fixed = vec!["exec", "--json", "--skip-git-repo-check"];
        let its_own = if call.is_held { "danger-full-access" } else { "workspace-write" };
        fixed.extend(["-s", its_own, "-c", "approval_policy=\"never\"", "-C", call.copy.as_str()]);
        let mut argv = call.of("codex", &fixed, "-m");
        argv.extend(call.conversation.iter().flat_map(|name| ["resume".to_owned(), (*name).to_owned()]));
        // The brief comes on standard input.
        argv.push("-".to_owned());
        Program::Argv(argv)
    }

    fn reads(&self) -> &'static [&'static str] {
        &["CODEX_API_KEY", "CODEX_HOME", "OPENAI_API_KEY", "OPENAI_BASE_URL"]
    }

    fn sums_conversations(&self) -> bool {
        true
    }

    fn keeps(&self) -> &'static [Kept] {
        const SETTINGS: &[&str] = &[
            "AGENTS.md",
            "AGENTS.override.md",
            "config.toml",
            "hooks",
            "hooks.json",
            "plugins",
            "prompts",
            "rules",
            "skills",
        ];
        &[Kept {
            below_home: ".codex",
            elsewhere: Some(("CODEX_HOME", "")),
            given: Given::Folder { settings: SETTINGS, logins: &["auth.json"] },
        }]
    }

    fn tells(&self) -> Tells {
        Tells { usd: false, tokens: true }
    }

    fn read(&self, line: &str, told: &mut Told) {
        let Some((kind, event)) = event(line) else { return };
        let item = &event["item"];
        match kind.as_str() {
            "thread.started" => told.converse(&event["thread_id"]),
            "turn.started" => told.is_over = false,
            "item.completed" if item["type"] == "agent_message" => {
                told.say(item["text"].as_str().unwrap_or_default());
            }
            // An item of the type `error` is a warning.
            "item.completed" if item["type"] != "error" => told.say(""),
            "error" => told.fail(Failure::of_words(reason(event["message"].as_str().unwrap_or_default()))),
            "turn.completed" => {
                told.is_over = true;
                told.failure = None;
                // The sum since the beginning, not of this turn.
                told.set(usage(&event["usage"]));
            }
            "turn.failed" => {
                told.is_over = true;
                // What the turn has used is not told.
                told.lose_count();
                told.fail(Failure::of_words(event["error"]["message"].as_str().unwrap_or_default()));
            }
            _ => {}
        }
    }
}

/// Why it asks once more: `Reconnecting... 1/5 (WHY)`.
fn reason(message: &str) -> &str {
    let inner = message.strip_prefix("Reconnecting...").and_then(|rest| rest.split_once('('));
    inner.and_then(|(_, why)| why.strip_suffix(')')).unwrap_or(message)
}

/// What the cache served is part of the input here, and reasoning of the output. Dollars are never told.
fn usage(usage: &Value) -> Usage {
    let number = |key: &str| usage[key].as_u64();
    let cached = number("cached_input_tokens");
    let input = number("input_tokens").zip(cached).map(|(all, cached)| all.saturating_sub(cached));
    Usage {
        input,
        cached,
        output: number("output_tokens"),
        reasoning: number("reasoning_output_tokens"),
        usd: None,
    }
}
