//! A session of six tries with each agent, played by stand-ins that make the edits and print what the real ones printed.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;
mod six;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use repo::Repo;
use serde_json::{Value, json};
use six::Try;

/// What each try of an agent used, by the stream that was recorded of it.
struct Recorded {
    agent: &'static str,
    /// What its stand-in says to `--version`.
    version: &'static str,
    stream: &'static str,
    usage: Value,
}

/// What the model said last in each of the streams.
const SAID: &str = "Done: closed form.";

fn recorded() -> [Recorded; 5] {
    let of = |agent, version, stream, usage| Recorded { agent, version, stream, usage };
    // They needed four answers of 1200, 300 and 80 tokens; Codex two.
    let four = |mut more: Value| {
        for (key, tokens) in [("input", 4800), ("cached", 1200), ("output", 320)] {
            more[key] = tokens.into();
        }
        more
    };
    let codex = json!({ "input": 2400, "cached": 600, "output": 160, "reasoning": 14 });
    [
        of("claude", "2.1.331 (Claude Code)", "claude.edit.jsonl", four(json!({ "usd": 0.02584 }))),
        of("codex", "codex-cli 0.169.0", "codex.edit.jsonl", codex),
        of("pi", "0.87.0", "pi.edit.jsonl", four(json!({ "reasoning": 28, "usd": 0.01956 }))),
        of("opencode", "1.18.33", "opencode.edit.jsonl", four(json!({ "reasoning": 28, "usd": 0.01956 }))),
        of("aider", "aider 0.86.2", "aider.edit.txt", json!({ "input": 900, "output": 80, "usd": 0.0039 })),
    ]
}

/// A word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// What a try is to a stand-in: the edit, then the stream, with the try's own last words.
fn turn(recorded: &Recorded, made: &Try) -> String {
    let streams = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sprag-agent/tests/streams");
    let stream = fs::read_to_string(streams.join(recorded.stream)).unwrap().replace(SAID, made.said);
    let own = json!({ "description": made.said }).to_string();
    // aider's last line is about the last file.
    let proposal = made.proposal.or((recorded.agent == "aider").then_some(own.as_str()));
    let left = |path: &str, text: &str| format!("printf %s {} > {path}\n", quoted(text));
    let proposal = proposal.map_or(String::new(), |text| left(".sprag/proposal.json", text));
    format!("{}{proposal}printf %s {}\n", left(made.path, &made.whole()), quoted(&stream))
}

/// A folder with a stand-in that makes the six tries. Which one it is it reads in the brief: so many rows are in its table.
fn stand_in(repo: &Repo, recorded: &Recorded) -> PathBuf {
    let bin = repo.beside("bin");
    fs::create_dir(&bin).unwrap();
    let tries = six::tries();
    let turns = tries.iter().enumerate();
    let turns: String =
        turns.map(|(at, made)| format!("{})\n{};;\n", at + 1, turn(recorded, made))).collect();
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo '{}'; exit; }}\n\
         case $(grep -cE '^[0-9]+ (keep|discard|crash|checks_failed) ') in\n{turns}esac\n",
        recorded.version
    );
    let program = bin.join(recorded.agent);
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

#[track_caller]
fn a_session_of(agent: &str) {
    let recorded = recorded().into_iter().find(|recorded| recorded.agent == agent).unwrap();
    let settings = match agent {
        "aider" => {
            format!("[agent]\nuse = 'command:aider --message-file {{prompt_file}}'\n{}", six::AIDER_USAGE)
        }
        _ => format!("[agent]\nuse = '{agent}'\n"),
    };
    let repo = six::project(&settings);
    let bin = stand_in(&repo, &recorded);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = repo.command(&["run"]).env("PATH", path).env_remove("ANTHROPIC_API_KEY").output().unwrap();
    assert!(output.status.success(), "{agent}: {}", String::from_utf8_lossy(&output.stderr));
    six::are_judged(&repo, agent);
    for row in six::rows(&repo) {
        assert_eq!(row["usage"], recorded.usage, "{agent}: {}", row["description"]);
    }
}

#[test]
fn six_tries_of_claude_are_judged_and_billed() {
    a_session_of("claude");
}

#[test]
fn six_tries_of_codex_are_judged_and_billed() {
    a_session_of("codex");
}

#[test]
fn six_tries_of_pi_are_judged_and_billed() {
    a_session_of("pi");
}

#[test]
fn six_tries_of_opencode_are_judged_and_billed() {
    a_session_of("opencode");
}

#[test]
fn six_tries_of_aider_by_its_command_line_are_judged_and_billed() {
    a_session_of("aider");
}
