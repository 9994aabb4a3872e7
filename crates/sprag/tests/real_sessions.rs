//! A session of six tries with each real coding agent, asked by a model that plays a script. `cargo xtask agents` installs
//! them and runs this; no test here runs by itself, as they are hundreds of megabytes.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod real;
mod repo;
mod six;

use real::Home;
use repo::Repo;
use serde_json::{Value, json};
use sprag_scripted_model::{Script, Server};

/// Tokens of one answer. Aider writes thousands as `1.2k`, so that only fewer can be compared.
const USAGE: [u64; 3] = [600, 300, 80];

/// What the model says in each of the six tries.
fn script(agent: &str) -> (Script, Vec<u64>) {
    let turns: Vec<Value> = six::tries().iter().map(|made| real::turns(agent, made)).collect();
    let answers = turns.iter().map(|turns| turns.as_array().unwrap().len() as u64).collect();
    let later = turns.iter().enumerate().skip(1);
    let later: Vec<Value> =
        later.map(|(at, steps)| json!({ "when": six::judged(at - 1), "steps": steps })).collect();
    let [input, cached, output] = USAGE;
    let script = json!({
        "steps": turns[0], "conversations": later, "toolless": agent == "aider",
        "usage": { "input": input, "cached": cached, "output": output },
    });
    (Script::parse(&script.to_string()).unwrap(), answers)
}

/// The session, and what each of its tries asked the model.
fn session(agent: &str) -> (Repo, Vec<u64>) {
    let repo = six::project(&real::settings(agent));
    real::prepare(&repo, agent);
    let (script, answers) = script(agent);
    let server = Server::start(script).unwrap();
    let mut command = repo.command(&["run"]);
    Home::new(&repo, &server).tell(&mut command);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{agent}: {said}");
    assert!(server.asked().iter().all(|asked| asked.key.as_deref().is_none_or(|key| key == real::KEY)));
    (repo, answers)
}

/// What a row must say that a try of so many answers used.
fn bill(agent: &str, answers: u64) -> [Value; 3] {
    let [input, cached, output] = USAGE;
    match agent {
        // It tells one number for the input, with what the cache served.
        "aider" => [json!((input + cached) * answers), Value::Null, json!(output * answers)],
        _ => [json!(input * answers), json!(cached * answers), json!(output * answers)],
    }
}

/// Codex tells no dollars, Claude Code multiplies by its own prices, and the others by those that they were given.
#[track_caller]
fn are_dollars(agent: &str, answers: u64, row: &Value) {
    let [input, cached, output] = USAGE.map(|tokens| (tokens * answers) as f64 / 1e6);
    let told = row["usage"]["usd"].as_f64();
    let wanted = match agent {
        "codex" => None,
        "claude" => return assert!(told.is_some_and(|usd| usd > 0.0), "{agent}: {row}"),
        "aider" => Some((input + cached) * 3.0 + output * 15.0),
        _ => Some(input * 3.0 + cached * 0.3 + output * 15.0),
    };
    let are_close = |(told, wanted): (f64, f64)| (told - wanted).abs() < 1e-9;
    assert_eq!(told.is_some(), wanted.is_some(), "{agent}: {row}");
    assert!(told.zip(wanted).is_none_or(are_close), "{agent}: {wanted:?} in {row}");
}

/// Where aider is pinned.
const AIDER: &str = include_str!("../../sprag-agent/tests/real/requirements.txt");

fn pinned<'t>(pins: &'t str, package: &str) -> &'t str {
    pins.lines().find_map(|line| line.strip_prefix(package)).unwrap()
}

/// One line of the table.
fn line(agent: &str, rows: &[Value]) -> String {
    let name = rows.first().and_then(|row| row["agent"].as_str()).unwrap_or(agent);
    // A command says no version of its own.
    let name = if name == "command" {
        format!("{agent} {}", pinned(AIDER, "aider-chat=="))
    } else {
        name.to_owned()
    };
    let reasons: Vec<&str> = rows.iter().map(|row| row["reason"].as_str().unwrap_or("-")).collect();
    let sum = |key: &str| {
        let each: Option<Vec<f64>> = rows.iter().map(|row| row["usage"][key].as_f64()).collect();
        each.map(|each| each.iter().sum::<f64>())
    };
    let tokens = |key| sum(key).map_or("unknown".to_owned(), |sum| sum.to_string());
    let usd = sum("usd").map_or("unknown".to_owned(), |usd| format!("${usd:.4}"));
    format!(
        "{name:16} {:45} {:>8} {:>8} {:>8} {usd:>9}",
        reasons.join(" "),
        tokens("input"),
        tokens("cached"),
        tokens("output")
    )
}

#[test]
#[ignore = "needs the real agents: cargo xtask agents"]
fn six_tries_of_each_real_agent_are_judged_and_billed_as_scripted() {
    let mut agents = vec!["claude", "codex", "pi", "opencode"];
    match real::aider() {
        Some(_) => agents.push("aider"),
        None => eprintln!("skipped: aider is not here"),
    }
    let sessions: Vec<_> = agents.into_iter().map(|agent| (agent, session(agent))).collect();
    println!(
        "\n{:16} {:45} {:>8} {:>8} {:>8} {:>9}",
        "agent", "six tries", "input", "cached", "output", "cost"
    );
    for (agent, (repo, _)) in &sessions {
        println!("{}", line(agent, &six::rows(repo)));
    }
    for (agent, (repo, answers)) in &sessions {
        six::are_judged(repo, agent);
        for (row, answers) in six::rows(repo).iter().zip(answers) {
            let told = ["input", "cached", "output"].map(|key| row["usage"][key].clone());
            assert_eq!(told, bill(agent, *answers), "{agent}: {row}");
            are_dollars(agent, *answers, row);
        }
    }
}
