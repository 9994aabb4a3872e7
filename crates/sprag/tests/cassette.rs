//! `sprag cassette`: what was recorded, looked at and changed.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod outside;
mod repo;

use outside::Outside;

const EMBED: &str = r#"POST /v1/embeddings {"input": ["one", "three"]}"#;

fn recorded() -> Outside {
    let mut outside = Outside::new();
    outside
        .run(&["record"], &[EMBED, "GET /v1/count", "GET /v1/count", "GET /v1/users/jane?page=2"])
        .expect(0);
    outside.stop_server();
    outside
}

/// What is other on each machine: ports, and with them keys and seals; and times.
fn steady(outside: &Outside, text: &str) -> String {
    let text = outside.said(text);
    let hex = |word: &str| word.len() >= 12 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let line = |line: &str| -> String {
        if let Some(name) = ["took", "server:"].iter().find(|name| line.trim_start().starts_with(**name)) {
            return format!("  {name} …");
        }
        let words = line.split(' ').map(|word| match word.strip_prefix("b3:").unwrap_or(word) {
            rest if hex(rest) => "0123…".to_owned(),
            _ => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The number of the one exchange whose line says `what`.
fn number(outside: &Outside, what: &str) -> String {
    let list = outside.repo.run(&["cassette", "show"]).expect(0).stdout;
    let line = list.lines().find(|line| line.contains(what)).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn it_is_listed_and_shown() {
    let outside = recorded();
    let ls = outside.repo.run(&["cassette", "ls"]).expect(0).stdout;
    insta::assert_snapshot!(steady(&outside, &ls));
    let embed = number(&outside, "/v1/embeddings");
    let shown = outside.repo.run(&["cassette", "show", &embed]).expect(0).stdout;
    let shown = steady(&outside, &shown).replacen(&format!("exchange {embed}"), "exchange N", 1);
    insta::assert_snapshot!(shown);
    let json = outside.repo.run(&["cassette", "show", &embed, "--json"]).expect(0).json();
    assert_eq!(json[0]["answer"]["http"]["status"], 200);
    let key = json[0]["key"].as_str().unwrap();
    assert_eq!(outside.repo.run(&["cassette", "show", key, "--json"]).expect(0).json(), json);
    let list = outside.repo.run(&["cassette", "show", "--json"]).expect(0).json();
    assert_eq!(list.as_array().unwrap().len(), 4);
    let json = outside.repo.run(&["cassette", "ls", "--json"]).expect(0).json();
    assert_eq!(json["exchanges"], 4);
    assert_eq!(json["rows"][0]["upstream"], format!("http://127.0.0.1:{}", outside.port));
    outside.repo.run(&["cassette", "show", "5"]).expect(1).says(&["there is no exchange 5"]);
    outside.repo.run(&["cassette", "show", "x"]).expect(1).says(&["neither a number nor a key"]);
}

#[test]
fn damage_and_other_rules_are_found() {
    let outside = recorded();
    let done = outside.repo.run(&["cassette", "verify"]).expect(0);
    insta::assert_snapshot!(steady(&outside, &done.stdout));
    assert_eq!(outside.repo.run(&["cassette", "verify", "--json"]).expect(0).json()["whole"], true);
    outside.settings("\n[[replay.volatile]]\nquery = \"ts\"\n");
    outside.repo.run(&["cassette", "verify"]).expect(1).says(&["recorded under other rules"]);
    let json = outside.repo.run(&["cassette", "verify", "--json"]).expect(1).json();
    assert_eq!((&json["whole"], &json["same_rules"]), (&false.into(), &false.into()));
    outside.settings("");
    let lines = "benchmark/cassette/interactions.jsonl";
    outside.repo.write(lines, &outside.repo.read(lines).replace("small", "large"));
    outside.repo.run(&["cassette", "verify"]).expect(1).says(&["the seal", "is broken"]);
    outside.run(&["replay"], &[EMBED]).expect(1).says(&["the seal", "is broken"]);
}

#[test]
fn exchanges_are_removed_by_key_and_by_case() {
    let outside = recorded();
    let count = number(&outside, "/v1/count");
    let json = outside.repo.run(&["cassette", "show", &count, "--json"]).expect(0).json();
    let done = outside.repo.run(&["cassette", "rm", json[0]["key"].as_str().unwrap()]).expect(0);
    insta::assert_snapshot!(steady(&outside, &done.stdout));
    outside.run(&["replay"], &[EMBED, "GET /v1/count"]).expect(4);
    outside.repo.run(&["cassette", "rm", "nobody"]).expect(1).says(&["neither a case nor a key `nobody`"]);
    let json = outside.repo.run(&["cassette", "rm", "", "--json"]).expect(0).json();
    assert_eq!((&json["removed"], &json["left"]), (&2.into(), &0.into()));
    outside.repo.run(&["cassette", "verify"]).expect(0).says(&["0 exchanges"]);
}

#[test]
fn a_secret_that_got_in_is_taken_out() {
    let outside = recorded();
    outside.settings(
        "\n[[replay.redact]]\npath = \"^/v1/users/([a-z]+)\"\n\n[[replay.redact]]\njson = \"$.path\"\n",
    );
    let done = outside.repo.run(&["cassette", "redact", "jane"]).expect(0);
    insta::assert_snapshot!(steady(&outside, &done.stdout));
    assert!(!outside.cassette().contains("jane"));
    // The settings take the same out of what is asked, and their rules are the cassette's now.
    outside.repo.run(&["cassette", "verify"]).expect(0);
    let done = outside.run(&["replay"], &["GET /v1/users/jane?page=2"]).expect(0);
    assert_eq!(done.stdout, "{\"path\": \"REDACTED\"}\n");

    let json = outside.repo.run(&["cassette", "redact", "jane", "--json"]).expect(0).json();
    assert_eq!(json["changed"], 0);
    outside.repo.run(&["cassette", "redact", "("]).expect(1).says(&["not a regular expression"]);
    outside.settings("\n[[replay.volatile]]\nquery = \"page\"\n");
    outside.repo.run(&["cassette", "redact", "small"]).expect(0).says(&["in more than [[replay.redact]]"]);
}
