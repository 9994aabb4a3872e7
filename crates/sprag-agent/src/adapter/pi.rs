//! pi (`@earendil-works/pi-coding-agent`).

use serde_json::Value;
use sprag_measure::process::Program;

use super::{Adapter, Call, event, text_of, with_written};
use crate::home::{Given, Kept};
use crate::told::Told;
use crate::{Failure, FailureKind, Usage};

pub(crate) struct Pi;

impl Adapter for Pi {
    fn name(&self) -> &'static str {
        "pi"
    }

    fn program(&self) -> Option<(&'static str, &'static str)> {
        Some(("pi", "npm install -g @earendil-works/pi-coding-agent (with Node 22 or later)"))
    }

    fn call(&self, call: &Call<'_>) -> Program {
        let mut fixed = vec!["--mode", "json", "-p", "--no-extensions", "--no-skills", "--no-context-files"];
        fixed.extend(["--no-approve", "--tools", "read,edit,write,grep,find,ls,bash"]);
        fixed.extend(call.conversation.iter().flat_map(|name| ["--session", name]));
        Program::Argv(call.of("pi", &fixed, "--model"))
    }

    fn reads(&self) -> &'static [&'static str] {
        &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_OAUTH_TOKEN",
            "GEMINI_API_KEY",
            "GROQ_API_KEY",
            "MISTRAL_API_KEY",
            "OPENAI_API_KEY",
            "OPENROUTER_API_KEY",
            "PI_CODING_AGENT_DIR",
            "XAI_API_KEY",
        ]
    }

    fn keeps(&self) -> &'static [Kept] {
        const SETTINGS: &[&str] = &[
            "AGENTS.md",
            "APPEND_SYSTEM.md",
            "SYSTEM.md",
            "bin",
            "extensions",
            "git",
            "hooks",
            "models.json",
            "npm",
            "prompts",
            "settings.json",
            "skills",
            "themes",
            "tools",
        ];
        &[Kept {
            below_home: ".pi/agent",
            elsewhere: Some(("PI_CODING_AGENT_DIR", "")),
            given: Given::Folder { settings: SETTINGS, logins: &["auth.json"] },
        }]
    }

    fn sets(&self) -> &'static [(&'static str, &'static str)] {
        // No look for a newer version at each start.
        &[("PI_OFFLINE", "1")]
    }

    fn read(&self, line: &str, told: &mut Told) {
        let Some((kind, event)) = event(line) else { return };
        let message = &event["message"];
        match kind.as_str() {
            "session" => told.converse(&event["id"]),
            "message_end" if message["role"] == "assistant" => {
                told.asks(message["model"].as_str());
                answer(message, told);
            }
            "agent_settled" => told.is_over = true,
            _ => {}
        }
    }

    /// Each token is an event, and the whole message one more.
    fn is_noise(&self, line: &str) -> bool {
        line.starts_with("{\"type\":\"message_update\"")
    }
}

/// The exit code is 0 whatever became of the model: only this says that it failed.
fn answer(message: &Value, told: &mut Told) {
    let spent = usage(&message["usage"]);
    match message["stopReason"].as_str() {
        Some(stop @ ("error" | "aborted")) => {
            let said = message["errorMessage"].as_str().unwrap_or(stop);
            let failure = Failure::of_words(said);
            let is_refusal = said.starts_with(|c: char| c.is_ascii_digit());
            if spent == NOTHING && !is_refusal {
                // The answer broke off: it was paid for, and pi does not know how much.
                told.lose_count();
            }
            told.fail(if stop == "aborted" { Failure::new(FailureKind::Model, said) } else { failure });
        }
        _ => told.say(&text_of(&message["content"])),
    }
    told.add(spent);
}

/// What pi writes where the server told nothing. Reasoning is left out there.
const NOTHING: Usage =
    Usage { input: Some(0), cached: Some(0), output: Some(0), reasoning: None, usd: Some(0.0) };

fn usage(usage: &Value) -> Usage {
    let number = |key: &str| usage[key].as_u64();
    Usage {
        input: with_written(number("input"), number("cacheWrite")),
        cached: number("cacheRead"),
        output: number("output"),
        reasoning: number("reasoning"),
        usd: usage["cost"]["total"].as_f64(),
    }
}
