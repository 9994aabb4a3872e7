//! `sprag check`: what a person reads of a spec, good or bad.

mod repo;

use repo::Repo;

/// A repository with this spec, a benchmark, checks and a source.
fn with_spec(spec: &str) -> Repo {
    let repo = Repo::empty();
    repo.write(".auto/prompt.md", spec);
    repo.script(".auto/measure.sh", "#!/bin/sh\necho METRIC ms=1\n");
    repo.write("src/a.txt", "a\n");
    repo.commit("start");
    repo
}

#[test]
fn prose_is_answered_with_the_list_of_what_is_missing() {
    let done = with_spec("Make the app better.\n").run(&["check"]).expect(3);
    insta::assert_snapshot!(done.stdout, @r#"
      NO   one number: a loop can only climb one number; without it "better" is a matter of taste
           add: ## Metrics
                - **Primary**: p95_ms (ms, lower is better)
      no   a binary correctness check: the fastest code is code that does nothing: something must say yes or no to its output
           add: a script .auto/checks.sh that exits 0 only when the output is right
      no   controls that make cheating visible: a second number with a bound shows when the first one was bought by doing less work
           add: ## Metrics
                - **Secondary**: api_calls
                ## Constraints
                - api_calls unchanged
      NO   a bounded scope: without a list of files a candidate may change nothing
           add: ## Files in Scope
                - src/hot_path.py
      ?    a fast loop: every candidate costs several runs: `sprag bench` measures one
      no   a stop rule: without one the session goes on, and costs money, long after the last gain
           add: ## Stop
                - after 5 consecutive discards

    not ready: 2 required parts missing
    "#);
}

#[test]
fn an_empty_spec_is_answered_with_the_same_list() {
    with_spec("").run(&["check"]).expect(3).says(&["NO one number", "NO a bounded scope", "not ready"]);
}

#[test]
fn contradictions_and_slips_are_named_with_their_lines() {
    let repo = with_spec(
        "# Contradictory\n## Metrics\n- **Primary**: ms (ms, lower is better)\n- **Secondary**: calls, hits (higher is better)\n\
         ## Files in Scope\n- src/**\n- .auto/measure.sh\n- src/b.txt\n## Off Limits\n- src/b.txt\n\
         ## Constraints\n- calls == 7\n- calls unchanged\n- hits must not increase\n- cals unchanged\n- goldens exactly\n\
         ## Stpo\n- after 5 consecutive discards\n## Stop\n- when ms >= 30\n",
    );
    repo.script(".auto/checks.sh", "#!/bin/sh\n");
    let done = repo.run(&["check"]).expect(3);
    let findings = done.stdout.split("\n\n").nth(1).unwrap().to_owned();
    insta::assert_snapshot!(findings, @"
    .auto/prompt.md:7:3: error: `.auto/measure.sh` is part of the harness (`.auto`), and is in scope
        help: take it out of Files in Scope: the harness is locked while a session runs
    .auto/prompt.md:8:3: error: `src/b.txt` is in scope and off limits
        10:3: off limits here, which wins
        help: take it out of one of the two
    .auto/prompt.md:13:3: error: a second, different bound on `calls`
        12:3: the first one
        help: keep one of the two
    .auto/prompt.md:14:3: error: this forbids what is better: higher is better for `hits`
        4:25: higher is better
        help: write `hits must not decrease`
    .auto/prompt.md:15:3: error: this is almost a rule, and would not be enforced as it is
        help: did you mean `calls unchanged`? Otherwise say it in other words
    .auto/prompt.md:17:4: error: the heading `Stpo` is not known, so its rules would be lost
        help: did you mean `Stop`?
    .auto/prompt.md:20:3: error: `when ms >= 30` waits for the wrong side: lower is better for `ms`
        3:16: lower is better
        help: write `when ms <= 30`
    .auto/prompt.md:8:3: warning: `src/b.txt` does not exist: a candidate could only create it
        help: did you mean `src/a.txt`?
    .auto/prompt.md:10:3: warning: `src/b.txt` does not exist: it protects nothing
        help: did you mean `src/a.txt`?
    ");
}

#[test]
fn unknown_keys_of_the_settings_are_errors_with_the_nearest_name() {
    let repo = Repo::new();
    repo.write(".auto/sprag.toml", "[measure]\ndrivr = \"command\"\n");
    let done = repo.run(&["check"]).expect(3);
    insta::assert_snapshot!(done.stdout.split("\n\n").nth(1).unwrap(), @"
    .auto/sprag.toml:2:1: error: unknown key `drivr`
        help: did you mean `driver`?
    ");
    repo.write(".auto/sprag.toml", "[measure\n");
    repo.run(&["check"]).expect(3).says(&[".auto/sprag.toml:1:9: error: unclosed table"]);
}

#[test]
fn a_spec_that_is_no_text_or_too_long_is_refused_with_the_reason() {
    let repo = Repo::new();
    repo::write(&repo.root().join(".auto/prompt.md"), b"# \xff\xfe\n");
    repo.run(&["check"]).expect(1).says(&["failed to read", ".auto/prompt.md", "it is not UTF-8"]);
    repo.write(".auto/prompt.md", &"all work and no play\n".repeat(50_000));
    repo.run(&["check"])
        .expect(3)
        .says(&["the spec is 1050000 bytes long, and was not read: 256 KiB is the limit"]);
    repo.write(".auto/prompt.md", &"x".repeat(17 << 20));
    repo.run(&["check"]).expect(1).says(&["are too many for a text that people read"]);
}

#[test]
fn where_there_is_nothing_to_check_it_says_what_to_do() {
    Repo::no_git().run(&["check"]).expect(1).says(&["is not in a git repository"]);
    Repo::empty().run(&["check"]).expect(1).says(&["has no commits yet"]);
    let bare = Repo::no_git();
    bare.git(&["init", "-q", "--bare"]);
    bare.run(&["check"]).expect(1).says(&["is a bare repository"]);
    let none = Repo::empty();
    none.write("a.txt", "a\n");
    none.commit("start");
    none.run(&["check"]).expect(1).says(&["there is no spec", "`sprag init`"]);
}

#[test]
fn the_flat_layout_is_found() {
    let repo = Repo::empty();
    repo.write(
        "autoresearch.md",
        "# F\n## Metrics\n- **Primary**: ms (ms, lower is better)\n## Files in Scope\n- a.txt\n",
    );
    repo.script("autoresearch.sh", "#!/bin/sh\necho METRIC ms=1\n");
    repo.script("autoresearch.checks.sh", "#!/bin/sh\n");
    repo.write("a.txt", "a\n");
    repo.commit("start");
    repo.run(&["check"]).expect(0).says(&["`./autoresearch.checks.sh` must exit 0", "ready: contract"]);
}

#[test]
fn a_fast_loop_is_known_after_one_bench() {
    let repo = Repo::new();
    repo.run(&["check"]).expect(0).says(&["? a fast loop"]);
    repo.run(&["bench"]).expect(0);
    repo.run(&["check"]).expect(0).says(&["yes a fast loop"]);
}

#[test]
fn p95_of_few_cases_is_warned_about() {
    let repo = with_spec(
        "# F\n## Metrics\n- **Primary**: p95_ms (ms, lower is better)\n## Files in Scope\n- src/**\n",
    );
    repo.write(
        ".auto/sprag.toml",
        "[measure]\ndriver = \"cases\"\n[cases]\nfile = \"cases.json\"\nserve = { stdio = \"cat\" }\n",
    );
    repo.write("cases.json", r#"{"v":1,"warmup":[],"cases":[{"id":"a","input":1},{"id":"b","input":2}]}"#);
    repo.run(&["check"]).expect(0).says(&[
        "p95_ms rests on 2 cases: with fewer than 100",
        "cpus one (the default of `cases`): both sides take turns on one core",
    ]);
}

#[test]
fn json_has_the_lines_the_findings_and_what_is_missing() {
    let repo = Repo::new();
    repo.spec_with("## Constraints\n- calls unchaged\n");
    let json = repo.run(&["check", "--json"]).expect(3).json();
    assert_eq!(json["ready"], false);
    assert_eq!(json["contract"], serde_json::Value::Null);
    let finding = &json["diagnostics"][0];
    assert_eq!(
        (finding["severity"].as_str(), finding["file"].as_str()),
        (Some("error"), Some(".auto/prompt.md"))
    );
    assert!(
        finding["line"].as_u64().is_some() && finding["help"].as_str().unwrap().contains("calls unchanged")
    );
    assert_eq!(json["lines"][0]["standing"], "enforced");
    let states: Vec<&str> =
        json["readiness"].as_array().unwrap().iter().map(|r| r["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["present", "missing", "missing", "present", "unknown", "present"]);
    assert!(json["measuring"]["budget"].as_str().unwrap().starts_with("at most 20 pairs"));
}
