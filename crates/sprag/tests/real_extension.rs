//! `integrations/pi` in the real pi, as its README has it installed, asked by a model that plays a script.
//! `cargo xtask agents` runs it.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod real;
mod repo;
mod six;

use std::path::Path;
use std::process::{Command, Stdio};

use real::Home;
use repo::{Repo, lines};
use serde_json::{Value, json};
use sprag_scripted_model::{Asked, Script, Server};

/// pi in the repository, with Sprag on its path.
fn pi(repo: &Repo, home: &Home) -> Command {
    let mut pi = Command::new(real::installed().join("node_modules/.bin/pi"));
    pi.current_dir(repo.root()).stdin(Stdio::null());
    home.tell(&mut pi);
    for (name, value) in repo.command(&[]).get_envs() {
        pi.env(name, value.unwrap_or_default());
    }
    let sprag = Path::new(env!("CARGO_BIN_EXE_sprag")).parent().unwrap().display().to_string();
    let path = pi.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path).unwrap();
    let path = format!("{sprag}:{}", path.to_str().unwrap());
    pi.env("PATH", path);
    pi
}

fn call(tool: &str, args: Value) -> Value {
    json!({ "tools": [{ "tool": tool, "args": args }] })
}

fn edit(path: &str, old: &str, new: &str) -> [Value; 2] {
    let edits = json!([{ "oldText": old, "newText": new }]);
    [call("read", json!({ "path": path })), call("edit", json!({ "path": path, "edits": edits }))]
}

/// What the tools answered, in their order, without those of pi's own.
fn answers(asked: &[Asked]) -> Vec<String> {
    let last = &asked.last().unwrap().body["messages"];
    let tools = last.as_array().unwrap().iter().filter(|message| message["role"] == "tool");
    let texts = tools.map(|message| match &message["content"] {
        Value::String(text) => text.clone(),
        parts => parts[0]["text"].as_str().unwrap().to_owned(),
    });
    texts.collect()
}

#[test]
#[ignore = "needs the real agents: cargo xtask agents"]
fn what_an_agent_tells_the_tools_of_pi_is_answered_with_what_was_measured() {
    let repo = Repo::new();
    let (b, more) = (lines("b", 10), lines("b", 20));
    let mut turns = vec![call(
        "init_experiment",
        json!({ "name": "x", "metric_name": "ms", "metric_unit": "ms", "direction": "higher" }),
    )];
    turns.extend(edit("src/b.txt", &b, &more));
    turns.push(call("run_experiment", json!({ "command": "echo METRIC bytes=1" })));
    let lie = json!({ "commit": "bbbbbbb", "metric": 0.0001, "status": "keep", "description": "1000 times smaller" });
    turns.push(call("log_experiment", lie));
    turns.extend(edit("src/b.txt", &more, &b));
    turns.extend(edit("src/a.txt", &lines("a", 10), &lines("a", 5)));
    turns
        .push(call("log_experiment", json!({ "metric": 285, "status": "keep", "description": "half of a" })));
    turns.push(json!({ "text": "Done." }));
    let script = Script::parse(&json!({ "steps": turns }).to_string()).unwrap();
    let server = Server::start(script).unwrap();
    let home = Home::new(&repo, &server);

    let extension =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/pi").canonicalize().unwrap();
    let installed = pi(&repo, &home).arg("install").arg(extension).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let mut command = pi(&repo, &home);
    command.args(["--mode", "json", "-p", "--no-session", "--no-context-files", "--no-approve"]);
    let output = command.args(["--model", "scripted/m", "Make src smaller."]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let asked = server.asked();
    let told = answers(&asked);
    let [check, _, _, bench, lie, _, _, _, _, gain] = told.as_slice() else { panic!("{told:#?}") };
    for (answer, parts) in [
        (
            check,
            &["bytes, lower is better", "You said `ms`.", "higher is better. The spec decides", "is ready"][..],
        ),
        (bench, &["METRIC bytes=435", "Run was the command of the spec", "Nothing was decided"]),
        (
            lie,
            &[
                "Run 2: discard (no_gain), bytes 435.",
                "worse than the incumbent's 335",
                "You said that bytes is 0.0001. Measured: 435.",
                "You said keep. Judged: discard.",
                "You said commit bbbbbbb.",
                "Undo this edit",
            ],
        ),
        (gain, &["Run 3: keep (improved), bytes 285.", "best code now"]),
    ] {
        for part in parts {
            assert!(answer.contains(part), "`{part}` is missing in:\n{answer}");
        }
    }
    assert!(!gain.contains("You said"), "{gain}");
    let system = asked[0].body["messages"][0].to_string();
    assert!(
        system.contains("sprag-spec") && system.contains("never starts optimizing"),
        "the skill came along: {system}"
    );
    assert_eq!(repo.git(&["log", "--format=%s"]), "start\n", "nothing was committed to the person's branch");
}
