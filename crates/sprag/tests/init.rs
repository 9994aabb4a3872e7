//! `sprag init`: what it writes, what it refuses, what a person reads.

mod repo;

use std::os::unix::fs::PermissionsExt as _;

use repo::Repo;

const FILES: [&str; 4] = [".auto/checks.sh", ".auto/measure.sh", ".auto/prompt.md", ".auto/sprag.toml"];

fn rust_package() -> Repo {
    let repo = Repo::empty();
    repo.write("Cargo.toml", "[package]\nname = \"parse\"\nedition = \"2024\"\n");
    repo.write("src/main.rs", "fn main() {}\n");
    repo.write("tests/golden.rs", "#[test]\nfn t() {}\n");
    repo.commit("start");
    repo
}

/// The report without the folder of the test.
fn tame(repo: &Repo, text: &str) -> String {
    text.replace(repo.root().to_str().expect("temporary folders have plain names"), "[repo]")
}

/// Which tier is written depends on the machine.
fn without_tier(told: &str) -> String {
    let line = |line: &str| match line.strip_prefix("sandbox   ") {
        Some(tier) => {
            assert!(["enforced", "reduced", "none"].iter().any(|known| tier.starts_with(known)), "{line}");
            "sandbox   TIER".to_owned()
        }
        None => line.to_owned(),
    };
    told.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn with_yes_it_writes_what_it_infers_and_says_why() {
    let repo = rust_package();
    let done = repo.run(&["init", "--yes"]).expect(0);
    insta::assert_snapshot!(without_tier(&done.stdout), @"
    wrote .auto/prompt.md, .auto/measure.sh, .auto/checks.sh, .auto/sprag.toml

    measure   ./target/release/parse, timed from outside
                because `parse` is the only binary: give it a workload
    metric    wall_ms, lower is better; held: peak_rss_mb within 10%
                because Sprag times the command itself, and holds its peak memory as a control
    build     cargo build --release --offline --bin parse
                because there is a Cargo.toml
    checks    cargo test --offline --quiet
                because cargo packages have `cargo test`
    scope     src/**; off limits: tests/**
                because the sources are in `src`: name fewer files if you can
                because tests and benchmarks are off limits: tests/**
    stop      after 5 consecutive discards, after 50 experiments
    sandbox   TIER

    next: read .auto/prompt.md, then `sprag check` says how each line of it is understood
    ");
    assert_eq!(done.stderr, "");
    for path in FILES {
        let mode = repo.root().join(path).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o111 != 0, path.ends_with(".sh"), "{path}");
    }
    let spec = repo.read(".auto/prompt.md");
    assert!(spec.ends_with("## What's Been Tried\n"), "nothing was tried yet:\n{spec}");
    repo.run(&["check"]).expect(0).says(&["ready: contract"]);
}

#[test]
fn it_runs_nothing_and_touches_nothing_else() {
    let repo = rust_package();
    let before = repo.everything();
    repo.run(&["init", "--yes"]).expect(0);
    let mut after = repo.everything();
    after.retain(|path, _| path != ".auto" && !FILES.contains(&path.as_str()));
    assert_eq!(after, before);
    assert!(!repo.state().exists(), "no session, no state");
}

#[test]
fn without_a_terminal_it_does_not_ask_and_says_so() {
    let repo = rust_package();
    repo.run(&["init"]).expect(0).says(&["there is nobody to ask", "wrote .auto/prompt.md"]);
}

#[test]
fn what_is_there_already_is_listed_and_kept() {
    let repo = rust_package();
    repo.write(".auto/measure.sh", "mine\n");
    repo.write("autoresearch.md", "mine too\n");
    let before = repo.everything();
    let done = repo.run(&["init", "--yes"]).expect(1);
    insta::assert_snapshot!(tame(&repo, &done.stderr), @"
    × .auto/measure.sh, autoresearch.md are there already, and nothing was
    │ written
    help: `sprag check` shows how they are understood; to start over, move them
          away and run `sprag init` again
    ");
    assert_eq!(repo.everything(), before);
}

#[test]
fn a_folder_that_cannot_be_written_leaves_nothing_behind() {
    let repo = rust_package();
    repo.write(".auto", "a file\n");
    let before = repo.everything();
    repo.run(&["init", "--yes"]).expect(1).says(&["failed to write", "nothing was changed"]);
    assert_eq!(repo.everything(), before);
}

#[test]
fn a_repository_that_says_nothing_gets_files_that_say_what_is_missing() {
    let repo = Repo::empty();
    repo.write("notes.txt", "x\n");
    repo.commit("start");
    let done = repo.run(&["init", "--yes"]).expect(0);
    insta::assert_snapshot!(without_tier(&done.stdout), @"
    wrote .auto/prompt.md, .auto/measure.sh, .auto/sprag.toml

    measure   nothing yet
    metric    total_ms, lower is better
    build     nothing
    checks    nothing
    scope     nothing
    stop      after 5 consecutive discards, after 50 experiments
    sandbox   TIER

    still missing:
      - a benchmark: .auto/measure.sh must run the workload and print `METRIC total_ms=<number>`
      - a binary correctness check: the fastest code is code that does nothing: something must say yes or no to its output
      - controls that make cheating visible: a second number with a bound shows when the first one was bought by doing less work
      - a bounded scope: without a list of files a candidate may change nothing

    next: read .auto/prompt.md, then `sprag check` says how each line of it is understood
    ");
    repo.run(&["check"]).expect(3).says(&["NO a bounded scope"]);
}

#[test]
fn a_virtual_environment_is_used_and_copied() {
    let repo = Repo::empty();
    repo.write("report.py", "print(1)\n");
    repo.write("test_report.py", "\n");
    repo.write(".gitignore", ".venv/\n");
    repo.commit("start");
    repo.write(".venv/bin/python", "#!/bin/sh\nexit 0\n");
    repo.run(&["init", "--yes"]).expect(0).says(&[
        "measure .venv/bin/python report.py, timed from outside",
        "inputs .venv",
        "scope report.py",
    ]);
    assert!(repo.read(".auto/sprag.toml").contains("read = [\".venv\"]"));
    repo.run(&["check"]).expect(0);
}

#[test]
fn json_names_the_files_the_answers_and_what_is_missing() {
    let json = rust_package().run(&["init", "--json"]).expect(0).json();
    assert_eq!(json["ready"], true);
    assert_eq!(json["missing"], serde_json::json!([]));
    assert_eq!(json["answers"]["metric"], "wall_ms");
    let tier = sprag_sandbox::examine(&[env!("CARGO_BIN_EXE_sprag"), sprag_sandbox::COMMAND]).tier;
    assert_eq!(json["answers"]["tier"], tier.to_string());
    assert_eq!(json["files"][1], serde_json::json!({ "path": ".auto/measure.sh", "executable": true }));
    assert_eq!(json["notes"][0]["topic"], "build");
}

#[test]
fn outside_of_a_repository_with_work_it_says_what_to_do() {
    let none = Repo::no_git();
    none.run(&["init", "--yes"]).expect(1).says(&["is not in a git repository", "git init"]);
    let empty = Repo::empty();
    empty.run(&["init", "--yes"]).expect(1).says(&["has no commits yet"]);
    let bare = Repo::no_git();
    bare.git(&["init", "-q", "--bare"]);
    bare.run(&["init", "--yes"]).expect(1).says(&["is a bare repository"]);
    assert!(!none.root().join(".auto").exists() && !empty.root().join(".auto").exists());
}

#[test]
fn from_a_folder_deep_inside_it_writes_at_the_top() {
    let repo = rust_package();
    repo.run(&["-C", "src", "init", "--yes"]).expect(0);
    assert!(repo.root().join(".auto/prompt.md").is_file());
}
