//! What a session costs: budgets that stop in time, prices for agents that tell no dollars, and a bill that a kill does not
//! shorten. The agents are stand-ins that print what the real ones printed.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use repo::{Done, Repo, SPEC};
use serde_json::Value;

/// A price by which a recorded try of Codex costs $0.40: it used 2400 tokens of input, 600 from a cache, 160 of output.
const PRICE: &str =
    "[agent]\nmodel = 'm'\n[prices.m]\ndate = '2026-11-01'\ninput = 100\ncached = 0\noutput = 1000\n";

/// A repository and the folder of the stand-ins.
struct Bench {
    repo: Repo,
    bin: PathBuf,
}

impl Bench {
    fn new(rules: &str, settings: &str) -> Self {
        let repo = Repo::new();
        repo.write(".auto/prompt.md", &SPEC.replace("- after 50 experiments", rules));
        repo.write(".auto/sprag.toml", settings);
        repo.commit("rules");
        let bin = repo.beside("bin");
        fs::create_dir(&bin).unwrap();
        Self { repo, bin }
    }

    /// A stand-in that makes the code a little longer, another way each time, and then runs `end`.
    fn stand_in(&self, agent: &str, end: &str) {
        let folder = self.bin.display();
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo 1.0; exit; }}\n\
             n=$(( $(cat '{folder}/count' 2>/dev/null || echo 0) + 1 )); echo $n > '{folder}/count'\n\
             echo \"$@\" >> '{folder}/args'; cat > /dev/null\n\
             echo $n more than before $n >> src/b.txt\n{end}\n"
        );
        let path = self.bin.join(agent);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.repo.command(args);
        command.env("PATH", format!("{}:{}", self.bin.display(), std::env::var("PATH").unwrap()));
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        let output = self.command(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// How often the stand-in was called.
    fn calls(&self) -> usize {
        fs::read_to_string(self.bin.join("count")).unwrap_or_default().trim().parse().unwrap_or(0)
    }

    fn bill(&self) -> Value {
        self.repo.run(&["status", "--json"]).expect(0).json()["bill"].clone()
    }

    /// The last reason for an end.
    fn end(&self) -> String {
        let stops = self.repo.of_type("stop");
        stops.last().map(|stop| stop["detail"].as_str().unwrap().to_owned()).unwrap_or_default()
    }
}

/// What was recorded of an agent, with another amount of dollars in it.
fn stream(agent: &str, change: &str) -> String {
    let streams = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sprag-agent/tests/streams");
    format!("sed '{change}' '{}'", streams.join(format!("{agent}.edit.jsonl")).display())
}

fn line_with(text: &str, part: &str) -> usize {
    text.lines().position(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part} in {text}"))
}

#[test]
fn a_dollar_stops_each_agent_that_tells_its_dollars_before_the_try_that_would_pass_it() {
    for (agent, change) in [
        ("claude", r#"s/"total_cost_usd":0.02584/"total_cost_usd":0.4/"#),
        ("pi", r#"s/"total":0.00489/"total":0.1/"#),
        ("opencode", r#"s/"cost":0.00489/"cost":0.1/"#),
    ] {
        let bench = Bench::new("- at $1", "");
        bench.stand_in(agent, &stream(agent, change));
        let done = bench.run(&["run", "--agent", agent]).expect(0);
        assert_eq!(bench.calls(), 2, "{agent}: {}", done.stderr);
        assert_eq!(bench.end(), "before try 3: $0.80 of $1 spent, and a try has cost up to $0.40", "{agent}");
        let done = done.says(&["$1 buys 2 tries: one has cost $0.40", "cost: $0.80, $0.40 a try"]);
        assert!(!done.stderr.contains("cannot stop"), "{agent}: {}", done.stderr);
        assert_eq!(
            bench.bill()["usd"]["total"].as_f64().map(|usd| (usd * 1e6).round()),
            Some(8e5),
            "{agent}"
        );
        assert_eq!(bench.bill()["computed"], 0.0, "{agent} told it");
        // The end holds at the next start, and after an audit of the whole ledger.
        bench.run(&["run", "--agent", agent]).expect(0);
        assert_eq!(bench.calls(), 2, "{agent}");
        bench.repo.run(&["audit"]).expect(0);
    }
}

#[test]
fn claude_is_told_what_is_left_of_the_budget() {
    let bench = Bench::new("- at $1", "");
    bench.stand_in("claude", &stream("claude", r#"s/"total_cost_usd":0.02584/"total_cost_usd":0.4/"#));
    bench.run(&["run", "--agent", "claude"]).expect(0);
    let args = fs::read_to_string(bench.bin.join("args")).unwrap();
    let left: Vec<&str> = args
        .lines()
        .filter_map(|line| line.split("--max-budget-usd ").nth(1)?.split_whitespace().next())
        .collect();
    assert_eq!(left, ["1.0000", "0.6000"]);
    let unlimited = Bench::new("- after 1 experiments", "");
    unlimited.stand_in("claude", &stream("claude", ""));
    unlimited.run(&["run", "--agent", "claude"]).expect(0);
    assert!(!fs::read_to_string(unlimited.bin.join("args")).unwrap().contains("--max-budget-usd"));
}

#[test]
fn an_agent_that_tells_no_dollars_is_warned_of_first_and_with_a_price_stops_in_time() {
    let bench = Bench::new("- after 3 experiments\n- at $1", "");
    bench.stand_in("codex", &stream("codex", ""));
    let done = bench.run(&["run", "--agent", "codex"]).expect(0);
    let warning = line_with(&done.stderr, "`at $1` cannot stop this session: codex 1.0 tells no dollars");
    assert!(warning < line_with(&done.stderr, "   2  discard"), "before the first try: {}", done.stderr);
    assert_eq!(done.stderr.matches("cannot stop").count(), 1, "once: {}", done.stderr);
    done.says(&["`after 3 experiments` still can", "cost: unknown: 3 of 3 tries told no cost"]);
    assert_eq!((bench.calls(), bench.end().as_str()), (3, "3 experiments done: the limit is 3"));
    assert!(bench.bill()["usd"]["total"].is_null() && bench.bill()["per_percent"].is_null());
    assert_eq!(bench.bill()["tokens"]["total"], 9480.0, "tokens are known");

    let bench = Bench::new("- at $1", PRICE);
    bench.stand_in("codex", &stream("codex", ""));
    let done = bench.run(&["run", "--agent", "codex"]).expect(0);
    assert_eq!(bench.calls(), 2, "{}", done.stderr);
    assert_eq!(bench.end(), "before try 3: $0.80 of $1 spent, and a try has cost up to $0.40");
    assert!(!done.stderr.contains("cannot stop"), "{}", done.stderr);
    done.says(&["cost: $0.80 (computed by the price of m of 2026-11-01), $0.40 a try"]);
    let row = bench.repo.rows().pop().unwrap();
    assert_eq!(row["usage"]["usd"], 0.4);
    assert_eq!(
        (&row["usage"]["price"]["model"], &row["usage"]["price"]["date"]),
        (&"m".into(), &"2026-11-01".into())
    );
    bench.repo.run(&["show", "2"]).expect(0).says(&["the dollars are computed: m of 2026-11-01"]);
    bench.repo.run(&["log"]).expect(0).says(&["cost", "$0.40"]);
    bench.repo.run(&["status"]).expect(0).says(&["budget `at $1`: ████████████████░░░░ 80 %"]);
    bench.repo.run(&["audit"]).expect(0);
}

#[test]
fn a_budget_that_is_nearly_used_up_is_said_once_and_tokens_are_one_too() {
    let settings = "[agent]\nusage = { input = 'in=([0-9]+)', cached = 'cached=([0-9]+)', output = 'out=([0-9]+)', usd = 'usd=([0-9.]+)' }\n";
    let bench = Bench::new("- at $1", settings);
    bench.stand_in("mine", "echo in=100 cached=50 out=50 usd=0.2");
    let done = bench.run(&["run", "--agent", "command:mine"]).expect(0);
    assert_eq!((bench.calls(), bench.end().as_str()), (5, "before try 6: $1.00 of $1 spent"));
    assert_eq!(
        done.stderr.matches("80 % of the budget is used up: $0.80 of $1 spent").count(),
        1,
        "{}",
        done.stderr
    );
    assert!(!done.stderr.contains("buys"), "{}", done.stderr);
    let bench = Bench::new("- at 1000 tokens", settings);
    bench.stand_in("mine", "echo in=200 cached=50 out=50");
    let done = bench.run(&["run", "--agent", "command:mine"]).expect(0);
    assert_eq!(
        bench.end(),
        "before try 4: 900 of 1k tokens used, and a try has used up to 300",
        "{}",
        done.stderr
    );
    let bench = Bench::new("- after 1 experiments\n- at 1000 tokens", "");
    bench.stand_in("mine", "echo done");
    let done = bench.run(&["run", "--agent", "command:mine"]).expect(0);
    done.says(&["`at 1k tokens` cannot stop this session: command does not tell all of its tokens"]);
}

#[test]
fn a_try_that_came_to_no_row_is_paid_for() {
    let bench = Bench::new("- at $1", PRICE);
    let undo = "git checkout -q src 2>/dev/null; sed -i '/more than before/d' src/b.txt\n";
    bench.stand_in("codex", &format!("{undo}{}", stream("codex", "")));
    bench.run(&["run", "--agent", "codex"]).expect(0);
    assert_eq!(bench.repo.of_type("event").len(), 2);
    assert!(bench.end().starts_with("before try 3: $0.80 of $1 spent"), "{}", bench.end());
}

#[test]
fn a_killed_session_remembers_what_it_owes() {
    // Before the answer: nobody knows what the lost try has used, and that is said.
    let bench = Bench::new("- at $1", PRICE);
    bench.stand_in("codex", &format!("[ $n = 2 ] && kill -9 $PPID\n{}", stream("codex", "")));
    assert_eq!(bench.run(&["run", "--agent", "codex"]).code, None, "it was killed");
    let done = bench.run(&["run", "--agent", "codex"]).expect(0);
    let end = "before try 3: $0.80 of $1 spent (1 try told nothing and is reckoned as the dearest), and a try has cost up to $0.40";
    assert_eq!((bench.calls(), bench.end().as_str()), (2, end), "{}", done.stderr);
    done.says(&["cost: $0.40 or more", "1 of 2 tries told no cost"]);
    let lost = bench.repo.of_type("event").into_iter().find(|event| event["event"] == "interrupted").unwrap();
    assert_eq!(lost["agent"], "codex 1.0");
    // After it, wherever the judging was: it is known.
    let bench = Bench::new("- at $1", PRICE);
    bench.stand_in("codex", &stream("codex", ""));
    let mut child = bench.command(&["run", "--agent", "codex"]).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while bench.calls() == 0 || !tab(&bench).contains("\"usd\"") {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "it never owed anything");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    bench.run(&["run", "--agent", "codex"]).expect(0);
    assert_eq!((bench.bill()["tries"].as_u64(), bench.bill()["usd"]["total"].as_f64()), (Some(2), Some(0.8)));
    assert_eq!(bench.calls(), 2);
    bench.repo.run(&["audit"]).expect(0);
}

/// What is written down of a try under way.
fn tab(bench: &Bench) -> String {
    let Ok(found) = fs::read_dir(bench.repo.state().join("sprag")) else { return String::new() };
    let homes = found.flatten().map(|entry| entry.path().join("sessions"));
    let sessions = homes.filter_map(|path| fs::read_dir(path).ok()).flatten().flatten();
    sessions.filter_map(|entry| fs::read_to_string(entry.path().join("tab.json")).ok()).collect()
}

#[test]
fn a_gain_is_told_with_what_a_percent_of_it_has_cost() {
    let bench = Bench::new("- after 1 experiments", PRICE);
    bench.stand_in(
        "codex",
        &format!("printf 'x\\n' > src/a.txt; printf '' > src/b.txt\n{}", stream("codex", "")),
    );
    let done = bench.run(&["run", "--agent", "codex", "--json"]).expect(0);
    let bill = done.json()["bill"].clone();
    let (percent, each) = (bill["percent"].as_f64().unwrap(), bill["per_percent"].as_f64().unwrap());
    assert!(percent > 50.0 && (each - 0.4 / percent).abs() < 1e-9, "{bill}");
    assert_eq!((bill["usd"]["per_keep"].as_f64(), bill["usd"]["not_kept"].as_f64()), (Some(0.4), Some(0.0)));
    done.says(&["per percent gained"]);
}

#[test]
fn an_old_price_is_said_and_a_new_one_goes_on_with_the_same_baseline() {
    let bench = Bench::new("- after 1 experiments", &PRICE.replace("2026", "2020"));
    bench.stand_in("codex", &stream("codex", ""));
    bench
        .run(&["run", "--agent", "codex"])
        .expect(0)
        .says(&["the price of `m` in `[prices]` is", "days old"]);
    bench.repo.write(".auto/sprag.toml", &PRICE.replace("input = 100", "input = 200"));
    bench.repo.write(".auto/prompt.md", &SPEC.replace("after 50", "after 2"));
    bench.run(&["run", "--agent", "codex"]).expect(0);
    assert_eq!(bench.repo.of_type("config").len(), 1, "no verdict depends on a price");
    let dollars: Vec<Value> =
        bench.repo.rows().iter().skip(1).map(|row| row["usage"]["usd"].clone()).collect();
    assert_eq!(dollars, [0.4, 0.64], "each row has the price of its time");
}
