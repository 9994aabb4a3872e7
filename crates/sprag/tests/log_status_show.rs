//! `sprag log`, `status` and `show`, on the ledger that version 1 will always have to read.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use repo::Repo;

fn fixture() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../sprag-ledger/tests/fixtures/v1.jsonl");
    std::fs::canonicalize(path).unwrap().to_str().unwrap().to_owned()
}

fn said(args: &[&str]) -> String {
    let repo = Repo::no_git();
    let file = fixture();
    repo.run(&[args, &["--file", &file]].concat()).expect(0).stdout
}

#[test]
fn the_table_of_the_first_version() {
    insta::assert_snapshot!(said(&["log"]));
}

#[test]
fn the_state_of_the_first_version() {
    insta::assert_snapshot!(said(&["status"]));
}

#[test]
fn a_kept_a_refused_and_a_crashed_run_of_the_first_version() {
    let runs = ["2", "3", "5"].map(|run| said(&["show", run]));
    insta::assert_snapshot!(runs.join("\n----\n"));
}

#[test]
fn nothing_in_them_steers_a_terminal() {
    for args in [&["log"][..], &["status"], &["show", "4"]] {
        assert!(!said(args).contains('\u{1b}'), "{args:?}");
    }
}

#[test]
fn each_is_json_too() {
    for args in [&["log", "--json"][..], &["status", "--json"], &["show", "4", "--json"]] {
        let text = said(args);
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|value| value.is_object()),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "one line in a pipe");
    }
}

#[test]
fn a_run_that_is_not_there_and_a_file_that_is_not_there_are_told() {
    let repo = Repo::no_git();
    repo.run(&["show", "77", "--file", &fixture()]).expect(1).says(&["there is no run 77", "sprag log"]);
    repo.run(&["log", "--file", "missing.jsonl"]).expect(1).says(&["missing.jsonl"]);
    repo.run(&["status"]).expect(1).says(&["git init"]);
}

#[test]
fn a_fresh_clone_reads_the_log_that_was_committed() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &repo::lines("a", 5));
    repo.play().expect(0);
    repo.commit("with its log");
    let clone = Repo::no_git();
    std::fs::remove_dir(clone.root()).unwrap();
    repo.git(&["clone", "-q", ".", clone.root().to_str().unwrap()]);
    clone.run(&["log"]).expect(0).says(&["01-shorter"]);
    clone.run(&["show", "2"]).expect(0).says(&["01-shorter"]);
    clone.run(&["status"]).expect(0).says(&["285"]);
    clone.run(&["audit"]).expect(0);
}
