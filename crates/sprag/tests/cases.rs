//! A worker that answers cases, and all the ways in which it cheats or breaks: none is kept, and the row says why.
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
The harness starts the worker.

## Files in Scope
- `worker.py`
- `sums.py`

## Constraints
- goldens exact

## Stop
- after 50 experiments
";

const SETTINGS: &str = "\
[run]
timeout = { measure = \"8s\" }
[measure]
driver = \"cases\"
[cases]
file = \"cases.json\"
serve = { stdio = \"python3 worker.py\" }
[judge]
max_pairs = 8
";

const CASES: &str = r#"{"v":1,"warmup":[{"id":"w","input":{"n":999}}],
"cases":[{"id":"a","input":{"n":60000}},{"id":"b","input":{"n":50000}},{"id":"c","input":{"n":40000}}]}"#;

const SLOW: &str = "\
def total(n):
    result = 0
    for i in range(n):
        result += i
    return result
";

const WORKER: &str = "\
import json, os, sys, time
from sums import total

def say(text):
    sys.stdout.write(text + '\\n')
    sys.stdout.flush()

def answer(id, output):
    say(json.dumps({'id': id, 'output': output}))

say('{\"ready\":true}')
for line in sys.stdin:
    request = json.loads(line)
    answer(request['id'], total(request['input']['n']))
";

fn service() -> Repo {
    let repo = Repo::empty();
    repo.write(".auto/prompt.md", SPEC);
    repo.write(".auto/sprag.toml", SETTINGS);
    repo.write("cases.json", CASES);
    repo.write("sums.py", SLOW);
    repo.write("worker.py", WORKER);
    repo.commit("a slow service");
    repo
}

/// The worker with another loop body.
fn answering(body: &str) -> String {
    let (head, _) = WORKER.split_once("    answer(request['id'], total").unwrap();
    format!("{head}    id, n = request['id'], request['input']['n']\n    {}\n", body.replace('\n', "\n    "))
}

/// What is wrong with a worker: its name, its text, the reason, the sentence.
fn faults() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let ready = "say('{\"ready\":true}')";
    vec![
        ("never ready", WORKER.replace(ready, "time.sleep(60)"), "timeout", "ready"),
        (
            "answers early",
            // It waits, or the early line and the answer may be read together, as one line too many.
            WORKER.replace(ready, &format!("{ready}\nanswer('a', 0)\ntime.sleep(0.5)")),
            "protocol",
            "\"a\"",
        ),
        (
            "answers twice",
            answering("answer(id, total(n)); answer(id, total(n))"),
            "protocol",
            // Of the warm-up, or of the first case where the second line came late.
            "\"id\": \"",
        ),
        ("answers another case", answering("answer('zzz', total(n))"), "protocol", "zzz"),
        (
            "half a line",
            answering("sys.stdout.write('{\"id\":\"a\",\"out'); sys.stdout.flush(); sys.exit(0)"),
            "crash",
            "ended",
        ),
        ("ends with 0 early", answering("sys.exit(0)"), "crash", "ended"),
        (
            "prints a metric",
            // It waits, for the same reason.
            answering("say('METRIC total_ms=0.01'); time.sleep(0.5); answer(id, total(n))"),
            "protocol",
            "METRIC",
        ),
    ]
}

#[test]
fn a_worker_that_breaks_the_protocol_as_the_baseline_is_a_clear_error() {
    for (name, text, _, sentence) in faults() {
        let repo = service();
        repo.write("worker.py", &text);
        repo.commit(name);
        repo.run(&["try"]).expect(1).says(&["the baseline itself does not pass", sentence]);
        assert!(repo.rows().is_empty(), "{name}");
    }
}

#[test]
fn a_candidate_that_breaks_the_protocol_or_cheats_is_not_kept_and_the_row_says_why() {
    let repo = service();
    for (name, text, reason, sentence) in faults() {
        repo.write("worker.py", &text);
        repo.run(&["try", "-m", name]).expect(12);
        let (status, found, detail) = repo.verdict();
        assert_eq!((status.as_str(), found.as_str()), ("crash", reason), "{name}: {detail}");
        assert!(detail.contains(sentence), "{name}: {detail}");
    }
    repo.write("worker.py", WORKER);

    repo.write("sums.py", "def total(n):\n    return 0\n");
    repo.run(&["try", "-m", "wrong but fast"]).expect(11);
    let (status, reason, detail) = repo.verdict();
    assert_eq!((status.as_str(), reason.as_str()), ("checks_failed", "output"));
    assert!(detail.contains("case") && detail.contains("the golden has"), "{detail}");
    repo.write("sums.py", SLOW);

    let burning =
        "import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)], daemon=True).start()\n";
    repo.write("worker.py", &format!("{burning}{WORKER}"));
    let done = repo.run(&["try", "-m", "burns the core while it waits"]);
    assert!(matches!(done.code, Some(10 | 12 | 13)), "{done:?}");
    let (status, _, detail) = repo.verdict();
    assert!(status != "keep" && !detail.is_empty(), "{status}: {detail}");
    repo.write("worker.py", WORKER);

    repo.write("sums.py", "def total(n):\n    return n * (n - 1) // 2\n");
    // An honest gain, which a machine busy enough can hide from eight pairs.
    let done = repo.run(&["try", "-m", "a formula"]);
    assert!(matches!(done.code, Some(0 | 13)), "{done:?}");
    let kept = repo.rows().into_iter().filter(|row| row["kind"] == "experiment" && row["status"] == "keep");
    let kept: Vec<_> = kept.map(|row| row["description"].as_str().unwrap().to_owned()).collect();
    let expected: &[&str] = if done.code == Some(0) { &["a formula"] } else { &[] };
    assert_eq!(kept, expected);
    repo.run(&["audit"]).expect(0);
}

const SERVER: &str = "\
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer
from sums import total

class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        body = json.dumps({'total': total(request['n'])}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()
";

#[test]
fn an_application_is_judged_as_a_server() {
    let repo = service();
    let serve = "serve = { http = { command = \"python3 worker.py\" } }";
    let settings = SETTINGS.replace("serve = { stdio = \"python3 worker.py\" }", serve);
    repo.write(".auto/sprag.toml", &settings.replace("max_pairs = 8", "mode = \"single\""));
    repo.write(
        "cases.json",
        r#"{"v":1,"warmup":[{"id":"w","input":{"path":"/","body":{"n":9}}}],
        "cases":[{"id":"a","input":{"path":"/","body":{"n":60000}}},{"id":"b","input":{"path":"/","body":{"n":4}}}]}"#,
    );
    repo.write("worker.py", SERVER);
    repo.commit("a slow server");

    repo.write("sums.py", "def total(n):\n    return n * (n - 1) // 2 + (n == 4)\n");
    repo.run(&["try", "-m", "wrong but fast"]).expect(11);
    let (_, reason, detail) = repo.verdict();
    assert_eq!(
        (reason.as_str(), detail.as_str()),
        ("output", "case b differs at $.body.total: the golden has 6, the output 7")
    );
    let floor = repo.of_type("calibration")[0]["floor"].as_f64().unwrap();
    assert!(floor > 0.0 && floor < 0.9, "{floor}");

    repo.write("worker.py", &SERVER.replace("send_response(200)", "send_response(500)"));
    repo.write("sums.py", SLOW);
    repo.run(&["try", "-m", "another status"]).expect(11);
    assert!(repo.verdict().2.contains("differs at $.status: the golden has 200, the output 500"));

    repo.write("worker.py", &SERVER.replace("body = ", "os._exit(4); body = "));
    repo.run(&["try", "-m", "ends"]).expect(12);
    let (_, reason, detail) = repo.verdict();
    assert!(reason == "crash" && detail.contains("the server ended (exit code 4): w"), "{detail}");

    repo.write("worker.py", SERVER);
    repo.write("sums.py", "def total(n):\n    return n * (n - 1) // 2\n");
    // An honest gain, which a machine busy enough can hide.
    let done = repo.run(&["try", "-m", "a formula"]);
    assert!(matches!(done.code, Some(0 | 10 | 13)), "{done:?}");
    repo.run(&["audit"]).expect(0);
}
