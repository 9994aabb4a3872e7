//! Hidden cases: no proposer sees them, every keep must pass them, and of a failure nothing but that comes back. And gains
//! that are too good to be believed at once.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::fs;
use std::path::Path;

use repo::{Repo, UNLOCKED};

const SPEC: &str = "\
# Autoresearch: faster sums

## Objective
Lower work.

## Metrics
- **Primary**: work (units, lower is better)

## How to Run
The harness starts the worker.

## Files in Scope
- `**`

## Off Limits
- `worker.py`
- `meter.py`

## Constraints
- goldens exact

## Stop
- after 50 experiments
";

const SETTINGS: &str = "\
[measure]
driver = \"cases\"
[cases]
file = \"bench/cases.json\"
hidden = \"bench/hidden\"
serve = { stdio = \"python3 worker.py\" }
lifetime = \"fresh\"
[[service]]
name = \"meter\"
command = \"python3 meter.py {port}\"
counters = \"http://127.0.0.1:{port}/counts\"
";

const CASES: &str = r#"{"v":1,"cases":[{"id":"a","input":{"n":60}},{"id":"b","input":{"n":50}},{"id":"c","input":{"n":40}}]}"#;

const HIDDEN: &str = r#"{"v":1,"cases":[{"id":"sesame","input":{"n":71}},{"id":"poppy","input":{"n":83}}]}"#;

const WORKER: &str = "\
import json, sys
from sums import total

def say(message):
    print(json.dumps(message), flush=True)

say({'ready': True})
for line in sys.stdin:
    request = json.loads(line)
    say({'id': request['id'], 'output': total(request['input']['n'])})
";

/// A service of the harness that adds up the work that it is asked for: a metric that repeats to the bit.
const METER: &str = "\
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Meter(BaseHTTPRequestHandler):
    work = 0

    def do_GET(self):
        if self.path.startswith('/work?'):
            Meter.work += int(self.path.split('?')[1])
        body = json.dumps({'work': Meter.work}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

HTTPServer(('127.0.0.1', int(sys.argv[1])), Meter).serve_forever()
";

/// Sums that ask the meter for so much work.
fn working(work: &str) -> String {
    format!(
        "import os, urllib.request\n\ndef total(n):\n    urllib.request.urlopen(os.environ['SPRAG_METER_URL'] + f'/work?{{{work}}}').read()\n    return n * (n - 1) // 2\n"
    )
}

fn service() -> Repo {
    let repo = Repo::empty();
    repo.write(".auto/prompt.md", SPEC);
    repo.write(".auto/sprag.toml", SETTINGS);
    repo.write("bench/cases.json", CASES);
    repo.write("bench/hidden/cases.json", HIDDEN);
    repo.write("sums.py", &working("1000"));
    repo.write("worker.py", WORKER);
    repo.write("meter.py", METER);
    repo.commit("slow sums");
    repo.run(&["golden", "record", "--hidden"])
        .expect(0)
        .says(&["wrote 2 goldens into bench/hidden/goldens"]);
    repo.commit("right answers");
    repo
}

/// Every file below `dir` that holds one of `words`, but for those in a folder called `but`.
fn holding(dir: &Path, words: &[&str], but: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != but) {
            found.extend(holding(&path, words, but));
        } else if path.is_file() {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            found.extend(words.iter().any(|word| text.contains(word)).then(|| path.display().to_string()));
        }
    }
    found
}

#[test]
fn a_candidate_that_fails_a_hidden_case_is_refused_and_nothing_of_the_case_is_told() {
    let repo = service();
    let shown = "{60: 1770, 50: 1225, 40: 780}";
    let memory = format!("print('asked for', n, file=sys.stderr)\n    return {shown}.get(n, n * 1000003)");
    repo.write(
        "sums.py",
        &working("400").replace("import os", "import os, sys").replace("return n * (n - 1) // 2", &memory),
    );
    let done = repo.run(&["try", "-m", "answers what it was shown"]).expect(11);
    let (status, reason, detail) = repo.verdict();
    assert_eq!((status.as_str(), reason.as_str()), ("checks_failed", "hidden"), "{detail}");
    assert_eq!(detail, "the hidden cases are not passed");

    let secrets = ["sesame", "poppy", "71000213", "83000249", "asked for 71", "asked for 83"];
    for word in secrets {
        assert!(!done.stdout.contains(word) && !done.stderr.contains(word), "{done:?}");
    }
    let session = repo.ledger().parent().unwrap().to_owned();
    assert_eq!(holding(&session, &secrets, "hidden"), Vec::<String>::new());
    let brief = repo.run(&["brief"]).expect(0).says(&["checks_failed (hidden)", "hidden cases: FAILED"]);
    let seed = repo.rows()[1]["evidence"]["seed"].as_str().unwrap().to_owned();
    for word in secrets.iter().copied().chain(["bench/hidden", &seed]) {
        assert!(!brief.stdout.contains(word), "{word} in:\n{}", brief.stdout);
    }
    assert_eq!(holding(&repo.root().join(".auto"), &secrets, ""), Vec::<String>::new());
    assert!(holding(&session, &["asked for 60"], "hidden").len() > 1, "what it says of the others is kept");
    let why = fs::read_to_string(session.join("hidden/000002/why.txt")).unwrap();
    assert!(why.contains("case sesame differs at $: the golden has 2485, the output 71000213"), "{why}");

    repo.run(&["try", "-m", "the same again"]).expect(14);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_keep_has_passed_the_hidden_cases_and_its_row_says_so() {
    let repo = service();
    repo.write("sums.py", &working("400"));
    repo.run(&["try", "-m", "less work"]).expect(0);
    let rows = repo.rows();
    let row = rows.last().unwrap();
    assert_eq!((&row["status"], &row["evidence"]["hidden"]), (&"keep".into(), &true.into()));
    assert_eq!(row["evidence"]["hidden_cases"], true);
    assert_eq!(row["evidence"]["plausible"]["ceiling"], 20.0);
    assert!(row["evidence"].get("confirming").is_none(), "{row}");

    // One that would not be kept is not asked.
    repo.write("sums.py", &working("500"));
    repo.run(&["try", "-m", "more work"]).expect(10);
    let rows = repo.rows();
    assert!(rows.last().unwrap()["evidence"].get("hidden").is_none());
    repo.run(&["audit"]).expect(0);

    repo.run(&["apply"]).expect(0);
    assert_eq!(
        repo.git(&["diff", "--name-only", "HEAD", "sprag/kept"]),
        "sums.py\n",
        "they are as they were"
    );
}

#[test]
fn hidden_cases_are_in_no_copy_and_no_tree_that_runs_and_nothing_can_be_put_there() {
    let repo = service();
    // It would give a wrong answer where it finds them. Nothing here is a gain, so there is no result to measure.
    let looking = working("1000").replace("return ", "return 0 if os.path.exists('bench/hidden') else ");
    repo.propose_text("01-looks", "sums.py", &looking);
    repo.propose_text("02-edits", "bench/hidden/cases.json", "{}");
    repo.propose_text("03-adds", "bench/hidden/goldens/extra.json", "1");
    repo.propose_text("04-adds-beside", "bench/note.txt", "in scope, and no gain\n");
    repo.play().expect(0);
    let told = |row: &serde_json::Value| {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        format!(
            "{} {}: {}",
            text("description"),
            text("reason"),
            text("detail").split(';').next().unwrap_or_default()
        )
    };
    let rows: Vec<String> = repo.rows().iter().filter(|row| row["kind"] == "experiment").map(told).collect();
    assert!(rows[0].starts_with("01-looks no_gain"), "{rows:?}");
    assert!(rows[1].starts_with("03-adds scope: bench/hidden/goldens/extra.json"), "{rows:?}");
    assert!(rows[2].starts_with("04-adds-beside no_gain"), "{rows:?}");
    let skipped: Vec<_> =
        repo.of_type("event").into_iter().filter(|event| event["event"] == "skipped").collect();
    assert_eq!(skipped.len(), 1, "there is nothing there to edit: {skipped:?}");
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_baseline_must_pass_its_own_hidden_cases_and_is_told_what_to_do() {
    let repo = service();
    repo.write("bench/hidden/goldens/poppy.json", "1\n");
    repo.commit("another right answer");
    let done = repo.run(&["try"]).expect(1);
    assert!(!done.stderr.contains("poppy"), "{done:?}");
    done.says(&["it does not pass its own hidden cases", "`sprag golden diff --hidden`"]);
    let diff = repo.run(&["golden", "diff", "--hidden"]).expect(11);
    diff.says(&["poppy differs at $: the golden has 1, the output 3403", "`sprag golden accept --hidden`"]);
    repo.run(&["golden", "accept", "--hidden"]).expect(0).says(&["accepted 1 golden", "poppy"]);
    assert_eq!(repo.read("bench/hidden/goldens/poppy.json"), "3403\n");

    fs::remove_dir_all(repo.root().join("bench/hidden/goldens")).unwrap();
    repo.run(&["try"])
        .expect(1)
        .says(&["the hidden cases have no goldens", "`sprag golden record --hidden`"]);
    fs::remove_dir_all(repo.root().join("bench/hidden")).unwrap();
    repo.run(&["try"]).expect(1).says(&["`hidden` under [cases] names bench/hidden, and there is no"]);
    repo.write(".auto/sprag.toml", &SETTINGS.replace("hidden = \"bench/hidden\"\n", ""));
    repo.run(&["golden", "diff", "--hidden"])
        .expect(1)
        .says(&["the settings name no hidden cases: write `hidden = \"…\"` under [cases]"]);
}

#[test]
fn other_hidden_cases_begin_a_new_segment_with_the_incumbent_so_far() {
    let repo = service();
    repo.write("sums.py", &working("400"));
    repo.run(&["try", "-m", "less work"]).expect(0);
    repo.write("bench/hidden/cases.json", &HIDDEN.replace("71", "171").replace("sesame", "caraway"));
    repo.run(&["golden", "record", "--hidden", "--force"]).expect(0);
    repo.write("sums.py", &working("150"));
    repo.run(&["try", "-m", "less than half of that"])
        .expect(0)
        .says(&["the harness changed: a new segment starts from the incumbent"]);
    let configs = repo.of_type("config");
    assert_eq!(configs.len(), 2);
    assert_eq!(configs[0]["contract"], configs[1]["contract"]);
    assert_eq!(repo.of_type("calibration").len(), 2);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_gain_too_good_to_be_believed_counts_where_the_hidden_cases_show_it_too() {
    let repo = service();
    repo.write("sums.py", &working("10 if n in (60, 50, 40) else 1000"));
    repo.run(&["try", "-m", "knows what it was shown"]).expect(11);
    let (_, reason, detail) = repo.verdict();
    assert_eq!(reason, "suspect", "{detail}");
    assert_eq!(
        detail,
        "work is 100 times better in one step, more than 20; measured again, it was not confirmed"
    );
    let caveats = |repo: &Repo| repo.rows().last().unwrap()["caveats"].to_string();
    assert!(caveats(&repo).contains("measured again on the hidden cases"), "{}", caveats(&repo));

    repo.write("sums.py", &working("10"));
    repo.run(&["try", "-m", "is as fast for all"]).expect(0);
    assert!(caveats(&repo).contains("measured again on the hidden cases"), "{}", caveats(&repo));
    let rows = repo.rows();
    let confirming = &rows.last().unwrap()["evidence"]["confirming"];
    assert_eq!(confirming.as_array().unwrap().len(), 1, "{confirming}");
    assert!(!confirming.to_string().contains("case_"), "{confirming}");
    repo.run(&["audit"]).expect(0);
}

#[test]
fn an_incumbent_that_no_longer_passes_the_hidden_cases_decides_nothing_and_the_person_can_see_which() {
    let repo = service();
    let place = tempfile::tempdir().unwrap();
    // It answers one hidden case right the first time, when the session starts, and wrong from then on.
    let again = format!(
        "\n\ndef again():\n    with open('{}', 'a') as asked:\n        asked.write('x')\n        return asked.tell() > 1\n",
        place.path().join("asked").display()
    );
    repo.write(".auto/sprag.toml", &format!("{SETTINGS}{UNLOCKED}"));
    repo.write("sums.py", &(working("1000").trim_end().to_owned() + " + (n == 71 and again())" + &again));
    repo.commit("flaky sums");
    repo.write("sums.py", &working("10"));
    let done = repo.run(&["try", "-m", "far faster"]).expect(1).says(&[
        "the incumbent failed beside a candidate: it no longer passes the hidden cases it passed before",
        "hidden/000002/why.txt in the session's state folder says which",
        "see whether the program or a service is flaky",
    ]);
    assert!(!done.stdout.contains("sesame") && !done.stderr.contains("sesame"), "{done:?}");
    let session = repo.ledger().parent().unwrap().to_owned();
    let why = fs::read_to_string(session.join("hidden/000002/why.txt")).unwrap();
    insta::assert_snapshot!(why, @"the incumbent, output: case sesame differs at $: the golden has 2485, the output 2486");
    assert_eq!(repo.rows().len(), 1, "nothing was decided");
}

#[test]
fn without_hidden_cases_such_a_gain_is_measured_again_on_the_same_inputs_and_the_row_says_so() {
    let repo = service();
    let settings = repo.read(".auto/sprag.toml").replace("hidden = \"bench/hidden\"\n", "");
    repo.write(".auto/sprag.toml", &settings);
    repo.commit("nothing hidden");
    repo.write("sums.py", &working("10"));
    repo.run(&["try", "-m", "far faster"]).expect(0);
    let rows = repo.rows();
    let row = rows.last().unwrap();
    let caveats = row["caveats"].to_string();
    assert!(caveats.contains("on the same inputs: there are no hidden cases to ask"), "{caveats}");
    assert_eq!(row["evidence"]["confirming"].as_array().unwrap().len(), 1);
    repo.run(&["audit"]).expect(0);
}
