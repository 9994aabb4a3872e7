//! Turns of agents: paid for once, whatever is killed; handed on; and what happens when nothing is kept.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use repo::{Done, Repo, SPEC, UNLOCKED, lines};
use serde_json::Value;

/// A repository and the folder of a stand-in for pi, which counts what it asks the model.
struct Bench {
    repo: Repo,
    bin: PathBuf,
}

/// What the stand-in may do: `ask` asks the model once and tells what that used, `done` comes to a good end, `reach`
/// says where it is, and `wait_for` waits.
const WORDS: &str = r#"
ask() { echo "$name" >> "$here/asked"; echo '{"type":"message_end","message":{"role":"assistant","content":[{"type":"text","text":"Did '$n'"}],"usage":{"input":100,"output":10,"cacheRead":5,"cacheWrite":0,"cost":{"total":0.5}},"stopReason":"stop"}}'; }
begin() { echo '{"type":"session","id":"talk-1"}'; }
done_() { echo '{"type":"agent_settled"}'; }
reach() { : > "$here/reached"; }
wait_for() { while [ ! -e "$here/$1" ]; do sleep 0.02; done; }
"#;

impl Bench {
    /// The session ends after so many experiments.
    fn new(experiments: usize, settings: &str) -> Self {
        let repo = Repo::new();
        repo.write(".auto/prompt.md", &after(experiments));
        let bin = repo.beside("bin");
        fs::create_dir(&bin).unwrap();
        repo.write(".auto/sprag.toml", &repo::letting_write(settings, &bin));
        repo.commit("settings");
        Self { repo, bin }
    }

    /// A stand-in by this name: the nth call, of whichever, plays the nth of `turns`.
    fn stand_in(&self, name: &str, turns: &[&str]) {
        let cases: String =
            turns.iter().enumerate().map(|(at, turn)| format!("{}) {turn} ;;\n", at + 1)).collect();
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo 1.0; exit; }}\nhere='{}'; name={name}\n{WORDS}\
             n=$(( $(cat \"$here/count\" 2>/dev/null || echo 0) + 1 )); echo $n > \"$here/count\"\n\
             cat > \"$here/brief.$n\"; echo \"$@\" > \"$here/args.$n\"; cat src/*.txt > \"$here/began.$n\"\n\
             case $n in\n{cases}esac\n",
            self.bin.display(),
        );
        let path = self.bin.join(name);
        fs::write(&path, script).unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.repo.command(args);
        command.env("PATH", format!("{}:{}", self.bin.display(), std::env::var("PATH").unwrap()));
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        let output = self.command(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Runs until `reached` says so and Sprag has heard what was said until then, and kills Sprag alone.
    fn run_and_kill(&self, args: &[&str], is_reached: impl Fn() -> bool) {
        let mut child = self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(&mut child, || is_reached() && self.heard() == self.asked());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn has(&self, name: &str) -> bool {
        self.bin.join(name).exists()
    }

    /// Whether a stand-in runs.
    fn is_running(&self, name: &str) -> bool {
        let script = self.bin.join(name).display().to_string();
        let lines =
            fs::read_dir("/proc").unwrap().flatten().map(|entry| fs::read(entry.path().join("cmdline")));
        lines.flatten().any(|line| String::from_utf8_lossy(&line).split('\0').any(|word| word == script))
    }

    fn noted(&self, name: &str) -> String {
        fs::read_to_string(self.bin.join(name)).unwrap_or_default()
    }

    fn calls(&self) -> usize {
        self.noted("count").trim().parse().unwrap_or(0)
    }

    /// How often the model was asked.
    fn asked(&self) -> u64 {
        self.noted("asked").lines().count() as u64
    }

    /// How many answers stand in transcripts.
    fn heard(&self) -> u64 {
        let mut folders = vec![self.repo.state()];
        let mut heard = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_name() == "transcript.jsonl" {
                    let text = fs::read_to_string(entry.path()).unwrap_or_default();
                    heard += text.matches("message_end").count() as u64;
                } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                }
            }
        }
        heard
    }

    fn rows(&self) -> Vec<Value> {
        self.repo.rows().into_iter().filter(|row| row["kind"] == "experiment").collect()
    }

    fn events(&self, word: &str) -> Vec<Value> {
        self.repo.of_type("event").into_iter().filter(|event| event["event"] == word).collect()
    }

    /// What the ledger says was used: the sum over experiments and events, of what is known.
    fn input(&self) -> u64 {
        let all = self.rows().into_iter().chain(self.repo.of_type("event"));
        all.filter_map(|entry| entry["usage"]["input"].as_u64()).sum()
    }
}

fn after(experiments: usize) -> String {
    SPEC.replace("after 50 experiments", &format!("after {experiments} experiments"))
}

fn until(child: &mut Child, is_reached: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_reached() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        assert!(Instant::now() < deadline, "nothing was reached");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A line of the shell that leaves `n` lines of ten bytes in `path`.
fn edit(path: &str, n: usize) -> String {
    format!("printf '%s' '{}' > {path}", lines("x", n))
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or("-").to_owned()
}

const PI: [&str; 3] = ["run", "--agent", "pi"];

#[test]
fn a_turn_that_ended_before_the_kill_is_judged_and_not_paid_for_again() {
    let bench = Bench::new(1, UNLOCKED);
    bench.repo.shut_gate_for("src/a.txt");
    bench.repo.commit("a gate");
    bench.stand_in("pi", &[&format!("begin; {}; ask; done_", edit("src/a.txt", 5))]);
    bench.run_and_kill(&PI, || bench.repo.beside("gate-reached").exists());
    assert_eq!((bench.calls(), bench.rows().len()), (1, 0));
    bench.repo.open_gate();
    bench.run(&PI).expect(0).says(&["pi 1.0 had ended its turn: what it left is judged"]);
    let row = &bench.rows()[0];
    assert_eq!((text(row, "status"), text(row, "description")), ("keep".to_owned(), "Did 1".to_owned()));
    assert_eq!((bench.calls(), bench.asked(), bench.input()), (1, 1, 100), "{row}");
    bench.run(&["audit"]).expect(0);
}

#[test]
fn a_turn_that_was_killed_in_the_middle_goes_on_with_its_conversation_and_each_part_is_counted_once() {
    let bench = Bench::new(1, "");
    let first = format!("begin; {}; ask; reach; wait_for never", edit("src/a.txt", 5));
    bench.stand_in("pi", &[&first, &format!("{}; ask; done_", edit("src/b.txt", 5))]);
    bench.run_and_kill(&PI, || bench.has("reached") && bench.is_running("pi"));
    bench.run(&PI).expect(0).says(&["was cut short in its turn, and goes on with its conversation"]);
    assert!(!bench.is_running("pi"), "the agent of the killed Sprag lives");
    assert!(bench.noted("args.2").contains("--session talk-1"), "{}", bench.noted("args.2"));
    assert!(bench.noted("brief.2").starts_with("You were cut off"), "{}", bench.noted("brief.2"));
    let row = &bench.rows()[0];
    assert_eq!(row["metric"].as_f64(), Some(235.0), "the edits of both parts: {row}");
    assert_eq!((bench.calls(), bench.asked(), bench.input()), (2, 2, 200));
    let cut = &bench.events("interrupted")[0];
    assert_eq!((cut["usage"]["usd"].as_f64(), row["usage"]["usd"].as_f64()), (Some(0.5), Some(0.5)));
    bench.run(&["audit"]).expect(0);
}

#[test]
fn a_turn_that_is_killed_again_and_again_is_counted_part_by_part() {
    let bench = Bench::new(1, "");
    let part = "begin; ask; reach; wait_for never";
    bench.stand_in("pi", &[part, part, &format!("{}; ask; done_", edit("src/b.txt", 5))]);
    for _ in 0..2 {
        bench.run_and_kill(&PI, || bench.has("reached"));
        fs::remove_file(bench.bin.join("reached")).unwrap();
    }
    bench.run(&PI).expect(0);
    assert_eq!((bench.calls(), bench.asked(), bench.input()), (3, 3, 300));
    assert!(bench.noted("args.3").contains("--session talk-1"));
    assert_eq!(bench.events("interrupted").len(), 2);
}

#[test]
fn a_turn_that_was_killed_before_it_said_anything_is_taken_anew_and_its_cost_is_unknown() {
    let bench = Bench::new(1, "");
    let turn = format!("begin; {}; ask; done_", edit("src/a.txt", 5));
    bench.stand_in("pi", &[&format!("{}; reach; wait_for never", edit("src/c.txt", 1)), &turn]);
    bench.run_and_kill(&PI, || bench.has("reached"));
    bench.run(&PI).expect(0).says(&["there is no conversation to go on with: the turn is taken anew"]);
    let row = &bench.rows()[0];
    assert_eq!(row["metric"].as_f64(), Some(285.0), "in a fresh copy: {row}");
    assert!(!bench.noted("args.2").contains("--session talk-1"));
    assert_eq!((bench.calls(), bench.asked(), bench.input()), (2, 1, 100));
    assert!(bench.events("interrupted")[0]["usage"].is_null(), "nobody knows, which is not nothing");
}

#[test]
fn an_agent_that_outlived_sprag_goes_on_with_its_conversation_as_nobody_saw_its_end() {
    let bench = Bench::new(1, UNLOCKED);
    let turn =
        format!("begin; ask; reach; wait_for go; {}; ask; done_; : > \"$here/ended\"", edit("src/a.txt", 5));
    bench.stand_in("pi", &[&turn, "ask; done_"]);
    bench.run_and_kill(&PI, || bench.has("reached"));
    fs::write(bench.bin.join("go"), "").unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !bench.has("ended") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    bench.run(&PI).expect(0);
    // What it printed after the kill went with the file that it printed to.
    assert_eq!((bench.calls(), bench.asked(), bench.input()), (2, 3, 200));
    assert_eq!(bench.rows()[0]["metric"].as_f64(), Some(285.0));
}

#[test]
fn a_change_of_the_person_takes_the_place_of_a_turn_that_was_cut_short_and_its_cost_is_recorded() {
    let bench = Bench::new(2, UNLOCKED);
    bench.repo.shut_gate_for("src/a.txt");
    bench.repo.commit("a gate");
    bench.stand_in("pi", &[&format!("begin; {}; ask; done_", edit("src/a.txt", 5)), "ask; done_"]);
    bench.run_and_kill(&PI, || bench.repo.beside("gate-reached").exists());
    bench.repo.open_gate();
    bench.repo.write("src/c.txt", &lines("c", 3));
    bench.run(&["try", "-m", "mine"]).expect(0).says(&["what pi 1.0 left was not judged"]);
    assert_eq!((bench.asked(), bench.input()), (1, 100));
    assert_eq!(text(&bench.rows()[0], "agent"), "person");
}

#[test]
fn agents_take_turns_one_after_the_other_across_two_runs() {
    let bench = Bench::new(1, "[agent]\nuse = ['pi', 'command:other']\nturns = 'round-robin'\n");
    let turn = |path: &str, n| format!("begin; {}; ask; done_", edit(path, n));
    let turns = [turn("src/a.txt", 5), turn("src/b.txt", 5), turn("src/c.txt", 5)];
    for name in ["pi", "other"] {
        bench.stand_in(name, &turns.each_ref().map(String::as_str));
    }
    bench.run(&["run"]).expect(0);
    bench.repo.write(".auto/prompt.md", &after(3));
    bench.run(&["run"]).expect(0);
    let agents: Vec<String> = bench.rows().iter().map(|row| text(row, "agent")).collect();
    assert_eq!(agents, ["pi 1.0", "command", "pi 1.0"]);
    assert_eq!(bench.noted("asked"), "pi\nother\npi\n");
}

#[test]
fn an_agent_without_a_key_rests_while_another_one_can_work() {
    let bench = Bench::new(2, "");
    let turn = |path: &str| format!("begin; {}; ask; done_", edit(path, 5));
    let refused = "echo 'No API key found for the selected model.' >&2; exit 1";
    for name in ["pi", "other"] {
        bench.stand_in(name, &[refused, &turn("src/a.txt"), &turn("src/b.txt")]);
    }
    let both = ["run", "--agent", "pi", "--agent", "command:other"];
    bench.run(&both).expect(0).says(&["pi 1.0 rests; command goes on"]);
    assert_eq!(bench.noted("asked"), "other\nother\n");
    let bench = Bench::new(2, "");
    for name in ["pi", "codex"] {
        bench.stand_in(name, &[refused, refused]);
    }
    bench.run(&["run", "--agent", "pi", "--agent", "codex"]).expect(1).says(&["does not accept the key"]);
    assert_eq!(bench.calls(), 2);
}

#[test]
fn when_nothing_is_kept_another_agent_is_asked_then_copies_begin_elsewhere_and_then_it_stops() {
    let bench = Bench::new(50, "[agent]\nuse = ['pi', 'command:other']\nstall = 2\n");
    // One byte less is no gain that counts, and two of them together are none either.
    let cut = |path: &str| format!("printf '%s' \"$(tail -c +2 {path})\" > {path}");
    let worse = |n: usize| format!("seq {n} {} > src/more{n}.txt", n + 20);
    let steps =
        [cut("src/a.txt"), cut("src/b.txt")].into_iter().chain([100, 200, 300, 400, 500, 600].map(worse));
    let turns: Vec<String> = steps.map(|step| format!("begin; {step}; ask; done_")).collect();
    let turns: Vec<&str> = turns.iter().map(String::as_str).collect();
    for name in ["pi", "other"] {
        bench.stand_in(name, &turns);
    }
    // Stopped in the middle: the next run stands on the same step.
    bench.repo.write(".auto/prompt.md", &after(5));
    bench.run(&["run"]).expect(0);
    let next = bench.run(&["brief"]).expect(0).says(&["## Where this copy begins", "- run 3 (discard)"]);
    assert!(!next.stdout.contains("which you find in this folder"), "{}", next.stdout);
    bench.repo.write(".auto/prompt.md", &after(50));
    bench.run(&["run"]).expect(0).says(&["nothing else is left to start from"]);
    let steps: Vec<(String, Value)> = bench
        .events("stalled")
        .iter()
        .map(|e| (text(&e["data"], "step"), e["data"]["runs"].clone()))
        .collect();
    let expected =
        [("agent", Value::Null), ("start", serde_json::json!([3])), ("combine", serde_json::json!([3, 2]))];
    assert_eq!(steps, expected.map(|(word, runs)| (word.to_owned(), runs)));
    assert_eq!(text(&bench.repo.of_type("stop")[1], "reason"), "stalled");
    assert_eq!(bench.noted("asked"), format!("pi\npi\n{}", "other\n".repeat(6)));
    let begun = |n: usize| bench.noted(&format!("began.{n}")).len();
    assert_eq!([3, 4, 5, 6, 7, 8].map(begun), [335, 335, 333, 333, 331, 331]);
    assert!(bench.noted("brief.5").contains("## Where this copy begins"), "{}", bench.noted("brief.5"));
    assert!(!bench.noted("brief.4").contains("## Where this copy begins"));
    bench.run(&["audit"]).expect(0);
}

#[test]
fn a_keep_ends_a_stall_and_zero_never_stalls() {
    let bench = Bench::new(4, "[agent]\nstall = 1\n");
    let cut = "printf '%s' \"$(tail -c +2 src/a.txt)\" > src/a.txt";
    let turns = [
        format!("begin; {cut}; ask; done_"),
        format!("begin; {}; ask; done_", edit("src/b.txt", 5)),
        format!("begin; {}; ask; done_", edit("src/c.txt", 5)),
    ];
    bench.stand_in("pi", &turns.each_ref().map(String::as_str));
    bench.repo.write(".auto/prompt.md", &after(3));
    bench.run(&PI).expect(0);
    assert_eq!(bench.events("stalled").len(), 1);
    let kept: Vec<f64> = bench.rows().iter().map(|row| row["metric"].as_f64().unwrap()).collect();
    assert_eq!(kept, [333.0, 283.0, 233.0]);
    assert_eq!(bench.noted("began.3").len(), 283, "from the new incumbent");
    let bench = Bench::new(3, "[agent]\nstall = 0\n");
    let worse = |n: usize| format!("begin; seq {n} {} > src/more{n}.txt; ask; done_", n + 20);
    bench.stand_in("pi", &[&worse(100), &worse(200), &worse(300)]);
    bench.run(&PI).expect(0);
    assert_eq!((bench.rows().len(), bench.events("stalled").len()), (3, 0));
}

#[test]
fn without_a_near_miss_copies_begin_as_the_keep_before_the_best_code() {
    let bench = Bench::new(50, "[agent]\nstall = 1\n");
    let turns = [
        format!("begin; {}; ask; done_", edit("src/a.txt", 5)),
        format!("begin; {}; ask; done_", edit("src/b.txt", 5)),
        "begin; seq 100 120 > src/more.txt; ask; done_".to_owned(),
        "begin; seq 200 220 > src/other.txt; ask; done_".to_owned(),
    ];
    bench.stand_in("pi", &turns.each_ref().map(String::as_str));
    bench.run(&PI).expect(0).says(&["copies begin as what run 2 left", "nothing else is left to start from"]);
    assert_eq!(bench.noted("began.4").len(), 285, "without what run 3 gained");
    // It is judged against the best code all the same.
    let rows = bench.rows();
    assert_eq!(rows[3]["parent"], rows[1]["tree"]);
    bench.run(&["audit"]).expect(0);
}

#[test]
fn what_is_nearly_a_run_of_before_is_shown_once_and_then_measured_whatever_becomes_of_it() {
    let bench = Bench::new(3, "");
    let many = |more: &str| format!("begin; {{ seq 100 140; echo '{more}'; }} > src/more.txt");
    let turns = [
        format!("{}; ask; done_", many("one")),
        format!("{}; ask; done_", many("two")),
        "begin; ask; done_".to_owned(),
        format!("{}; ask; done_", many("three")),
        format!("begin; rm src/more.txt; {}; ask; done_", edit("src/a.txt", 5)),
    ];
    bench.stand_in("pi", &turns.each_ref().map(String::as_str));
    bench.run(&PI).expect(0).says(&["what pi 1.0 left is nearly run 2: it is shown that"]);
    let rows = bench.rows();
    let told: Vec<(String, u64)> =
        rows.iter().map(|row| (text(row, "description"), row["usage"]["input"].as_u64().unwrap())).collect();
    // What was left as it was keeps its words; each question is paid for in the row.
    assert_eq!(told, [("Did 1".to_owned(), 100), ("Did 2".to_owned(), 200), ("Did 5".to_owned(), 200)]);
    assert_eq!(text(&rows[2], "status"), "keep");
    assert!(bench.noted("brief.3").contains("nearly run 2, \"Did 1\""), "{}", bench.noted("brief.3"));
    assert!(
        bench.noted("args.3").contains("--session talk-1") && bench.noted("args.5").contains("--session")
    );
    assert_eq!((bench.calls(), bench.asked(), bench.input()), (5, 5, 500));
    assert_eq!(bench.events("resembles").len(), 2);
    bench.run(&["audit"]).expect(0);
}
