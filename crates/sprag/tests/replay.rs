//! `sprag replay`: the outside is the cassette, and what it does not hold is told and not passed over.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod outside;
mod repo;

use outside::Outside;

const EMBED: &str = r#"POST /v1/embeddings {"input": ["one", "three"], "model": "small"}"#;

/// Recorded; the server is gone.
fn recorded(acts: &[&str]) -> Outside {
    let mut outside = Outside::new();
    outside.run(&["record"], acts).expect(0);
    outside.stop_server();
    outside
}

#[test]
fn what_was_recorded_is_answered_without_its_server() {
    let outside = recorded(&[EMBED, "GET /v1/count", "GET /v1/count", "GET /v1/a"]);
    let before = outside.cassette();
    let done = outside.run(&["replay"], &["GET /v1/count", EMBED, "GET /v1/count"]).expect(0);
    assert_eq!(done.stdout, "1\n{\"vectors\": [3, 5], \"model\": \"small\"}\n2\n");
    insta::assert_snapshot!(outside.said(&done.stderr));
    assert_eq!(outside.cassette(), before);
}

#[test]
fn the_commands_own_exit_code_is_the_exit_code() {
    let outside = recorded(&["GET /v1/a"]);
    outside.run(&["replay"], &["GET /v1/a", "exit 7"]).expect(7).says(&["ended with exit code 7"]);
    outside
        .repo
        .run(&["replay", "--", "sh", "-c", "kill -9 $$"])
        .expect(137)
        .says(&["was ended by signal 9"]);
    outside
        .repo
        .run(&["replay", "--", "./no-such-program"])
        .expect(1)
        .says(&["failed to start ./no-such-program"]);
}

#[test]
fn a_miss_is_shown_with_its_closest_request_and_fails_a_command_that_swallows_it() {
    let outside = recorded(&[EMBED, "GET /v1/a"]);
    let other = r#"POST /v1/embeddings {"input": ["one", "four"], "model": "small"}"#;
    let done = outside.run(&["replay"], &["GET /v1/a", "GET /v1/a", other, EMBED]).expect(4);
    assert_eq!(done.stdout.lines().nth(2), Some("599"));
    insta::assert_snapshot!(outside.said(&done.stderr));
    // After the fixtures are used up a request is as unknown as one that never was recorded, and four are three and one.
    let again = ["GET /v1/a"; 5];
    let done = outside.run(&["replay"], &again).expect(4);
    done.says(&["and 1 more: 4 misses in all"]);
}

#[test]
fn a_client_that_ignores_the_proxy_gets_no_route_but_where_a_person_says_so() {
    if !Outside::has_empty_network() {
        return;
    }
    let outside = Outside::new();
    outside.run(&["record"], &["GET /v1/a"]).expect(0);
    let connect = format!("connect 127.0.0.1:{}", outside.port);
    let done = outside.run(&["replay"], &["GET /v1/a", &connect]).expect(0);
    assert_eq!(done.stdout, "{\"path\": \"/v1/a\"}\nnot connected\n");
    let done = outside.run(&["replay", "--open-network"], &["GET /v1/a", &connect]).expect(0);
    assert_eq!(done.stdout, "{\"path\": \"/v1/a\"}\nconnected\n");
    done.says(&["a client that ignores the proxy is not stopped: --open-network says so"]);
}

#[test]
fn an_upstream_has_its_own_port_in_the_empty_network() {
    if !Outside::has_empty_network() {
        return;
    }
    let outside = recorded(&["GET /v1/a"]);
    let settings = outside.repo.read(".auto/sprag.toml");
    outside
        .repo
        .write(".auto/sprag.toml", &settings.replace("name = \"api\"\n", "name = \"api\"\nlisten = 80\n"));
    let ask = "import urllib.request as r; print(r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1/v1/a').status)";
    assert_eq!(outside.repo.run(&["replay", "--", "python3", "-c", ask]).expect(0).stdout, "200\n");
}

#[test]
fn what_was_recorded_under_other_rules_is_not_replayed() {
    let outside = recorded(&["GET /v1/a"]);
    outside.settings("\n[[replay.volatile]]\nquery = \"ts\"\n");
    outside
        .run(&["replay"], &["GET /v1/a"])
        .expect(1)
        .says(&["under other [replay] rules", "record it again"]);
    let fresh = Outside::new();
    fresh.run(&["replay"], &["GET /v1/a"]).expect(1).says(&["there is no cassette in", "record one first"]);
}

#[test]
fn ctrl_c_ends_the_command() {
    let outside = recorded(&["GET /v1/a"]);
    let started = outside.repo.beside("started");
    let script = format!("echo > '{}'; sleep 60", started.display());
    let running = outside.repo.start(&["replay", "--", "sh", "-c", &script]);
    repo::wait_for("the command", || started.exists());
    running.signal("INT");
    running.end().expect(130);
}

#[test]
fn as_json_it_is_one_object() {
    let outside = recorded(&[EMBED, "GET /v1/a"]);
    let done = outside.run(&["replay", "--json", "--open-network"], &["GET /v1/b", EMBED]).expect(4);
    let json = done.json();
    assert_eq!((&json["network"], &json["exit"], &json["ended"]), (&"open".into(), &4.into(), &0.into()));
    assert_eq!(json["counts"]["embedder_calls"], 1.0);
    assert_eq!(json["counts"]["replay_misses"], 1.0);
    assert_eq!(json["unused"][0]["label"], "GET /v1/a");
    assert_eq!(json["troubles"][0]["kind"], "miss");
    assert_eq!(json["troubles"][0]["closest"]["label"], "GET /v1/a");
}

#[test]
fn without_a_command_the_cases_are_played_and_a_miss_is_told_with_its_case() {
    let mut outside = Outside::with_cases(&[("first", "/v1/a"), ("second", "/v1/b")]);
    outside.repo.run(&["record"]).expect(0);
    outside.stop_server();
    let done = outside.repo.run(&["replay"]).expect(0);
    insta::assert_snapshot!(outside.said(&done.stderr), @"
    replayed 2 requests from benchmark/cassette
    class           calls  items  bytes  connections  changed
    embedder_calls      0      0      0            0        0
    other_calls         2      2      0            2        0
    ");
    let json = outside.repo.run(&["replay", "--json"]).expect(0).json();
    assert_eq!((&json["exit"], &json["ended"]), (&0.into(), &serde_json::Value::Null));
    assert_eq!(json["counts"]["other_requests_changed"], 0.0);

    // The same requests, each in the case of the other.
    outside.write_cases(&[("first", "/v1/b"), ("second", "/v1/a")]);
    let done = outside.repo.run(&["replay"]).expect(4);
    done.says(&["no recorded answer for GET /v1/", "it was recorded in case "]);
    outside.repo.run(&["replay", "--open-network"]).expect(2).says(&["CMD"]);
}

#[test]
fn a_benchmark_that_fails_for_another_reason_is_no_miss() {
    let outside = Outside::with_cases(&[("first", "/v1/a")]);
    outside.repo.run(&["record"]).expect(0);
    outside.repo.write("each.py", "raise SystemExit(7)\n");
    outside
        .repo
        .run(&["replay"])
        .expect(1)
        .says(&["the benchmark failed: case first", "1 recorded answer was not asked for"]);
}
