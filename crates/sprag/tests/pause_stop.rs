//! `sprag pause` and `sprag stop`.

mod repo;

use repo::{Repo, Running, lines};

/// A session that kept the first of three candidates and is judging the second, for as long as the gate is shut.
fn under_way() -> (Repo, Running) {
    let repo = Repo::new();
    repo.shut_gate_for("src/b.txt");
    repo.commit("gated");
    for (id, name) in [("01", "a"), ("02", "b"), ("03", "c")] {
        repo.propose_text(id, &format!("src/{name}.txt"), &lines(name, 5));
    }
    let mut running = repo.start_play();
    running.until_it_says("   2  keep");
    repo.until_at_gate();
    (repo, running)
}

fn kept(repo: &Repo) -> usize {
    repo.rows().iter().filter(|row| row["kind"] == "experiment" && row["status"] == "keep").count()
}

#[test]
fn pause_ends_after_the_experiment_under_way_and_run_goes_on() {
    let (repo, running) = under_way();
    repo.run(&["pause"]).expect(0).says(&["after the experiment under way"]);
    repo.open_gate();
    running.end().expect(0).says(&["paused"]);
    assert_eq!(kept(&repo), 2);
    assert!(repo.of_type("stop").is_empty() && repo.of_type("final").is_empty());
    repo.play().expect(0).says(&["goes on after run"]);
    assert_eq!(kept(&repo), 3);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn stop_finishes_with_the_fresh_measurement() {
    let (repo, running) = under_way();
    let asked = repo.run(&["stop", "--json"]).expect(0).json();
    assert_eq!((asked["asked"].as_str(), asked["pid"].as_u64()), (Some("stop"), Some(running.pid().into())));
    repo.open_gate();
    running.end().expect(0).says(&["a person asked to stop"]);
    assert_eq!(repo.of_type("stop").pop().unwrap()["reason"], "asked");
    assert_eq!(repo.of_type("final").len(), 1);
    assert_eq!(kept(&repo), 2);
    repo.run(&["status"]).expect(0).says(&["a person asked to stop"]);
}

#[test]
fn now_cuts_the_experiment_under_way_and_loses_nothing_else() {
    let (repo, running) = under_way();
    repo.run(&["stop", "--now"]).expect(0);
    running.end().expect(130);
    repo.open_gate();
    repo.play().expect(0);
    assert_eq!(kept(&repo), 3);
}

#[test]
fn where_nothing_runs_there_is_nothing_to_pause() {
    let repo = Repo::new();
    repo.run(&["pause"]).expect(1).says(&["no session is running"]);
    repo.run(&["stop"]).expect(1).says(&["no session is running"]);
}
