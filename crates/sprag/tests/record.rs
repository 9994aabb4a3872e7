//! `sprag record`: the cassette is what a command asked and was answered, and it is whole or as it was.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod outside;
mod repo;

use std::path::Path;

use outside::Outside;
use repo::{Repo, wait_for};

const EMBED: &str = r#"POST /v1/embeddings {"input": ["one", "three"]}"#;

#[test]
fn what_was_asked_is_recorded_and_told() {
    let outside = Outside::new();
    let acts = ["GET /v1/login?api_key=planted-key", EMBED, "GET /v1/count", "GET /v1/count"];
    let done = outside.run(&["record"], &acts).expect(0);
    assert_eq!(
        done.stdout,
        "{\"token\": \"planted-token\"}\n{\"vectors\": [3, 5], \"model\": \"small\"}\n1\n2\n"
    );
    insta::assert_snapshot!(outside.said(&done.stderr));
    let cassette = outside.cassette();
    assert!(cassette.contains("/v1/embeddings"));
    assert!(!cassette.contains("planted"), "{cassette}");
    assert!(outside.repo.git(&["status", "--short"]).contains("benchmark/"));
}

#[test]
fn a_recording_that_went_wrong_leaves_what_was_there() {
    let mut outside = Outside::new();
    outside.run(&["record"], &["GET /v1/a"]).expect(0);
    let before = outside.cassette();
    let done = outside.run(&["record"], &["GET /v1/b", "exit 3"]).expect(3);
    insta::assert_snapshot!(outside.said(&done.stderr));
    let done = outside.run(&["record"], &["exit 0"]).expect(1);
    insta::assert_snapshot!(outside.said(&done.stderr));
    outside.run(&["record"], &["exit 0"]).expect(1).says(&["nothing was asked of the outside"]);
    let done = outside.repo.run(&["record", "--", "no-such-program"]).expect(1);
    done.says(&["failed to start no-such-program"]);
    outside.stop_server();
    let done = outside.run(&["record"], &["GET /v1/a"]).expect(1);
    assert_eq!(done.stdout.lines().last(), Some("599"));
    done.says(&["did not answer", "nothing was written", "is up and can be reached, and record again"]);
    assert_eq!(outside.cassette(), before);
}

#[test]
fn ctrl_c_ends_the_command_and_leaves_what_was_there() {
    let outside = Outside::new();
    outside.run(&["record"], &["GET /v1/a"]).expect(0);
    let before = outside.cassette();
    let pids = outside.repo.beside("pids");
    let script = format!("python3 app.py 'GET /v1/b'; sleep 60 & echo $$ $! > '{}'; wait", pids.display());
    for signal in ["INT", "TERM"] {
        let running = outside.repo.start(&["record", "--", "sh", "-c", &script]);
        wait_for("the command", || std::fs::read_to_string(&pids).is_ok_and(|text| text.ends_with('\n')));
        running.signal(signal);
        running.end().expect(130).says(&["nothing was written"]);
        let ended = std::fs::read_to_string(&pids).unwrap();
        for pid in ended.split_whitespace() {
            wait_for("its end", || !lives(pid));
        }
        std::fs::remove_file(&pids).unwrap();
        assert_eq!(outside.cassette(), before);
        let left = std::fs::read_dir(outside.repo.root().join("benchmark")).unwrap().count();
        assert_eq!(left, 1, "a draft was left");
    }
}

fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    // One that nobody waits for is gone all the same.
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[test]
fn a_second_recording_proposes_what_is_volatile() {
    let outside = Outside::new();
    let embed = |id: &str, text: &str| {
        let embed = format!(r#"POST /v1/embeddings {{"input": ["{text}"], "request_id": "{id}"}}"#);
        outside.run(&["record"], &[&embed, "GET /v1/count"]).expect(0)
    };
    let first = embed("7f3a", "more");
    assert!(!first.stderr.contains("was there"), "{}", first.stderr);
    let second = embed("b01c", "more");
    insta::assert_snapshot!(outside.said(&second.stderr));
    let proposed = second.stderr.split("[[replay.volatile]]").nth(1).unwrap();
    outside.settings(&format!("\n[[replay.volatile]]{proposed}"));
    embed("11d2", "more").says(&["was not compared", "other [replay] rules"]);
    embed("9e9e", "more").says(&["0 new, 0 gone, 1 answered otherwise"]);
}

#[test]
fn the_same_traffic_makes_the_same_bytes() {
    let outside = Outside::new();
    outside.run(&["record"], &[EMBED, "GET /v1/a"]).expect(0);
    outside
        .run(&["record"], &[EMBED, "GET /v1/a"])
        .expect(0)
        .says(&["the one that was there, byte for byte but for its timings"]);
}

#[test]
fn missing_asks_only_for_what_is_not_there() {
    let outside = Outside::new();
    outside.run(&["record"], &["GET /v1/count", EMBED]).expect(0);
    let asked = outside.asked().len();
    let done = outside.run(&["record", "--missing"], &["GET /v1/count", "GET /v1/b"]).expect(0);
    assert_eq!(done.stdout, "1\n{\"path\": \"/v1/b\"}\n");
    assert_eq!(outside.asked()[asked..], ["GET /v1/b"]);
    insta::assert_snapshot!(outside.said(&done.stderr));
    // Without a cassette everything is missing.
    std::fs::remove_dir_all(outside.repo.root().join("benchmark")).unwrap();
    outside.run(&["record", "--missing"], &["GET /v1/a"]).expect(0).says(&["recorded 1 exchange"]);
}

#[test]
fn what_is_let_through_is_told() {
    let outside = Outside::new();
    outside.settings("\n[[replay.pass]]\nhost = \"localhost\"\n");
    let script = format!(
        "python3 app.py 'GET /v1/a'; python3 -c 'import urllib.request as r; r.urlopen(\"http://localhost:{}/v1/b\")'",
        outside.port
    );
    let done = outside.repo.run(&["record", "--", "sh", "-c", &script]).expect(0);
    done.says(&["recorded 1 exchange", "let through unrecorded by [[replay.pass]]: localhost (1)"]);
    assert!(!outside.cassette().contains("/v1/b"));
}

#[test]
fn as_json_it_is_one_object_and_the_command_prints_elsewhere() {
    let outside = Outside::new();
    let done = outside.run(&["record", "--json"], &[EMBED]).expect(0);
    let json = done.json();
    assert_eq!(json["written"], true);
    assert_eq!(json["exchanges"], 1);
    assert_eq!(json["contents"][0]["class"], "embedder_calls");
    assert_eq!(json["counts"]["embedder_items"], 2.0);
    assert_eq!(json["compared"], serde_json::Value::Null);
    assert!(done.stderr.contains("vectors"));
    let json = outside.run(&["record", "--json"], &["exit 9"]).expect(9).json();
    assert_eq!(json["written"], false);
    assert_eq!(json["ended"], 9);
}

#[test]
fn without_settings_the_lines_to_add_are_shown() {
    let repo = Repo::empty();
    for command in [
        &["record", "--", "true"][..],
        &["replay", "--", "true"],
        &["verify", "--", "true"],
        &["cassette", "ls"],
    ] {
        repo.run(command).expect(1).says(&["there is no .auto/sprag.toml", "[replay]", "cassette = "]);
    }
    repo.write(".auto/sprag.toml", "[run]\n");
    let done = repo.run(&["record", "--", "true"]).expect(1).says(&["has no [replay]"]);
    // What is shown can be pasted.
    let shown = done
        .stderr
        .rsplit_once("help:")
        .unwrap()
        .1
        .lines()
        .skip(1)
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("\n");
    repo.write(".auto/sprag.toml", &shown);
    repo.run(&["record", "--", "true"]).expect(1).says(&["nothing was asked of the outside"]);
    repo.write(".auto/sprag.toml", "[replay]\ncassete = 'x'\n");
    repo.run(&["record", "--", "true"]).expect(1).says(&["cassete"]);
    // Nor is a repository needed.
    let no_git = Repo::no_git();
    no_git.run(&["record", "--", "true"]).expect(1).says(&["there is no .auto/sprag.toml"]);
}

#[test]
fn without_a_command_the_cases_are_recorded_under_their_names() {
    let mut outside = Outside::with_cases(&[("first", "/v1/a"), ("second", "/v1/b")]);
    let done = outside.repo.run(&["record"]).expect(0);
    insta::assert_snapshot!(outside.said(&done.stderr));
    let rows = outside.repo.run(&["cassette", "ls", "--json"]).expect(0).json();
    let told = |row: &serde_json::Value| (row["case"].clone(), row["answers"].clone());
    let told: Vec<_> = rows["rows"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(told, [("first".into(), 1.into()), ("second".into(), 1.into())]);
    let before = outside.cassette();

    outside.stop_server();
    let json = outside.repo.run(&["bench", "--json"]).expect(0).json();
    assert_eq!(json["findings"], serde_json::json!([]), "{json}");
    // What cannot be recorded is no reason to lose what was.
    let done = outside.repo.run(&["record"]).expect(1);
    insta::assert_snapshot!(outside.said(&done.stderr), @"
    http://127.0.0.1:55555 did not answer: Connection refused (os error 111)
    nothing was written to benchmark/cassette: not everything that was asked was answered; see that what is named above is up and can be reached, and record again
    ");
    assert_eq!(outside.cassette(), before);
}

#[test]
fn a_command_does_not_take_the_place_of_a_benchmark_but_where_a_person_says_so() {
    let outside = Outside::with_cases(&[("first", "/v1/a"), ("second", "/v1/b")]);
    outside.repo.run(&["record"]).expect(0);
    let (before, asked) = (outside.cassette(), outside.asked().len());
    let done = outside.run(&["record"], &["GET /v1/c"]).expect(2);
    insta::assert_snapshot!(outside.said(&done.stderr), @"
    error: benchmark/cassette holds what 2 cases of a benchmark asked, and what this command asks would take its place
      sprag record                   records the benchmark again
      sprag record --missing -- CMD  keeps what is there, and adds what it lacks
      sprag record --force -- CMD    replaces it all the same
    ");
    assert_eq!((outside.cassette(), outside.asked().len()), (before, asked), "the command was not even run");
    outside.run(&["record", "--missing"], &["GET /v1/c"]).expect(0).says(&["3 exchanges", "1 of them new"]);
    outside.run(&["record", "--force"], &["GET /v1/c"]).expect(0).says(&["0 new, 2 gone"]);
    // What belongs to no case is recorded again without a word.
    outside.run(&["record"], &["GET /v1/c"]).expect(0).says(&["recorded 1 exchange into"]);
}

/// Runs a command at a terminal of its own, types what is given once it has said something, and exits as it does.
const TERMINAL: &str = r#"
import os, pty, sys
typed = sys.argv[1].encode().decode('unicode_escape').encode()
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
said = b''
while True:
    try:
        part = os.read(terminal, 1000)
    except OSError:
        break
    said += part
    if b'?' in said and typed:
        os.write(terminal, typed)
        typed = b''
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn at_a_terminal_the_command_reads_from_it_and_ctrl_c_ends_it() {
    let outside = Outside::new();
    let sprag = env!("CARGO_BIN_EXE_sprag");
    let at_a_terminal = |typed: &str, script: &str| {
        let mut terminal = std::process::Command::new("python3");
        terminal.args(["-c", TERMINAL, typed, sprag, "record", "--", "sh", "-c", script]);
        let output = terminal.current_dir(outside.repo.root()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) =
        at_a_terminal("/v1/typed\\n", "echo 'which?'; read path; python3 app.py \"GET $path\"");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("recorded 1 exchange"), "{said}");
    assert_eq!(outside.asked(), ["GET /v1/typed"]);
    let before = outside.cassette();
    let (code, said) = at_a_terminal("\\x03", "python3 app.py 'GET /v1/a'; echo 'what now?'; sleep 60");
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("nothing was written"), "{said}");
    assert_eq!(outside.cassette(), before);
}
