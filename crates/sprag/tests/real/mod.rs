//! The real agents, where `cargo xtask agents` installed them, and what they need to ask a model that plays a script: their
//! settings, their keys, and the turns of the model in the words of their own tools.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sprag_scripted_model::Server;

use crate::repo::{self, Repo};
use crate::six::{AIDER_USAGE, Try};

/// What the model is asked with.
pub(crate) const KEY: &str = "sk-scripted-0123456789";

/// How aider is called: without git, without files of its own in the copy, and with nothing asked of anybody but its model.
const AIDER: &str = "command:aider --yes-always --no-git --no-gitignore --no-pretty --no-stream --no-check-update \
    --no-analytics --no-detect-urls --no-show-model-warnings --map-tokens 0 --edit-format diff --chat-history-file /dev/null \
    --input-history-file /dev/null --model openai/m --message-file {prompt_file}";

/// The programs of Node's registry.
pub(crate) fn installed() -> PathBuf {
    let folder = std::env::var_os("SPRAG_AGENTS").expect("`cargo xtask agents` says where the agents are");
    PathBuf::from(folder)
}

/// Where aider is; `None` where it could not be installed.
pub(crate) fn aider() -> Option<PathBuf> {
    Some(PathBuf::from(std::env::var_os("SPRAG_AIDER_VENV")?))
}

/// `[agent]` of the settings for each of them.
pub(crate) fn settings(agent: &str) -> String {
    let model = if matches!(agent, "pi" | "opencode") { "model = 'scripted/m'\n" } else { "" };
    match agent {
        "aider" => {
            format!("[agent]\nuse = '{AIDER}'\nenv = ['OPENAI_API_KEY', 'OPENAI_API_BASE']\n{AIDER_USAGE}")
        }
        _ => format!("[agent]\nuse = '{agent}'\nretry = ['1ms']\nenv = ['SCRIPTED_KEY']\n{model}"),
    }
}

/// Files that an agent finds in the repository. aider reads prices there; the others have them in their home.
pub(crate) fn prepare(repo: &Repo, agent: &str) {
    if agent == "aider" {
        let prices = json!({ "openai/m": {
            "max_input_tokens": 128_000, "max_output_tokens": 8192, "litellm_provider": "openai", "mode": "chat",
            "input_cost_per_token": 3e-6, "output_cost_per_token": 15e-6,
        } });
        repo.write(".aider.model.metadata.json", &prices.to_string());
        repo.commit("prices");
    }
}

/// The turns of a model that makes this edit and says its last words, in the words of the agent's own tools.
pub(crate) fn turns(agent: &str, made: &Try) -> Value {
    let call = |tool: &str, args: Value| json!({ "tools": [{ "tool": tool, "args": args }] });
    let (path, old, new) = (made.path, &made.old, &made.new);
    let proposal = ".sprag/proposal.json";
    let mut turns = match agent {
        "aider" => return json!([{ "text": blocks(made) }]),
        "codex" => vec![call("exec_command", json!({ "cmd": patch(made) }))],
        "claude" => vec![
            call("Read", json!({ "file_path": path })),
            call("Edit", json!({ "file_path": path, "old_string": old, "new_string": new })),
        ],
        "pi" => vec![
            call("read", json!({ "path": path })),
            call("edit", json!({ "path": path, "edits": [{ "oldText": old, "newText": new }] })),
        ],
        _ => vec![
            call("read", json!({ "filePath": path })),
            call("edit", json!({ "filePath": path, "oldString": old, "newString": new })),
        ],
    };
    if let Some(text) = made.proposal {
        let shell = format!("cat > {proposal} <<'EOF'\n{text}\nEOF");
        turns.push(match agent {
            // Called with `--bare` it has no tool that writes a file.
            "claude" => call("Bash", json!({ "command": shell })),
            "codex" => call("exec_command", json!({ "cmd": shell })),
            "pi" => call("write", json!({ "path": proposal, "content": text })),
            _ => call("write", json!({ "filePath": proposal, "content": text })),
        });
    }
    turns.push(json!({ "text": made.said }));
    turns.into()
}

/// A command line that makes the edit as Codex does.
fn patch(made: &Try) -> String {
    let gone: String = made.old.lines().map(|line| format!("-{line}\n")).collect();
    let come: String = made.new.lines().map(|line| format!("+{line}\n")).collect();
    let patch = format!("*** Begin Patch\n*** Update File: {}\n@@\n{gone}{come}*** End Patch\n", made.path);
    format!("apply_patch <<'EOF'\n{patch}EOF")
}

/// The blocks by which aider's model edits. aider's own last line is no description: it leaves a proposal each time.
fn blocks(made: &Try) -> String {
    let block = |path: &str, old: &str, new: &str| {
        format!("{path}\n```\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n```\n\n")
    };
    let proposal =
        made.proposal.map_or_else(|| json!({ "description": made.said }).to_string(), str::to_owned);
    format!(
        "{}{}{}",
        block(made.path, &made.old, &made.new),
        block(".sprag/proposal.json", "", &format!("{proposal}\n")),
        made.said
    )
}

/// A home for the agents beside the repository, with settings that lead to this model.
pub(crate) struct Home {
    folder: PathBuf,
    url: String,
}

impl Home {
    pub(crate) fn new(repo: &Repo, server: &Server) -> Self {
        let (folder, url) = (repo.beside("home"), server.url());
        let codex = format!(
            "model = 'm'\nmodel_provider = 'scripted'\n[model_providers.scripted]\nname = 'scripted'\n\
             env_key = 'SCRIPTED_KEY'\nwire_api = 'responses'\nbase_url = '{url}/v1'\n"
        );
        let price = json!({ "input": 3, "output": 15, "cacheRead": 0.3, "cacheWrite": 3.75 });
        let model = json!({ "id": "m", "contextWindow": 128_000, "maxTokens": 8192, "cost": price });
        let pi = json!({ "providers": { "scripted": {
            "baseUrl": format!("{url}/v1"), "api": "openai-completions", "apiKey": KEY, "models": [model],
        } } });
        let model = json!({
            "name": "m", "cost": { "input": 3, "output": 15, "cache_read": 0.3 },
            "limit": { "context": 128_000, "output": 8192 },
        });
        let opencode = json!({ "autoupdate": false, "share": "disabled", "provider": { "scripted": {
            "npm": "@ai-sdk/openai-compatible", "name": "scripted", "models": { "m": model },
            "options": { "baseURL": format!("{url}/v1"), "apiKey": KEY },
        } } });
        for (path, text) in [
            ("codex/config.toml", codex),
            ("pi/models.json", pi.to_string()),
            ("opencode.json", opencode.to_string()),
        ] {
            repo::write(&folder.join(path), text.as_bytes());
        }
        // Codex keeps no programs below the folder for temporary files, and without them it cannot edit in its sandbox.
        fs::create_dir(folder.join("tmp")).unwrap();
        Self { folder, url }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Lets a command find the agents and their settings.
    pub(crate) fn tell(&self, command: &mut Command) {
        let mut folders = vec![installed().join("node_modules/.bin")];
        folders.extend(aider().map(|venv| venv.join("bin")));
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command.env("HOME", &self.folder).env("TMPDIR", self.folder.join("tmp")).env("SCRIPTED_KEY", KEY);
        command.env("CODEX_HOME", self.folder.join("codex"));
        command.env("PI_CODING_AGENT_DIR", self.folder.join("pi")).env("PI_OFFLINE", "1");
        command.env("OPENCODE_CONFIG", self.folder.join("opencode.json"));
        command.env("ANTHROPIC_BASE_URL", &self.url).env("ANTHROPIC_API_KEY", KEY);
        command.env("OPENAI_API_BASE", format!("{}/v1", self.url)).env("OPENAI_API_KEY", KEY);
    }
}
