//! `sprag verify`: the live outside against the cassette.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod outside;
mod repo;

use outside::Outside;

#[test]
fn where_nothing_differs_the_commands_own_exit_code_counts() {
    let outside = Outside::new();
    outside.run(&["record"], &["GET /v1/a", "GET /v1/b"]).expect(0);
    let before = outside.cassette();
    let done = outside.run(&["verify"], &["GET /v1/a"]).expect(0);
    insta::assert_snapshot!(outside.said(&done.stderr));
    outside.run(&["verify"], &["GET /v1/a", "exit 6"]).expect(6);
    assert_eq!(outside.cassette(), before);
}

#[test]
fn another_answer_and_an_unknown_request_are_differences() {
    let outside = Outside::new();
    outside.run(&["record"], &["GET /v1/a", "GET /v1/count"]).expect(0);
    let before = outside.cassette();
    let done = outside.run(&["verify"], &["GET /v1/a", "GET /v1/count", "GET /v1/c"]).expect(1);
    assert_eq!(done.stdout, "{\"path\": \"/v1/a\"}\n2\n{\"path\": \"/v1/c\"}\n");
    insta::assert_snapshot!(outside.said(&done.stderr));
    let json = outside.run(&["verify", "--json"], &["GET /v1/count"]).expect(1).json();
    assert_eq!(json["requests"], 1);
    assert_eq!(json["differences"][0]["label"], "GET /v1/count");
    assert_eq!(outside.cassette(), before);
}

#[test]
fn an_outside_that_does_not_answer_is_no_verification() {
    let mut outside = Outside::new();
    outside.run(&["record"], &["GET /v1/a"]).expect(0);
    outside.stop_server();
    outside.run(&["verify"], &["GET /v1/a"]).expect(1).says(&["did not answer"]);
}

#[test]
fn without_a_command_each_case_is_compared_with_what_was_recorded_in_it() {
    let mut outside = Outside::with_cases(&[("first", "/v1/a"), ("second", "/v1/count")]);
    outside.repo.run(&["record"]).expect(0);
    let before = outside.cassette();
    let done = outside.repo.run(&["verify"]).expect(1);
    insta::assert_snapshot!(outside.said(&done.stderr), @"
    of 2 requests to the outside, 1 differs from benchmark/cassette:
      GET /v1/count to http://127.0.0.1:55555 (case second): the answers differ from byte 0 on: recorded …1…, now …2…
    ");
    outside.write_cases(&[("first", "/v1/a")]);
    let done = outside.repo.run(&["verify"]).expect(0);
    insta::assert_snapshot!(outside.said(&done.stderr), @"
    1 request to the outside, and no answer differs from benchmark/cassette
    1 recorded answer was not asked for:
      GET /v1/count to http://127.0.0.1:55555 (case second)
    ");
    let json = outside.repo.run(&["verify", "--json"]).expect(0).json();
    assert_eq!((&json["requests"], &json["ended"]), (&1.into(), &serde_json::Value::Null));
    outside.stop_server();
    outside.repo.run(&["verify"]).expect(1).says(&["did not answer"]);
    assert_eq!(outside.cassette(), before);
}
