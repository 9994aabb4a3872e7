//! `sprag run`: the loop, from outside.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use repo::{MEASURE, Repo, git, lines, write};
use std::fs;
use std::path::Path;

/// `status reason` of every row after the baseline's.
fn verdicts(repo: &Repo) -> Vec<String> {
    let word = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let rows = repo.rows().into_iter().filter(|row| row["kind"] == "experiment");
    rows.map(|row| format!("{} {}", word(&row, "status"), word(&row, "reason"))).collect()
}

/// The last stop entry's reason and detail.
fn stopped(repo: &Repo) -> (String, String) {
    let stop = repo.of_type("stop").pop().unwrap();
    (stop["reason"].as_str().unwrap().to_owned(), stop["detail"].as_str().unwrap().to_owned())
}

#[test]
fn a_better_candidate_is_kept_and_the_others_are_told_apart() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-longer", "src/b.txt", &lines("b", 20));
    repo.propose_text("03-outside", "README", "mine\n");
    repo.propose_text("04-same-size", "src/b.txt", &lines("B", 10));
    repo.proposal("05-nothing", "description = \"nothing\"\n", "");
    repo.play().expect(0).says(&["bytes 335.00 → 285.00", "the proposer has nothing more to try"]);
    let expected = ["keep improved", "discard no_gain", "checks_failed scope", "discard no_gain"];
    assert_eq!(verdicts(&repo), expected);
    assert_eq!(repo.of_type("event")[0]["event"], "no_edit");
    assert_eq!(stopped(&repo).0, "exhausted");
    let result = repo.of_type("final").pop().unwrap();
    assert_eq!((result["baseline"].as_f64(), result["final"].as_f64()), (Some(335.0), Some(285.0)));
}

#[test]
fn without_an_agent_it_says_who_could_propose() {
    let repo = Repo::new();
    repo.run(&["run"]).expect(2).says(&["--agent playbook:DIR", "sprag try"]);
    repo.run(&["run", "--agent", "nobody"]).expect(1).says(&["nobody", "claude, codex", "playbook:DIR"]);
    repo.run(&["run", "--agent", "playbook:missing"]).expect(1).says(&["missing"]);
    assert!(!repo.root().join(".auto/log.jsonl").exists());
}

#[test]
fn a_second_run_goes_on_and_tries_nothing_twice() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    repo.propose_text("02-shorter-too", "src/b.txt", &lines("b", 5));
    repo.play().expect(0).says(&["goes on after run 2", "02-shorter-too"]);
    assert_eq!(verdicts(&repo), ["keep improved", "keep improved"]);
    assert_eq!(repo.rows().len(), 3, "the baseline is measured once");
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_new_session_starts_over_and_leaves_the_old_ledger() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    let old = repo.ledger();
    let playbook = format!("playbook:{}", repo.playbook().display());
    repo.run(&["run", "--new", "--agent", &playbook]).expect(0).says(&["new session"]);
    assert_ne!(old, repo.ledger());
    assert!(old.is_file());
    assert_eq!(verdicts(&repo), ["keep improved"]);
    let mirror = repo.read(".auto/log.jsonl");
    assert!(mirror.starts_with(&fs::read_to_string(&old).unwrap()), "the mirror keeps the old session");
    repo.run(&["audit", "--file", ".auto/log.jsonl"]).expect(0);
}

#[test]
fn a_changed_contract_or_harness_starts_a_new_segment_from_the_incumbent() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    repo.spec_with("## Constraints\n- `calls == 7`\n");
    repo.propose_text("02-fewer-calls", "src/calls.txt", "call\n");
    repo.play().expect(0).says(&["the contract changed: a new segment starts from the incumbent"]);
    assert_eq!(verdicts(&repo), ["keep improved", "checks_failed control"]);
    repo.script(".auto/measure.sh", &format!("# counted anew\n{MEASURE}"));
    repo.propose_text("03-shorter-too", "src/b.txt", &lines("b", 5));
    repo.play().expect(0).says(&["the harness changed"]);
    assert_eq!(repo.of_type("config").len(), 3);
    let baselines: Vec<f64> = repo
        .rows()
        .iter()
        .filter(|row| row["kind"] == "baseline")
        .map(|row| row["metric"].as_f64().unwrap())
        .collect();
    assert_eq!(baselines, [335.0, 285.0, 285.0]);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn another_stop_rule_or_better_prose_starts_no_new_segment() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    let spec = repo.read(".auto/prompt.md").replace("after 50 experiments", "after 60 experiments");
    repo.write(".auto/prompt.md", &spec.replace("Fewer bytes in src.", "Fewer bytes in src, please."));
    repo.propose_text("02-shorter-too", "src/b.txt", &lines("b", 5));
    repo.play().expect(0);
    assert_eq!(repo.of_type("config").len(), 1);
}

#[test]
fn the_count_the_discards_and_the_target_each_end_the_session_with_their_sentence() {
    let cases = [
        ("after 2 experiments", 2, "experiments"),
        ("after 2 consecutive discards", 3, "in a row without a keep"),
        ("when bytes <= 300", 1, "bytes"),
    ];
    for (rule, rows, word) in cases {
        let repo = Repo::new();
        repo.write(".auto/prompt.md", &repo::SPEC.replace("after 50 experiments", rule));
        repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
        for n in 2..6 {
            repo.propose_text(&format!("{n:02}-longer"), "src/b.txt", &lines("b", 10 + n));
        }
        repo.play().expect(0);
        assert_eq!(verdicts(&repo).len(), rows, "{rule}");
        let (reason, detail) = stopped(&repo);
        assert!(reason == "rule" && detail.contains(word), "{rule}: {reason}: {detail}");
        repo.play().expect(0).says(&["stopped"]);
        assert_eq!(verdicts(&repo).len(), rows, "{rule} still holds at the next start");
    }
}

#[test]
fn money_and_tokens_end_the_session_before_the_try_that_would_pass_them_and_unknown_ones_cannot() {
    let cases = [
        ("at $1", "[usage]\nusd = 0.4\n", 2),
        ("at 1000 tokens", "[usage]\ninput = 400\ncached = 0\noutput = 50\n", 2),
    ];
    for (rule, usage, rows) in cases {
        let repo = Repo::new();
        repo.write(".auto/prompt.md", &repo::SPEC.replace("after 50 experiments", rule));
        repo.commit("a budget");
        for n in 1..4 {
            repo.propose_text("x", "src/b.txt", &lines("b", 10 + n));
            let patch = fs::read_to_string(repo.playbook().join("x.patch")).unwrap();
            let diff = patch.splitn(3, "+++\n").nth(2).unwrap();
            repo.proposal(&format!("{n:02}"), &format!("description = \"{n}\"\n{usage}"), diff);
        }
        fs::remove_file(repo.playbook().join("x.patch")).unwrap();
        repo.play().expect(0);
        assert_eq!((verdicts(&repo).len(), stopped(&repo).0.as_str()), (rows, "rule"), "{rule}");
        repo.run(&["status", "--json"]).expect(0).json();
    }
    let repo = Repo::new();
    repo.write(".auto/prompt.md", &repo::SPEC.replace("after 50 experiments", "at $1"));
    repo.proposal("01-nothing", "description = \"nothing\"\n[usage]\ninput = 400\n", "");
    repo.proposal("02-nothing", "description = \"nothing\"\n[usage]\ninput = 400\n", "");
    let done = repo.play().expect(0);
    assert_eq!(done.stderr.matches("`at $1` cannot stop anything").count(), 1, "{}", done.stderr);
}

#[test]
fn include_dirty_says_where_it_comes_too_late() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    repo.write("README", "changed\n");
    let playbook = format!("playbook:{}", repo.playbook().display());
    repo.run(&["run", "--include-dirty", "--agent", &playbook]).expect(0).says(&["--new"]);
}

#[test]
fn ten_idle_tries_in_a_row_end_the_session_with_the_reason() {
    let repo = Repo::new();
    for n in 1..=12 {
        repo.proposal(&format!("{n:02}-nothing"), "description = \"nothing\"\n", "");
    }
    repo.play().expect(1).says(&["10 tries in a row came to nothing"]);
    assert_eq!(repo.of_type("event").len(), 10);
    assert_eq!(stopped(&repo).0, "failed");
}

#[test]
fn a_known_tree_is_an_event_and_no_row() {
    let repo = Repo::new();
    repo.propose_text("01-longer", "src/b.txt", &lines("b", 20));
    repo.propose_text("02-longer-again", "src/b.txt", &lines("b", 20));
    repo.play().expect(0).says(&["duplicate", "the same tree was judged as run 2"]);
    assert_eq!(verdicts(&repo), ["discard no_gain"]);
    let event = &repo.of_type("event")[0];
    assert_eq!(
        (event["event"].as_str(), event["data"]["proposal"].as_str()),
        (Some("duplicate"), Some("02-longer-again"))
    );
}

#[test]
fn a_patch_whose_place_is_gone_is_skipped() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("x", 5));
    repo.propose_text("02-other", "src/a.txt", &lines("y", 4));
    repo.play().expect(0).says(&["skipped", "no longer applies"]);
    assert_eq!(verdicts(&repo), ["keep improved"]);
}

#[test]
fn an_edit_beyond_the_scope_is_refused_whatever_its_kind() {
    let repo = Repo::new();
    repo.spec_with("## Constraints\n- no new files\n");
    repo.commit("no new files");
    let text = |path: &'static str| move |root: &Path| write(&root.join(path), b"x\n");
    repo.propose("01-outside", text("README"));
    repo.propose("02-off-limits", text("src/vendor/kept.txt"));
    repo.propose("03-new", text("src/new.txt"));
    repo.propose("04-spec", text(".auto/prompt.md"));
    repo.propose("05-measure", text(".auto/measure.sh"));
    repo.propose("06-deleted-outside", |root| fs::remove_file(root.join("README")).unwrap());
    repo.propose("07-mode", |root| {
        let _ = git(root, &["update-index", "--chmod=+x", "src/a.txt"]);
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(root.join("src/a.txt"), fs::Permissions::from_mode(0o755)).unwrap();
    });
    repo.propose("08-link", |root| {
        fs::remove_file(root.join("src/a.txt")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("src/a.txt")).unwrap();
    });
    repo.play().expect(0);
    let rows: Vec<_> = repo.rows().into_iter().filter(|row| row["kind"] == "experiment").collect();
    let told: Vec<String> =
        rows.iter().map(|row| format!("{}: {}", row["description"], row["detail"])).collect();
    for row in &rows {
        assert_eq!(
            (row["status"].as_str(), row["reason"].as_str()),
            (Some("checks_failed"), Some("scope")),
            "{told:#?}"
        );
    }
    insta::assert_snapshot!(told.join("\n").replace('"', ""), @r"
    01-outside: README changed outside the scope
    02-off-limits: src/vendor/kept.txt is off limits (changed)
    03-new: src/new.txt is a new file, and the contract allows none
    04-spec: .auto/prompt.md is off limits (changed)
    05-measure: .auto/measure.sh is off limits (changed)
    06-deleted-outside: README deleted outside the scope
    07-mode: src/a.txt has other permissions (now executable)
    ");
    // A patch cannot even make a link; a person can, and is refused as well.
    let skipped = repo.of_type("event").pop().unwrap();
    assert!(skipped["detail"].as_str().unwrap().contains("symbolic link"), "{skipped}");
}

#[test]
fn the_incumbent_is_what_was_kept_and_the_agent_starts_from_it() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-longer", "src/b.txt", &lines("b", 20));
    repo.propose_text("03-shorter", "src/c.txt", &lines("c", 5));
    repo.play().expect(0);
    repo.run(&["apply", "better"]).expect(0);
    assert_eq!(repo.git(&["show", "better:src/a.txt"]), lines("a", 5));
    assert_eq!(repo.git(&["show", "better:src/b.txt"]), lines("b", 10));
    assert_eq!(repo.git(&["show", "better:src/c.txt"]), lines("c", 5));
}

#[test]
fn hooks_get_the_payload_and_are_recorded() {
    let repo = Repo::new();
    let (before, after) = (repo.beside("before.json"), repo.beside("after.json"));
    repo.script(
        ".auto/hooks/before.sh",
        &format!("#!/bin/sh\ncat >> '{}'\necho look at b\n", before.display()),
    );
    repo.script(".auto/hooks/after.sh", &format!("#!/bin/sh\ncat >> '{}'\nexit 3\n", after.display()));
    repo.commit("hooks");
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-longer", "src/b.txt", &lines("b", 20));
    repo.play().expect(0);
    let payloads = |path: &Path| -> Vec<serde_json::Value> {
        fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (before, after) = (payloads(&before), payloads(&after));
    assert_eq!(before[0]["event"], "before");
    assert_eq!(before[0]["next_run"], 2);
    assert_eq!(before[0]["last_run"]["run"], 1);
    assert_eq!(before[0]["cwd"], repo.root().to_str().unwrap());
    assert_eq!(before[1]["last_run"]["status"], "keep");
    assert_eq!(after.len(), 2);
    assert_eq!((after[0]["event"].as_str(), after[0]["run_entry"]["run"].as_u64()), (Some("after"), Some(2)));
    let session = &after[0]["session"];
    assert_eq!(
        (session["metric_name"].as_str(), session["direction"].as_str()),
        (Some("bytes"), Some("lower"))
    );
    assert_eq!(
        (session["baseline_metric"].as_f64(), session["best_metric"].as_f64()),
        (Some(335.0), Some(285.0))
    );
    let hooks = repo.of_type("hook");
    let stages: Vec<(&str, i64)> = hooks
        .iter()
        .map(|hook| (hook["stage"].as_str().unwrap(), hook["exit_code"].as_i64().unwrap()))
        .collect();
    assert_eq!(stages[..4], [("before", 0), ("after", 3), ("before", 0), ("after", 3)]);
    assert_eq!(hooks[0]["stdout_bytes"], 10);
}

#[test]
fn an_interrupt_ends_it_with_130_and_the_next_run_goes_on() {
    let repo = Repo::new();
    repo.shut_gate_for("src/b.txt");
    repo.commit("gated");
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-shorter-too", "src/b.txt", &lines("b", 5));
    let mut running = repo.start_play();
    running.until_it_says("01-shorter");
    running.signal("INT");
    running.end().expect(130).says(&["interrupted: `sprag run` goes on where this stopped"]);
    repo.open_gate();
    repo.play().expect(0).says(&["goes on after run"]);
    assert_eq!(verdicts(&repo), ["keep improved", "keep improved"]);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_second_run_beside_the_first_is_refused() {
    let repo = Repo::new();
    repo.shut_gate_for("src/a.txt");
    repo.commit("gated");
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    let mut running = repo.start_play();
    running.until_it_says("new session");
    let pid = running.pid().to_string();
    repo.play().expect(1).says(&["another sprag is running on this repository", &pid, "sprag stop"]);
    repo.run(&["try"]).expect(1).says(&["another sprag is running"]);
    repo.run(&["status"]).expect(0);
    running.signal("INT");
    running.end().expect(130);
}

#[test]
fn a_person_goes_on_after_a_session_gave_up() {
    let repo = Repo::new();
    for n in 10..20 {
        repo.proposal(&format!("{n}-nothing"), "description = \"nothing\"\n", "");
    }
    repo.play().expect(1).says(&["10 tries in a row came to nothing"]);
    repo.propose_text("20-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    assert_eq!(verdicts(&repo), ["keep improved"]);
}
