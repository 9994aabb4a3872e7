//! `sprag run --agent knobs`: settings in the code, tuned without a model, each judged as any other change is.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::collections::BTreeSet;

use repo::Repo;

const KNOBS: &str = "\
# Autoresearch: a cache of the right size

## Objective
Fewer units of work.

## Metrics
- **Primary**: work (units, lower is better)

## How to Run
`./.auto/measure.sh`

## Files in Scope
- `src/`

## Knobs
- `CHUNK in src/app.py: 16..4096, log` — rows that are read at once
- `POLICY in src/app.py: lru | fifo | none`

## Stop
- after 25 experiments
";

/// Work in blocks of 64 rows for a cache of eight blocks, less with `fifo`: 1000 at the best, from 449 to 512 rows.
const MEASURE: &str = r#"#!/bin/sh
exec awk -F ' = ' '
    $1 == "CHUNK" { blocks = int(($2 + 63) / 64) }
    $1 == "POLICY" { policy = $2 }
    END {
        far = log(blocks / 8) / log(2)
        if (far < 0) far = -far
        printf "METRIC work=%d\n", 1000 + 100 * far + (policy == "\"fifo\"" ? 0 : 250)
    }' src/app.py
"#;

fn tuned(spec: &str) -> Repo {
    let repo = Repo::empty();
    repo.write(".auto/prompt.md", spec);
    repo.script(".auto/measure.sh", MEASURE);
    repo.write("src/app.py", "# what is read at once\nCHUNK = 16\nPOLICY = \"lru\"\n\nprint(CHUNK)\n");
    repo.commit("start");
    repo
}

#[test]
fn the_known_best_is_found_within_25_experiments_and_kept_by_the_judge() {
    let repo = tuned(KNOBS);
    repo.run(&["run", "--agent", "knobs"]).expect(0);
    let rows = repo.rows();
    assert_eq!(rows.len(), 26, "the baseline and 25 experiments");
    let keeps: Vec<_> = rows.iter().filter(|row| row["status"] == "keep").collect();
    let best = keeps.last().unwrap();
    assert_eq!(best["metric"], 1000.0, "{}", best["description"]);
    assert_eq!(best["asi"]["knobs"]["POLICY"], "fifo");
    assert_eq!(best["agent"], "knobs");
    let values: BTreeSet<String> = rows[1..].iter().map(|row| row["asi"]["knobs"].to_string()).collect();
    assert_eq!(values.len(), 25, "no setting is tried twice");
    let chunk = best["asi"]["knobs"]["CHUNK"].as_str().unwrap();
    repo.run(&["audit"]).expect(0);
    repo.run(&["apply"]).expect(0);
    let branch = repo.git(&["branch", "--format=%(refname:short)"]);
    let branch = branch.lines().find(|name| *name != "main").unwrap();
    let code = repo.git(&["show", &format!("{branch}:src/app.py")]);
    assert_eq!(code, format!("# what is read at once\nCHUNK = {chunk}\nPOLICY = \"fifo\"\n\nprint(CHUNK)\n"));
}

#[test]
fn a_resumed_session_tries_nothing_twice_and_ends_when_all_is_tried() {
    let small = KNOBS.replace("16..4096, log", "16..18").replace("25 experiments", "4 experiments");
    let repo = tuned(&small);
    repo.run(&["run", "--agent", "knobs"]).expect(0);
    assert_eq!(repo.rows().len(), 5);
    repo.write(".auto/prompt.md", &small.replace("4 experiments", "50 experiments"));
    repo.run(&["run", "--agent", "knobs"]).expect(0).says(&["nothing more to try"]);
    let values: BTreeSet<String> =
        repo.rows()[1..].iter().map(|row| row["asi"]["knobs"].to_string()).collect();
    assert_eq!((values.len(), repo.rows().len()), (8, 9), "nine settings, of which the code had one");
    assert_eq!(repo.of_type("config").len(), 1);
}

#[test]
fn what_is_no_knob_is_told_with_its_line_by_the_check_and_before_a_run() {
    let wrong =
        KNOBS.replace("16..4096, log", "4096..16").replace("POLICY in src/app.py", "POLICY in lib/app.py");
    tuned(&wrong).run(&["check"]).expect(3).says(&[
        ".auto/prompt.md:16:4: error: 4096 is not below 16",
        ".auto/prompt.md:17:4: error: lib/app.py is not in scope: no line of Files in Scope names it",
    ]);
    let repo = tuned(KNOBS);
    repo.run(&["check"]).expect(0).says(&[
        "16  COVERED   CHUNK in src/app.py: 16..4096, log",
        "by `sprag run --agent knobs`, which tries a whole number from 16 to 4096, on a logarithmic scale",
    ]);
    repo.write("src/app.py", "CHUNK = 16\nCHUNK = 32\nPOLICY = \"lru\"\n");
    repo.commit("twice");
    repo.run(&["run", "--agent", "knobs"])
        .expect(1)
        .says(&["src/app.py:1: `CHUNK` is set more than once, in the lines 1, 2"]);
    assert!(!repo.root().join(".auto/log.jsonl").exists(), "nothing was begun");
    let plain = Repo::new();
    plain.run(&["run", "--agent", "knobs"]).expect(1).says(&["the spec names no knobs to turn"]);
}

#[test]
fn another_agent_is_told_the_knobs() {
    let repo = tuned(KNOBS);
    repo.run(&["brief"])
        .expect(0)
        .says(&["\"CHUNK in src/app.py: 16..4096, log — rows that are read at once\""]);
}
