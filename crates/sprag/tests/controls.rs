//! Every kind of control at work: what it refuses, and that it lets an honest gain pass.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::fs;

use repo::{Repo, lines};

/// The primary metric repeats to the bit; of the others `work` and `slack` are noisy.
const MEASURE: &str = "\
#!/bin/sh
noise() { od -An -N1 -tu1 /dev/urandom; }
echo \"METRIC bytes=$(cat src/*.txt | wc -c)\"
for name in calls rows peak_mb bundle_kb hits; do echo \"METRIC $name=$(cat src/$name)\"; done
for name in work slack; do echo \"METRIC $name=$(( $(cat src/$name) * 1000 + $(noise) ))\"; done
";

const RULES: &str = "\
## Constraints
- `calls == 7`
- `rows unchanged`
- `peak_mb <= 512`
- `hits >= 3`
- `bundle_kb must not increase`
- `work within 5%`
- `slack within 5% (hard)`
- at most 6 changed lines
- no new files
- same tests
";

/// The files that say what is measured, as they are at first.
const VALUES: [(&str, &str); 7] = [
    ("calls", "7"),
    ("rows", "28"),
    ("peak_mb", "500"),
    ("hits", "3"),
    ("bundle_kb", "40"),
    ("work", "100"),
    ("slack", "100"),
];

fn bounded() -> Repo {
    let repo = Repo::new();
    let names =
        VALUES.map(|(name, _)| if name == "hits" { "hits (higher is better)" } else { name }).join(", ");
    let spec = repo.read(".auto/prompt.md").replace("Secondary**: calls", &format!("Secondary**: {names}"));
    repo.write(".auto/prompt.md", &format!("{spec}\n{RULES}"));
    repo.script(".auto/measure.sh", MEASURE);
    for (name, value) in VALUES {
        repo.write(&format!("src/{name}"), value);
    }
    repo.write("src/a_test.txt", "a test\n");
    repo.commit("bounded");
    repo
}

/// What came of a gain with `edit` beside it, and the sentence.
fn with(repo: &Repo, name: &str, edit: impl FnOnce(&Repo)) -> (String, String) {
    repo.write("src/a.txt", &lines("a", 6));
    edit(repo);
    repo.run(&["try", "-m", name]);
    repo.git(&["checkout", "-q", "."]);
    repo.git(&["clean", "-qfd", "src"]);
    let (_, reason, detail) = repo.verdict();
    (reason, detail)
}

#[test]
fn each_control_refuses_what_breaks_it_and_all_of_them_let_a_gain_pass() {
    let repo = bounded();
    let value =
        |name: &'static str, text: &'static str| move |repo: &Repo| repo.write(&format!("src/{name}"), text);
    for (name, worse, sentence) in [
        ("calls", "6", "calls is 6, the contract says 7"),
        ("rows", "27", "rows is 27, the baseline's 28 must stay unchanged"),
        ("peak_mb", "513", "peak_mb is 513, the contract says at most 512"),
        ("hits", "2", "hits is 2, the contract says at least 3"),
        ("bundle_kb", "41", "bundle_kb is 41, the baseline's 40 must not increase"),
        ("work", "130", "of its margin, evidence of harm"),
        ("slack", "130", "of its margin, evidence of harm"),
    ] {
        let (reason, detail) = with(&repo, name, value(name, worse));
        assert_eq!(reason, "control", "{name}: {detail}");
        assert!(detail.contains(sentence), "{name}: {detail}");
    }

    let (reason, detail) = with(&repo, "lines", |repo| repo.write("src/a.txt", &lines("a", 3)));
    assert_eq!((reason.as_str(), detail.as_str()), ("scope", "7 changed lines, the contract allows 6"));
    let (reason, detail) = with(&repo, "new file", |repo| repo.write("src/new.md", "x\n"));
    assert!(reason == "scope" && detail.contains("src/new.md"), "{reason}: {detail}");
    let (reason, detail) =
        with(&repo, "test", |repo| fs::remove_file(repo.root().join("src/a_test.txt")).unwrap());
    assert!(reason == "scope" && detail.contains("src/a_test.txt"), "{reason}: {detail}");

    let (reason, detail) = with(&repo, "an honest gain", value("peak_mb", "512"));
    assert_eq!(reason, "improved", "{detail}");
    repo.run(&["audit"]).expect(0);
}

/// Sleeps while it is measured, and does what `src/act.py` says beside it.
const COMMAND: &str = "\
[measure]
driver = \"command\"
[judge]
mode = \"single\"
";

const TIMED: &str = "\
# Autoresearch: sooner

## Objective
Lower wall_ms.

## Metrics
- **Primary**: wall_ms (ms, lower is better)
- **Secondary**: cpu_ms, peak_rss_mb

## How to Run
`python3 src/act.py`

## Files in Scope
- `src/`

## Constraints
- `cpu_ms within 90%`
- `peak_rss_mb within 90%`

## Stop
- after 50 experiments
";

/// Ends this long after its start, in seconds, and burns or holds something until then.
fn acting(seconds: f64, body: &str) -> String {
    format!("import os, time\nend = time.time() + {seconds}\n{body}\ntime.sleep(max(0, end - time.time()))\n")
}

#[test]
fn time_bought_with_cpu_or_memory_is_refused_whoever_spends_it() {
    let repo = Repo::empty();
    repo.write(".auto/prompt.md", TIMED);
    repo.write(".auto/sprag.toml", COMMAND);
    repo.write("src/act.py", &acting(0.8, ""));
    repo.commit("it sleeps");
    let burn = "while time.process_time() < 0.3: pass";
    for (name, control, body) in [
        ("burns", "cpu_ms", burn.to_owned()),
        (
            "in a thread",
            "cpu_ms",
            format!("import threading\ndef burn():\n    {burn}\nthreading.Thread(target=burn).start()"),
        ),
        ("in a child", "cpu_ms", format!("if os.fork() == 0:\n    {burn}\n    os._exit(0)\nos.wait()")),
        (
            "in an orphan of its own session",
            "cpu_ms",
            format!(
                "done, says = os.pipe()\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        {burn}\n        os.write(says, b'.')\n        time.sleep(60)\n    os._exit(0)\nos.wait()\nos.read(done, 1)"
            ),
        ),
        ("holds memory", "peak_rss_mb", "held = b'x' * (60 << 20)".to_owned()),
        (
            "in a child, holds memory",
            "peak_rss_mb",
            "if os.fork() == 0:\n    held = b'x' * (60 << 20)\n    os._exit(0)\nos.wait()".to_owned(),
        ),
    ] {
        repo.write("src/act.py", &acting(0.4, &body));
        repo.run(&["try", "-m", name]).expect(11);
        let (_, reason, detail) = repo.verdict();
        assert_eq!(reason, "control", "{name}: {detail}");
        assert!(detail.starts_with(control) && detail.contains("more than 90.0 % worse"), "{name}: {detail}");
    }
    repo.write("src/act.py", &acting(0.4, ""));
    repo.run(&["try", "-m", "an honest gain"]).expect(0);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn nothing_can_be_added_to_what_judges_though_everything_is_in_scope() {
    let repo = Repo::empty();
    repo.write(
        ".auto/prompt.md",
        &TIMED
            .replace("`src/`", "`**`")
            .replace("wall_ms", "total_ms")
            .replace("`python3 src/act.py`", "The harness starts it."),
    );
    repo.write(
        ".auto/sprag.toml",
        "[measure]\ndriver = \"cases\"\n[cases]\nfile = \"bench/cases.json\"\ngoldens = \"bench/goldens\"\nserve = { each = \"python3 src/act.py\" }\nlifetime = \"fresh\"\n[judge]\nmode = \"single\"\n",
    );
    repo.write("bench/cases.json", "{\"v\":1,\"cases\":[{\"id\":\"a\",\"input\":1}]}");
    repo.write("bench/goldens/a.json", "1\n");
    repo.write("src/act.py", "import time\ntime.sleep(0.2)\nprint(1)\n");
    repo.commit("one case");
    repo.propose_text("01-golden", "bench/goldens/b.json", "2\n");
    repo.propose_text("02-cases", "bench/cases.json", "{\"v\":1,\"cases\":[{\"id\":\"b\",\"input\":1}]}");
    repo.propose_text("03-beside", "bench/notes.txt", "in scope\n");
    repo.play().expect(0);
    let told: Vec<String> = repo
        .rows()
        .iter()
        .filter(|row| row["kind"] == "experiment")
        .map(|row| format!("{} {}", row["reason"].as_str().unwrap(), row["detail"].as_str().unwrap()))
        .collect();
    assert!(told[0].starts_with("scope bench/goldens/b.json"), "{told:?}");
    assert!(told[1].starts_with("scope bench/cases.json"), "{told:?}");
    assert!(told[2].starts_with("no_gain"), "{told:?}");
}
