//! The example of the demo, with pandas in earnest and its services played from the cassette: its cheats are refused, each
//! for the reason that the ledger names.
//!
//! Needs the example's Python environment, which `cargo xtask test` makes and names in SPRAG_THEMATIC_VENV. The whole
//! demo, with its keeps, takes a quarter of an hour: `cargo run --release -- demo`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A proposal of the playbook, and what must become of it.
const CHEATS: [(&str, &str, &str); 9] = [
    ("03-embedding-memo", "checks_failed", "control"),
    ("13-fewer-holdings", "checks_failed", "scope"),
    ("19-own-metric-line", "crash", "protocol"),
    ("22-answers-kept-in-client", "checks_failed", "scope"),
    ("24-universe-by-theme", "checks_failed", "replay_miss"),
    ("30-stored-vectors", "checks_failed", "control"),
    ("34-exit-when-scored", "crash", ""),
    ("42-stored-vectors-and-dummy-calls", "checks_failed", "replay_miss"),
    ("43-sectors-of-the-best", "checks_failed", "output"),
];

#[test]
fn cheats_on_the_example_are_refused_by_the_recording_its_counters_the_scope_and_the_goldens() {
    let Some(venv) = std::env::var_os("SPRAG_THEMATIC_VENV") else {
        eprintln!("skipped: SPRAG_THEMATIC_VENV names no Python environment; `cargo xtask test` makes one");
        return;
    };
    let temp = tempfile::tempdir().expect("a temporary folder");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/thematic");
    let dir = temp.path().join("thematic");
    copy(&example, &dir);
    let playbook = temp.path().join("playbook");
    std::fs::create_dir(&playbook).expect("a folder for the cheats");
    for (slug, ..) in CHEATS {
        let from = find(&example.join("playbook"), slug);
        std::fs::copy(&from, playbook.join(from.file_name().expect("a file name"))).expect("a patch to copy");
    }
    git(&dir, &["init", "--quiet", "--initial-branch=main"]);
    git(&dir, &["add", "--all"]);
    git(&dir, &["-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--message", "example"]);
    std::os::unix::fs::symlink(&venv, dir.join(".venv")).expect("a link to the environment");

    let sprag = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sprag"))
            .current_dir(&dir)
            .env("XDG_STATE_HOME", temp.path().join("state"))
            .args(args)
            .output()
            .expect("sprag to start");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    sprag(&["cassette", "verify"]);
    sprag(&["run", "--agent", &format!("playbook:{}", playbook.display())]);
    let log: Value = serde_json::from_str(&sprag(&["log", "--json"])).expect("JSON");
    let runs = log["segments"][0]["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 1 + CHEATS.len(), "{log}");
    let baseline: Value = serde_json::from_str(&sprag(&["show", "1", "--json"])).expect("JSON");
    for (count, times) in [("embedder_calls", 7.0), ("db_calls", 28.0), ("identifier_lookups", 7.0)] {
        assert_eq!(baseline["run"]["metrics"][count], times, "{baseline}");
    }
    for (run, (slug, status, reason)) in runs[1..].iter().zip(CHEATS) {
        assert_eq!(run["status"], status, "{slug}: {run}");
        if !reason.is_empty() {
            assert_eq!(run["reason"], reason, "{slug}: {run}");
        }
    }
    let shown = sprag(&["show", "7"]);
    assert!(shown.contains("embedder_calls is 0, the contract says 7"), "{shown}");
    // Seven dummy calls are seven, too: what gives them away is what they ask.
    let shown = sprag(&["show", "9"]);
    assert!(shown.contains("no recorded answer for POST /v1/embeddings"), "{shown}");
    assert!(shown.contains("\"ping\""), "{shown}");
    sprag(&["audit"]);
}

fn find(dir: &Path, slug: &str) -> PathBuf {
    let path = dir.join(format!("{slug}.patch"));
    assert!(path.is_file(), "the playbook has no {slug}");
    path
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder to read") {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        if name == ".venv" || name == "__pycache__" {
            continue;
        }
        if entry.file_type().expect("a kind").is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            std::fs::copy(entry.path(), to.join(name)).expect("a file to copy");
        }
    }
}

fn git(dir: &Path, args: &[&str]) {
    let status = Command::new("git").current_dir(dir).args(args).status().expect("git to start");
    assert!(status.success(), "git {args:?}");
}
