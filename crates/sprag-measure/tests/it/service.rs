//! Services: their counters count, and their failures are nobody's verdict.

use serde_json::{Value, json};
use sprag_judge::{Provenance, Reason};
use sprag_measure::{MeasureError, Run};

use crate::place::{Place, failure};

const SERVICE: &str = r#"
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
open("pid", "a").write(f"{os.getpid()}\n")
counts = {"calls": 0}
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/call": counts["calls"] += 1
        if self.path == "/die": os._exit(7)
        body = json.dumps(counts if self.path == "/counts" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

fn worker(body: &str) -> String {
    format!(
        "import json, os, sys, urllib.request\n\
         def call(path='/call'): urllib.request.urlopen(os.environ['SPRAG_UP_STREAM_URL'] + path).read()\n\
         print('{{\"ready\":true}}', flush=True)\n\
         for line in sys.stdin:\n    request = json.loads(line); {body}\n\
         \x20   print(json.dumps({{'id': request['id'], 'output': 1}}), flush=True)\n"
    )
}

fn settings(service: Value) -> Value {
    json!({
        "measure": { "driver": "cases" },
        "cases": { "file": "cases.json", "serve": { "stdio": "python3 worker.py" }, "repeat": 2 },
        "service": [service],
    })
}

fn upstream() -> Value {
    json!({
        "name": "up-stream",
        "command": "exec python3 service.py {port}",
        "ready": "http://127.0.0.1:{port}/ready",
        "counters": "http://127.0.0.1:{port}/counts",
    })
}

fn run(body: &str, service: Value) -> (Place, Result<Run, MeasureError>) {
    let place = Place::new();
    place.harness(
        "cases.json",
        r#"{"v":1,"warmup":[{"id":"w","input":0}],"cases":[{"id":"a","input":1},{"id":"b","input":2}]}"#,
    );
    place.harness("service.py", SERVICE);
    place.both("worker.py", &worker(body));
    let run = place.measure(settings(service), &[]);
    (place, run)
}

#[test]
fn counters_count_the_scored_cases_of_one_repetition() {
    let (place, run) = run("call(); call()", upstream());
    let run = run.unwrap();
    assert_eq!(run.metrics["calls"], 4.0, "two a case, without the warm-up");
    assert_eq!(run.provenance["calls"], Provenance::Attested);
    // One instance a repetition, and none is left.
    let pids = std::fs::read_to_string(place.root.join("harness/pid")).unwrap();
    assert_eq!(pids.lines().count(), 2);
    assert!(pids.lines().all(|pid| !std::path::Path::new("/proc").join(pid).exists()));
}

#[test]
fn counts_that_differ_between_repetitions_are_a_bad_metric() {
    // Each repetition leaves a file in the tree; the second one sees it.
    let body = "first = not os.path.exists('seen'); request['id'] == 'b' and open('seen', 'w').close(); first and call()";
    let (_place, run) = run(body, upstream());
    let (reason, detail) = failure(&run.unwrap());
    assert!(
        reason == Reason::Metric && detail.contains("calls is 2 in repetition 0 and 0 in repetition 1"),
        "{detail}"
    );
}

#[test]
fn a_service_that_dies_is_nobodys_verdict_even_when_the_worker_crashes_of_it() {
    let (_place, run) = run("request['id'] == 'a' and call('/die')", upstream());
    let error = run.unwrap_err();
    assert!(error.is_transient() && error.to_string().starts_with("service `up-stream` died"), "{error}");
}

#[test]
fn a_service_that_does_not_start_says_so() {
    let broken =
        json!({ "name": "x", "command": "echo no >&2; exit 3", "ready": "http://127.0.0.1:{port}/" });
    let error = run("pass", broken).1.unwrap_err();
    assert!(error.to_string().starts_with("service `x` ended before it was ready"), "{error}");
}

#[test]
fn counters_that_are_no_numbers_are_the_harness_fault() {
    let mut service = upstream();
    service["counters"] = json!("http://127.0.0.1:{port}/nothing");
    assert_eq!(run("pass", service.clone()).1.unwrap().failure, None, "an empty object is one of numbers");
    service["command"] = json!("exec python3 -m http.server --bind 127.0.0.1 {port}");
    service["ready"] = Value::Null;
    let error = run("pass", service.clone()).1.unwrap_err();
    assert!(error.to_string().contains("does not give its counters"), "{error}");
    service["counters"] = json!("http://127.0.0.1:{port}/cases.json");
    let error = run("pass", service).1.unwrap_err();
    assert!(error.to_string().contains("something else than an object of numbers"), "{error}");
}
