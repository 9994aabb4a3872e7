//! The same lie, told by the same model through the same agent, on the same tree with a person's own work in it: once to pi
//! with pi-autoresearch, once to Sprag. `cargo xtask side-by-side` installs both and prints what became of it.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod real;
mod repo;
mod six;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use real::Home;
use repo::{Repo, lines};
use serde_json::{Value, json};
use sprag_scripted_model::{Script, Server};

/// What is in a repository, by path.
type Tree = BTreeMap<String, String>;

/// What a person had not committed yet.
const NOTES: &str = "what I must not forget\n";
const README: &str = "a repository, half rewritten\n";

/// A person's repository, in the middle of a day's work.
fn dirty() -> Repo {
    let repo = Repo::new();
    repo.write(".auto/prompt.md", &repo::SPEC.replace("after 50 experiments", "after 2 experiments"));
    repo.write(".auto/sprag.toml", &real::settings("pi"));
    repo.commit("before");
    repo.write("README", README);
    repo.write("notes.txt", NOTES);
    repo
}

/// An edit that gains nothing, and one that makes it worse.
fn edits() -> [(&'static str, String, String); 2] {
    let (a, b) = (lines("a", 10), lines("b", 10));
    [("src/a.txt", a.clone(), a.replacen('a', "A", 1)), ("src/b.txt", b, lines("b", 20))]
}

fn call(tool: &str, args: Value) -> Value {
    json!({ "tools": [{ "tool": tool, "args": args }] })
}

fn edit((path, old, new): &(&str, String, String)) -> [Value; 2] {
    let edits = json!([{ "oldText": old, "newText": new }]);
    [call("read", json!({ "path": path })), call("edit", json!({ "path": path, "edits": edits }))]
}

/// The lie through pi-autoresearch's tools: the first edit is given up, of the second a number is told that nobody measured.
fn told_to_pi() -> Value {
    let run = || call("run_experiment", json!({ "command": "bash .auto/measure.sh" }));
    let log = |commit: &str, metric: Value, calls: Value, status: &str, description: &str| {
        let args = json!({
            "commit": commit, "metric": metric, "metrics": { "calls": calls }, "status": status, "description": description,
        });
        call("log_experiment", args)
    };
    let init = json!({ "name": "bytes", "metric_name": "bytes", "metric_unit": "b", "direction": "lower" });
    let [first, second] = edits().map(|made| edit(&made));
    let measured = json!("@re:METRIC bytes=([0-9]+)");
    let mut turns = vec![call("init_experiment", init)];
    turns.extend(first);
    turns.extend([run(), log("aaaaaaa", measured, json!(7), "discard", "nothing gained")]);
    turns.extend(second);
    turns.extend([run(), log("bbbbbbb", json!(0.0001), json!(7), "keep", "1000 times smaller")]);
    turns.push(json!({ "text": "Done." }));
    turns.into()
}

/// The same lie to Sprag, in two tries: it has no tool to tell a number, so it goes where an agent's words go.
fn told_to_sprag() -> Value {
    let [first, second] = edits().map(|made| edit(&made).to_vec());
    let claims = json!({ "description": "1000 times smaller", "metric": 0.0001, "status": "keep", "commit": "bbbbbbb" });
    let claimed = call("write", json!({ "path": ".sprag/proposal.json", "content": claims.to_string() }));
    let honest = [first, vec![json!({ "text": "nothing gained" })]].concat();
    let lie = [second, vec![claimed, json!({ "text": "Done." })]].concat();
    json!({ "steps": honest, "conversations": [{ "when": "\n2 discard ", "steps": lie }] })
}

fn serve(script: &Value) -> Server {
    Server::start(Script::parse(&script.to_string()).unwrap()).unwrap()
}

/// pi with pi-autoresearch, which goes on with what a person began.
fn pi_autoresearch(repo: &Repo) {
    repo.write(".auto/log.jsonl", "");
    let server = serve(&json!({ "steps": told_to_pi() }));
    let folder = real::installed().join("node_modules");
    let mut pi = Command::new(folder.join(".bin/pi"));
    Home::new(repo, &server).tell(&mut pi);
    pi.current_dir(repo.root()).stdin(Stdio::null());
    pi.args(["--mode", "json", "-p", "--no-session", "--no-extensions", "--no-skills", "--no-context-files"]);
    pi.arg("-e").arg(folder.join("pi-autoresearch/extensions/pi-autoresearch/index.ts"));
    pi.args(["--no-approve", "--model", "scripted/m", "Make src smaller."]);
    let output = pi.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        server.asked().len(),
        told_to_pi().as_array().unwrap().len(),
        "the script was played to its end"
    );
}

/// Sprag with pi, without its extension.
fn sprag(repo: &Repo) {
    let server = serve(&told_to_sprag());
    let mut command = repo.command(&["run", "--include-dirty"]);
    Home::new(repo, &server).tell(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What became of it, for a person.
fn told(before: &Tree, repo: &Repo) -> String {
    let mut told = String::new();
    let rows: Vec<Value> =
        repo.read(".auto/log.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for row in rows.iter().filter(|row| row.get("run").is_some() && row["kind"] != "baseline") {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let bytes = row["metric"].as_f64().unwrap();
        writeln!(told, "  in the log            {}, {bytes} bytes: {}", text("status"), text("description"))
            .unwrap();
        for line in text("detail").lines() {
            writeln!(told, "                          {line}").unwrap();
        }
    }
    let commits = repo.git(&["log", "--format=%s", "main"]);
    let new: Vec<&str> = commits.lines().take_while(|subject| *subject != "before").collect();
    writeln!(
        told,
        "  commits               {}",
        if new.is_empty() { "none".to_owned() } else { new.join(", ") }
    )
    .unwrap();
    for (name, what, text) in
        [("README", "your edit of README", README), ("notes.txt", "your notes.txt", NOTES)]
    {
        let fate = if repo.read(name) == text { "as you left it" } else { "gone" };
        writeln!(told, "  {what:21} {fate}").unwrap();
    }
    let mut after = tree(repo);
    after.retain(|path, _| !path.starts_with(".git"));
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    // A file that was put back has another time.
    let text = |tree: &Tree, path: &str| {
        tree.get(path).and_then(|what| what.splitn(4, ' ').nth(3).map(str::to_owned))
    };
    let is_changed = |path: &&&String| text(before, path) != text(&after, path);
    let changed: Vec<String> = paths.iter().filter(is_changed).map(ToString::to_string).collect();
    let changed = if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") };
    writeln!(told, "  files that changed    {changed}").unwrap();
    told
}

/// All files of the repository and of git, without the log, which both write.
fn tree(repo: &Repo) -> Tree {
    let mut all = repo.everything();
    all.retain(|path, what| path != ".auto/log.jsonl" && path != ".auto" && !what.starts_with("folder"));
    all
}

#[test]
#[ignore = "needs the real agents: cargo xtask side-by-side"]
fn a_lie_on_a_dirty_tree_is_refused_and_the_tree_stays_byte_for_byte() {
    let (theirs, ours) = (dirty(), dirty());
    let before = [tree(&theirs), tree(&ours)];
    pi_autoresearch(&theirs);
    sprag(&ours);
    let with_git = tree(&ours);
    assert_eq!(with_git, before[1], "Sprag changed something");
    let without_git = |mut all: Tree| {
        all.retain(|path, _| !path.starts_with(".git"));
        all
    };
    let [theirs_before, ours_before] = before.map(without_git);
    let told = format!(
        "pi with pi-autoresearch\n{}\nSprag with pi\n{}",
        told(&theirs_before, &theirs),
        told(&ours_before, &ours)
    );
    println!("\n{told}");
    assert_eq!(theirs.git(&["log", "-1", "--format=%s"]), "1000 times smaller\n");
    assert!(theirs.read("notes.txt").is_empty() && theirs.read("README") != README);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/side-by-side.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&told), "the manual shows something else");
}
