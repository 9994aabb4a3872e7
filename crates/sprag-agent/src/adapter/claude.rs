//! Claude Code (`@anthropic-ai/claude-code`).

use serde_json::Value;
use sprag_measure::process::Program;

use super::{Adapter, Call, event, text_of, with_written};
use crate::home::{Given, Kept};
use crate::told::Told;
use crate::{Failure, FailureKind, Usage};

pub(crate) struct Claude;

/// Where one of these is set there is no need for a person's login, which `--bare` leaves unread.
const KEYS: [&str; 3] = ["ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"];

impl Adapter for Claude {
    fn name(&self) -> &'static str {
        "claude"
    }

    fn program(&self) -> Option<(&'static str, &'static str)> {
        Some(("claude", "npm install -g @anthropic-ai/claude-code"))
    }

    fn call(&self, call: &Call<'_>) -> Program {
        // The prompt comes on standard input: `--allowedTools` would take one after it for a tool.
        let mut fixed = vec!["-p", "--allowedTools", "Bash Edit Glob Grep Read Write"];
        fixed.extend(["--permission-mode", "acceptEdits", "--output-format", "stream-json", "--verbose"]);
        fixed.push("--strict-mcp-config");
        fixed.extend(call.conversation.iter().flat_map(|name| ["--resume", name]));
        // It stops by itself when it has spent that much: its answers come at a price that only it knows in time.
        let left = call.usd_left.map(|usd| format!("{:.4}", usd.max(0.0001)));
        fixed.extend(left.iter().flat_map(|usd| ["--max-budget-usd", usd]));
        if KEYS.iter().any(|key| call.env.get(*key).is_some_and(|value| !value.is_empty())) {
            // No memory files, hooks and plugins of the person: each try starts from the brief alone.
            fixed.push("--bare");
        }
        Program::Argv(call.of("claude", &fixed, "--model"))
    }

    fn reads(&self) -> &'static [&'static str] {
        &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_MODEL",
            "ANTHROPIC_VERTEX_PROJECT_ID",
            "AWS_ACCESS_KEY_ID",
            "AWS_BEARER_TOKEN_BEDROCK",
            "AWS_PROFILE",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
            "CLAUDE_CONFIG_DIR",
            "CLOUD_ML_REGION",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ]
    }

    fn keeps(&self) -> &'static [Kept] {
        const SETTINGS: &[&str] = &[
            "CLAUDE.md",
            "agents",
            "commands",
            "hooks",
            "output-styles",
            "plugins",
            "rules",
            "settings.json",
            "settings.local.json",
            "skills",
        ];
        &[
            Kept {
                below_home: ".claude",
                elsewhere: Some(("CLAUDE_CONFIG_DIR", "")),
                given: Given::Folder { settings: SETTINGS, logins: &[".credentials.json"] },
            },
            Kept {
                below_home: ".claude.json",
                elsewhere: Some(("CLAUDE_CONFIG_DIR", ".claude.json")),
                given: Given::Copy,
            },
        ]
    }

    fn sets(&self) -> &'static [(&'static str, &'static str)] {
        &[("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")]
    }

    fn read(&self, line: &str, told: &mut Told) {
        let Some((kind, event)) = event(line) else { return };
        told.converse(&event["session_id"]);
        match kind.as_str() {
            "system" if event["subtype"] == "init" => told.asks(event["model"].as_str()),
            // It asks ten times more, over minutes.
            "system" if event["subtype"] == "api_retry" => {
                let said = event["error"].as_str().unwrap_or("the request failed");
                let status = event["error_status"].as_u64();
                // Without a status no answer came.
                let failure = if status.is_none() && said == "unknown" {
                    Failure::new(FailureKind::Outage, "no answer")
                } else {
                    Failure::of(status, said)
                };
                told.fail(failure);
            }
            // With an error it is not the model that speaks.
            "assistant" if event["error"].is_null() => told.say(&text_of(&event["message"]["content"])),
            "result" => result(&event, told),
            _ => {}
        }
    }
}

fn result(event: &Value, told: &mut Told) {
    told.is_over = true;
    told.set(usage(event));
    let said = event["result"].as_str().unwrap_or_default();
    let subtype = event["subtype"].as_str().unwrap_or_default();
    // The money for this try is used up, or its turns: what it has edited is half made.
    if event["is_error"] == true || subtype.starts_with("error") {
        told.fail(match event["api_error_status"].as_u64() {
            Some(status) => Failure::of(Some(status), said),
            None => Failure::of_words(if said.is_empty() { subtype } else { said }),
        });
    } else {
        told.say(said);
    }
}

/// Over all models: helpers ask smaller ones, and the dollars are for all of them.
fn usage(event: &Value) -> Usage {
    let mut sum = Usage { input: Some(0), cached: Some(0), output: Some(0), reasoning: Some(0), usd: None };
    let add =
        |sum: &mut Option<u64>, more: Option<u64>| *sum = sum.zip(more).map(|(a, b)| a.saturating_add(b));
    let Some(models) = event["modelUsage"].as_object() else { return Usage::default() };
    for model in models.values() {
        let number = |key: &str| model[key].as_u64();
        add(&mut sum.input, with_written(number("inputTokens"), number("cacheCreationInputTokens")));
        add(&mut sum.cached, number("cacheReadInputTokens"));
        add(&mut sum.output, number("outputTokens"));
        // Where the server does not tell them apart it says 0.
        add(&mut sum.reasoning, number("thinkingTokens").filter(|tokens| *tokens > 0));
    }
    sum.usd = event["total_cost_usd"].as_f64();
    sum
}
