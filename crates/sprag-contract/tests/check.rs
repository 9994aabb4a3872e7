//! What `sprag check` says about whole specs: each fixture with the report that a person reads.

use sprag_contract::{Compiled, Source, Surroundings, compile, report};

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| s.to_string()).collect()
}

fn replay_repository() -> Surroundings {
    Surroundings {
        measure: Some("autoresearch.sh".to_owned()),
        checks: Some("autoresearch.checks.sh".to_owned()),
        paths: Some(strings(&[
            "core/scoring.py",
            "core/expressions.py",
            "core/__init__.py",
            "benchmark/replay/cases.json",
            "benchmark/replay/fixtures/a.json",
            "benchmark/replay/goldens/a.json",
        ])),
        locked: strings(&["autoresearch.md", "autoresearch.sh", "autoresearch.checks.sh"]),
        ..Surroundings::default()
    }
}

fn check(name: &str, text: &str, settings: Option<&str>, env: &Surroundings) -> Compiled {
    let settings = settings.map(|text| Source::new(".auto/sprag.toml", text));
    compile(&Source::new(name, text), settings.as_ref(), env)
}

const CASES: &str = r#"
[measure]
driver = "cases"
[[service]]
name = "upstreams"
command = "python up.py"
counters = "http://127.0.0.1:{port}/counts"
[cases]
file = "benchmark/replay/cases.json"
goldens = "benchmark/replay/goldens"
serve = { stdio = "python -m worker" }
"#;

#[test]
fn a_spec_of_sections_alone_with_a_script() {
    let text = include_str!("fixtures/sections_only.md");
    let compiled = check("autoresearch.md", text, None, &replay_repository());
    insta::assert_snapshot!(report(&compiled), @"
       5  ENFORCED  p95_ms (ms, lower is better)
                    by the judge: a keep needs p95_ms lower beyond the noise
       6  ADVISORY  p50_ms, total_ms, embedder_calls, db_calls, lookups
                    to enforce it: p50_ms, total_ms, embedder_calls, db_calls, lookups: shown, not judged; bound them under Constraints, as in `embedder_calls unchanged`
       8  ENFORCED  core/scoring.py
                    by scope: a candidate may change these, and nothing else
       9  ENFORCED  core/expressions.py
                    by scope: a candidate may change these, and nothing else
      11  ENFORCED  benchmark/replay/cases.json
                    by scope: a candidate that touches these is refused
      12  ENFORCED  benchmark/replay/fixtures/**
                    by scope: a candidate that touches these is refused
      13  ENFORCED  benchmark/replay/goldens/**
                    by scope: a candidate that touches these is refused
      14  ENFORCED  autoresearch.md, autoresearch.sh, autoresearch.checks.sh
                    by scope: a candidate that touches these is refused
      16  ENFORCED  Phase 1 means exact output parity. If a replay golden differs, reject.
                    by goldens exact, as far as `./autoresearch.checks.sh` compares the outputs
      17  ADVISORY  The public API keeps its signatures
                    to enforce it: compare the public API with the baseline's in autoresearch.checks.sh, which must exit 0
      18  COVERED   Never touch the benchmark, its fixtures or the harness scripts
                    by the lock on the harness, and Files in Scope: what it does not name is refused

      yes  one number: p95_ms, lower is better, by the driver `script`
      yes  a binary correctness check: `./autoresearch.checks.sh` must exit 0
      no   controls that make cheating visible: a second number with a bound shows when the first one was bought by doing less work
           add: ## Constraints
                - embedder_calls unchanged
      yes  a bounded scope: 2 entries in scope, 6 off limits
      ?    a fast loop: every candidate costs several runs: `sprag bench` measures one
      no   a stop rule: without one the session goes on, and costs money, long after the last gain
           add: ## Stop
                - after 5 consecutive discards

      sandbox enforced: no network but what the settings put there, and no files but the tree, the system's and those of the settings
      cpus    all (the default of `script`): work spread over cores counts as faster, and whatever else runs here disturbs
      judge   paired: a keep needs runs side by side that show it better; of changes without effect about 2 % are kept at most
      budget  at most 20 pairs a candidate, which is 41 runs; clear ones need 3, and numbers that repeat to the bit 1; gains below 1 % are not looked for

    ready: contract b3:80a46db61ee4
    ");
}

#[test]
fn the_same_spec_with_cases_is_compared_by_sprag() {
    let text = include_str!("fixtures/sections_only.md");
    let env = Surroundings { scored_cases: Some(7), seconds: Some(0.4), ..replay_repository() };
    let compiled = check("autoresearch.md", text, Some(CASES), &env);
    insta::assert_snapshot!(report(&compiled), @"
       5  ENFORCED  p95_ms (ms, lower is better)
                    by the judge: a keep needs p95_ms lower beyond the noise
       6  ENFORCED  p50_ms, total_ms, embedder_calls, db_calls, lookups
                    by default: counts taken outside of the candidate stay unchanged, and the rest is watched
       8  ENFORCED  core/scoring.py
                    by scope: a candidate may change these, and nothing else
       9  ENFORCED  core/expressions.py
                    by scope: a candidate may change these, and nothing else
      11  ENFORCED  benchmark/replay/cases.json
                    by scope: a candidate that touches these is refused
      12  ENFORCED  benchmark/replay/fixtures/**
                    by scope: a candidate that touches these is refused
      13  ENFORCED  benchmark/replay/goldens/**
                    by scope: a candidate that touches these is refused
      14  ENFORCED  autoresearch.md, autoresearch.sh, autoresearch.checks.sh
                    by scope: a candidate that touches these is refused
      16  ENFORCED  Phase 1 means exact output parity. If a replay golden differs, reject.
                    by goldens exact: every output is compared with its golden
      17  ADVISORY  The public API keeps its signatures
                    to enforce it: compare the public API with the baseline's in autoresearch.checks.sh, which must exit 0
      18  COVERED   Never touch the benchmark, its fixtures or the harness scripts
                    by the lock on the harness, and Files in Scope: what it does not name is refused

    autoresearch.md:5:16: warning: p95_ms rests on 7 cases: with fewer than 100 it is close to the slowest one, and noisy
        help: add cases, or optimize total_ms

      yes  one number: p95_ms, lower is better, by the driver `cases`
      yes  a binary correctness check: goldens exact, and `./autoresearch.checks.sh` must exit 0
      yes  controls that make cheating visible: the counts of the services stay unchanged
      yes  a bounded scope: 2 entries in scope, 6 off limits
      yes  a fast loop: 0.4 s a run
      no   a stop rule: without one the session goes on, and costs money, long after the last gain
           add: ## Stop
                - after 5 consecutive discards

      sandbox enforced: no network but what the settings put there, and no files but the tree, the system's and those of the settings
      cpus    one (the default of `cases`): both sides take turns on one core, case by case; work spread over cores does not count as faster
      judge   paired: a keep needs runs side by side that show it better; of changes without effect about 2 % are kept at most
      budget  at most 20 pairs a candidate, which is 41 runs or 16 s; clear ones need 3, and numbers that repeat to the bit 1; gains below 1 % are not looked for

    ready: contract b3:2c68be20ee8c
    ");
}

#[test]
fn a_filled_in_template_with_phases() {
    let env = Surroundings {
        measure: Some(".auto/measure.sh".to_owned()),
        checks: Some(".auto/checks.sh".to_owned()),
        paths: Some(strings(&[
            "src/lexer.rs",
            "src/tables/a.rs",
            "src/simd/x86.rs",
            "benches/b.rs",
            "tests/t.rs",
            "Cargo.toml",
        ])),
        locked: strings(&[".auto"]),
        seconds: Some(2.0),
        ..Surroundings::default()
    };
    let compiled = check(".auto/prompt.md", include_str!("fixtures/template_shape.md"), None, &env);
    insta::assert_snapshot!(report(&compiled), @"
       8  ENFORCED  total_µs (µs, lower is better)
                    by the judge: a keep needs total_µs lower beyond the noise
       9  COVERED   allocations, peak_rss_mb (MB), accuracy (higher is better) — to see what it costs
                    by line 25 (allocations), line 26 (peak_rss_mb), line 27 (accuracy)
      12  ENFORCED  ./.auto/measure.sh — prints METRIC name=number lines.
                    by driver `script`: `./.auto/measure.sh` is run for every measurement
      15  ENFORCED  src/lexer.rs — the hot loop
                    by scope: a candidate may change these, and nothing else
      16  ENFORCED  src/tables/ – generated tables
                    by scope: a candidate may change these, and nothing else
      17  ENFORCED  src/simd/*.rs: the intrinsics
                    by scope: a candidate may change these, and nothing else
      20  ENFORCED  benches/**, tests/**
                    by scope: a candidate that touches these is refused
      21  COVERED   Everything else
                    by Files in Scope: what it does not name is refused
      24  COVERED   All tests must pass
                    by the checks, as far as `./.auto/checks.sh` runs the tests
      25  ENFORCED  allocations must stay the same — they are what users see
                    by bound: allocations equals the baseline's in every run
      26  ENFORCED  peak_rss_mb ≤ 512 MB
                    by bound: peak_rss_mb is at most 512
      27  ENFORCED  accuracy must not decrease
                    by bound: accuracy is no worse than the baseline's
      27  COVERED   no new dependencies
                    by Files in Scope: no manifest is in it
      28  ADVISORY  Prefer small changes
                    to enforce it: say it as a bound on a metric, or test it in .auto/checks.sh, which must exit 0
      31  ENFORCED  After 50 experiments
                    by stop rule: after 50 experiments
      31  ENFORCED  after 2 hours
                    by stop rule: after 2 hours
      32  ENFORCED  when total_µs <= 900
                    by stop rule: when total_µs <= 900
      36  ENFORCED  allocations may change
                    by the general bound on allocations is lifted: it is shown, and not judged
      37  ENFORCED  peak_rss_mb <= 1024
                    by bound: peak_rss_mb is at most 1024

      yes  one number: total_µs, lower is better, by the driver `script`
      yes  a binary correctness check: `./.auto/checks.sh` must exit 0
      yes  controls that make cheating visible: allocations, peak_rss_mb, accuracy
      yes  a bounded scope: 3 entries in scope, 2 off limits
      yes  a fast loop: 2.0 s a run
      yes  a stop rule: after 50 experiments; after 2 hours; when total_µs <= 900

      sandbox enforced: no network but what the settings put there, and no files but the tree, the system's and those of the settings
      cpus    all (the default of `script`): work spread over cores counts as faster, and whatever else runs here disturbs
      judge   paired: a keep needs runs side by side that show it better; of changes without effect about 2 % are kept at most
      budget  at most 20 pairs a candidate, which is 41 runs or 82 s; clear ones need 3, and numbers that repeat to the bit 1; gains below 1 % are not looked for

    ready: contract b3:2d5bf9b1a8e2
    ");
    let contract = compiled.contract.unwrap();
    insta::assert_snapshot!(format!("{:#?}", contract.in_phase(2)), @r#"
    Rules {
        controls: [
            Control {
                metric: "allocations",
                unit: "",
                direction: Lower,
                bound: Watched,
                explicit: true,
                line: 36,
            },
            Control {
                metric: "peak_rss_mb",
                unit: "MB",
                direction: Lower,
                bound: AtMost {
                    value: 1024.0,
                },
                explicit: true,
                line: 37,
            },
            Control {
                metric: "accuracy",
                unit: "",
                direction: Higher,
                bound: NotWorse,
                explicit: true,
                line: 27,
            },
        ],
        goldens: None,
    }
    "#);
    assert_eq!(contract.name, "a quicker tokenizer");
    assert_ne!(contract.hash(1), contract.hash(2));
}

#[test]
fn every_contradiction_is_named_with_its_place() {
    let env = Surroundings { locked: strings(&[".auto"]), ..replay_repository() };
    let compiled = check(".auto/prompt.md", include_str!("fixtures/contradictory.md"), None, &env);
    assert!(compiled.contract.is_none());
    insta::assert_snapshot!(report(&compiled), @r#"
       4  ENFORCED  p95_ms (ms, lower is better)
                    by the judge: a keep needs p95_ms lower beyond the noise
       5  ADVISORY  p95_ms, db_calls, hit_rate (higher is better), order
                    to enforce it: p95_ms: shown, not judged; bound them under Constraints, as in `p95_ms within 5%`
       8  ENFORCED  core/scoring.py, core/gone.py
                    by scope: a candidate may change these, and nothing else
       9  ENFORCED  .auto/measure.sh
                    by scope: a candidate may change these, and nothing else
      10  ADVISORY  ../elsewhere/lib.py
                    to enforce it: name a path or a glob, in backticks where it has spaces
      13  ENFORCED  core/scoring.py
                    by scope: a candidate that touches these is refused
      16  ENFORCED  db_calls == 7
                    by bound: db_calls is 7 in every run
      17  ADVISORY  db_calls unchanged
                    to enforce it: it contradicts line 16: keep one of the two
      18  ENFORCED  hit_rate must not increase
                    by bound: hit_rate is no worse than the baseline's
      19  ADVISORY  p95_ms <= 30
                    to enforce it: to stop there, write `when p95_ms <= 30` under Stop
      20  ENFORCED  at most 100 changed lines
                    by scope: a candidate that changes more than 100 lines is refused
      21  ENFORCED  at most 200 changed lines
                    by scope: a candidate that changes more than 200 lines is refused
      22  ENFORCED  goldens exact
                    by goldens exact, as far as `./autoresearch.checks.sh` compares the outputs
      23  ENFORCED  goldens within 1e-6
                    by goldens within 1e-6, as far as `./autoresearch.checks.sh` compares the outputs
      26  ENFORCED  when p95_ms >= 30
                    by stop rule: when p95_ms >= 30
      27  ENFORCED  when p59_ms <= 30
                    by stop rule: when p59_ms <= 30

    .auto/prompt.md:5:14: error: `p95_ms` is the primary metric and a secondary one
        4:12: primary here
        help: a control must be another number than the one that is optimized: remove it here
    .auto/prompt.md:5:61: error: no metric can be called `order`
        help: the ledger uses this name for something else: choose another
    .auto/prompt.md:8:3: error: `core/scoring.py` is in scope and off limits
        13:3: off limits here, which wins
        help: take it out of one of the two
    .auto/prompt.md:8:3: error: nothing is left in scope: Off Limits covers every file of it
        help: name a file that may change, or make Off Limits narrower
    .auto/prompt.md:9:3: error: `.auto/measure.sh` is part of the harness (`.auto`), and is in scope
        help: take it out of Files in Scope: the harness is locked while a session runs
    .auto/prompt.md:10:3: error: `../elsewhere/lib.py` leaves the workspace
        help: write it relative to the top of the repository, without `..`
    .auto/prompt.md:17:3: error: a second, different bound on `db_calls`
        16:3: the first one
        help: keep one of the two
    .auto/prompt.md:18:3: error: this forbids what is better: higher is better for `hit_rate`
        5:32: higher is better
        help: write `hit_rate must not decrease`
    .auto/prompt.md:19:3: error: `p95_ms` is optimized, so it cannot be a control too
        4:12: the primary metric
        help: to stop there, write `when p95_ms <= 30` under Stop
    .auto/prompt.md:21:3: error: a second, different limit on changed lines
        20:3: the first one
        help: keep one of the two
    .auto/prompt.md:23:3: error: a second, different rule for the goldens
        22:3: the first one
        help: keep one of the two
    .auto/prompt.md:26:3: error: `when p95_ms >= 30` waits for the wrong side: lower is better for `p95_ms`
        4:12: lower is better
        help: write `when p95_ms <= 30`
    .auto/prompt.md:27:3: error: `p59_ms` is no metric of this spec
        help: did you mean `p95_ms`?
    .auto/prompt.md:8:20: warning: `core/gone.py` does not exist: a candidate could only create it

      yes  one number: p95_ms, lower is better, by the driver `script`
      yes  a binary correctness check: `./autoresearch.checks.sh` must exit 0
      yes  controls that make cheating visible: db_calls, hit_rate
      yes  a bounded scope: 3 entries in scope, 1 off limits
      ?    a fast loop: every candidate costs several runs: `sprag bench` measures one
      yes  a stop rule: when p95_ms >= 30; when p59_ms <= 30

    not ready: 13 errors
    "#);
}

#[test]
fn slips_are_errors_with_what_was_meant() {
    let compiled = check(".auto/prompt.md", include_str!("fixtures/slips.md"), None, &replay_repository());
    assert!(compiled.contract.is_none());
    insta::assert_snapshot!(report(&compiled), @r#"
       4  ENFORCED  p95_ms (ms, lower is better)
                    by the judge: a keep needs p95_ms lower beyond the noise
       5  ADVISORY  p50_ms, embedder_calls, memory use
                    to enforce it: p50_ms, embedder_calls: shown, not judged; bound them under Constraints, as in `embedder_calls unchanged`
       8  ENFORCED  core/scorng.py
                    by scope: a candidate may change these, and nothing else
       9  ENFORCED  *.py
                    by scope: a candidate may change these, and nothing else
      12  ADVISORY  embeder_calls == 7
                    to enforce it: write `embedder_calls == 7`
      13  ADVISORY  p50_ms withn 5%
                    to enforce it: write `p50_ms within 5%`
      14  ADVISORY  p50_ms within 0.05
                    to enforce it: write `p50_ms within 5%`
      15  ADVISORY  embedder_calls < 8
                    to enforce it: write `embedder_calls <= 8`
      16  ADVISORY  chekcs must pass
                    to enforce it: write `checks must pass`
      17  ADVISORY  embedder_calls == 7 unless the cache is warm
                    to enforce it: bounds read: `embedder_calls == 7`, `embedder_calls unchanged`, `embedder_calls <= 7`, `embedder_calls within 5%`
      20  ADVISORY  after 5 consecutve discards
                    to enforce it: write `after 5 consecutive discards`
      21  ADVISORY  when I am happy with it
                    to enforce it: stop rules read: `after 5 consecutive discards`, `after 50 experiments`, `after 2 hours`, `at $25`, `when p95_ms <= 30`

    .auto/prompt.md:5:38: error: `memory use` is no name of a metric
        help: use letters, digits, `_` and `.`, as in `METRIC memory_use=1`: write `memory_use`
    .auto/prompt.md:12:3: error: this is almost a rule, and would not be enforced as it is
        help: did you mean `embedder_calls == 7`? Otherwise say it in other words
    .auto/prompt.md:13:3: error: this is almost a rule, and would not be enforced as it is
        help: did you mean `p50_ms within 5%`? Otherwise say it in other words
    .auto/prompt.md:14:3: error: this is almost a rule, and would not be enforced as it is
        help: did you mean `p50_ms within 5%`? Otherwise say it in other words
    .auto/prompt.md:15:3: error: this is almost a rule, and would not be enforced as it is
        help: did you mean `embedder_calls <= 8`? Otherwise say it in other words
    .auto/prompt.md:16:3: error: this is almost a rule, and would not be enforced as it is
        help: did you mean `checks must pass`? Otherwise say it in other words
    .auto/prompt.md:20:3: error: this is almost a stop rule, and would stop nothing as it is
        help: did you mean `after 5 consecutive discards`?
    .auto/prompt.md:23:4: error: the heading `Constaints` is not known, so its rules would be lost
        help: did you mean `Constraints`?
    .auto/prompt.md:8:3: warning: `core/scorng.py` does not exist: a candidate could only create it
        help: did you mean `core/scoring.py`?
    .auto/prompt.md:9:3: warning: `*.py` matches no file: a candidate could only create it
        help: `*` stays in its folder: did you mean `**/*.py`?
    .auto/prompt.md:17:3: warning: this names `embedder_calls`, and says something that is not enforced
        help: bounds read: `embedder_calls == 7`, `embedder_calls unchanged`, `embedder_calls <= 7`, `embedder_calls within 5%`
    .auto/prompt.md:21:3: warning: this stops nothing: it is no stop rule
        help: stop rules read: `after 5 consecutive discards`, `after 50 experiments`, `after 2 hours`, `at $25`, `when p95_ms <= 30`

      yes  one number: p95_ms, lower is better, by the driver `script`
      yes  a binary correctness check: `./autoresearch.checks.sh` must exit 0
      no   controls that make cheating visible: a second number with a bound shows when the first one was bought by doing less work
           add: ## Constraints
                - embedder_calls unchanged
      yes  a bounded scope: 2 entries in scope, 0 off limits
      ?    a fast loop: every candidate costs several runs: `sprag bench` measures one
      no   a stop rule: without one the session goes on, and costs money, long after the last gain
           add: ## Stop
                - after 5 consecutive discards

    not ready: 8 errors
    "#);
}

#[test]
fn a_wish_is_answered_with_what_a_problem_needs() {
    let compiled = check(".auto/prompt.md", include_str!("fixtures/wish.md"), None, &Surroundings::default());
    assert!(compiled.contract.is_none() && !compiled.is_ready());
    insta::assert_snapshot!(report(&compiled), @r#"
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
fn an_empty_spec_is_no_contract() {
    let compiled = check(".auto/prompt.md", "", None, &Surroundings::default());
    assert!(compiled.contract.is_none() && !compiled.is_ready());
    assert_eq!(compiled.standing, []);
    assert_eq!(compiled.diagnostics, []);
    assert_eq!(compiled.readiness.missing().count(), 5);
}

#[test]
fn the_hash_follows_what_decides_and_nothing_else() {
    let hash = |text: &str| {
        let compiled = check("spec.md", text, None, &Surroundings::default());
        compiled.contract.expect("the spec compiles").hash(1)
    };
    let spec = "## Objective\nLess.\n## Metrics\n- Primary: p95_ms (ms, lower is better)\n- Secondary: db_calls, rows\n\
                ## Files in Scope\n- a.py\n## Constraints\n- db_calls == 7\n## Stop\n- after 5 experiments\n";
    let same = [
        format!("# A title\n\n{spec}"),
        spec.replace("Less.", "Much less."),
        spec.replace("after 5", "after 50"),
        spec.replace("- db_calls == 7", "- Be kind\n- db_calls must stay 7"),
        format!("{spec}## Phase 2\n- db_calls may change\n"),
    ];
    for text in &same {
        assert_eq!(hash(text), hash(spec), "{text}");
    }
    for (from, to) in [
        ("== 7", "== 8"),
        ("lower", "higher"),
        ("- a.py", "- b.py"),
        ("- db_calls ==", "- no new files\n- db_calls =="),
    ] {
        assert_ne!(hash(&spec.replace(from, to)), hash(spec), "{to}");
    }
}

#[test]
fn prose_under_off_limits_is_read_like_a_constraint() {
    let text = "## Metrics\n- Primary: t_ms (lower is better)\n## Files in Scope\n- src/\n\
                ## Off Limits\n- Do not change the tests\n- The wire format\n- do not touch `src/wire.rs`\n";
    let contract = check("spec.md", text, None, &Surroundings::default()).contract.expect("it compiles");
    assert!(contract.same_tests);
    assert_eq!(contract.advisory, ["The wire format"]);
    assert_eq!(contract.scope.off_limits, ["src/wire.rs"]);
}

#[test]
fn how_to_run_is_only_enforced_where_it_is_what_measures() {
    let spec = "# F\n## Metrics\n- **Primary**: total_ms (ms, lower is better)\n## How to Run\n`./bench.sh`\n\
                ## Files in Scope\n- core/scoring.py\n";
    let standing = |settings: &str| {
        let compiled = check("prompt.md", spec, Some(settings), &replay_repository());
        let line = compiled.standing.into_iter().find(|line| line.line == 5).unwrap();
        format!("{:?}", line.standing)
    };
    insta::assert_snapshot!(standing(""), @r#"Enforced { by: "driver `script`: `./bench.sh` is run for every measurement" }"#);
    insta::assert_snapshot!(standing(CASES), @r#"Covered { by: "driver `cases`, which sends each case itself and does not run this command" }"#);
    insta::assert_snapshot!(standing("[run]\nmeasure = 'make bench'\n"), @r#"Covered { by: "`measure` under `[run]`, which is run instead: `make bench`" }"#);
    insta::assert_snapshot!(standing("[workspace]\nroot = 'core'\n"), @r#"Enforced { by: "driver `script`: `./bench.sh` is run for every measurement, in `core`" }"#);
}

const REPLAY: &str = r#"
[replay]
cassette = "benchmark/replay/fixtures"
roots = "/etc/ssl/extra.pem"
[[replay.class]]
name = "embedder_calls"
match = { host = "api.example.com" }
"#;

#[test]
fn replay_counts_are_known_numbers_and_requests_can_be_held_exact() {
    let spec = |constraint: &str| {
        format!(
            "# X\n## Metrics\n- **Primary**: p95_ms (ms, lower is better)\n- **Secondary**: embedder_calls, embedder_items\n## How to Run\n`./autoresearch.sh`\n## Files in Scope\n- core/scoring.py\n## Constraints\n- {constraint}\n"
        )
    };
    let told = |constraint: &str, settings: &str| {
        let compiled = check("autoresearch.md", &spec(constraint), Some(settings), &replay_repository());
        let lines = compiled.standing.iter().filter(|line| [4, 10].contains(&line.line));
        let standing = lines.map(|line| format!("{}: {:?}", line.text, line.standing));
        let findings = compiled
            .diagnostics
            .iter()
            .map(|d| format!("{} | {}", d.message, d.help.as_deref().unwrap_or("-")));
        standing.chain(findings).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(told("embedder_requests exact", REPLAY), @r#"
        embedder_calls, embedder_items: Enforced { by: "default: counts taken outside of the candidate stay unchanged, and the rest is watched" }
        embedder_requests exact: Enforced { by: "bound: embedder_requests_changed is 0 in every run: the requests are those that were recorded, no more and no fewer" }
        "#);
    insta::assert_snapshot!(told("embedder_requests == 7", REPLAY), @r#"
        embedder_calls, embedder_items: Enforced { by: "default: counts taken outside of the candidate stay unchanged, and the rest is watched" }
        embedder_requests == 7: Advisory { how: "write `embedder_requests exact`, or bound their number: `embedder_calls == 7`" }
        `embedder_requests` are requests, and no number | write `embedder_requests exact`, or bound their number: `embedder_calls == 7`
        "#);
    insta::assert_snapshot!(told("other_calls == 0", REPLAY), @r#"
        embedder_calls, embedder_items: Enforced { by: "default: counts taken outside of the candidate stay unchanged, and the rest is watched" }
        other_calls == 0: Enforced { by: "bound: other_calls is 0 in every run" }
        "#);
    insta::assert_snapshot!(told("embedder_conections unchanged", REPLAY), @r#"
        embedder_calls, embedder_items: Enforced { by: "default: counts taken outside of the candidate stay unchanged, and the rest is watched" }
        embedder_conections unchanged: Advisory { how: "write `embedder_connections unchanged`" }
        this is almost a rule, and would not be enforced as it is | did you mean `embedder_connections unchanged`? Otherwise say it in other words
        "#);
    insta::assert_snapshot!(told("embedder_requests exact", ""), @r#"
        embedder_calls, embedder_items: Advisory { how: "embedder_calls, embedder_items: shown, not judged; bound them under Constraints, as in `embedder_calls unchanged`" }
        embedder_requests exact: Enforced { by: "bound: embedder_requests equals the baseline's in every run" }
        `embedder_requests` is not listed under Metrics: it becomes a control | the harness must give this number in every run; list it as Secondary to say that it does
        "#);
    let cases = format!("{CASES}{REPLAY}").replace("counters = ", "ready = ");
    insta::assert_snapshot!(told("replay_misses == 0", &cases), @r#"
        embedder_calls, embedder_items: Enforced { by: "default: counts taken outside of the candidate stay unchanged, and the rest is watched" }
        replay_misses == 0: Enforced { by: "bound: replay_misses is 0 in every run" }
        "#);
    insta::assert_snapshot!(told("replay_misses == 0", &cases.replace("embedder_calls", "embeder_calls")), @r#"
        embedder_calls, embedder_items: Enforced { by: "default: counts taken outside of the candidate stay unchanged, and the rest is watched" }
        replay_misses == 0: Enforced { by: "bound: replay_misses is 0 in every run" }
        `embedder_calls` is none of the numbers that the driver `cases` gives | did you mean `embeder_calls`?
        `embedder_items` is none of the numbers that the driver `cases` gives | did you mean `embeder_items`?
        "#);
    let contract = |settings: &str| {
        let text = spec("embedder_requests exact");
        check("autoresearch.md", &text, Some(settings), &replay_repository()).contract.unwrap()
    };
    let whole = contract(REPLAY);
    let control = whole.controls.last().unwrap();
    assert_eq!((control.metric.as_str(), control.explicit), ("embedder_requests_changed", true));
    // Whom recording trusts judges nothing; how requests are counted does.
    assert_eq!(whole.hash(1), contract(&REPLAY.replace("extra", "other")).hash(1));
    assert_ne!(whole.hash(1), contract(&REPLAY.replace("api.example", "*.example")).hash(1));
    assert!(whole.settings.replay.unwrap().roots.is_some());
}
