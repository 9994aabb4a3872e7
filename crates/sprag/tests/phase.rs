//! `sprag phase next`: the next phase's constraints, and the ideas that it gives back.

mod repo;

use repo::{NOISY, Repo, SPEC, lines};

/// Two phases: seven calls in the first, fewer allowed in the second.
fn phased() -> Repo {
    let repo = Repo::new();
    let phases = "## Phase 1: exact\n### Constraints\n- `calls == 7`\n\n## Phase 2: relaxed\n### Constraints\n- `calls <= 7`\n";
    repo.write(".auto/prompt.md", &format!("{SPEC}\n{phases}"));
    repo.commit("phases");
    repo
}

#[test]
fn an_idea_is_parked_given_back_and_judged_by_the_relaxed_control() {
    let repo = phased();
    repo.propose_text("01-fewer-calls", "src/calls.txt", "call\n");
    // The same change, as an idea that waits for its phase.
    let patch = std::fs::read_to_string(repo.playbook().join("01-fewer-calls.patch")).unwrap();
    let diff = patch.splitn(3, "+++\n").nth(2).unwrap();
    let front = "description = \"call once\"\npark = true\n[asi]\nrule = \"calls == 7\"\n";
    repo.proposal("02-call-once", front, diff);
    repo.play().expect(0).says(&["calls is 1, the contract says 7", "idea parked", "call once"]);
    assert_eq!(repo.verdict().1, "control");
    assert_eq!(repo.read(".auto/ideas.md"), "- call once (parked in phase 1): calls == 7\n");

    let next = repo.run(&["phase", "next", "--json"]).expect(0).json();
    assert_eq!((next["phase"].as_u64(), next["title"].as_str()), (Some(2), Some("relaxed")));
    assert_eq!(next["ideas"], serde_json::json!(["call once"]));

    repo.play().expect(0).says(&["call once", "bytes went from 335 to 305"]);
    let row = repo.rows().pop().unwrap();
    assert_eq!((row["reason"].as_str(), row["proposal"].as_str()), (Some("improved"), Some("02-call-once")));
    assert_eq!(repo.of_type("config").pop().unwrap()["phase"], 2);
    repo.play().expect(0);
    assert_eq!(repo.rows().pop().unwrap(), row, "it is given back once");
    repo.run(&["audit"]).expect(0);
}

#[test]
fn there_is_no_phase_after_the_last_and_none_without_a_session() {
    let repo = phased();
    repo.run(&["phase", "next"]).expect(1).says(&["sprag run"]);
    repo.proposal("01-nothing", "description = \"nothing\"\n", "");
    repo.play().expect(0);
    repo.run(&["phase", "next"]).expect(0).says(&["phase 2: relaxed", "sprag run"]);
    repo.run(&["phase", "next"]).expect(1).says(&["no phase 3"]);
}

#[test]
fn of_a_margin_that_a_later_phase_sets_the_keeps_before_have_used_their_part() {
    let repo = Repo::new();
    let spec = SPEC.replace("**Secondary**: calls", "**Secondary**: calls, work");
    let phases = "## Phase 1: free\n### Constraints\n- Be bold.\n\n## Phase 2: careful\n### Constraints\n- `work within 5%`\n";
    repo.write(".auto/prompt.md", &format!("{spec}\n{phases}"));
    let work = "echo \"METRIC work=$(( ($(cat src/*.txt | grep -c slow) + 10) * 100000 + $(noise) ))\"\n";
    repo.script(".auto/measure.sh", &format!("{NOISY}{work}"));
    repo.commit("phases");
    repo.write("src/a.txt", "slow\nslow\n");
    repo.run(&["try"]).expect(0);
    repo.run(&["phase", "next"]).expect(0);
    repo.write("src/b.txt", &lines("b", 5));
    repo.run(&["try"]).expect(11).says(&["work"]);
    assert_eq!(repo.verdict().1, "control");
    repo.run(&["audit"]).expect(0);
}
