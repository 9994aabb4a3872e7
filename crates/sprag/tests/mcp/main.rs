//! `sprag mcp`: a whole experiment over the protocol, and what must not come of one.

#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod client;
#[path = "../repo/mod.rs"]
mod repo;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use client::{Client, folder, hello, post};
use repo::{MEASURE, Repo, SPEC, lines, wait_for};
use serde_json::{Value, json};

#[test]
fn a_gain_is_begun_edited_submitted_and_kept() {
    let repo = Repo::new();
    let before = repo.read("src/a.txt");
    let mut client = Client::new(&repo);
    let tools = client.request("tools/list", json!({}));
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 9);
    assert!(client.tool("status", json!({})).contains("no session yet"));

    let begun = client.tool("begin_experiment", json!({}));
    for word in [
        "experiment 2 is open",
        "Fewer bytes in src.",
        "In scope, and nothing else: src/",
        "Off limits: src/vendor/",
    ] {
        assert!(begun.contains(word), "`{word}` is missing in:\n{begun}");
    }
    let copy = folder(&begun);
    assert!(copy.starts_with(repo.state()), "in Sprag's state, not in the repository");
    assert_eq!(repo.run(&["mcp", "--print-folder"]).expect(0).stdout.trim(), copy.to_str().unwrap());

    fs::write(copy.join("src/a.txt"), lines("a", 5)).unwrap();
    let again = client.tool("begin_experiment", json!({}));
    assert_eq!((folder(&again), again.contains("was open already")), (copy.clone(), true), "{again}");

    let verdict = client.tool(
        "submit_experiment",
        json!({ "description": "half of a", "hypothesis": "they say the same", "ideas": ["shorter names"], "asi": { "next": "b" } }),
    );
    insta::assert_snapshot!(verdict.replace(copy.to_str().unwrap(), "FOLDER"), @r"
    run 2: keep (improved)
    bytes went from 335 to 285, 14.9 % better, the same in two runs
    gates: scope: passed; run: passed; controls: passed; better than the best so far: passed

    experiment 3 is open
    folder: FOLDER
    It holds a fresh copy of the best code so far. `brief` has the table of all tries.
    ");
    assert!(client.steps.iter().any(|step| step == "run 2, first run"), "{:?}", client.steps);
    let row = repo.rows().pop().unwrap();
    assert_eq!(
        (&row["agent"], &row["asi"]["hypothesis"]),
        (&json!("mcp: a test 1"), &json!("they say the same"))
    );
    assert_eq!(row["asi"]["next"], "b");
    let ideas = repo.of_type("idea");
    assert_eq!(
        (ideas.len(), &ideas[0]["text"], &ideas[0]["from_run"]),
        (1, &json!("shorter names"), &json!(2))
    );
    assert!(row["usage"]["usd"].is_null(), "what a guest's model costs is unknown, and not zero");
    assert_eq!(fs::read_to_string(copy.join("src/a.txt")).unwrap(), lines("a", 5), "the next copy has it");
    assert_eq!(repo.read("src/a.txt"), before, "the repository does not");
    assert!(client.tool("brief", json!({})).contains("half of a"));
    assert_eq!(client.leave(), Some(0));
    repo.run(&["audit"]).expect(0);
}

#[test]
fn what_changes_nothing_or_too_much_is_no_gain() {
    let repo = Repo::new();
    let mut client = Client::new(&repo);
    assert!(client.refused("submit_experiment", json!({ "description": "?" })).contains("begin_experiment"));
    assert!(client.refused("bench", json!({})).contains("begin_experiment"));
    let copy = client.begin();
    let nothing = client.tool("submit_experiment", json!({ "description": "nothing" }));
    assert!(nothing.contains("no verdict: no_edit: nothing was changed"), "{nothing}");
    fs::write(copy.join("README"), "mine\n").unwrap();
    assert!(client.tool("bench", json!({})).contains("scope: README"));
    let verdict = client.tool("submit_experiment", json!({ "description": "another readme" }));
    assert!(verdict.contains("run 2: checks_failed (scope)\nREADME changed outside the scope"), "{verdict}");
    assert_eq!(fs::read_to_string(copy.join("README")).unwrap(), "a repository\n", "a fresh copy");
    fs::write(copy.join("src/a.txt"), "x\u{1b}[2J\n".repeat(100)).unwrap();
    let verdict = client.tool(
        "submit_experiment",
        json!({ "description": format!("\u{1b}]0;owned\u{7}{}", "x".repeat(100_000)) }),
    );
    assert!(verdict.contains("discard") && !verdict.contains('\u{1b}'), "{verdict}");
    assert!(repo.rows().pop().unwrap()["description"].as_str().unwrap().chars().count() < 2_000);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_lie_about_metric_status_and_commit_is_answered_with_the_truth() {
    let repo = Repo::new();
    let mut client = Client::new(&repo);
    let lie = json!({ "metric_name": "seconds", "direction": "lower" });
    assert!(client.refused("init_experiment", lie).contains("contract: bytes (bytes), lower is better"));
    let truth = json!({ "name": "pi", "metric_name": "bytes", "metric_unit": "bytes", "direction": "lower" });
    let copy = folder(&client.tool("init_experiment", truth));
    fs::write(copy.join("src/b.txt"), lines("b", 20)).unwrap();
    let measured = client.tool("run_experiment", json!({ "command": "echo METRIC bytes=1" }));
    assert!(measured.contains("bytes 435"), "{measured}");
    let lie = json!({ "description": "faster", "metric": 0.0001, "status": "keep", "commit": "abc1234" });
    let verdict = client.tool("log_experiment", lie);
    for word in [
        "run 2: discard",
        "You said metric 0.0001; measured was 435.",
        "You said status keep; decided was discard.",
    ] {
        assert!(verdict.contains(word), "`{word}` is missing in:\n{verdict}");
    }
    assert!(verdict.contains("You said commit abc1234"), "{verdict}");
    let row = repo.rows().pop().unwrap();
    assert_eq!((row["status"].as_str(), row["metric"].as_f64()), (Some("discard"), Some(435.0)));
}

#[test]
fn a_bench_decides_nothing_and_its_time_counts() {
    let repo = Repo::new();
    repo.script(".auto/checks.sh", "#!/bin/sh\n! grep -q broken src/*.txt\n");
    repo.commit("checks");
    let mut client = Client::new(&repo);
    let copy = client.begin();
    fs::write(copy.join("src/a.txt"), lines("a", 5)).unwrap();
    assert!(client.tool("bench", json!({})).contains("bytes 285"));
    fs::write(copy.join("src/a.txt"), "broken\n").unwrap();
    assert!(client.tool("bench", json!({})).contains("checks:"));
    let benches = repo.of_type("event");
    assert_eq!(benches.len(), 2);
    assert!(benches.iter().all(|event| event["event"] == "bench" && event["seconds"]["measure"].is_f64()));
    assert_eq!(repo.rows().len(), 1, "the baseline alone");
    assert_eq!(fs::read_to_string(copy.join("src/a.txt")).unwrap(), "broken\n", "the copy stays");
    assert!(client.tool("add_idea", json!({ "text": "shorter names" })).contains("parked"));
    client.leave();
    repo.run(&["ideas"]).expect(0).says(&["shorter names"]);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_submission_that_is_called_off_leaves_copy_and_ledger_and_status_answers_meanwhile() {
    let repo = Repo::new();
    repo.shut_gate_for("src/a.txt");
    repo.commit("a gate");
    let mut client = Client::new(&repo);
    let copy = client.begin();
    fs::write(copy.join("src/a.txt"), lines("a", 5)).unwrap();
    let id = client.ask_tool("submit_experiment", &json!({ "description": "half of a" }));
    repo.until_at_gate();
    assert!(client.tool("status", json!({})).contains("now: submit_experiment: run 2"));
    client.send(
        &json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }),
    );
    wait_for("nothing is measured", || client.tool("status", json!({})).contains("nothing is measured"));
    assert_eq!(repo.rows().len(), 1);
    repo.open_gate();
    let verdict = client.tool("submit_experiment", json!({ "description": "half of a" }));
    assert!(verdict.contains("run 2: keep"), "{verdict}");
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_server_that_is_killed_while_it_measures_loses_neither_ledger_nor_edits() {
    let repo = Repo::new();
    repo.shut_gate_for("src/a.txt");
    repo.commit("a gate");
    let mut client = Client::new(&repo);
    let copy = client.begin();
    fs::write(copy.join("src/a.txt"), lines("a", 5)).unwrap();
    client.ask_tool("submit_experiment", &json!({ "description": "half of a" }));
    repo.until_at_gate();
    client.kill();
    repo.open_gate();
    let mut client = Client::new(&repo);
    let begun = client.tool("begin_experiment", json!({}));
    assert!(begun.contains("experiment 2 was open already"), "{begun}");
    let verdict = client.tool("submit_experiment", json!({ "description": "half of a" }));
    assert!(verdict.contains("run 2: keep"), "{verdict}");
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_stop_rule_that_fired_measures_the_result_and_refuses_more() {
    let repo = Repo::new();
    repo.write(".auto/prompt.md", &SPEC.replace("after 50 experiments", "after 1 experiments"));
    repo.commit("one is enough");
    let mut client = Client::new(&repo);
    let copy = client.begin();
    fs::write(copy.join("src/a.txt"), lines("a", 5)).unwrap();
    let verdict = client.tool("submit_experiment", json!({ "description": "half of a" }));
    assert!(verdict.contains("run 2: keep") && verdict.contains("result: bytes 335 to 285"), "{verdict}");
    for (name, arguments) in
        [("begin_experiment", json!({})), ("submit_experiment", json!({ "description": "x" }))]
    {
        let why = client.refused(name, arguments);
        assert!(why.contains("The session is over: 1 experiment"), "{why}");
    }
    assert_eq!(repo.of_type("stop").len(), 1);
}

#[test]
fn a_stop_rule_on_what_is_not_known_here_is_said_with_each_experiment() {
    let repo = Repo::new();
    let rules = "- after 50 experiments\n- at $5\n- at 1000 tokens";
    repo.write(".auto/prompt.md", &SPEC.replace("- after 50 experiments", rules));
    repo.commit("budgets");
    let mut client = Client::new(&repo);
    let deaf = |answer: &str| {
        let lines = answer.lines().filter(|line| line.contains("cannot stop"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let why = "cannot stop this session: what your agent's model costs is not known here";
    let expected = [format!("note: `at $5` {why}"), format!("note: `at 1k tokens` {why}")];
    let begun = client.tool("begin_experiment", json!({}));
    assert_eq!(deaf(&begun), expected, "{begun}");
    fs::write(folder(&begun).join("src/a.txt"), lines("a", 5)).unwrap();
    let verdict = client.tool("submit_experiment", json!({ "description": "half of a" }));
    assert_eq!(deaf(&verdict), expected, "{verdict}");
}

#[test]
fn a_person_gets_the_session_back_and_another_sprag_is_named() {
    let repo = Repo::new();
    let mut client = Client::new(&repo);
    client.begin();
    repo.run(&["try"]).expect(1).says(&["another sprag is running"]);
    let mut second = Client::new(&repo);
    assert!(second.refused("begin_experiment", json!({})).contains("another sprag is running"));
    assert!(second.tool("status", json!({})).contains("another sprag holds the session"));
    repo.run(&["pause"]).expect(0);
    wait_for("the session is free", || repo.run(&["try"]).code == Some(14));
    assert!(client.refused("begin_experiment", json!({})).contains("a person paused the session"));
}

#[test]
fn what_is_not_the_protocol_is_an_error_of_it_and_the_server_goes_on() {
    let repo = Repo::new();
    let mut client = Client::new(&repo);
    for (name, arguments) in [
        ("rm", json!({})),
        ("submit_experiment", json!({ "description": ["a", "list"] })),
        ("submit_experiment", json!({})),
        ("bench", json!({ "command": "rm -rf /" })),
        ("log_experiment", json!({ "description": "x", "metric": "low" })),
    ] {
        let id = client.ask_tool(name, &arguments);
        assert_eq!(client.answer(id)["error"]["code"], -32602, "{name}");
    }
    assert_eq!(client.request("tools/nothing", json!({}))["error"]["code"], -32601);
    client.write_line("not JSON");
    client.write_line(&format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":\"{}\"}}",
        "x".repeat(2 << 20)
    ));
    assert!(client.tool("status", json!({})).contains("no session yet"));
}

#[test]
fn a_repository_without_a_spec_is_refused_at_once_and_a_bad_benchmark_is_told() {
    let repo = Repo::empty();
    repo.write("README", "no spec\n");
    repo.commit("start");
    repo.run(&["mcp"]).expect(1).says(&["there is no spec"]);
    let repo = Repo::new();
    repo.script(".auto/measure.sh", &format!("{MEASURE}echo it hurts; exit 3\n"));
    repo.commit("broken");
    let why = Client::new(&repo).refused("begin_experiment", json!({}));
    assert!(why.contains("the baseline itself does not pass") && why.contains("it hurts"), "{why}");
}

/// A server over HTTP, its port, and its token.
struct Web {
    child: Child,
    port: u16,
    token: String,
}

impl Web {
    fn new(repo: &Repo, token: Option<&str>) -> Self {
        let mut command = repo.command(&["mcp", "--http", "127.0.0.1:0"]);
        command.env_remove("SPRAG_MCP_TOKEN").envs(token.map(|token| ("SPRAG_MCP_TOKEN", token)));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = said.next().unwrap().unwrap();
        let port = url.rsplit(':').next().unwrap().trim_end_matches("/mcp").parse().unwrap();
        let printed = || said.next().unwrap().unwrap().strip_prefix("token: ").unwrap().to_owned();
        let token = token.map_or_else(printed, str::to_owned);
        Self { child, port, token }
    }

    fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn initialize() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello() })
}

#[test]
fn over_http_only_a_client_with_the_token_and_no_page_of_the_web_is_answered() {
    let repo = Repo::new();
    let web = Web::new(&repo, None);
    assert_eq!(web.token.len(), 64);
    let bearer = web.bearer();
    let status = |headers: &[&str]| post(web.port, headers, &initialize()).0;
    assert_eq!(status(&[]), 401);
    assert_eq!(status(&["Authorization: Bearer 0123456789abcdef"]), 401);
    assert_eq!(status(&[&bearer[..bearer.len() - 1]]), 401);
    assert_eq!(status(&[&bearer, "Origin: https://example.com"]), 403);
    assert_eq!(status(&[&bearer, "Host: rebound.example.com"]), 403);
    assert_eq!(status(&[&bearer]), 200);
    assert_eq!(post(web.port, &[&bearer], &json!({ "x": "x".repeat(2 << 20) })).0, 413);
}

#[test]
fn over_http_a_whole_experiment_is_done() {
    let repo = Repo::new();
    let web = Web::new(&repo, Some("a-token-of-somebody"));
    let bearer = web.bearer();
    let (code, answer) = post(web.port, &[&bearer], &initialize());
    assert_eq!(code, 200, "{answer}");
    let id = answer.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).unwrap();
    let session = format!("Mcp-Session-Id: {id}");
    let headers = [bearer.as_str(), session.as_str(), "MCP-Protocol-Version: 2025-06-18"];
    post(web.port, &headers, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    let call = |name: &str, arguments: Value| {
        let params = json!({ "name": name, "arguments": arguments });
        let request = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params });
        let (code, answer) = post(web.port, &headers, &request);
        assert_eq!(code, 200, "{answer}");
        let data = answer.lines().filter_map(|line| line.strip_prefix("data: "));
        let mut messages = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        let message = messages.find(|message| message["id"] == 2).unwrap_or_else(|| panic!("{answer}"));
        message["result"]["content"][0]["text"].as_str().unwrap().to_owned()
    };
    let copy = folder(&call("begin_experiment", json!({})));
    fs::write(copy.join("src/a.txt"), lines("a", 5)).unwrap();
    let verdict = call("submit_experiment", json!({ "description": "half of a" }));
    assert!(verdict.contains("run 2: keep"), "{verdict}");
    let state = fs::read_to_string(repo.ledger()).unwrap();
    assert!(!state.contains(&web.token));
}

#[test]
fn a_port_that_is_taken_a_weak_token_and_an_open_address_are_refused() {
    let repo = Repo::new();
    let web = Web::new(&repo, None);
    let taken = format!("127.0.0.1:{}", web.port);
    repo.run(&["mcp", "--http", &taken]).expect(1).says(&["cannot listen on", "another address"]);
    repo.run(&["mcp", "--http", "0.0.0.0:0"]).expect(1).says(&["--beyond-loopback"]);
    let mut command = repo.command(&["mcp", "--http", "127.0.0.1:0"]);
    assert_eq!(command.env("SPRAG_MCP_TOKEN", "short").output().unwrap().status.code(), Some(1));
}
