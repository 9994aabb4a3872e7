//! The real coding agents in the loop, asked by a model that plays a script. `cargo xtask agents` installs them and runs this;
//! no test here runs by itself, as they are hundreds of megabytes.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use repo::{Done, Repo, SPEC, lines};
use serde_json::{Value, json};
use sprag_scripted_model::{Script, Server};

const AGENTS: [&str; 4] = ["claude", "codex", "pi", "opencode"];
/// What the model is asked with.
const KEY: &str = "sk-scripted-0123456789";

/// Where `cargo xtask agents` installed them.
fn installed() -> PathBuf {
    let folder = std::env::var_os("SPRAG_AGENTS").expect("`cargo xtask agents` says where the agents are");
    PathBuf::from(folder).join("node_modules/.bin")
}

/// The turns of a model that shortens `src/a.txt`, in the words of the agent's own tools.
fn edit(agent: &str) -> Value {
    let (old, new) = (lines("a", 10), lines("a", 5));
    let path = "src/a.txt";
    let turns = match agent {
        "claude" => json!([
            { "tools": [{ "tool": "Read", "args": { "file_path": path } }] },
            { "tools": [{ "tool": "Edit", "args": { "file_path": path, "old_string": old, "new_string": new } }] },
        ]),
        "codex" => {
            let gone: String = lines("a", 5).lines().map(|line| format!("-{line}\n")).collect();
            let kept: String = lines("a", 5).lines().map(|line| format!(" {line}\n")).collect();
            let patch = format!("*** Begin Patch\n*** Update File: {path}\n@@\n{gone}{kept}*** End Patch\n");
            json!([{ "tools": [{ "tool": "exec_command", "args": { "cmd": format!("apply_patch <<'EOF'\n{patch}EOF") } }] }])
        }
        "pi" => json!([
            { "tools": [{ "tool": "read", "args": { "path": path } }] },
            { "tools": [{ "tool": "edit", "args": { "path": path, "edits": [{ "oldText": old, "newText": new }] } }] },
        ]),
        _ => json!([
            { "tools": [{ "tool": "read", "args": { "filePath": path } }] },
            { "tools": [{ "tool": "edit", "args": { "filePath": path, "oldString": old, "newString": new } }] },
        ]),
    };
    let mut turns = turns.as_array().unwrap().clone();
    turns.push(json!({ "text": "Half of the lines say the same." }));
    turns.into()
}

/// The turns of a model that has the agent run a line of the shell in between.
fn edit_and_run(agent: &str, line: &str) -> Value {
    let call = match agent {
        "claude" => json!({ "tool": "Bash", "args": { "command": line, "description": "look around" } }),
        "codex" => json!({ "tool": "exec_command", "args": { "cmd": line } }),
        "pi" => json!({ "tool": "bash", "args": { "command": line } }),
        _ => json!({ "tool": "bash", "args": { "command": line, "description": "look around" } }),
    };
    let mut turns = edit(agent).as_array().unwrap().clone();
    turns.insert(turns.len() - 1, json!({ "tools": [call] }));
    turns.into()
}

/// A session of one experiment with the real agent, asked by a model with these turns.
fn session(agent: &str, script: Value) -> (Repo, Server, Done) {
    session_in(Repo::new(), agent, script)
}

fn session_in(repo: Repo, agent: &str, script: Value) -> (Repo, Server, Done) {
    let (server, done) = called(&repo, agent, script, &["run"]);
    (repo, server, done)
}

/// A command of Sprag's in a repository whose settings name the real agent.
fn called(repo: &Repo, agent: &str, script: Value, args: &[&str]) -> (Server, Done) {
    called_at(repo, agent, script, args, None)
}

/// The same, where the model is said to be elsewhere.
fn called_at(
    repo: &Repo,
    agent: &str,
    script: Value,
    args: &[&str],
    elsewhere: Option<&str>,
) -> (Server, Done) {
    let server = prepare(repo, agent, script, elsewhere);
    let output = sprag(repo, args, elsewhere.unwrap_or(&server.url().to_string())).output().unwrap();
    (server, done(output))
}

fn done(output: Output) -> Done {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Has the settings of a repository name the agent, and those of the agent the model.
fn prepare(repo: &Repo, agent: &str, script: Value, elsewhere: Option<&str>) -> Server {
    repo.write(".auto/prompt.md", &SPEC.replace("after 50 experiments", "after 1 experiments"));
    let model = if matches!(agent, "pi" | "opencode") { "model = 'scripted/m'\n" } else { "" };
    let server = Server::start(Script::parse(&script.to_string()).unwrap()).unwrap();
    let url = elsewhere.map_or_else(|| server.url().to_string(), str::to_owned);
    let network = match elsewhere {
        None => format!("network = ['{}']\n", url.trim_start_matches("http://")),
        // They ask again and again.
        Some(_) => "network = ['api.example.com']\n[run]\ntimeout = { propose = '12s' }\n".to_owned(),
    };
    repo.write(
        ".auto/sprag.toml",
        &format!("[agent]\nuse = '{agent}'\nretry = ['1ms']\nenv = ['SCRIPTED_KEY']\n{model}{network}"),
    );
    repo.commit("settings");
    let home = repo.beside("home");
    let codex = "model = 'm'\nmodel_provider = 'scripted'\n[model_providers.scripted]\nname = 'scripted'\nenv_key = 'SCRIPTED_KEY'\nwire_api = 'responses'\n";
    let price = json!({ "input": 3, "output": 15, "cacheRead": 0.3, "cacheWrite": 3.75 });
    let pi_model = json!({ "id": "m", "contextWindow": 128_000, "maxTokens": 8192, "cost": price });
    let pi = json!({ "providers": { "scripted": {
        "baseUrl": format!("{url}/v1"), "api": "openai-completions", "apiKey": KEY, "models": [pi_model],
    } } });
    let opencode_model = json!({
        "name": "m", "cost": { "input": 3, "output": 15, "cache_read": 0.3 }, "limit": { "context": 128_000, "output": 8192 },
    });
    let opencode = json!({ "autoupdate": false, "share": "disabled", "provider": { "scripted": {
        "npm": "@ai-sdk/openai-compatible", "name": "scripted", "models": { "m": opencode_model },
        "options": { "baseURL": format!("{url}/v1"), "apiKey": KEY },
    } } });
    for (path, text) in [
        ("codex/config.toml", format!("{codex}base_url = '{url}/v1'\n")),
        ("pi/models.json", pi.to_string()),
        ("opencode.json", opencode.to_string()),
    ] {
        repo::write(&home.join(path), text.as_bytes());
    }
    // Codex keeps no programs below the folder for temporary files, and without them it cannot edit in its sandbox.
    fs::create_dir(home.join("tmp")).unwrap();
    server
}

/// A command of Sprag's that finds the real agents.
fn sprag(repo: &Repo, args: &[&str], url: &str) -> Command {
    let home = repo.beside("home");
    let path = format!("{}:{}", installed().display(), std::env::var("PATH").unwrap());
    let mut command = repo.command(args);
    command.env("PATH", path).env("HOME", &home).env("TMPDIR", home.join("tmp")).env("SCRIPTED_KEY", KEY);
    command.env("CODEX_HOME", home.join("codex")).env("PI_CODING_AGENT_DIR", home.join("pi"));
    command.env("OPENCODE_CONFIG", home.join("opencode.json"));
    command.env("ANTHROPIC_BASE_URL", url).env("ANTHROPIC_API_KEY", KEY);
    command
}

#[test]
#[ignore = "needs the real agents: cargo xtask agents"]
fn each_real_agent_makes_an_edit_that_is_kept_with_its_bill() {
    let usage = json!({ "input": 1200, "cached": 300, "output": 80, "reasoning": 7 });
    for agent in AGENTS {
        let (repo, server, done) = session(agent, json!({ "steps": edit(agent), "usage": usage }));
        done.expect(0);
        let (status, reason, _) = repo.verdict();
        assert_eq!((status.as_str(), reason.as_str()), ("keep", "improved"), "{agent}");
        let row = repo.rows().pop().unwrap();
        assert_eq!(row["description"], "Half of the lines say the same.", "{agent}");
        assert!(row["agent"].as_str().unwrap().starts_with(agent));
        let answers = server.asked().iter().filter(|asked| asked.step.is_some()).count() as u64;
        let told = ["input", "cached", "output"].map(|key| row["usage"][key].as_u64().unwrap());
        assert_eq!(told, [1200 * answers, 300 * answers, 80 * answers], "{agent}: what the server counted");
        assert!(
            server.asked().iter().all(|asked| asked.key.as_deref().is_none_or(|key| key == KEY)),
            "{agent}"
        );
        eprintln!("{agent}: {} {}", row["agent"], row["usage"]);
    }
}

#[test]
#[ignore = "needs the real agents: cargo xtask agents"]
fn no_real_agent_turns_a_refused_key_into_an_experiment() {
    let refused = json!({ "fault": { "status": { "code": 401, "message": "bad key" } } });
    for agent in AGENTS {
        let (repo, _server, done) = session(agent, json!({ "steps": [refused], "toolless": true }));
        done.expect(1).says(&["does not accept the key"]);
        assert_eq!(repo.rows().len(), 1, "{agent}: the baseline alone");
        assert_eq!(repo.of_type("event")[0]["event"], "infrastructure", "{agent}");
    }
}

#[test]
#[ignore = "needs the real agents: cargo xtask agents"]
fn no_real_agent_reads_or_writes_outside_of_its_copy() {
    for agent in AGENTS {
        let repo = Repo::new();
        let (home, root, state) = (repo.beside("home"), repo.root().to_owned(), repo.state());
        repo::write(&home.join("private.txt"), b"of the person");
        let (home, root, state) = (home.display(), root.display(), state.display());
        let outside = [
            format!("{home}/private.txt"),
            format!("{root}/README"),
            format!("{state}/sprag/*/sessions/*/ledger.jsonl"),
        ];
        // OpenCode looks for paths in a line, and refuses some itself: so it gets to see none.
        let script = format!(
            "for f in {home} {root} {state}; do touch $f/by-an-agent; done 2>/dev/null; seen=$(cat {} 2>/dev/null | wc -c)\n\
             printf '{{\"description\":\"looked around\",\"copy\":\"%s\",\"outside\":\"%s\"}}' $(cat README | wc -c) $seen > .sprag/proposal.json",
            outside.join(" ")
        );
        let octal: String = script.bytes().map(|byte| format!("\\{byte:03o}")).collect();
        let line = format!("printf '{octal}' | sh");
        let (repo, _server, done) = session_in(repo, agent, json!({ "steps": edit_and_run(agent, &line) }));
        done.expect(0);
        let row = repo.rows().pop().unwrap();
        assert_eq!(row["description"], "looked around", "{agent}");
        assert_eq!((&row["asi"]["copy"], &row["asi"]["outside"]), (&json!("13"), &json!("0")), "{agent}");
        for folder in [repo.beside("home"), repo.root().to_owned(), repo.state()] {
            assert!(!folder.join("by-an-agent").exists(), "{agent}: {}", folder.display());
        }
        eprintln!("{agent}: sees and writes its copy alone");
    }
}

#[test]
#[ignore = "needs the real agents: cargo xtask agents"]
fn each_real_agent_is_asked_for_a_word() {
    let usage = json!({ "input": 12, "cached": 3, "output": 8 });
    for agent in AGENTS {
        let script = json!({ "steps": [{ "text": "ready" }], "usage": usage });
        let (_server, done) = called(&Repo::new(), agent, script, &["doctor", "--agent", agent, "--json"]);
        let told = done.expect(0).json();
        assert_eq!((&told["tier"], &told["answer"]), (&json!("enforced"), &json!("ready")), "{told}");
        assert_eq!(told["usage"]["input"], 12, "{told}");
        eprintln!("{told}");
    }
}

#[test]
#[ignore = "needs the real agents: cargo xtask agents"]
fn each_real_agent_asks_the_proxy_for_a_host_that_is_not_named() {
    for agent in AGENTS {
        let script = json!({ "steps": [{ "text": "ready" }] });
        let (args, elsewhere) = (["doctor", "--agent", agent], "https://model.example.com");
        let (_server, done) = called_at(&Repo::new(), agent, script, &args, Some(elsewhere));
        eprintln!("{agent}: {}", done.stdout);
        // OpenCode asks for its list of models first, for longer than this test waits.
        let first = if agent == "opencode" { "models.opencode.ai" } else { "model.example.com" };
        done.expect(1).says(&["it asked for", first]);
    }
}

/// A call that takes long, in the words of the agent's own tools.
fn long(agent: &str) -> Value {
    let line = "sleep 300";
    match agent {
        "claude" => json!({ "tool": "Bash", "args": { "command": line } }),
        "codex" => json!({ "tool": "exec_command", "args": { "cmd": line, "yield_time_ms": 30_000 } }),
        _ => json!({ "tool": "bash", "args": { "command": line, "description": "wait" } }),
    }
}

#[test]
#[ignore = "needs the real agents: cargo xtask agents"]
fn a_session_killed_in_the_middle_of_a_real_agents_turn_goes_on_without_paying_twice() {
    let usage = json!({ "input": 1200, "cached": 300, "output": 80, "reasoning": 7 });
    for agent in AGENTS {
        let mut steps = edit(agent).as_array().unwrap().clone();
        let last = steps.len() - 1;
        // The edit is made, and then it takes long: there it is killed.
        steps.insert(last, json!({ "tools": [long(agent)] }));
        let repo = Repo::new();
        let server = prepare(&repo, agent, json!({ "steps": steps, "usage": usage }), None);
        let url = server.url().to_string();
        let answers = || server.asked().iter().filter(|asked| asked.step.is_some()).count();
        let mut child =
            sprag(&repo, &["run"], &url).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(120);
        while !server.asked().iter().any(|asked| asked.step == Some(last)) {
            assert!(Instant::now() < deadline, "{agent} did not come so far");
            std::thread::sleep(Duration::from_millis(20));
        }
        // What the answer was is in its events a moment later.
        std::thread::sleep(Duration::from_secs(3));
        child.kill().unwrap();
        child.wait().unwrap();
        let before = answers();
        done(sprag(&repo, &["run"], &url).output().unwrap()).expect(0);
        let (status, reason, _) = repo.verdict();
        assert_eq!((status.as_str(), reason.as_str()), ("keep", "improved"), "{agent}");
        let steps: Vec<Option<usize>> = server.asked()[before..].iter().map(|asked| asked.step).collect();
        assert!(!steps.contains(&Some(0)), "{agent} began anew: {steps:?}");
        let cut = repo.of_type("event").into_iter().find(|event| event["event"] == "interrupted").unwrap();
        let row = repo.rows().pop().unwrap();
        eprintln!(
            "{agent}: asked {before} and {}; {} and {}",
            answers() - before,
            cut["usage"],
            row["usage"]
        );
        assert!(cut["data"]["conversation"].is_string(), "{agent}: {cut}");
        let after = 1200 * (answers() - before) as u64;
        let known = cut["usage"]["input"].as_u64();
        match agent {
            // It tells the sum of the conversation, but for the answer whose call was cut off.
            "codex" => assert_eq!(row["usage"]["input"], after + 1200 * (before - 1) as u64, "{row}"),
            // It tells nothing before its end.
            "claude" => assert_eq!((row["usage"]["input"].as_u64(), known), (Some(after), None), "{row}"),
            // It tells the cost of an answer when its calls have ended.
            "opencode" => assert_eq!(row["usage"]["input"], after, "{row}"),
            _ => {
                assert_eq!(row["usage"]["input"], after, "{row}");
                assert_eq!(known, Some(1200 * before as u64), "{cut}");
            }
        }
    }
}
