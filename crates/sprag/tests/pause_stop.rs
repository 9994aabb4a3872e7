//! `sprag pause` and `sprag stop`.

mod repo;

use repo::{MEASURE, Repo, Running, lines};

/// A session that is judging the first of three candidates.
fn under_way() -> (Repo, Running) {
    let repo = Repo::new();
    repo.script(".auto/measure.sh", &format!("{MEASURE}sleep 0.4\n"));
    repo.commit("slow");
    for (id, name) in [("01", "a"), ("02", "b"), ("03", "c")] {
        repo.propose_text(id, &format!("src/{name}.txt"), &lines(name, 5));
    }
    let mut running = repo.start_play();
    running.until_it_says("new session");
    (repo, running)
}

fn kept(repo: &Repo) -> usize {
    repo.rows().iter().filter(|row| row["kind"] == "experiment" && row["status"] == "keep").count()
}

#[test]
fn pause_ends_after_the_experiment_under_way_and_run_goes_on() {
    let (repo, running) = under_way();
    repo.run(&["pause"]).expect(0).says(&["after the experiment under way"]);
    running.end().expect(0).says(&["paused"]);
    assert!(kept(&repo) < 3 && repo.of_type("stop").is_empty() && repo.of_type("final").is_empty());
    repo.play().expect(0).says(&["goes on after run"]);
    assert_eq!(kept(&repo), 3);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn stop_finishes_with_the_fresh_measurement() {
    let (repo, mut running) = under_way();
    running.until_it_says("   2  keep");
    let asked = repo.run(&["stop", "--json"]).expect(0).json();
    assert_eq!((asked["asked"].as_str(), asked["pid"].as_u64()), (Some("stop"), Some(running.pid().into())));
    running.end().expect(0).says(&["a person asked to stop"]);
    assert_eq!(repo.of_type("stop").pop().unwrap()["reason"], "asked");
    assert_eq!(repo.of_type("final").len(), 1);
    assert!((1..3).contains(&kept(&repo)));
    repo.run(&["status"]).expect(0).says(&["a person asked to stop"]);
}

#[test]
fn now_cuts_the_experiment_under_way_and_loses_nothing_else() {
    let (repo, mut running) = under_way();
    running.until_it_says("   2  keep");
    repo.run(&["stop", "--now"]).expect(0);
    running.end().expect(130);
    repo.play().expect(0);
    assert_eq!(kept(&repo), 3);
}

#[test]
fn where_nothing_runs_there_is_nothing_to_pause() {
    let repo = Repo::new();
    repo.run(&["pause"]).expect(1).says(&["no session is running"]);
    repo.run(&["stop"]).expect(1).says(&["no session is running"]);
}
