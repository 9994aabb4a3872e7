//! Processes that ask the outside, recorded and replayed where the network stays open: no launcher is there in these
//! tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::{Value, json};
use sprag_judge::{Provenance, Reason};
use sprag_measure::{MeasureError, Role, Run, Setup, drivers};
use sprag_replay::{Mode, Proxy};

use crate::place::{PLAN, Place, settings};

const CASES: &str =
    r#"{"v":1,"warmup":[{"id":"w","input":0}],"cases":[{"id":"a","input":1},{"id":"b","input":2}]}"#;

/// `ask(n)` asks the upstream for n.
const ASK: &str = "import json, os, sys, urllib.error, urllib.request\n\
    def ask(n):\n    \
        try:\n        return urllib.request.urlopen(f'{os.environ[\"SPRAG_UP_URL\"]}/{n}').read().decode()\n    \
        except urllib.error.HTTPError as error:\n        return str(error.code)\n";

/// A worker that asks as `body` says, and swallows what goes wrong.
fn worker(body: &str) -> String {
    format!(
        "{ASK}print(json.dumps({{'ready': True}}), flush=True)\n\
         for line in sys.stdin:\n    request = json.loads(line)\n    n = request['input']\n    output = {body}\n    \
         print(json.dumps({{'id': request['id'], 'output': output}}), flush=True)\n"
    )
}

/// An upstream that answers each path with itself, as long as this process lives.
fn upstream() -> u16 {
    fn answer(stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while line != "\r\n" && !line.is_empty() {
            line.clear();
            reader.read_line(&mut line)?;
        }
        let length = path.len();
        write!(&stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{path}")?;
        (&stream).read(&mut [0]).map(drop)
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

/// Settings of a driver with what is recorded of the upstream.
fn with_replay(port: u16, mut driver: Value) -> Value {
    driver["replay"] = json!({
        "cassette": "fixtures",
        "port": [{ "name": "up", "upstream": format!("http://127.0.0.1:{port}") }],
        "class": [{ "name": "up_calls", "match": { "port": "up" } }],
    });
    driver
}

fn stdio(port: u16, repeat: u32) -> Value {
    let serve = json!({ "stdio": "python3 worker.py" });
    let cases = json!({ "file": "cases.json", "serve": serve, "repeat": repeat });
    with_replay(port, json!({ "measure": { "driver": "cases" }, "cases": cases }))
}

fn proxy(place: &Place, json: &Value, mode: Mode) -> Arc<Proxy> {
    let replay = settings(json.clone()).replay.unwrap();
    Arc::new(Proxy::open(&replay, &place.root.join("harness"), mode, None).unwrap())
}

fn measure(place: &Place, json: &Value, proxy: &Arc<Proxy>) -> Result<Run, MeasureError> {
    let setup = Setup { replay: Some(proxy.clone()), ..place.setup() };
    let mut driver = drivers::open(&settings(json.clone()), setup)?;
    place.with_side(Role::Candidate, |side| driver.measure(side, &PLAN))
}

/// Records one run.
fn record(place: &Place, json: &Value) {
    let recording = proxy(place, json, Mode::Record);
    let run = measure(place, json, &recording).unwrap();
    assert_eq!(run.failure, None);
    Arc::into_inner(recording).unwrap().finish().unwrap();
}

fn place(body: &str) -> Place {
    let place = Place::new();
    place.harness("cases.json", CASES);
    place.both("worker.py", &worker(body));
    place
}

#[test]
fn what_the_cases_ask_is_recorded_by_case_and_counted_when_it_is_replayed() {
    let (place, port) = (place("ask(n)"), upstream());
    record(&place, &stdio(port, 1));
    let run = measure(&place, &stdio(port, 2), &proxy(&place, &stdio(port, 2), Mode::Replay)).unwrap();
    assert_eq!(run.failure, None);
    assert_eq!((run.metrics["up_calls"], run.metrics["up_requests_changed"]), (2.0, 0.0));
    assert_eq!(run.provenance["up_calls"], Provenance::Observed);
    assert_eq!(run.outputs.len(), 4);
    assert!(run.notes.iter().any(|note| note.starts_with("the network was open")), "{:?}", run.notes);
}

#[test]
fn a_miss_is_the_finding_even_where_it_is_swallowed_or_the_worker_dies_of_it() {
    let (place, port) = (place("ask(n)"), upstream());
    let json = stdio(port, 1);
    record(&place, &json);
    let replay = proxy(&place, &json, Mode::Replay);
    for body in ["ask(n) + ask(n)[:0]", "ask(7) * 0 or n", "int(ask(n + 5)) and os._exit(3)"] {
        place.both("worker.py", &worker(body));
        let finding = measure(&place, &json, &replay).unwrap().failure.unwrap();
        assert_eq!(finding.reason, Reason::ReplayMiss, "{finding:?}");
        assert!(finding.detail.contains("no recorded answer for GET /"), "{finding:?}");
    }
    // The next run starts anew.
    place.both("worker.py", &worker("ask(n)"));
    assert_eq!(measure(&place, &json, &replay).unwrap().failure, None);
}

#[test]
fn repetitions_that_ask_differently_are_told() {
    let (place, port) = (place("ask(n)"), upstream());
    record(&place, &stdio(port, 1));
    let json = stdio(port, 2);
    let second_only = "ask(n) if '/r1/' in os.environ['HOME'] else '/1'";
    place.both("worker.py", &worker(second_only));
    let finding = measure(&place, &json, &proxy(&place, &json, Mode::Replay)).unwrap().failure.unwrap();
    assert_eq!(finding.reason, Reason::Metric);
    assert!(finding.detail.contains("up_") && finding.detail.contains("in repetition 1"), "{finding:?}");
}

#[test]
fn a_script_and_a_command_are_counted_as_a_whole() {
    let (place, port) = (Place::new(), upstream());
    place.both("other.py", &format!("{ASK}print('METRIC n=' + str(len(ask(1) + ask(3))))\n"));
    place.both("bench.py", &format!("{ASK}print('METRIC n=' + str(len(ask(1) + ask(2))))\n"));
    for driver in ["script", "command"] {
        let json = with_replay(
            port,
            json!({ "measure": { "driver": driver }, "run": { "measure": "python3 bench.py" } }),
        );
        record(&place, &json);
        let replay = proxy(&place, &json, Mode::Replay);
        let run = measure(&place, &json, &replay).unwrap();
        assert_eq!(run.failure, None);
        assert_eq!((run.metrics["up_calls"], run.metrics["up_requests_changed"]), (2.0, 0.0), "{driver}");
        assert_eq!(run.provenance["up_calls"], Provenance::Observed);

        let mut other = json.clone();
        other["run"]["measure"] = "python3 other.py".into();
        let finding = measure(&place, &other, &replay).unwrap().failure.unwrap();
        assert_eq!(finding.reason, Reason::ReplayMiss, "{finding:?}");
    }
}

#[test]
fn what_is_asked_with_the_last_breath_counts() {
    let (place, port) = (Place::new(), upstream());
    let known = format!("{ASK}print('METRIC n=' + str(len(ask(1))))\n");
    let unknown = "import socket\n\
        there = os.environ['SPRAG_UP_HOST'], int(os.environ['SPRAG_UP_PORT'])\n\
        socket.create_connection(there).sendall(b'GET /3 HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')\n\
        os._exit(0)\n";
    let driver = json!({ "measure": { "driver": "command" }, "run": { "measure": "python3 bench.py" } });
    let json = with_replay(port, driver);
    place.both("bench.py", &known);
    record(&place, &json);
    place.both("bench.py", &format!("{known}{unknown}"));
    let replay = proxy(&place, &json, Mode::Replay);
    for _ in 0..5 {
        let finding = measure(&place, &json, &replay).unwrap().failure.unwrap();
        assert!(finding.detail.contains("GET /3"), "{finding:?}");
    }
}

#[test]
fn what_is_written_into_the_cassette_meanwhile_changes_nothing() {
    let (place, port) = (place("ask(n)"), upstream());
    let json = stdio(port, 1);
    record(&place, &json);
    let replay = proxy(&place, &json, Mode::Replay);
    // As a candidate would that knows where it is.
    let overwrite = "[open(os.path.join(folder, name), 'r+').write('x') for folder, _, names in \
                     os.walk('../../harness/fixtures') for name in names] and ask(n)";
    place.both("worker.py", &worker(overwrite));
    let written = place.root.join("harness/fixtures/interactions.jsonl");
    for _ in 0..2 {
        let run = measure(&place, &json, &replay).unwrap();
        assert_eq!(run.failure, None);
        assert_eq!((run.metrics["up_calls"], run.metrics["up_requests_changed"]), (2.0, 0.0));
        assert!(std::fs::read_to_string(&written).unwrap().starts_with('x'), "it was not written");
    }
}

/// Writes over what is played. No path leads there: it is found among what this process has open.
fn damage_what_is_played(place: &Place) {
    let known = std::fs::read_to_string(place.root.join("harness/fixtures/interactions.jsonl")).unwrap();
    let mut damaged = 0;
    for open in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
        let nameless = |at: std::path::PathBuf| at.to_string_lossy().ends_with("(deleted)");
        let is_file = std::fs::read_link(open.path()).is_ok_and(nameless);
        if is_file && std::fs::read_to_string(open.path()).is_ok_and(|text| text == known) {
            std::fs::write(open.path(), known.replace("200", "404")).unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
}

#[test]
fn a_recorded_answer_that_cannot_be_read_any_more_is_nobodys_verdict() {
    // The second asks for nothing: what it lacks is read to be told.
    for body in ["ask(n)", "str(n)"] {
        let (place, port) = (place(body), upstream());
        let json = stdio(port, 1);
        place.both("worker.py", &worker("ask(n)"));
        record(&place, &json);
        place.both("worker.py", &worker(body));
        let replay = proxy(&place, &json, Mode::Replay);
        damage_what_is_played(&place);
        let error = measure(&place, &json, &replay).map(|run| run.notes).unwrap_err().to_string();
        assert!(error.contains("changed while it was in use"), "{body}: {error}");
    }
}
