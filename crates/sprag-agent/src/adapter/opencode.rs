//! OpenCode (`opencode-ai`).

use serde_json::Value;
use sprag_measure::process::Program;

use super::{Adapter, Call, event, with_written};
use crate::home::{Given, Kept};
use crate::told::Told;
use crate::{Failure, Usage};

pub(crate) struct OpenCode;

impl Adapter for OpenCode {
    fn name(&self) -> &'static str {
        "opencode"
    }

    fn program(&self) -> Option<(&'static str, &'static str)> {
        Some(("opencode", "npm install -g opencode-ai"))
    }

    fn call(&self, call: &Call<'_>) -> Program {
        let mut fixed = vec!["run", "--format", "json"];
        fixed.extend(call.conversation.iter().flat_map(|name| ["--session", name]));
        Program::Argv(call.of("opencode", &fixed, "-m"))
    }

    fn reads(&self) -> &'static [&'static str] {
        &[
            "ANTHROPIC_API_KEY",
            "GEMINI_API_KEY",
            "GROQ_API_KEY",
            "MISTRAL_API_KEY",
            "OPENAI_API_KEY",
            "OPENCODE_API_KEY",
            "OPENCODE_CONFIG",
            "OPENCODE_CONFIG_CONTENT",
            "OPENCODE_CONFIG_DIR",
            "OPENROUTER_API_KEY",
            "XAI_API_KEY",
        ]
    }

    /// Its cache is left out: it holds programs that it would start outside, too.
    fn keeps(&self) -> &'static [Kept] {
        &[
            Kept {
                below_home: ".config/opencode",
                elsewhere: Some(("XDG_CONFIG_HOME", "opencode")),
                given: Given::Copy,
            },
            Kept {
                below_home: ".local/share/opencode",
                elsewhere: Some(("XDG_DATA_HOME", "opencode")),
                given: Given::Folder { settings: &["bin"], logins: &["auth.json", "mcp-auth.json"] },
            },
        ]
    }

    fn sets(&self) -> &'static [(&'static str, &'static str)] {
        &[("OPENCODE_DISABLE_AUTOUPDATE", "1")]
    }

    fn read(&self, line: &str, told: &mut Told) {
        let Some((kind, event)) = event(line) else { return };
        told.converse(&event["sessionID"]);
        let part = &event["part"];
        match kind.as_str() {
            "step_start" => told.is_over = false,
            "text" => told.say(part["text"].as_str().unwrap_or_default()),
            "tool_use" => told.say(""),
            "step_finish" => {
                told.is_over = part["reason"] == "stop";
                match usage(part) {
                    // The server sent what OpenCode could not read, and it may go on like this for ever.
                    Some(spent) if spent.output == Some(0) && spent.input == Some(0) => told.lose_count(),
                    Some(spent) => told.add(spent),
                    None => told.lose_count(),
                }
            }
            "error" => {
                told.is_over = true;
                let error = &event["error"];
                let said = error["data"]["message"].as_str().or(error["name"].as_str()).unwrap_or_default();
                told.fail(match error["data"]["statusCode"].as_u64() {
                    Some(status) => Failure::of(Some(status), said),
                    None => Failure::of_words(said),
                });
            }
            _ => {}
        }
    }
}

/// Reasoning is no part of the output here: it is added.
fn usage(part: &Value) -> Option<Usage> {
    let tokens = &part["tokens"];
    let reasoning = tokens["reasoning"].as_u64();
    let output = tokens["output"].as_u64()?.saturating_add(reasoning.unwrap_or(0));
    Some(Usage {
        input: with_written(tokens["input"].as_u64(), tokens["cache"]["write"].as_u64()),
        cached: tokens["cache"]["read"].as_u64(),
        output: Some(output),
        reasoning,
        usd: part["cost"].as_f64(),
    })
}
