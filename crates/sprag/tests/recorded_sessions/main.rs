//! A worker that asks an upstream, measured against recorded answers: what it says to the outside is counted where it
//! cannot reach, and whoever says something else, or goes around, is not kept.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod cassette;
#[path = "../repo/mod.rs"]
mod repo;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use camino::Utf8Path;
use repo::Repo;
use sprag_contract::settings::Replay;
use sprag_replay::{Listeners, Mode, Proxy};

const SPEC: &str = "\
# Autoresearch: faster sums

## Metrics
- **Primary**: total_ms (ms, lower is better)
- **Secondary**: embedder_calls, embedder_items

## How to Run
The harness starts the worker.

## Files in Scope
- `app.py`

## Constraints
- goldens exact
- embedder_requests exact
";

const SETTINGS: &str = r#"
[measure]
driver = "cases"
[cases]
file = "cases.json"
serve = { stdio = "python3 worker.py" }
[judge]
mode = "single"
"#;

const REPLAY: &str = r#"
cassette = "fixtures"
[[port]]
name = "embedder"
upstream = "http://127.0.0.1:UPSTREAM"
[[class]]
name = "embedder_calls"
match = { port = "embedder", path = "/embed" }
items = "$.input.length()"
repeat = "sticky"
"#;

const CASES: [(&str, &str); 3] =
    [("w", r#"{"words":["warm"]}"#), ("a", r#"{"words":["one","three"]}"#), ("b", r#"{"words":["seven"]}"#)];

const WORKER: &str = r#"
import json, sys
from app import answer
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    case = json.loads(line)
    print(json.dumps({"id": case["id"], "output": answer(case["input"])}), flush=True)
"#;

const APP: &str = r#"
import json, os, urllib.request

def ask(word):
    url = os.environ["SPRAG_EMBEDDER_URL"] + "/embed"
    body = json.dumps({"input": [word]}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["length"]

def answer(case):
    return {"sum": sum(ask(word) for word in case["words"])}
"#;

const UPSTREAM: &str = r#"
import json, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        time.sleep(0.05)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"length": sum(len(word) for word in asked["input"])}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// The upstream, which is there while the application is recorded, and later only to be found by who goes around.
struct Upstream {
    child: Child,
    port: u16,
}

impl Upstream {
    fn start() -> Self {
        let mut child =
            Command::new("python3").args(["-c", UPSTREAM]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }

    fn settings(&self) -> String {
        REPLAY.replace("UPSTREAM", &self.port.to_string())
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A committed repository whose application was recorded.
fn recorded(upstream: &Upstream, spec: &str) -> Repo {
    let repo = Repo::empty();
    repo.write(".auto/prompt.md", spec);
    let replay = upstream.settings().replace("[[", "[[replay.");
    repo.write(".auto/sprag.toml", &format!("{SETTINGS}[replay]\n{replay}"));
    let case = |(id, input): &(&str, &str)| format!(r#"{{"id":"{id}","input":{input}}}"#);
    let scored: Vec<String> = CASES[1..].iter().map(case).collect();
    repo.write(
        "cases.json",
        &format!(r#"{{"v":1,"warmup":[{}],"cases":[{}]}}"#, case(&CASES[0]), scored.join(",")),
    );
    repo.write("worker.py", WORKER);
    repo.write("app.py", APP);
    record(&repo);
    repo.write(".gitignore", "__pycache__/\n");
    repo.commit("an application that asks an upstream");
    repo
}

fn record(repo: &Repo) {
    let settings: toml::Table = toml::from_str(&repo.read(".auto/sprag.toml")).unwrap();
    let settings: Replay = settings["replay"].clone().try_into().unwrap();
    let root = Utf8Path::from_path(repo.root()).unwrap();
    let proxy = Proxy::open(&settings, root, Mode::Record, None).unwrap();
    let scope = proxy.scope(Listeners::bind(&settings).unwrap()).unwrap();
    for (id, input) in CASES {
        scope.enter(id);
        let asks = format!("import app; app.answer({input})");
        let status = Command::new("python3").args(["-c", &asks]).envs(scope.env()).current_dir(root).status();
        assert!(status.unwrap().success());
    }
    assert_eq!(scope.troubles(), []);
    drop(scope);
    proxy.finish().unwrap();
}

fn network_is_empty() -> bool {
    let why = sprag_sandbox::network(&[env!("CARGO_BIN_EXE_sprag"), sprag_sandbox::COMMAND]);
    if let Err(why) = &why {
        eprintln!("the network stays open on this machine: {why}");
    }
    why.is_ok()
}

#[test]
fn what_an_application_says_to_the_outside_is_counted_and_held_to_the_recording() {
    let upstream = Upstream::start();
    let repo = recorded(&upstream, SPEC);
    repo.run(&["check"]).expect(0).says(&["the cassette fixtures"]);

    let bench = repo.run(&["bench", "--json"]).expect(0).json();
    let metrics = &bench["metrics"];
    assert_eq!(
        (metrics["embedder_calls"].as_f64(), metrics["embedder_items"].as_f64()),
        (Some(3.0), Some(3.0))
    );
    assert_eq!(metrics["embedder_requests_changed"].as_f64(), Some(0.0), "{metrics}");
    let open = bench["notes"].to_string().contains("the network was open");
    assert_eq!(open, !network_is_empty(), "{bench}");

    repo.write("app.py", &APP.replace("ask(word) for", "len(word) for"));
    repo.run(&["try", "-m", "asks nobody"]).expect(11);
    let (_, reason, detail) = repo.verdict();
    assert!(reason == "control" && detail.contains("embedder_"), "{reason}: {detail}");

    repo.write("app.py", &APP.replace("[word]}", "[word.strip(), 'and more']}"));
    repo.run(&["try", "-m", "asks for more"]).expect(11);
    let (_, reason, detail) = repo.verdict();
    assert_eq!(reason, "replay_miss", "{detail}");
    for part in ["POST /embed", "in case ", "and more", "the closest that was recorded"] {
        assert!(detail.contains(part), "`{part}` is missing in {detail}");
    }

    // As many calls as before, all of them in the cassette, and none that matters.
    let dummies = "[ask(case['words'][0]) for _ in case['words']]; return {\"sum\": sum(len(word) for";
    repo.write("app.py", &APP.replace("return {\"sum\": sum(ask(word) for", dummies));
    repo.run(&["try", "-m", "dummy calls"]).expect(11);
    let (_, reason, detail) = repo.verdict();
    assert!(reason == "control" && detail.contains("embedder_requests_changed"), "{reason}: {detail}");

    let around = format!("\"http://127.0.0.1:{}\"", upstream.port);
    let direct = APP.replace("os.environ[\"SPRAG_EMBEDDER_URL\"]", &around).replace(
        "urllib.request.urlopen(",
        "urllib.request.build_opener(urllib.request.ProxyHandler({})).open(",
    );
    repo.write("app.py", &direct);
    let done = repo.run(&["try", "-m", "goes around"]);
    let (status, reason, detail) = repo.verdict();
    assert_ne!(status, "keep");
    if network_is_empty() {
        assert!(done.code == Some(12) && reason == "crash", "{reason}: {detail}");
        assert!(detail.contains("refused"), "{detail}");
    }
    repo.run(&["audit"]).expect(0);
}

const SERVER: &str = r#"
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer
from app import answer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        case = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(answer(case)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

const EACH: &str =
    "import json, sys\nfrom app import answer\nprint(json.dumps(answer(json.load(sys.stdin))))\n";

#[test]
fn requests_belong_to_their_case_in_whatever_way_it_is_asked() {
    let upstream = Upstream::start();
    let repo = recorded(&upstream, SPEC);
    let replay = repo.read(".auto/sprag.toml").replace("sticky", "sequence-then-fail");
    repo.write("server.py", SERVER);
    repo.write("each.py", EACH);
    let asked = repo.read("cases.json").replace(r#""input":"#, r#""input":{"path":"/","body":"#);
    let asked = asked.replace("]}}", "]}}}");
    repo.write("asked.json", &asked);
    for (serve, file) in [
        ("stdio = \"python3 worker.py\"", "cases.json"),
        ("http = { command = \"python3 server.py\" }", "asked.json"),
        ("each = \"python3 each.py\"", "cases.json"),
    ] {
        let settings = replay.replace("stdio = \"python3 worker.py\"", serve);
        let settings = settings.replace("\"cases.json\"", &format!("\"{file}\"\nrepeat = 2"));
        repo.write(".auto/sprag.toml", &settings);
        record(&repo);
        let bench = repo.run(&["bench", "--json"]).expect(0).json();
        let counted = ["calls", "items", "requests_changed"].map(|what| {
            let name = format!("embedder_{what}");
            bench["metrics"][name.as_str()].as_f64()
        });
        assert_eq!(counted, [Some(3.0), Some(3.0), Some(0.0)], "{serve}: {bench}");
        assert_eq!(bench["metrics"]["other_calls"].as_f64(), Some(0.0), "{bench}");
        assert_eq!(bench["notes"].to_string().contains("the network was open"), !network_is_empty());
    }
}

#[test]
fn a_row_says_where_the_empty_network_is_no_wall_for_root() {
    const CAVEAT: &str = "the empty network is no wall for a program that runs as root";
    let upstream = Upstream::start();
    let repo = recorded(&upstream, SPEC);
    if !network_is_empty() {
        return;
    }
    repo.write(".auto/sprag.toml", &(repo::UNLOCKED.to_owned() + &repo.read(".auto/sprag.toml")));
    let bench = repo.run(&["bench", "--json"]).expect(0).json();
    let held = bench["notes"].to_string();
    // A root whose machine allows no more user namespaces.
    let full = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    let before = ["unshare", "--user", "--map-root-user", "sh", "-c", full, "sh"];
    match Command::new(before[0]).args(&before[1..]).arg("true").status() {
        Ok(status) if status.success() => {}
        _ => return eprintln!("skipped: unshare can't make such a root here"),
    }
    let bench = repo.command(&["bench", "--json"]);
    let mut command = Command::new(before[0]);
    command.args(&before[1..]).arg(bench.get_program()).args(bench.get_args()).current_dir(repo.root());
    for (name, value) in bench.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(CAVEAT) && !held.contains(CAVEAT), "{said}\n{held}");
}

#[test]
fn a_baseline_that_was_not_recorded_ends_the_session_and_says_how_to_record_it() {
    let upstream = Upstream::start();
    let repo = recorded(&upstream, SPEC);
    repo.write("app.py", &APP.replace("[word]}", "[word, word]}"));
    repo.commit("it asks something else now");
    repo.run(&["bench"]).says(&["no recorded answer for POST /embed", "sprag record"]);
    repo.write("src.txt", "");
    repo.run(&["try", "-m", "anything"]).expect(1).says(&[
        "the baseline itself does not pass",
        "no recorded answer for POST /embed",
        "the closest that was recorded",
        "sprag record",
    ]);

    std::fs::remove_dir_all(repo.root().join("fixtures")).unwrap();
    repo.commit("no cassette");
    repo.run(&["check"]).expect(3).says(&["recorded answers", "sprag record"]);
    repo.run(&["bench"]).expect(1).says(&["there is no cassette in fixtures", "sprag record"]);
}

#[test]
fn hidden_cases_are_asked_against_a_cassette_of_their_own() {
    let upstream = Upstream::start();
    let repo = recorded(&upstream, SPEC);
    let settings = repo.read(".auto/sprag.toml");
    repo.write(".auto/sprag.toml", &settings.replace("serve =", "hidden = \"hidden\"\nserve ="));
    repo.write("hidden/cases.json", r#"{"v":1,"cases":[{"id":"h","input":{"words":["eleven","hundred"]}}]}"#);
    let slow = APP.replace("    return {\"sum\"", "    import time; time.sleep(0.2)\n    return {\"sum\"");
    repo.write("app.py", &slow);
    repo.commit("slow, with a hidden case");
    repo.run(&["try"]).expect(1).says(&["the hidden cases have no cassette", "`sprag record --hidden`"]);
    repo.run(&["record", "--hidden"]).expect(0).says(&["recorded 2 exchanges", "into hidden/cassette"]);
    repo.run(&["golden", "record", "--hidden"]).expect(0);
    assert!(repo.read("hidden/goldens/h.json").contains("13"));

    let faster = slow.replace("0.2", "0.05");
    let seen = "['warm', 'one', 'three', 'seven']";
    let other = |body: &str| {
        faster.replace("sum(ask(word) for", &format!("sum(ask(word) if word in {seen} else {body} for"))
    };
    for (name, body, why) in [
        ("asks nobody for others", "len(word)", "embedder_requests_changed"),
        ("asks otherwise for others", "ask(word + '!') - 1", "replay_miss"),
    ] {
        repo.write("app.py", &other(body));
        repo.run(&["try", "-m", name]).expect(11);
        let (_, reason, detail) = repo.verdict();
        assert_eq!(
            (reason.as_str(), detail.as_str()),
            ("hidden", "the hidden cases are not passed"),
            "{name}"
        );
        let run = repo.rows().len();
        let told = repo.ledger().with_file_name(format!("hidden/{run:06}/why.txt"));
        let told = std::fs::read_to_string(told).unwrap();
        assert!(told.contains(why), "{name}: {told}");
    }
    repo.write("app.py", &faster);
    repo.run(&["try", "-m", "sleeps less"]).expect(0);
    repo.run(&["audit"]).expect(0);
}
