//! The `cases` driver: its clock, its protocol, its turns.

use std::time::Duration;

use serde_json::{Value, json};
use sprag_judge::{Provenance, Reason};
use sprag_measure::drivers::{Cases, Turns};
use sprag_measure::{CpuSet, Driver, Role, Run};

use crate::place::{PLAN, Place, failure, settings};

const CASES: &str = r#"{"v":1,"warmup":[{"id":"w","input":{"n":0}}],
    "cases":[{"id":"a","input":{"n":1}},{"id":"b","input":{"n":2}},{"id":"c","input":{"n":3}}]}"#;

/// A worker in Python; `body` sees `request` and may do as it likes.
fn worker(body: &str) -> String {
    let body = body.replace('\n', "\n    ");
    format!(
        "import json, os, sys, time, signal\n\
         def say(x):\n    sys.stdout.write((x if isinstance(x, str) else json.dumps(x)) + '\\n'); sys.stdout.flush()\n\
         def answer(request, output):\n    say({{'id': request['id'], 'output': output}})\n\
         say({{'ready': True}})\n\
         for line in sys.stdin:\n    request = json.loads(line)\n    {body}\n"
    )
}

const HONEST: &str = "answer(request, request['input']['n'] * 2)";

fn stdio(extra: Value) -> Value {
    let mut cases = json!({ "file": "cases.json", "serve": { "stdio": "python3 worker.py" } });
    cases.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({ "measure": { "driver": "cases" }, "cases": cases, "run": { "timeout": { "measure": "20s" } } })
}

fn place(text: &str) -> Place {
    let place = Place::new();
    place.harness("cases.json", CASES);
    place.both("worker.py", text);
    place
}

fn run_worker(text: &str) -> Run {
    place(text).measure(stdio(json!({})), &[]).unwrap()
}

fn driver(place: &Place, turns: Turns) -> Cases {
    Cases::open(&settings(stdio(json!({}))), place.setup()).unwrap().with_turns(turns)
}

#[test]
fn an_honest_worker_is_measured_case_by_case() {
    let run = run_worker(&worker(HONEST));
    assert_eq!(run.failure, None);
    let names: Vec<&str> = run.metrics.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "case_a_ms",
            "case_b_ms",
            "case_c_ms",
            "cpu_ms",
            "max_ms",
            "p50_ms",
            "p95_ms",
            "peak_rss_mb",
            "start_ms",
            "total_ms"
        ]
    );
    let sum: f64 = ["case_a_ms", "case_b_ms", "case_c_ms"].iter().map(|name| run.metrics[*name]).sum();
    assert!((run.metrics["total_ms"] - sum).abs() < 1e-9);
    assert!(run.metrics["peak_rss_mb"] > 1.0 && run.metrics["start_ms"] > 0.0);
    let outputs: Vec<(&str, &[u8])> =
        run.outputs.iter().map(|o| (o.id.as_str(), o.bytes.as_slice())).collect();
    assert_eq!(outputs, [("a", b"2".as_slice()), ("b", b"4"), ("c", b"6")]);
    assert_eq!(run.coins, None);
}

#[test]
fn the_time_is_that_of_the_slow_case_and_the_warm_up_does_not_count() {
    let slow = "time.sleep({0: 0.5, 1: 0.0, 2: 0.12, 3: 0.0}[request['input']['n']])\nanswer(request, 0)";
    let run = run_worker(&worker(slow));
    assert!(
        run.metrics["case_b_ms"] >= 120.0 && run.metrics["max_ms"] == run.metrics["case_b_ms"],
        "{run:?}"
    );
    assert!(run.metrics["case_a_ms"] < run.metrics["case_b_ms"]);
    assert!(run.metrics["total_ms"] < 500.0 || run.metrics["case_a_ms"] > 100.0, "{run:?}");
}

#[test]
fn each_way_to_break_the_protocol_gets_its_row() {
    let ready = "import sys, json, os, time\nprint('{\"ready\":true}', flush=True)\n";
    let on_b = |act: &str| worker(&format!("if request['id'] == 'b':\n    {act}\nelse:\n    {HONEST}"));
    let table: [(&str, String, Reason, &str); 16] = [
        (
            "no ready line",
            "print('hello', flush=True); input()".into(),
            Reason::Protocol,
            "the first line is not",
        ),
        ("a banner", format!("print('hello')\n{ready}input()"), Reason::Protocol, "a second line after"),
        (
            "ends at once",
            "raise SystemExit(3)".into(),
            Reason::Crash,
            "the worker ended (exit code 3): the ready line",
        ),
        ("a traceback", "boom".into(), Reason::Crash, "NameError"),
        (
            "output before the request",
            format!("{ready}print('x', flush=True)\ntime.sleep(9)"),
            Reason::Protocol,
            "x",
        ),
        ("exit(0) early", on_b("os._exit(0)"), Reason::Crash, "the worker ended (exit code 0): b"),
        ("killed", on_b("os.kill(os.getpid(), 9)"), Reason::Crash, "killed by signal 9): b"),
        ("closes its stdout", on_b("os.close(1); time.sleep(30)"), Reason::Protocol, "closed its stdout: b"),
        (
            "half a line",
            on_b("os.write(1, b'{\"id\":'); os._exit(0)"),
            Reason::Crash,
            "after half an answer `{\"id\":`: b",
        ),
        (
            "another id",
            on_b("say({'id': 'a', 'output': 1})"),
            Reason::Protocol,
            "the answer to b has the id \"a\"",
        ),
        ("no JSON", on_b("say('hello')"), Reason::Protocol, "the answer to b is no"),
        (
            "two lines at once",
            on_b("os.write(1, b'{\"id\":\"b\",\"output\":1}\\n{}\\n')"),
            Reason::Protocol,
            "second line after that of b",
        ),
        (
            "a second line later",
            on_b("answer(request, 1); time.sleep(0.05); say('late')"),
            Reason::Protocol,
            "",
        ),
        (
            "a line without end",
            on_b("\n    while True: os.write(1, b'x' * 65536)"),
            Reason::Protocol,
            "a line of more than 32 MiB: b",
        ),
        (
            "a noisy stderr",
            on_b("\n    while True: os.write(2, b'x' * 65536)"),
            Reason::Crash,
            "MiB on stderr: b",
        ),
        (
            "no newline in the last answer",
            worker(&format!(
                "if request['id'] == 'b':\n    os.write(1, b'{{\"id\":\"b\",\"output\":1}}'); os._exit(0)\n{HONEST}"
            )),
            Reason::Crash,
            "half an answer",
        ),
    ];
    for (name, text, reason, detail) in table {
        let found = failure(&run_worker(&text));
        assert!(found.0 == reason && found.1.contains(detail), "{name}: {found:?}");
    }
}

#[test]
fn a_worker_that_never_answers_is_ended_and_the_case_is_named() {
    let place = place(&worker(&format!("if request['id'] == 'b':\n    time.sleep(1000)\n{HONEST}")));
    let mut settings = stdio(json!({}));
    settings["run"]["timeout"]["measure"] = json!("2s");
    let found = failure(&place.measure(settings, &[]).unwrap());
    assert_eq!(found, (Reason::Timeout, "no answer within the deadline: b".to_owned()));
}

#[test]
fn not_a_number_is_a_wrong_output_and_no_broken_protocol() {
    let run = run_worker(&worker("answer(request, [float('nan')])"));
    assert_eq!(run.failure, None);
    assert_eq!(run.outputs[0].bytes, b"[NaN]");
}

#[test]
fn a_request_larger_than_a_pipe_arrives_whole() {
    let place = place(&worker("answer(request, len(line))"));
    let big = "x".repeat(3 << 20);
    place.harness("cases.json", &json!({ "v": 1, "cases": [{ "id": "big", "input": big }] }).to_string());
    let run = place.measure(stdio(json!({})), &[]).unwrap();
    assert_eq!(
        run.outputs[0].bytes,
        ((3 << 20) + r#"{"id":"big","input":""}"#.len() + 1).to_string().as_bytes()
    );
    // One that answers before it has read all of it is refused.
    let early = "import sys\nprint('{\"ready\":true}', flush=True)\nsys.stdin.buffer.raw.read(100)\nprint('{\"id\":\"big\",\"output\":1}', flush=True)\nimport time; time.sleep(9)";
    place.both("worker.py", early);
    let found = failure(&place.measure(stdio(json!({})), &[]).unwrap());
    assert!(
        found.0 == Reason::Protocol && found.1.contains("before the whole request was sent"),
        "{found:?}"
    );
}

#[test]
fn repetitions_are_fresh_processes_and_give_the_median() {
    let place = place(&worker(
        "os.makedirs(os.environ['HOME'], exist_ok=True)\nmemo = os.environ['HOME'] + '/memo'\n\
         known = os.path.exists(memo) and request['id'] == 'a'\nopen(memo, 'w').close()\nanswer(request, known)",
    ));
    let run = place.measure(stdio(json!({ "repeat": 3, "lifetime": "fresh" })), &[]).unwrap();
    assert_eq!(run.outputs.len(), 9);
    assert_eq!(run.outputs.iter().map(|o| o.repetition).collect::<Vec<_>>()[..3], [0, 1, 2]);
    assert_eq!(run.logs.len(), 6);
}

#[test]
fn a_pair_answers_the_same_cases_in_the_same_order_and_logs_its_coins() {
    let log = "open('seen', 'a').write(request['id'] + ' ')\nanswer(request, 1)";
    for turns in [Turns::Sequential, Turns::Alternating, Turns::Frozen] {
        let place = place(&worker(log));
        let mut driver = driver(&place, turns);
        let [incumbent, candidate] = place.pair(&mut driver, 7).unwrap();
        assert_eq!((&incumbent.failure, &candidate.failure), (&None, &None), "{turns:?}");
        let seen = [Role::Incumbent, Role::Candidate].map(|role| place.read(role, "seen"));
        assert_eq!(seen[0], seen[1]);
        assert!(seen[0].starts_with("w ") && seen[0].len() == 8, "{seen:?}");
        assert_eq!(incumbent.coins.is_some(), turns != Turns::Sequential);
        if let Some(coins) = &candidate.coins {
            assert!(coins.len() == 3 && coins.chars().all(|c| "ab".contains(c)), "{coins}");
        }
        // The same seed draws the same.
        let again = place.pair(&mut driver, 7).unwrap();
        assert_eq!(again[0].coins, incumbent.coins);
        assert!(place.read(Role::Candidate, "seen").ends_with(&seen[1]));
    }
}

#[test]
fn the_waiting_side_makes_no_progress_while_the_other_is_timed() {
    // The candidate counts on in a thread, in a child, and in an orphan that left the group.
    let busy = worker(
        "if 'started' not in globals():\n    import threading, subprocess\n    started = True\n\
         \x20   code = 'import time\\nwhile True:\\n    open(\"%s\", \"a\").write(repr(time.monotonic()) + \"\\\\n\"); time.sleep(0.002)'\n\
         \x20   subprocess.Popen([sys.executable, '-c', code % 'child'])\n\
         \x20   subprocess.run(['sh', '-c', 'setsid \"$0\" -c \"$1\" > /dev/null 2>&1 &', sys.executable, code % 'orphan'])\n\
         \x20   def tick():\n        while True:\n            ticks.write(repr(time.monotonic()) + '\\n'); ticks.flush(); time.sleep(0.002)\n\
         \x20   ticks = open('ticks', 'w')\n    threading.Thread(target=tick, daemon=True).start()\n\
         \x20   size = lambda name: os.path.exists(name) and os.path.getsize(name)\n\
         \x20   while min(size('ticks'), size('child'), size('orphan')) < 200: time.sleep(0.01)\n\
         answer(request, 1)",
    );
    let slow = worker(
        "start = time.monotonic(); time.sleep(0.15)\n\
         open('spans', 'a').write(f'{start!r} {time.monotonic()!r}\\n')\nanswer(request, 1)",
    );
    let place = place(&slow);
    place.of(Role::Candidate, "worker.py", &busy);
    let runs = place.pair(&mut driver(&place, Turns::Frozen), 3).unwrap();
    assert_eq!((&runs[0].failure, &runs[1].failure), (&None, &None));
    let numbers =
        |text: String| -> Vec<f64> { text.split_whitespace().filter_map(|n| n.parse().ok()).collect() };
    let spans = numbers(place.read(Role::Incumbent, "spans"));
    // The warm-up may come before the candidate's first case, when nothing ticks yet; the scored ones count.
    for file in ["ticks", "child", "orphan"] {
        let ticks = numbers(place.read(Role::Candidate, file));
        assert!(ticks.len() > 5, "{file} ticks while its own case runs");
        for span in spans.chunks(2).skip(1) {
            let inside = ticks.iter().filter(|tick| (span[0]..span[1]).contains(*tick)).count();
            assert_eq!(inside, 0, "{file} ticked while the other side was timed");
        }
    }
    let written = || ["child", "orphan"].map(|file| place.read(Role::Candidate, file).len());
    let at_the_end = written();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(written(), at_the_end, "nothing goes on after the end");
}

#[test]
fn both_sides_of_a_pair_end_up_on_one_core_and_see_only_one_before() {
    let text = worker("answer(request, [sorted(os.sched_getaffinity(0)), first])")
        .replace("say({'ready': True})", "first = sorted(os.sched_getaffinity(0))\nsay({'ready': True})");
    let place = place(&text);
    let runs = place.pair(&mut driver(&place, Turns::Frozen), 1).unwrap();
    let one = CpuSet::allowed().unwrap().last().to_string();
    for run in &runs {
        let output: Value = serde_json::from_slice(&run.outputs[0].bytes).unwrap();
        assert_eq!(output[0].to_string(), format!("[{one}]"));
        assert_eq!(output[1].as_array().unwrap().len(), 1);
    }
}

#[test]
fn the_fault_of_one_side_leaves_the_other_without_numbers_and_without_blame() {
    for turns in [Turns::Alternating, Turns::Frozen] {
        for guilty in [Role::Incumbent, Role::Candidate] {
            let place = place(&worker(HONEST));
            place.of(guilty, "worker.py", &worker("os._exit(5)"));
            let runs = place.pair(&mut driver(&place, turns), 2).unwrap();
            let (innocent, guilty) = match guilty {
                Role::Incumbent => (&runs[1], &runs[0]),
                Role::Candidate => (&runs[0], &runs[1]),
            };
            assert_eq!(failure(guilty).0, Reason::Crash);
            assert_eq!((&innocent.failure, innocent.metrics.len()), (&None, 0));
            assert_eq!(innocent.notes, ["cut short: the other side failed"]);
        }
    }
}

#[test]
fn a_side_that_does_not_start_fails_alone() {
    let place = place(&worker(HONEST));
    place.of(Role::Candidate, "worker.py", "raise SystemExit(1)");
    let runs = place.pair(&mut driver(&place, Turns::Frozen), 4).unwrap();
    assert_eq!(failure(&runs[1]).0, Reason::Crash);
    assert_eq!(runs[0].failure, None);
}

#[test]
fn work_in_children_counts_as_cpu_time() {
    let burn = "import subprocess\nsubprocess.run([sys.executable, '-c', 'import time\\nwhile time.process_time() < 0.15: pass'])\nanswer(request, 1)";
    let run = run_worker(&worker(burn));
    assert!(run.metrics["cpu_ms"] > 3.0 * 140.0, "{run:?}");
}

#[test]
fn an_echo_worker_gives_the_floor() {
    let place = place(&worker(HONEST));
    let none = driver(&place, Turns::Frozen);
    assert_eq!(none.provenance("p95_ms"), Provenance::Observed);
    assert_eq!(none.provenance("case_a_ms"), Provenance::Observed);
    assert_eq!(none.provenance("case_nobody_ms"), Provenance::Attested);
    let echo = "import json, sys\nprint('{\"ready\":true}', flush=True)\nfor line in sys.stdin: print(json.dumps({'id': json.loads(line)['id'], 'output': None}), flush=True)";
    place.both("echo.py", echo);
    let setup = sprag_measure::Setup {
        echo: Some(vec!["/usr/bin/env".into(), "python3".into(), "echo.py".into()]),
        ..place.setup()
    };
    let mut driver = Cases::open(&settings(stdio(json!({}))), setup).unwrap();
    let floor = place.with_side(Role::Candidate, |side| driver.floor(side, &PLAN)).unwrap().unwrap();
    assert!(floor.metrics["total_ms"] > 0.0 && floor.stand_in == "an echo worker");
}

#[test]
fn wrong_cases_are_the_harness_fault() {
    let place = place(&worker(HONEST));
    place.harness("cases.json", r#"{"v":1,"cases":[]}"#);
    let error = place.measure(stdio(json!({})), &[]).unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("there is no case"), "{error}");
    let error = place.measure(json!({ "measure": { "driver": "cases" } }), &[]).unwrap_err();
    assert!(error.to_string().contains("without a [cases] table"), "{error}");
}
