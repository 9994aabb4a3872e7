//! The `cases` driver with one process a case.

use serde_json::{Value, json};
use sprag_judge::Reason;
use sprag_measure::drivers::{Cases, Turns};
use sprag_measure::{CpuSet, Driver, Role, Run, Setup};

use crate::place::{PLAN, Place, failure, settings};

const CASES: &str = r#"{"v":1,"warmup":[{"id":"w","input":0}],
    "cases":[{"id":"a","input":{"n":1}},{"id":"b","input":"plain\ntext"},{"id":"c","input":3}]}"#;

fn each(extra: Value) -> Value {
    let mut cases = json!({ "file": "cases.json", "serve": { "each": "python3 once.py" } });
    cases.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({ "measure": { "driver": "cases" }, "cases": cases, "run": { "timeout": { "measure": "20s" } } })
}

/// A program that has read its input as `text`.
fn place(body: &str) -> Place {
    let place = Place::new();
    place.harness("cases.json", CASES);
    place.both(
        "once.py",
        &format!("import json, os, subprocess, sys, time\ntext = sys.stdin.read()\n{body}\n"),
    );
    place
}

fn run(body: &str) -> Run {
    place(body).measure(each(json!({})), &[]).unwrap()
}

fn outputs(run: &Run) -> Vec<String> {
    assert_eq!(run.failure, None);
    run.outputs.iter().map(|output| String::from_utf8_lossy(&output.bytes).into_owned()).collect()
}

#[test]
fn the_input_is_standard_input_and_all_that_is_printed_is_the_output() {
    let run = run("print(json.dumps(text))");
    assert_eq!(outputs(&run), ["\"{\\\"n\\\":1}\\n\"\n", "\"plain\\ntext\"\n", "\"3\\n\"\n"]);
    let names: Vec<&str> = run.metrics.keys().map(String::as_str).collect();
    assert!(
        names.contains(&"case_b_ms") && names.contains(&"cpu_ms") && !names.contains(&"start_ms"),
        "{names:?}"
    );
    assert!(run.metrics["peak_rss_mb"] > 1.0 && run.metrics["cpu_ms"] > 0.0);
}

#[test]
fn a_case_takes_as_long_as_its_process_and_nothing_goes_on_after_it() {
    let run = run("subprocess.Popen(['sleep', '60'])\ntime.sleep(0.15 if 'plain' in text else 0)\nprint(1)");
    assert!(
        run.metrics["case_b_ms"] >= 150.0 && run.metrics["max_ms"] >= run.metrics["case_b_ms"],
        "{run:?}"
    );
    assert!(run.notes.iter().any(|note| note.contains("were left running")), "{:?}", run.notes);
}

#[test]
fn each_process_has_folders_of_its_own() {
    let run =
        run("memo = os.environ['HOME'] + '/memo'\nprint(json.dumps(os.path.exists(memo)))\nopen(memo, 'w')");
    assert_eq!(outputs(&run), vec!["false\n"; 3]);
}

#[test]
fn work_of_the_warm_up_does_not_count() {
    let run = run("if text == '0\\n':\n    while time.process_time() < 1.0: pass\nprint(1)");
    assert!(run.metrics["cpu_ms"] < 800.0, "{run:?}");
}

#[test]
fn each_way_to_fail_gets_its_row() {
    let on_b = |act: &str| format!("if 'plain' in text:\n    {act}\nprint(1)");
    let table: [(&str, String, Reason, &str); 5] = [
        ("exits with 3", on_b("sys.exit(3)"), Reason::Crash, "case b: `python3 once.py`: exit code 3"),
        (
            "is killed",
            on_b("os.kill(os.getpid(), 9)"),
            Reason::Crash,
            "case b: `python3 once.py`: killed by signal 9",
        ),
        ("a traceback", on_b("boom"), Reason::Crash, "NameError"),
        (
            "a gigabyte",
            on_b("\n    while True: os.write(1, b'x' * 65536)"),
            Reason::Crash,
            "printed more than 32 MiB",
        ),
        (
            "a noisy stderr",
            on_b("\n    while True: os.write(2, b'x' * 65536)"),
            Reason::Crash,
            "printed more than 32 MiB",
        ),
    ];
    for (name, body, reason, detail) in table {
        let found = failure(&run(&body));
        assert!(found.0 == reason && found.1.contains(detail), "{name}: {found:?}");
    }
    let place = place("");
    place.both("once.py", "");
    std::fs::remove_file(place.dir(Role::Candidate).join("once.py")).unwrap();
    assert_eq!(failure(&place.measure(each(json!({})), &[]).unwrap()).0, Reason::Crash);
}

#[test]
fn one_that_hangs_is_ended_when_all_of_them_together_have_used_up_the_time() {
    let mut settings = each(json!({ "lifetime": "fresh" }));
    settings["run"]["timeout"]["measure"] = json!("2s");
    let found = failure(&place("time.sleep(60 if 'plain' in text else 0)").measure(settings, &[]).unwrap());
    assert!(
        found.0 == Reason::Timeout && found.1.contains("case b: `python3 once.py`: no end within"),
        "{found:?}"
    );
}

#[test]
fn an_output_that_is_no_json_is_an_output() {
    assert_eq!(outputs(&run("print('hello')")), vec!["hello\n"; 3]);
    assert_eq!(outputs(&run("")), vec![""; 3]);
}

#[test]
fn the_sides_of_a_pair_take_turns_on_one_core() {
    let log =
        "open('seen', 'a').write(text.strip() + ' ')\nprint(json.dumps(sorted(os.sched_getaffinity(0))))";
    for turns in [Turns::Sequential, Turns::Frozen] {
        let place = place(log);
        let mut driver = Cases::open(&settings(each(json!({}))), place.setup()).unwrap().with_turns(turns);
        let [incumbent, candidate] = place.pair(&mut driver, 7).unwrap();
        let one = format!("[{}]\n", CpuSet::allowed().unwrap().last());
        assert_eq!((outputs(&incumbent), outputs(&candidate)), (vec![one.clone(); 3], vec![one; 3]));
        let seen = [Role::Incumbent, Role::Candidate].map(|role| place.read(role, "seen"));
        assert!(seen[0] == seen[1] && seen[0].starts_with("0 "), "{seen:?}");
        assert_eq!(incumbent.coins.is_some(), turns == Turns::Frozen);
    }
}

#[test]
fn a_process_that_does_nothing_gives_the_floor() {
    let place = place("print(1)");
    let setup = Setup { echo: Some(vec!["/bin/true".to_owned()]), ..place.setup() };
    let mut driver = Cases::open(&settings(each(json!({}))), setup).unwrap();
    let floor = place.with_side(Role::Candidate, |side| driver.floor(side, &PLAN)).unwrap().unwrap();
    assert!(floor.metrics["case_a_ms"] > 0.0 && !floor.metrics.contains_key("start_ms"), "{floor:?}");
}
