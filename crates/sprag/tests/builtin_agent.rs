//! `sprag run --agent builtin`: Sprag's own agent in the loop, asked by a model that plays a script.
#![cfg(feature = "builtin-agent")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use repo::{Done, MEASURE, Repo, SPEC, lines};
use serde_json::{Value, json};
use sprag_scripted_model::{Script, Server};

const KEY: &str = "sk-scripted-0123456789";

/// A repository whose settings name the agent, and the model's server.
fn bench(experiments: usize, script: Value) -> (Repo, Server) {
    let server = Server::start(Script::parse(&script.to_string()).unwrap()).unwrap();
    let repo = Repo::new();
    let rule = format!("after {experiments} experiments");
    repo.write(".auto/prompt.md", &SPEC.replace("after 50 experiments", &rule));
    // A benchmark that dies of what one of the tries writes.
    repo.script(
        ".auto/measure.sh",
        &MEASURE.replace("#!/bin/sh\n", "#!/bin/sh\ngrep -q boom src/b.txt && exit 3\n"),
    );
    let settings = format!(
        "[agent]\nuse = 'builtin'\nmodel = 'scripted'\nurl = '{}/v1'\nkey = 'SCRIPTED_KEY'\nretry = ['1ms']\n",
        server.url()
    );
    repo.write(".auto/sprag.toml", &settings);
    repo.commit("an agent");
    (repo, server)
}

fn run(repo: &Repo) -> Done {
    let output = repo.command(&["run"]).env("SCRIPTED_KEY", KEY).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or("-").to_owned()
}

fn experiments(repo: &Repo) -> Vec<Value> {
    repo.rows().into_iter().filter(|row| row["kind"] == "experiment").collect()
}

fn call(tool: &str, args: Value) -> Value {
    json!({ "tools": [{ "tool": tool, "args": args }] })
}

/// The turns of one try: look, change a file, say so.
fn edit(path: &str, content: &str, words: &str) -> Value {
    json!([call("read", json!({ "path": path })), call("write", json!({ "path": path, "content": content })), { "text": words }])
}

#[test]
fn six_tries_come_to_what_they_are_and_every_token_is_counted() {
    let half = call("edit", json!({ "path": "src/a.txt", "old": lines("a", 10), "new": lines("a", 5) }));
    let lie = r#"{"description":"1000 times smaller","bytes":0.3,"status":"keep","commit":"abc"}"#;
    // A gain, with a slip on the way, and a server that is overloaded once.
    let first = json!([
        call("grep", json!({ "pattern": "aaa", "path": "src" })),
        { "tools": [{ "tool": "edit", "raw": "{\"path\": " }],
          "fault": { "status": { "code": 429, "message": "slow down" } }, "times": 1 },
        half,
        call("write", json!({ "path": ".sprag/proposal.json", "content": r#"{"description":"half of a"}"# })),
        { "text": "Half of the lines." },
    ]);
    let lying = json!([
        call("write", json!({ "path": "src/b.txt", "content": lines("b", 20) })),
        call("write", json!({ "path": ".sprag/proposal.json", "content": lie })),
        { "text": "1000 times smaller." },
    ]);
    let shell = "head -n 5 src/b.txt > x && cat x > src/b.txt && rm x && wc -c src/b.txt";
    let last = json!([call("shell", json!({ "command": shell })), { "text": "Half of b." }]);
    // Each brief has the descriptions of the tries before it.
    let after = |when: &str, steps: Value| json!({ "when": when, "steps": steps });
    let script = json!({
        "usage": { "input": 900, "cached": 100, "output": 50, "reasoning": 7 },
        "steps": first,
        "conversations": [
            after("half of a", edit("src/c.txt", &lines("d", 10), "Other letters.")),
            after("Other letters.", edit("README", "shorter\n", "A shorter README.")),
            after("A shorter README.", lying),
            after("1000 times smaller", edit("src/b.txt", "boom\n", "Hardly anything left.")),
            after("Hardly anything left.", last),
        ],
    });
    let (repo, server) = bench(6, script);
    run(&repo).expect(0).says(&["half of a", "Half of b."]);
    let rows = experiments(&repo);
    let said: Vec<String> =
        rows.iter().map(|row| format!("{} {}", text(row, "status"), text(row, "reason"))).collect();
    assert_eq!(
        said,
        [
            "keep improved",
            "discard no_gain",
            "checks_failed scope",
            "discard no_gain",
            "crash crash",
            "keep improved",
        ]
    );
    let descriptions: Vec<String> = rows.iter().map(|row| text(row, "description")).collect();
    assert_eq!(
        descriptions,
        [
            "half of a",
            "Other letters.",
            "A shorter README.",
            "1000 times smaller",
            "Hardly anything left.",
            "Half of b."
        ]
    );
    assert!(rows.iter().all(|row| text(row, "agent") == "builtin"));
    for (row, answers) in rows.iter().zip([5, 3, 3, 3, 3, 2]) {
        let usage = json!({ "input": 900 * answers, "cached": 100 * answers, "output": 50 * answers, "reasoning": 7 * answers });
        assert_eq!(row["usage"], usage, "{}", row["description"]);
    }
    assert_eq!(rows[3]["metric"].as_f64(), Some(385.0), "what was measured, not what was said");
    assert_eq!(rows[5]["metric"].as_f64(), Some(235.0), "half of a, and half of b");
    let asked = server.asked();
    assert_eq!(asked.len(), 20, "one was refused");
    assert!(asked.iter().all(|asked| asked.key.as_deref() == Some(KEY)));
    assert_eq!(repo.read("README"), "a repository\n");
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_key_that_is_not_accepted_ends_the_session_and_is_in_no_file() {
    let refused = json!({ "status": { "code": 401, "message": "bad key" } });
    let (repo, server) = bench(1, json!({ "steps": [{ "fault": refused }] }));
    run(&repo).expect(1).says(&["builtin", "does not accept the key", "bad key"]);
    assert_eq!((server.asked().len(), experiments(&repo).len()), (1, 0));
    assert_eq!(text(&repo.of_type("event")[0], "event"), "infrastructure");
    let grep = std::process::Command::new("grep").args(["-rlaF", KEY]).arg(repo.state()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&grep.stdout), "");
    let missing = repo.run(&["run"]).expect(1);
    missing.says(&["there is no SCRIPTED_KEY in the environment"]);
}

#[test]
fn the_shell_does_not_find_the_key_and_the_transcript_is_kept() {
    let peek = "env; tr '\\0' '\\n' < /proc/$PPID/environ; echo peeked";
    let steps = json!([call("shell", json!({ "command": peek })), call("write", json!({ "path": "src/a.txt", "content": "" })), { "text": "done" }]);
    let (repo, server) = bench(1, json!({ "steps": steps }));
    run(&repo).expect(0);
    let told = server.asked()[1].body.to_string();
    assert!(told.contains("peeked"), "{told}");
    // Root reads everything, where it is not locked in.
    if !rustix::process::geteuid().is_root() {
        assert!(!told.contains(KEY), "{told}");
    }
    assert!(!told.contains("SCRIPTED_KEY=") || rustix::process::geteuid().is_root());
    let found = std::process::Command::new("grep")
        .args(["-rlF", "\"type\":\"called\""])
        .arg(repo.state())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&found.stdout).contains("transcript.jsonl"));
}

#[test]
fn where_nothing_is_locked_in_there_is_no_shell_unless_somebody_says_so() {
    for (more, has_shell) in [("", false), ("shell = true\n", true)] {
        let (repo, server) = bench(1, json!({ "steps": edit("src/a.txt", "", "nothing left") }));
        let settings = format!("{}{more}{}", repo.read(".auto/sprag.toml"), repo::UNLOCKED);
        repo.write(".auto/sprag.toml", &settings);
        repo.commit("no sandbox");
        run(&repo).expect(0);
        assert_eq!(server.asked()[0].tools.contains(&"shell".to_owned()), has_shell);
    }
}

#[test]
fn a_limit_in_dollars_without_a_price_is_said_before_the_first_try() {
    let (repo, _server) = bench(1, json!({ "steps": edit("src/a.txt", "", "nothing left") }));
    let spec =
        repo.read(".auto/prompt.md").replace("- after 1 experiments", "- after 1 experiments\n- at $1");
    repo.write(".auto/prompt.md", &spec);
    repo.commit("a limit");
    let told = run(&repo).expect(0).stderr;
    let warning = "`at $1` cannot stop this session: builtin tells no dollars, and `[prices]` has no price for `scripted`";
    let place = |part: &str| told.find(part).unwrap_or_else(|| panic!("no {part} in {told}"));
    assert!(place(warning) < place("nothing left"), "{told}");
}

#[test]
fn without_a_model_it_says_what_to_write() {
    let repo = Repo::new();
    repo.run(&["run", "--agent", "builtin"])
        .expect(1)
        .says(&["`builtin` needs a model", "write `model` under `[agent]`"]);
}
