//! Repositories, benchmarks and disks that are not as they should be: each gets a clear message, and nothing is lost.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::fs;

use repo::{MEASURE, Repo, lines};

/// The baseline does not pass: exit 1, with `words`, and no row that claims otherwise.
#[track_caller]
fn refused(repo: &Repo, words: &[&str]) {
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(1).says(words);
    assert!(repo.rows().is_empty());
}

/// A committed repository whose benchmark is `text`.
fn measured_by(text: &str) -> Repo {
    let repo = Repo::new();
    repo.script(".auto/measure.sh", text);
    repo.commit("another benchmark");
    repo
}

#[test]
fn a_folder_that_is_no_repository_is_named() {
    let repo = Repo::no_git();
    for args in
        [&["run", "--agent", "playbook:x"][..], &["try"], &["bench"], &["status"], &["log"], &["check"]]
    {
        repo.run(args).expect(1).says(&["git init"]);
    }
    let repo = Repo::empty();
    repo.git(&["config", "core.bare", "true"]);
    repo.run(&["try"]).expect(1).says(&["bare"]);
}

#[test]
fn a_repository_without_a_commit_is_told_to_commit() {
    let repo = Repo::empty();
    repo.write(".auto/prompt.md", repo::SPEC);
    repo.script(".auto/measure.sh", MEASURE);
    repo.write("src/a.txt", "a\n");
    fs::create_dir_all(repo.playbook()).unwrap();
    repo.proposal("01-x", "description = \"x\"\n", "");
    repo.play().expect(1).says(&["commit"]);
    repo.run(&["try"]).expect(1).says(&["commit"]);
}

#[test]
fn a_detached_head_is_as_good_as_a_branch() {
    let repo = Repo::new();
    repo.git(&["checkout", "-q", "--detach"]);
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    repo.run(&["apply"]).expect(0);
    assert_eq!(repo.git(&["show", "sprag/kept:src/a.txt"]), lines("a", 5));
}

#[test]
fn no_spec_and_a_spec_with_mistakes_say_what_to_do() {
    let repo = Repo::empty();
    repo.write("a", "a\n");
    repo.commit("a");
    repo.run(&["try"]).expect(1).says(&["there is no spec", "sprag init"]);
    let repo = Repo::new();
    repo.write(".auto/prompt.md", "# Autoresearch: make the app better\n");
    repo.run(&["try"]).expect(1).says(&["not ready", "sprag check"]);
}

#[test]
fn a_metric_that_is_never_printed_twice_printed_or_no_number_is_told() {
    let cases = [
        ("#!/bin/sh\necho METRIC calls=7\n", "no value for bytes"),
        ("#!/bin/sh\necho bytes: 7\n", "METRIC name=number"),
        ("#!/bin/sh\necho METRIC bytes=1\necho METRIC bytes=1\necho METRIC calls=7\n", "bytes"),
        ("#!/bin/sh\necho METRIC bytes=NaN\necho METRIC calls=7\n", "NaN"),
        ("#!/bin/sh\necho METRIC bytes=inf\necho METRIC calls=7\n", "inf"),
        ("#!/bin/sh\necho METRIC bytes = 7\necho METRIC calls=7\n", "a line that nearly fits"),
    ];
    for (text, sentence) in cases {
        refused(&measured_by(text), &["the baseline itself does not pass", sentence]);
    }
}

#[test]
fn a_benchmark_that_is_missing_or_not_executable_is_told() {
    let repo = Repo::new();
    fs::remove_file(repo.root().join(".auto/measure.sh")).unwrap();
    repo.commit("gone");
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(1).says(&["measure.sh"]);

    let repo = Repo::new();
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(repo.root().join(".auto/measure.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    repo.commit("not executable");
    refused(&repo, &["measure.sh", "chmod +x"]);
}

#[test]
fn a_benchmark_that_hangs_is_ended_with_all_that_it_started() {
    let mark = format!("{}", 86_000 + std::process::id() % 1000);
    let repo = measured_by(&format!("#!/bin/sh\nsleep {mark} &\nsleep {mark}\n"));
    repo.write(".auto/sprag.toml", "[run]\ntimeout = { measure = \"1s\" }\n");
    repo.commit("a short deadline");
    refused(&repo, &["the baseline itself does not pass", "no end within 1s"]);
    let left = std::process::Command::new("pgrep").args(["-f", &format!("^sleep {mark}$")]).output().unwrap();
    assert!(left.stdout.is_empty(), "still running: {}", String::from_utf8_lossy(&left.stdout));
}

#[test]
fn a_benchmark_that_prints_without_end_is_cut_off() {
    let repo = measured_by("#!/bin/sh\nhead -c 70000000 /dev/zero | tr '\\0' x\nexec cat /dev/zero\n");
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    let done = repo.play().expect(1).says(&["the baseline itself does not pass", "printed"]);
    assert!(done.stderr.len() < 20_000, "{} bytes reached the terminal", done.stderr.len());
}

#[test]
fn a_checks_script_that_fails_on_the_baseline_is_told() {
    let repo = Repo::new();
    repo.script(".auto/checks.sh", "#!/bin/sh\necho 3 tests failed\nexit 1\n");
    repo.commit("broken checks");
    refused(&repo, &["the baseline itself does not pass"]);
}

#[test]
fn a_full_disk_loses_nothing_that_was_decided() {
    let repo = Repo::new();
    let disk = repo.state();
    fs::create_dir_all(&disk).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1500k", "tmpfs", disk.to_str().unwrap()])
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("skipped: a small disk needs the right to mount");
        return;
    }
    let unmount = Unmount(disk.clone());
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    let filler = disk.join("filler");
    let _ = fs::write(&filler, vec![7_u8; 4_000_000]);
    repo.propose_text("02-shorter-too", "src/b.txt", &lines("b", 5));
    repo.play().expect(1).says(&["No space left on device"]);
    repo.run(&["log"]).expect(0).says(&["01-shorter"]);
    fs::remove_file(&filler).unwrap();
    repo.play().expect(0).says(&["goes on after run 2", "bytes went from 285 to 235"]);
    repo.run(&["audit"]).expect(0);
    drop(unmount);
}

#[test]
fn a_ledger_that_cannot_grow_is_as_it_was_before() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    repo.propose_text("02-shorter-too", "src/b.txt", &lines("b", 5));
    let before = fs::read(repo.ledger()).unwrap();
    // The limit counts blocks of 512 bytes; the ledger is at it with its next entry.
    let limit = before.len() / 512;
    let like = repo.command(&[]);
    let mut command = std::process::Command::new("sh");
    let sprag = env!("CARGO_BIN_EXE_sprag");
    let line = format!(
        "trap '' XFSZ; ulimit -f {limit}; exec '{sprag}' run --agent 'playbook:{}'",
        repo.playbook().display()
    );
    command.args(["-c", &line]).current_dir(repo.root());
    like.get_envs().for_each(|(key, value)| {
        value.map(|value| command.env(key, value));
    });
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("ledger.jsonl") || stderr.contains("large"), "{stderr}");
    assert_eq!(fs::read(repo.ledger()).unwrap(), before);
    repo.play().expect(0).says(&["bytes went from 285 to 235"]);
    repo.run(&["audit"]).expect(0);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").args(["-l", self.0.to_str().unwrap()]).status();
    }
}

#[test]
fn a_ledger_with_a_torn_last_line_goes_on_and_says_so() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    let mut text = fs::read_to_string(repo.ledger()).unwrap();
    text.push_str("{\"run\":3,\"commit\":\"12");
    fs::write(repo.ledger(), text).unwrap();
    repo.run(&["log"]).expect(0).says(&["01-shorter"]);
    repo.run(&["audit"]).expect(5).says(&["unfinished", "--repair"]);
    repo.propose_text("02-shorter-too", "src/b.txt", &lines("b", 5));
    repo.play().expect(0).says(&["was unfinished and was cut off"]);
    repo.run(&["audit"]).expect(0);
    assert_eq!(repo.rows().len(), 3);
}

#[test]
fn a_broken_chain_stops_the_session_and_names_the_line() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    let text = fs::read_to_string(repo.ledger()).unwrap();
    fs::write(repo.ledger(), text.replacen("335", "336", 1)).unwrap();
    repo.propose_text("02-shorter-too", "src/b.txt", &lines("b", 5));
    let before = fs::read(repo.ledger()).unwrap();
    repo.play().expect(1).says(&["line", "sprag audit"]);
    assert_eq!(fs::read(repo.ledger()).unwrap(), before);
    let playbook = format!("playbook:{}", repo.playbook().display());
    repo.run(&["run", "--new", "--agent", &playbook]).expect(0);
}

#[test]
fn the_log_of_another_tool_is_added_to_and_not_overwritten() {
    let repo = Repo::new();
    let theirs = "{\"type\":\"config\",\"name\":\"theirs\",\"metricName\":\"ms\",\"bestDirection\":\"lower\"}\n{\"run\":1,\"commit\":\"abc\",\"metric\":5,\"status\":\"keep\",\"description\":\"theirs\",\"timestamp\":1}\n";
    repo.write(".auto/log.jsonl", theirs);
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    let mirror = repo.read(".auto/log.jsonl");
    assert!(mirror.starts_with(theirs));
    assert_eq!(&mirror[theirs.len()..], fs::read_to_string(repo.ledger()).unwrap());
    repo.run(&["log", "--file", ".auto/log.jsonl"]).expect(0);
}

#[test]
fn a_log_that_was_tampered_with_is_set_aside_and_mended() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    let mut mirror = repo.read(".auto/log.jsonl");
    mirror.push_str("{\"run\":99,\"status\":\"keep\"}\n");
    repo.write(".auto/log.jsonl", &mirror);
    repo.propose_text("02-shorter-too", "src/b.txt", &lines("b", 5));
    repo.play().expect(0).says(&["held lines of somebody else", ".auto/log.jsonl.1.old"]);
    assert_eq!(repo.read(".auto/log.jsonl.1.old"), mirror);
    assert_eq!(repo.read(".auto/log.jsonl"), fs::read_to_string(repo.ledger()).unwrap());
}

#[test]
fn a_log_that_is_a_link_leads_nowhere() {
    let repo = Repo::new();
    let target = repo.beside("precious");
    fs::write(&target, "precious\n").unwrap();
    std::os::unix::fs::symlink(&target, repo.root().join(".auto/log.jsonl")).unwrap();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0).says(&["could not be written"]);
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious\n");
    assert_eq!(repo.rows().len(), 2);
}

#[test]
fn an_input_that_git_tracks_is_refused_by_name() {
    let repo = Repo::new();
    let inside = repo.root().join("src");
    for (table, path) in
        [("workspace", "src"), ("workspace", "src/a.txt"), ("sandbox", inside.to_str().unwrap())]
    {
        repo.write(".auto/sprag.toml", &format!("[{table}]\nread = [\"{path}\"]\n"));
        // A long path is broken into two lines.
        let said = format!("[{table}] read names {path}, of which git tracks");
        repo.run(&["try"]).expect(1).says(&[&said]);
    }
}
