//! `sprag note`: a remark for the next tries.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use repo::{Repo, lines};

fn texts(repo: &Repo) -> Vec<String> {
    repo.of_type("note").iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_note_between_runs_is_in_the_ledger_at_once() {
    let repo = Repo::new();
    repo.run(&["note", "too early"]).expect(1).says(&["sprag run"]);
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    repo.run(&["note", "leave b alone"]).expect(0);
    repo.run(&["note", "and c", "--json"]).expect(0).json();
    assert_eq!(texts(&repo), ["leave b alone", "and c"]);
    assert_eq!(
        repo.read(".auto/log.jsonl"),
        std::fs::read_to_string(repo.ledger()).unwrap(),
        "in the same breath"
    );
    let done = repo.play().expect(0);
    assert!(!done.stderr.contains("mended"), "{}", done.stderr);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_note_during_a_run_reaches_the_ledger_before_the_next_try() {
    let repo = Repo::new();
    repo.shut_gate_for("src/a.txt");
    repo.commit("gated");
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-shorter-too", "src/b.txt", &lines("b", 5));
    let mut running = repo.start_play();
    running.until_it_says("new session");
    repo.run(&["note", "leave c alone"]).expect(0).says(&["takes it in before its next try"]);
    repo.open_gate();
    running.end().expect(0);
    assert_eq!(texts(&repo), ["leave c alone"]);
    repo.run(&["audit"]).expect(0);
}
