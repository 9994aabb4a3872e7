//! What all commands share: help with an example, JSON, and readers that go away.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::process::{Command, Stdio};

use repo::{Repo, lines};

const COMMANDS: [&str; 28] = [
    "init",
    "check",
    "run",
    "try",
    "bench",
    "redteam",
    "golden",
    "record",
    "replay",
    "verify",
    "cassette",
    "status",
    "log",
    "show",
    "diff",
    "apply",
    "audit",
    "rejudge",
    "note",
    "ideas",
    "phase",
    "pause",
    "stop",
    "import",
    "export",
    "demo",
    "doctor",
    "completions",
];

#[test]
fn every_command_is_listed_and_has_help_with_an_example() {
    let repo = Repo::no_git();
    let list = repo.run(&["--help"]).expect(0).stdout;
    for name in COMMANDS {
        assert!(
            list.lines().any(|line| line.trim_start().starts_with(name)),
            "{name} is missing in:\n{list}"
        );
        let help = repo.run(&[name, "--help"]).expect(0).stdout;
        assert!(help.contains("Example: sprag "), "{name} has no example:\n{help}");
    }
}

#[test]
fn every_command_that_prints_data_has_json() {
    let repo = Repo::no_git();
    for name in COMMANDS.iter().filter(|name| !["demo", "completions"].contains(name)) {
        let help = repo.run(&[name, "--help"]).expect(0).stdout;
        assert!(help.contains("--json"), "{name} has no --json:\n{help}");
    }
}

#[test]
fn a_run_and_a_try_say_as_json_where_they_came_to() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    let playbook = format!("playbook:{}", repo.playbook().display());
    let run = repo.run(&["run", "--json", "--agent", &playbook]).expect(0);
    assert_eq!(run.json(), repo.run(&["status", "--json"]).expect(0).json());
    repo.write("README", "mine\n");
    let outcome = repo.run(&["try", "--json"]).expect(11).json();
    assert_eq!(
        (outcome["exit"].as_u64(), outcome["outcomes"][0]["reason"].as_str()),
        (Some(11), Some("scope"))
    );
}

/// Runs `sprag` with a stdout, a stderr or both that nobody reads.
fn unread(repo: &Repo, args: &[&str], redirect: &str) -> Option<i32> {
    let mut line = format!("'{}'", env!("CARGO_BIN_EXE_sprag"));
    args.iter().for_each(|arg| line.push_str(&format!(" '{arg}'")));
    let line = match redirect {
        "closed" => format!("exec {line} >&- 2>&-"),
        // The fifo's only reader has gone before the first byte.
        _ => format!("mkfifo p; (exec 3<p; sleep 0.1) & {{ sleep 0.3; exec {line}; }} >p 2>&1"),
    };
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(dir.path()).stdin(Stdio::null());
    let like = repo.command(&[]);
    like.get_envs().for_each(|(key, value)| {
        value.map(|value| command.env(key, value));
    });
    command.status().unwrap().code()
}

#[test]
fn a_reader_that_goes_away_ends_nothing() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    let root = repo.root().to_str().unwrap();
    let playbook = format!("playbook:{}", repo.playbook().display());
    for redirect in ["closed", "gone"] {
        let code = unread(&repo, &["-C", root, "run", "--new", "--agent", &playbook], redirect);
        assert_eq!(code, Some(0), "run, {redirect}");
        assert_eq!(repo.of_type("stop").len(), 1);
        for args in [
            &["log"][..],
            &["status"],
            &["show", "2"],
            &["diff", "2"],
            &["audit"],
            &["export", "--format", "csv"],
            &["note", "x"],
            &["completions", "bash"],
        ] {
            let code = unread(&repo, &[&["-C", root], args].concat(), redirect);
            assert_eq!(code, Some(0), "{args:?}, {redirect}");
        }
    }
}

#[test]
fn completions_know_the_commands() {
    let repo = Repo::no_git();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = repo.run(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("rejudge"), "{shell}");
        assert!(!script.contains("echo-worker"), "{shell}");
    }
    repo.run(&["completions", "tcsh"]).expect(2);
}
