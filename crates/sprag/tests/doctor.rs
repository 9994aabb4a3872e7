//! `sprag doctor`: what a machine has and lacks.

#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::process::Command;

use repo::Repo;

/// What a sandbox is made of.
const LAYERS: [&str; 9] = [
    "sandbox",
    "privileges",
    "namespaces",
    "system calls",
    "Landlock",
    "signals",
    "processes",
    "memory",
    "CPU clock",
];

/// The coding agents that are looked for.
const AGENTS: [&str; 5] = ["claude", "codex", "pi", "opencode", "builtin"];

/// The lines of the report that are the same on every machine.
fn tame(report: &str) -> String {
    let mut kept = true;
    let lines = report.lines().filter(|line| {
        if !line.starts_with(' ') {
            kept = !["empty network", "CPUs"].iter().chain(&LAYERS).any(|what| line[9..].starts_with(what));
        }
        kept
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_bare_machine_hears_what_is_lost_and_what_to_do() {
    let repo = Repo::no_git();
    let bare = repo.beside("no-programs");
    std::fs::create_dir(&bare).unwrap();
    let mut command = repo.command(&["doctor"]);
    for key in sprag_agent::builtin::KEYS {
        command.env_remove(key);
    }
    let output = command.env("PATH", &bare).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(tame(&String::from_utf8(output.stdout).unwrap()), @r#"
    missing  git            there is no git on PATH
                            lost: everything: baselines and candidates are git trees
                            remedy: install git 2.36 or later and put it on PATH
    ok       freezing       a process stops and goes on
    missing  LLD            there is no rustc on PATH
                            lost: Rust only: `layout = "shuffle"`, so gains below 3 % may be luck of the layout
                            remedy: install Rust with rustup, if you measure Rust
    missing  Python         there is no Python 3.11 or later on PATH
                            lost: the example of `sprag demo`
                            remedy: install Python 3.11 or later with venv; on Debian: apt-get install python3 python3-venv
    missing  claude         a coding agent that does not start here
                            lost: `sprag run --agent` with this name; any one agent is enough
                            remedy: npm install -g @anthropic-ai/claude-code
    missing  codex          a coding agent that does not start here
                            lost: `sprag run --agent` with this name; any one agent is enough
                            remedy: npm install -g @openai/codex
    missing  pi             a coding agent that does not start here
                            lost: `sprag run --agent` with this name; any one agent is enough
                            remedy: npm install -g @earendil-works/pi-coding-agent (with Node 22 or later)
    missing  opencode       a coding agent that does not start here
                            lost: `sprag run --agent` with this name; any one agent is enough
                            remedy: npm install -g opencode-ai
    ok       builtin        Sprag's own agent; no key is set, and a local model needs none
    "#);
}

#[test]
fn a_key_is_told_by_its_name_alone() {
    let output = Repo::no_git().command(&["doctor"]).env("XAI_API_KEY", "xai-very-secret").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("XAI_API_KEY") && !said.contains("xai-very-secret"), "{said}");
}

#[test]
fn every_line_is_ok_or_has_a_loss_and_a_remedy() {
    let repo = Repo::no_git();
    let report = repo.run(&["doctor", "--json"]).expect(0).json();
    assert_eq!(report["ready"], true);
    let lines = report["machine"].as_array().unwrap();
    let names: Vec<&str> = lines.iter().map(|line| line["what"].as_str().unwrap()).collect();
    let looks = ["git", "empty network", "CPUs", "freezing", "LLD", "Python"];
    assert_eq!(names, [&looks[..], &AGENTS[..], &LAYERS[..]].concat());
    for line in lines {
        let missing = match line["state"].as_str() {
            Some("ok") => false,
            Some("missing") => true,
            other => panic!("{other:?}"),
        };
        assert!(!line["detail"].as_str().unwrap().is_empty());
        assert_eq!((line["lost"].is_string(), line["remedy"].is_string()), (missing, missing), "{line}");
    }
}

/// The limits of a user namespace bind whoever is inside, so this machine itself is left alone.
#[test]
fn a_machine_without_network_namespaces_is_told_which_setting_forbids_them() {
    let limited = "echo 0 > /proc/sys/user/max_net_namespaces || exit 77; exec \"$0\" doctor --json";
    let mut command = Command::new("unshare");
    command.args(["-Ur", "sh", "-c", limited, env!("CARGO_BIN_EXE_sprag")]);
    let output = match command.output() {
        Ok(output) if output.status.code() == Some(0) => output,
        other => {
            eprintln!("skipped: no user namespaces here to try it in: {other:?}");
            return;
        }
    };
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let network = &report["machine"][1];
    assert_eq!(
        (network["what"].as_str(), network["state"].as_str()),
        (Some("empty network"), Some("missing"))
    );
    assert_eq!(network["detail"], "no more namespaces are allowed: user.max_net_namespaces is 0");
    assert_eq!(network["remedy"], "sudo sysctl -w user.max_net_namespaces=15000");
}
