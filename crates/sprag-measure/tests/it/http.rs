//! The `cases` driver with a server: what is sent, what comes back, and all the ways in which a server breaks.

use std::net::TcpListener;

use serde_json::{Value, json};
use sprag_judge::Reason;
use sprag_measure::drivers::{Cases, Turns};
use sprag_measure::{Driver, Role, Run, Setup};

use crate::place::{PLAN, Place, failure, settings};

const CASES: &str = r#"{"v":1,"warmup":[{"id":"w","input":{"path":"/w"}}],
    "cases":[{"id":"a","input":{"path":"/a?x=1"}},
             {"id":"b","input":{"method":"PUT","path":"/b","headers":{"X-Y":"z"},"body":{"n":2}}},
             {"id":"c","input":{"path":"/c","body":"text"}}]}"#;

/// A server of one connection at a time, in Python; `body` sees `path`, `text` (the body), `head` and `connection`.
fn server(body: &str) -> String {
    let body = body.replace('\n', "\n        ");
    format!(
        "import json, os, socket, sys, time\n\
         listener = socket.socket()\n\
         listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
         listener.bind(('127.0.0.1', int(os.environ['PORT'])))\n\
         listener.listen(8)\n\
         connections = asked = 0\n\
         def send(text):\n    connection.sendall(text if isinstance(text, bytes) else text.encode())\n\
         def answer(text, status='200 OK', more=''):\n    send(f'HTTP/1.1 {{status}}\\r\\nContent-Length: {{len(text.encode())}}\\r\\n{{more}}\\r\\n{{text}}')\n\
         while True:\n\
         \x20   connection, _ = listener.accept()\n\
         \x20   connections += 1\n\
         \x20   reader = connection.makefile('rb')\n\
         \x20   while True:\n\
         \x20       head = reader.readline().decode().strip()\n\
         \x20       if not head: break\n\
         \x20       path = head.split()[1]\n\
         \x20       length = 0\n\
         \x20       while (line := reader.readline().decode().strip()):\n\
         \x20           head += '|' + line\n\
         \x20           if line.lower().startswith('content-length:'): length = int(line.split(':')[1])\n\
         \x20       text = reader.read(length).decode()\n\
         \x20       asked += 1\n\
         \x20       {body}\n\
         \x20   reader.close(); connection.close()\n"
    )
}

const HONEST: &str = "answer(json.dumps({'path': path, 'text': text}))";

fn http(serve: Value, extra: Value) -> Value {
    let mut http = json!({ "command": "python3 server.py" });
    http.as_object_mut().unwrap().extend(serve.as_object().unwrap().clone());
    let mut cases = json!({ "file": "cases.json", "serve": { "http": http } });
    cases.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({ "measure": { "driver": "cases" }, "cases": cases, "run": { "timeout": { "measure": "20s" } } })
}

fn plain() -> Value {
    http(json!({}), json!({}))
}

fn place(text: &str) -> Place {
    let place = Place::new();
    place.harness("cases.json", CASES);
    place.both("server.py", text);
    place
}

fn run_server(text: &str) -> Run {
    place(text).measure(plain(), &[]).unwrap()
}

fn outputs(run: &Run) -> Vec<String> {
    assert_eq!(run.failure, None);
    run.outputs.iter().map(|output| String::from_utf8_lossy(&output.bytes).into_owned()).collect()
}

#[test]
fn each_case_is_a_request_on_one_connection_and_its_output_shows_status_and_body() {
    let run = run_server(&server("answer(json.dumps([head, text, connections]))"));
    insta::assert_snapshot!(outputs(&run).join("\n"), @r#"
    {"status":200,"body":["GET /a?x=1 HTTP/1.1|Host: localhost", "", 1]}
    {"status":200,"body":["PUT /b HTTP/1.1|Host: localhost|Content-Type: application/json|X-Y: z|Content-Length: 7", "{\"n\":2}", 1]}
    {"status":200,"body":["POST /c HTTP/1.1|Host: localhost|Content-Type: text/plain; charset=utf-8|Content-Length: 4", "text", 1]}
    "#);
    assert!(
        run.metrics["start_ms"] > 0.0 && run.metrics["cpu_ms"] >= 0.0 && run.metrics["peak_rss_mb"] > 1.0
    );
    let sum: f64 = ["case_a_ms", "case_b_ms", "case_c_ms"].iter().map(|name| run.metrics[*name]).sum();
    assert!((run.metrics["total_ms"] - sum).abs() < 1e-9);
}

#[test]
fn every_framing_and_status_is_an_answer() {
    let run = run_server(&server(
        "if path == '/b':\n    send('HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\n[1,\\r\\n')\n\
         \x20   time.sleep(0.12)\n    send('2\\r\\n2]\\r\\n0\\r\\n\\r\\n')\n\
         elif path == '/c':\n    send('HTTP/1.0 500 Oh\\r\\n\\r\\nsorry'); break\n\
         else: answer('', '404 Not Found', 'Connection: close\\r\\n'); break",
    ));
    assert_eq!(
        outputs(&run),
        [r#"{"status":404}"#, r#"{"status":200,"body":[1,2]}"#, r#"{"status":500,"text":"sorry"}"#]
    );
    assert!(run.metrics["case_b_ms"] >= 120.0, "the time is that of the last byte: {run:?}");
}

#[test]
fn a_server_that_sends_an_answer_in_two_pieces_does_not_wait_for_the_kernel() {
    let pieces = "send('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n'); send('[]')";
    let place = place(&server(pieces));
    let case = |n: usize| json!({ "id": format!("c{n}"), "input": { "path": format!("/{n}") } });
    let cases: Vec<Value> = (0..40).map(case).collect();
    place.harness("cases.json", &json!({ "v": 1, "cases": cases }).to_string());
    let run = place.measure(plain(), &[]).unwrap();
    assert_eq!(run.failure, None);
    assert!(run.metrics["p50_ms"] < 20.0, "{run:?}");
}

#[test]
fn text_and_bytes_are_compared_below_the_status() {
    let place = place(&server("answer('plain\\n')"));
    let run = place.measure(http(json!({}), json!({ "compare": { "kind": "text" } })), &[]).unwrap();
    assert_eq!(outputs(&run)[0], "HTTP 200\nplain\n");
}

#[test]
fn a_connection_that_is_closed_between_two_requests_is_opened_again() {
    // It says nothing of it, and closes when it has answered.
    let run = run_server(&server(&format!("{HONEST}; break")));
    assert_eq!(outputs(&run).len(), 3);
    // It has read nothing of the request that was under way when it closed.
    let idle = server("answer('1')\nif asked == 2:\n    connection.recv(1, socket.MSG_PEEK)\n    break");
    let run = run_server(&idle);
    assert_eq!(outputs(&run), vec![r#"{"status":200,"body":1}"#; 3]);
}

#[test]
fn it_is_up_when_its_url_says_so() {
    let late = server(
        "if path == '/up':\n    answer('', '503 Not yet' if asked < 4 else '204 Up')\nelse: answer(str(asked))",
    );
    let ready = json!({ "ready": "http://127.0.0.1:{port}/up" });
    let run = place(&late).measure(http(ready.clone(), json!({ "lifetime": "fresh" })), &[]).unwrap();
    let mut counts = outputs(&run);
    counts.sort();
    assert_eq!(counts[0], r#"{"status":200,"body":5}"#);

    let mut never = http(ready, json!({}));
    never["run"]["timeout"]["measure"] = json!("1s");
    let found = failure(&place(&server("answer('', '503 Never')")).measure(never.clone(), &[]).unwrap());
    assert!(found.0 == Reason::Timeout && found.1.contains("not ready: /up answers 503"), "{found:?}");
    let found = failure(&place("import time; time.sleep(60)").measure(never.clone(), &[]).unwrap());
    assert!(found.0 == Reason::Timeout && found.1.contains("does not accept connections"), "{found:?}");
    let found = failure(&place(&server("time.sleep(60)")).measure(never, &[]).unwrap());
    assert!(found.0 == Reason::Timeout && found.1.contains("at /up whether it is up"), "{found:?}");
}

#[test]
fn each_way_to_break_off_or_to_say_too_much_gets_its_row() {
    let on_b = |act: &str| server(&format!("if path == '/b':\n    {act}\nelse:\n    {HONEST}"));
    let table: [(&str, String, Reason, &str); 19] = [
        (
            "ends at once",
            "raise SystemExit(3)".into(),
            Reason::Crash,
            "the server ended (exit code 3): before it was ready",
        ),
        ("a traceback", "boom".into(), Reason::Crash, "NameError"),
        ("dies", on_b("os._exit(0)"), Reason::Crash, "the server ended (exit code 0): b"),
        ("is killed", on_b("os.kill(os.getpid(), 9)"), Reason::Crash, "killed by signal 9): b"),
        (
            "dies after half an answer",
            on_b("send('HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nabc'); os._exit(1)"),
            Reason::Crash,
            "after half an answer `abc`: b",
        ),
        (
            "half an answer",
            on_b("send('HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nabc'); break"),
            Reason::Protocol,
            "closed its connection, after half an answer `abc`: b",
        ),
        (
            "half a head",
            on_b("send('HTTP/1.1 200'); break"),
            Reason::Protocol,
            "after half an answer `HTTP/1.1 200`: b",
        ),
        (
            "half a chunk",
            on_b("send('HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n9\\r\\nabc'); break"),
            Reason::Protocol,
            "after half an answer `abc`: b",
        ),
        ("closes instead", on_b("break"), Reason::Protocol, "the server closed its connection: b"),
        (
            "closes its door",
            on_b(
                "listener.close(); answer('1', more='Connection: close\\r\\n'); connection.close(); time.sleep(30)",
            ),
            Reason::Protocol,
            "",
        ),
        (
            "more than it says",
            on_b("send('HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\n\\r\\nabc')"),
            Reason::Protocol,
            "the answer to b is followed by more: `bc`",
        ),
        (
            "twice",
            on_b("send('HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\n\\r\\n1' * 2)"),
            Reason::Protocol,
            "the answer to b is followed by more: `HTTP/1.1 200 OK",
        ),
        (
            "unasked, when warm",
            server(&format!("{HONEST}\nif path == '/w': time.sleep(0.01); send('x')\ntime.sleep(0.2)")),
            Reason::Protocol,
            "x",
        ),
        (
            "no HTTP",
            on_b("send('hello there\\n')"),
            Reason::Protocol,
            "the answer to b is no HTTP/1: `hello there`",
        ),
        (
            "two lengths",
            on_b("answer('1', more='Content-Length: 2\\r\\n')"),
            Reason::Protocol,
            "the answer to b has several lengths",
        ),
        (
            "a gigabyte that it announces",
            on_b("send('HTTP/1.1 200 OK\\r\\nContent-Length: 1073741824\\r\\n\\r\\n')"),
            Reason::Protocol,
            "the answer to b has more than 32 MiB",
        ),
        (
            "a gigabyte without announcement",
            on_b("send('HTTP/1.1 200 OK\\r\\n\\r\\n')\n    while True: send(b'x' * 65536)"),
            Reason::Protocol,
            "the answer to b has more than 32 MiB",
        ),
        (
            "a head without end",
            on_b("send('HTTP/1.1 200 OK\\r\\nx: ')\n    while True: send(b'x' * 65536)"),
            Reason::Protocol,
            "the answer to b has a head of more than 64 KiB",
        ),
        (
            "a noisy log",
            on_b("\n    while True: os.write(1, b'x' * 65536)"),
            Reason::Crash,
            "MiB on stdout: b",
        ),
    ];
    for (name, text, reason, detail) in table {
        let found = failure(&run_server(&text));
        assert!(found.0 == reason && found.1.contains(detail), "{name}: {found:?}");
    }
}

#[test]
fn an_answer_that_does_not_come_or_does_not_end_is_waited_for_until_the_deadline() {
    let mut settings = plain();
    settings["run"]["timeout"]["measure"] = json!("2s");
    for act in
        ["time.sleep(60)", "send('HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nabc'); time.sleep(60)"]
    {
        let text = server(&format!("if path == '/b':\n    {act}\n{HONEST}"));
        let found = failure(&place(&text).measure(settings.clone(), &[]).unwrap());
        assert_eq!(found, (Reason::Timeout, "no answer within the deadline: b".to_owned()));
    }
}

#[test]
fn the_sides_of_a_pair_answer_in_turns_each_on_its_own_port() {
    let log = "open('seen', 'a').write(path + ' ')\nanswer('1')";
    for turns in [Turns::Sequential, Turns::Alternating, Turns::Frozen] {
        let place = place(&server(log));
        let mut driver = Cases::open(&settings(plain()), place.setup()).unwrap().with_turns(turns);
        let [incumbent, candidate] = place.pair(&mut driver, 7).unwrap();
        assert_eq!((&incumbent.failure, &candidate.failure), (&None, &None), "{turns:?}");
        let seen = [Role::Incumbent, Role::Candidate].map(|role| place.read(role, "seen"));
        assert!(seen[0] == seen[1] && seen[0].starts_with("/w "), "{seen:?}");
        assert_eq!(incumbent.coins.as_ref().map(String::len), (turns != Turns::Sequential).then_some(3));
    }
}

#[test]
fn with_a_port_of_its_own_one_side_runs_after_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let fixed = || http(json!({ "port": port, "ready": format!("http://127.0.0.1:{port}/") }), json!({}));
    let place = place(&server(HONEST));
    let error = place.measure(fixed(), &[]).unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("cannot be used"), "{error}");
    drop(listener);
    let mut driver = Cases::open(&settings(fixed()), place.setup()).unwrap();
    let runs = place.pair(&mut driver, 1).unwrap();
    for run in runs {
        assert_eq!((run.failure, run.coins), (None, None));
    }
}

#[test]
fn a_request_larger_than_a_socket_arrives_whole() {
    let place = place(&server("answer(str(len(text)))"));
    let big = json!({ "path": "/", "body": "x".repeat(8 << 20) });
    place.harness("cases.json", &json!({ "v": 1, "cases": [{ "id": "big", "input": big }] }).to_string());
    let run = place.measure(plain(), &[]).unwrap();
    assert_eq!(outputs(&run), [r#"{"status":200,"body":8388608}"#]);
    let early = "import os, socket, time\nl = socket.socket(); l.bind(('127.0.0.1', int(os.environ['PORT']))); l.listen()\n\
                 while True:\n    c, _ = l.accept(); c.recv(100); c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\n\\r\\n1'); time.sleep(9)";
    place.both("server.py", early);
    let found = failure(&place.measure(plain(), &[]).unwrap());
    assert!(
        found.0 == Reason::Protocol && found.1.contains("before the whole request was sent"),
        "{found:?}"
    );
}

#[test]
fn a_server_that_does_nothing_gives_the_floor() {
    let place = place(&server(HONEST));
    // As the stand-in is called: `http`, then the port.
    let echo = server("answer('null')").replace("int(os.environ['PORT'])", "int(sys.argv[2])");
    place.both("echo.py", &echo);
    let setup = Setup {
        echo: Some(["/usr/bin/env", "python3", "echo.py"].map(str::to_owned).into()),
        ..place.setup()
    };
    let mut driver = Cases::open(&settings(plain()), setup).unwrap();
    let floor = place.with_side(Role::Candidate, |side| driver.floor(side, &PLAN)).unwrap().unwrap();
    assert!(floor.metrics["total_ms"] > 0.0 && floor.metrics["case_a_ms"] > 0.0, "{floor:?}");
}
