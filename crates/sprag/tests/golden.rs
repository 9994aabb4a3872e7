//! `sprag golden`: the answers that every candidate is held to, and that only a person changes.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use repo::Repo;

const SPEC: &str = "\
# Autoresearch: faster sums

## Objective
Lower total_ms.

## Metrics
- **Primary**: total_ms (ms, lower is better)

## How to Run
The harness starts it.

## Files in Scope
- `sums.py`

## Constraints
- goldens within 0.5

## Stop
- after 50 experiments
";

const SETTINGS: &str = "\
[measure]
driver = \"cases\"
[cases]
file = \"cases.json\"
goldens = \"goldens\"
serve = { each = \"python3 sums.py\" }
lifetime = \"fresh\"
[judge]
mode = \"single\"
";

const CASES: &str =
    r#"{"v":1,"cases":[{"id":"a","input":[1,2]},{"id":"b","input":[3]},{"id":"c","input":[]}]}"#;

const SUMS: &str = "\
import json, sys
numbers = json.load(sys.stdin)
print(json.dumps({'sum': float(sum(numbers)), 'count': len(numbers)}))
";

fn service() -> Repo {
    let repo = Repo::empty();
    repo.write(".auto/prompt.md", SPEC);
    repo.write(".auto/sprag.toml", SETTINGS);
    repo.write("cases.json", CASES);
    repo.write("sums.py", SUMS);
    repo.commit("sums");
    repo
}

#[test]
fn goldens_are_recorded_once_and_overwritten_only_by_force() {
    let repo = service();
    repo.run(&["golden", "diff"])
        .expect(11)
        .says(&["a  has no golden", "3 of 3 answers are not as in goldens"]);
    let done = repo.run(&["golden", "record"]).expect(0);
    insta::assert_snapshot!(done.stdout);
    insta::assert_snapshot!(repo.read("goldens/a.json"), @r#"
    {
      "sum": 3.0,
      "count": 2
    }
    "#);
    assert_eq!(
        repo.run(&["golden", "diff"]).expect(0).stdout.lines().last(),
        Some("all 3 answers are as in goldens")
    );

    repo.write("sums.py", &SUMS.replace("len(numbers)", "len(numbers) + 1"));
    repo.run(&["golden", "record"]).expect(1).says(&["has 3 golden(s) already", "--force"]);
    assert!(repo.read("goldens/a.json").contains("\"count\": 2"));
    let json = repo.run(&["golden", "record", "--force", "--json"]).expect(0).json();
    assert_eq!(json, serde_json::json!({ "folder": "goldens", "cases": ["a", "b", "c"], "ignored": [] }));
    assert!(repo.read("goldens/a.json").contains("\"count\": 3"));
    assert!(!repo.root().join(".auto/log.jsonl").exists(), "no ledger knows");
}

#[test]
fn a_difference_is_told_with_its_place_and_accepted_case_by_case() {
    let repo = service();
    repo.run(&["golden", "record"]).expect(0);
    repo.write("goldens/old.json", "1\n");
    let changed = "import json, sys\nnumbers = json.load(sys.stdin)\n\
                   print(json.dumps({'sum': 2.0 * sum(numbers), 'n': len(numbers), 'all': list(range(12 * len(numbers)))}))\n";
    repo.write("sums.py", changed);
    std::fs::remove_file(repo.root().join("goldens/c.json")).unwrap();
    insta::assert_snapshot!(repo.run(&["golden", "diff"]).expect(11).stdout);
    let json = repo.run(&["golden", "diff", "--json"]).expect(11).json();
    assert_eq!((&json["cases"][0]["state"], &json["cases"][2]["state"]), (&"differs".into(), &"new".into()));
    assert_eq!(json["cases"][0]["differences"][0]["path"], "$.sum");

    repo.run(&["golden", "accept", "nobody"]).expect(1).says(&["there is no case nobody"]);
    insta::assert_snapshot!(repo.run(&["golden", "accept", "b"]).expect(0).stdout);
    assert!(repo.read("goldens/b.json").contains("\"sum\": 6.0"));
    assert!(repo.read("goldens/a.json").contains("\"sum\": 3.0"));
    repo.run(&["golden", "accept"]).expect(0).says(&["accepted 2 goldens in goldens: a, c"]);
    repo.run(&["golden", "accept"]).expect(0).says(&["there is nothing to accept"]);
    assert_eq!(repo.read("goldens/old.json"), "1\n");
}

#[test]
fn accepted_goldens_are_another_harness_and_begin_a_new_segment() {
    let repo = service();
    repo.run(&["golden", "record"]).expect(0);
    // Within the tolerance of the spec.
    repo.write("goldens/a.json", "{\"sum\": 3.25, \"count\": 2}\n");
    repo.commit("goldens");
    repo.write("sums.py", &format!("{SUMS}# a remark\n"));
    let done = repo.run(&["try", "-m", "a remark"]);
    assert!(matches!(done.code, Some(0 | 10)), "{done:?}");
    assert_eq!(repo.of_type("config").len(), 1);

    repo.write("sums.py", &SUMS.replace("float(sum(numbers))", "float(sum(numbers)) + 1"));
    repo.run(&["try", "-m", "wrong"])
        .expect(11)
        .says(&["differs at $.sum: the golden has 3.25, the output 4.0"]);

    repo.write("sums.py", SUMS);
    repo.run(&["golden", "accept", "a"]).expect(0).says(&["accepted 1 golden in goldens: a"]);
    repo.write("sums.py", &format!("{SUMS}# another remark\n"));
    let done = repo.run(&["try", "-m", "another remark"]);
    assert!(matches!(done.code, Some(0 | 10)), "{done:?}");
    done.says(&["the harness changed: a new segment starts from the incumbent"]);
    let configs = repo.of_type("config");
    assert_eq!(configs.len(), 2);
    assert_eq!(configs[0]["contract"], configs[1]["contract"]);
    assert_ne!(configs[0]["harness"], configs[1]["harness"]);

    // The incumbent does not give these answers: that is said, and nothing is lost.
    repo.write("sums.py", &SUMS.replace("float(sum(numbers))", "float(sum(numbers)) + 1"));
    repo.run(&["golden", "accept"]).expect(0);
    repo.run(&["try", "-m", "right now"])
        .expect(1)
        .says(&["the baseline itself does not pass", "differs at $.sum"]);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn what_cannot_be_a_golden_is_said() {
    let repo = service();
    let says = |words: &[&str]| drop(repo.run(&["golden", "record"]).expect(1).says(words));
    repo.write("sums.py", "print('[NaN]')\n");
    says(&["the answer to the case a can be no golden", "no JSON"]);
    repo.write("sums.py", "import sys\nsys.exit(3)\n");
    says(&["the working tree gives no answers", "exit code 3"]);
    repo.write("sums.py", "import random\nprint(random.random())\n");
    repo.write(".auto/sprag.toml", &SETTINGS.replace("lifetime", "repeat = 2\nlifetime"));
    repo.write(".auto/prompt.md", &SPEC.replace("goldens within 0.5", "goldens exact"));
    says(&["is another one each time: at $ first", "`ignore`"]);
    repo.write("sums.py", SUMS);
    repo.write(".auto/sprag.toml", &SETTINGS.replace("goldens = \"goldens\"\n", ""));
    says(&["the settings name no folder for goldens"]);
    repo.write(".auto/sprag.toml", &SETTINGS.replace("\"goldens\"", "\"../goldens\""));
    says(&["no folder of the repository"]);
    repo.write(".auto/sprag.toml", SETTINGS);
    repo.write("goldens/a.json", "1");
    repo.write("goldens/a.txt", "1");
    says(&["two files for the case a"]);
    std::fs::remove_dir_all(repo.root().join("goldens")).unwrap();
    repo.write(".gitignore", "goldens/\n");
    repo.run(&["golden", "record"]).expect(0).says(&["git ignores goldens/a.json"]);
}
