//! An outside for the commands that record and replay: a server, and an application that asks it.

#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::repo::{Done, Repo};

/// Prints its port, then answers; and prints each request that it gets to the file that is named.
const SERVER: &str = r#"
import http.server, itertools, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    times = itertools.count(1)

    def answer(self, value, headers=()):
        body = json.dumps(value).encode()
        self.send_response(200)
        for name, text in (('content-type', 'application/json'), ('content-length', str(len(body))), *headers):
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        print('GET', self.path, file=log, flush=True)
        path = self.path.split('?')[0]
        if path == '/v1/count':
            return self.answer(next(self.times))
        if path == '/v1/login':
            return self.answer({'token': 'planted-token'}, [('set-cookie', 'session=planted-cookie')])
        self.answer({'path': path})

    def do_POST(self):
        print('POST', self.path, file=log, flush=True)
        asked = json.loads(self.rfile.read(int(self.headers['content-length'])))
        self.answer({'vectors': [len(text) for text in asked['input']], 'model': sys.argv[2]})

    def log_message(self, *args):
        pass

log = open(sys.argv[1], 'w')
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// Does what its arguments say, and prints what it is answered. It swallows every error.
const APPLICATION: &str = r#"
import os, socket, sys, urllib.request, urllib.error

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for act in sys.argv[1:]:
    word, _, rest = act.partition(' ')
    if word == 'exit':
        sys.exit(int(rest))
    if word == 'connect':
        host, port = rest.split(':')
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
            print('connected')
        except OSError as error:
            print('not connected')
        continue
    path, _, body = rest.partition(' ')
    url = os.environ['SPRAG_API_URL'] + path
    request = urllib.request.Request(url, method=word, data=body.encode() if body else None)
    request.add_header('authorization', 'Bearer planted-bearer')
    if body:
        request.add_header('content-type', 'application/json')
    try:
        print(direct.open(request).read().decode())
    except urllib.error.HTTPError as error:
        print(error.code)
"#;

const SETTINGS: &str = r#"[replay]
cassette = "benchmark/cassette"

[[replay.port]]
name = "api"
upstream = "http://127.0.0.1:PORT"

[[replay.class]]
name = "embedder_calls"
match = { port = "api", path = "/v1/embeddings", method = "POST" }
items = "$.input.length()"
"#;

const SPEC: &str = "\
# Autoresearch: faster answers

## Objective
Lower total_ms.

## Metrics
- **Primary**: total_ms (ms, lower is better)

## How to Run
The harness starts it.

## Files in Scope
- `each.py`

## Stop
- after 50 experiments
";

/// More settings, for a benchmark.
const CASES: &str = r#"
[measure]
driver = "cases"

[cases]
file = "cases.json"
serve = { each = "python3 each.py" }
lifetime = "fresh"
repeat = 3
"#;

/// Asks for what its case names.
const EACH: &str = r#"
import json, os, sys, urllib.request
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(direct.open(os.environ['SPRAG_API_URL'] + sys.stdin.read()).read().decode())
"#;

/// A repository whose application asks a server of ours.
pub(crate) struct Outside {
    pub(crate) repo: Repo,
    server: Option<Child>,
    /// Where the server listens, or listened.
    pub(crate) port: u16,
}

impl Outside {
    pub(crate) fn new() -> Self {
        let repo = Repo::empty();
        repo.write("app.py", APPLICATION);
        let mut outside = Self { repo, server: None, port: 0 };
        outside.start_server("small");
        outside.settings("");
        outside.repo.commit("an application");
        outside
    }

    /// The same with a benchmark, whose cases, by name, each ask for a path.
    pub(crate) fn with_cases(cases: &[(&str, &str)]) -> Self {
        let outside = Self::new();
        outside.settings(CASES);
        outside.repo.write(".auto/prompt.md", SPEC);
        outside.repo.write("each.py", EACH);
        outside.write_cases(cases);
        outside.repo.commit("a benchmark");
        outside
    }

    pub(crate) fn write_cases(&self, cases: &[(&str, &str)]) {
        let cases = cases.iter().map(|(id, path)| serde_json::json!({ "id": id, "input": path }));
        let cases = serde_json::json!({ "v": 1, "cases": cases.collect::<Vec<_>>() });
        self.repo.write("cases.json", &cases.to_string());
    }

    /// The settings, and more lines below them.
    pub(crate) fn settings(&self, more: &str) {
        let settings = SETTINGS.replace("PORT", &self.port.to_string());
        self.repo.write(".auto/sprag.toml", &format!("{settings}{more}"));
    }

    fn start_server(&mut self, model: &str) {
        let log = self.repo.beside("asked.txt");
        let mut server = Command::new("python3");
        server.args(["-c", SERVER, log.to_str().unwrap(), model]).stdout(Stdio::piped());
        let mut server = server.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.port = line.trim().parse().unwrap();
        self.server = Some(server);
    }

    pub(crate) fn stop_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// What the server was asked so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.repo.beside("asked.txt")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Runs `sprag WORDS -- python3 app.py ACTS`.
    pub(crate) fn run(&self, words: &[&str], acts: &[&str]) -> Done {
        let all: Vec<&str> = words.iter().chain(&["--", "python3", "app.py"]).chain(acts).copied().collect();
        self.repo.run(&all)
    }

    /// What was said, as it is on every machine, with or without an empty network.
    pub(crate) fn said(&self, text: &str) -> String {
        let text = text.replace(&self.port.to_string(), "55555");
        let varies = ["a client that ignores the proxy is not stopped", "note: "];
        let steady = |line: &&str| !varies.iter().any(|start| line.starts_with(start));
        text.lines().filter(steady).collect::<Vec<_>>().join("\n")
    }

    /// The files of the cassette, with names and bytes.
    pub(crate) fn cassette(&self) -> String {
        let mut files = Vec::new();
        let mut folders = vec![self.repo.root().join("benchmark/cassette")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => {
                        let bytes = std::fs::read(entry.path()).unwrap();
                        files.push(format!(
                            "{}\n{}",
                            entry.path().display(),
                            String::from_utf8_lossy(&bytes)
                        ));
                    }
                }
            }
        }
        files.sort();
        files.join("\n")
    }

    /// Whether this machine has an empty network.
    pub(crate) fn has_empty_network() -> bool {
        match sprag_sandbox::network(&[env!("CARGO_BIN_EXE_sprag"), sprag_sandbox::COMMAND]) {
            Ok(_) => true,
            Err(why) => {
                eprintln!("skipped: no empty network on this machine: {why}");
                false
            }
        }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.stop_server();
    }
}
