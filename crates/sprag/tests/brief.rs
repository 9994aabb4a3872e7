//! `sprag brief`, and the profile in it: what the next try is told.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use repo::{Repo, UNLOCKED, lines};

/// An agent that keeps its brief beside the repository and does `then`.
fn agent(repo: &Repo, then: &str) -> String {
    format!("command:cat > '{}'; {then}", repo.beside("brief").display())
}

#[test]
fn the_command_prints_what_the_next_try_is_told() {
    let repo = Repo::new();
    let before = repo.run(&["brief"]).expect(0).says(&["Nothing yet.", "It is not measured yet."]);
    assert!(!repo.home().join("current").exists(), "it starts nothing");
    let edit = format!("printf '{}' > src/a.txt; echo 'Fewer lines'", lines("a", 5).replace('\n', "\\n"));
    repo.write(".auto/sprag.toml", UNLOCKED);
    repo.spec_with("- after 1 experiments\n");
    repo.run(&["run", "--agent", &agent(&repo, &edit)]).expect(0);
    let told = std::fs::read_to_string(repo.beside("brief")).unwrap();
    let rules = |brief: &str| brief.split("## How the verdict is made").next().unwrap().to_owned();
    assert_eq!(rules(&told), rules(&before.stdout));
    let after = repo.run(&["brief"]).expect(0).says(&[
        "keep (improved), bytes",
        "\"Fewer lines\"",
        "It is that of run 2.",
    ]);
    let lasting = told.split("\n## The best code so far").next().unwrap();
    assert!(after.stdout.starts_with(lasting), "a cache holds the beginning:\n{told}\n{}", after.stdout);
}

#[test]
fn a_running_session_is_not_in_the_way() {
    let repo = Repo::new();
    repo.shut_gate_for("src/a.txt");
    repo.commit("gate");
    repo.propose_text("01-a", "src/a.txt", &lines("a", 5));
    let running = repo.start_play();
    repo.until_at_gate();
    repo.run(&["brief"]).expect(0).says(&["1 keep (baseline)"]);
    repo.open_gate();
    running.end().expect(0);
}

#[test]
fn the_profile_is_made_once_for_each_incumbent() {
    let repo = Repo::new();
    let count = repo.beside("profiles");
    let profile = format!("echo x >> '{}'; echo \"$(wc -c < src/a.txt) in a\"", count.display());
    repo.write(".auto/sprag.toml", &format!("{UNLOCKED}[run]\nprofile = '''{profile}'''\n"));
    repo.commit("settings");
    repo.propose_text("01-worse", "src/a.txt", &lines("a", 20));
    repo.propose_text("02-better", "src/a.txt", &lines("a", 5));
    repo.propose_text("03-worse", "src/b.txt", &lines("b", 20));
    repo.play().expect(0);
    assert_eq!(
        std::fs::read_to_string(&count).unwrap(),
        "x\nx\n",
        "of the baseline and of the one that was kept"
    );
    let texts: Vec<_> =
        repo.of_type("event").iter().filter_map(|e| e["data"]["text"].as_str().map(str::to_owned)).collect();
    assert_eq!(texts, ["100 in a", "50 in a"]);
    repo.run(&["brief"]).expect(0).says(&["## Its profile", "> 50 in a"]);
    assert_eq!(repo.of_type("config").len(), 1);
    repo.write(".auto/sprag.toml", &format!("{UNLOCKED}[run]\nprofile = 'true'\n"));
    repo.propose_text("04-better", "src/c.txt", &lines("c", 5));
    repo.play().expect(0);
    assert_eq!(repo.of_type("config").len(), 1, "another profile is no other contract");
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_profile_is_locked_in_as_a_measured_run_is() {
    let repo = Repo::new();
    repo.write(".auto/sprag.toml", "[run]\nprofile = 'cat src/a.txt | head -1; echo x > src/a.txt'\n");
    repo.commit("settings");
    repo.propose_text("01-better", "src/b.txt", &lines("b", 5));
    repo.play().expect(0).says(&["[run] profile failed", "Read-only file system"]);
    assert_eq!(repo.verdict().0, "keep");
}

#[test]
fn a_profile_that_fails_is_told_once_and_stops_nothing() {
    let repo = Repo::new();
    repo.write(".auto/sprag.toml", "[run]\nprofile = 'echo half; no-such-profiler'\n");
    repo.commit("settings");
    repo.propose_text("01-better", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-better", "src/b.txt", &lines("b", 5));
    repo.propose_text("03-worse", "src/b.txt", &lines("b", 20));
    let done = repo.play().expect(0).says(&["[run] profile failed", "no-such-profiler"]);
    assert_eq!(done.stderr.matches("[run] profile failed").count(), 1, "{}", done.stderr);
    assert_eq!(repo.rows().iter().filter(|row| row["status"] == "keep").count(), 3);
    repo.run(&["brief"]).expect(0).says(&["The profile of it came to nothing."]);
}

#[test]
fn ideas_beside_a_change_are_parked_once_and_do_not_make_it_idle() {
    let repo = Repo::new();
    let report = r#"{"description": "Fewer lines", "ideas": ["cache the \u001b[31mcalls", "  ", 7, "cache the \u001b[31mcalls", "two at once"]}"#;
    let then =
        format!("mkdir -p .sprag; printf '%s' '{report}' > .sprag/proposal.json; sed -i '$d' src/a.txt");
    repo.spec_with("- after 3 experiments\n");
    repo.run(&["run", "--agent", &agent(&repo, &then)]).expect(0);
    let ideas = repo.of_type("idea");
    let texts: Vec<_> = ideas.iter().map(|idea| idea["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["cache the  [31mcalls", "two at once"]);
    assert_eq!((&ideas[0]["from_run"], &ideas[0]["phase"]), (&2.into(), &1.into()));
    assert_eq!(repo.rows().len(), 4);
    repo.run(&["brief"]).expect(0).says(&["Ideas parked for a later phase", "- \"two at once\""]);
    repo.run(&["audit"]).expect(0);
}
