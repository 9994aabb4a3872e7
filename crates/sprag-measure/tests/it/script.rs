//! The `script` driver.

use serde_json::json;
use sprag_judge::{Metrics, Provenance, Reason};
use sprag_measure::{MeasureError, Role};

use crate::place::{Place, failure};

fn run_script(text: &str, wanted: &[&str]) -> sprag_measure::Run {
    let place = Place::new();
    place.both("measure.sh", text);
    place
        .measure(json!({ "run": { "measure": "./measure.sh", "timeout": { "measure": "30s" } } }), wanted)
        .unwrap()
}

#[test]
fn metric_lines_become_self_reported_numbers() {
    let run = run_script(
        "#!/bin/sh\necho noise\necho METRIC p95_ms=3.5\necho METRIC calls=7\necho METRIC x=1 >&2",
        &["p95_ms"],
    );
    assert_eq!(run.metrics, Metrics::from([("p95_ms".into(), 3.5), ("calls".into(), 7.0)]));
    assert_eq!(run.provenance["p95_ms"], Provenance::SelfReported);
    assert_eq!(run.failure, None);
}

#[test]
fn each_bad_script_gets_its_row_of_the_verdict_table() {
    let cases = [
        (
            "nothing is printed",
            "#!/bin/sh\ntrue",
            Reason::Metric,
            "no value for p95_ms; wanted on stdout: `METRIC name=number`",
        ),
        (
            "nearly right",
            "#!/bin/sh\necho METRIC p95_ms = 3",
            Reason::Metric,
            "a line that nearly fits: `METRIC p95_ms = 3`",
        ),
        ("not a number", "#!/bin/sh\necho METRIC p95_ms=nan", Reason::Metric, "no finite decimal number"),
        ("twice", "#!/bin/sh\necho METRIC p95_ms=1; echo METRIC p95_ms=0.1", Reason::Metric, "second value"),
        (
            "an error after the numbers",
            "#!/bin/sh\necho METRIC p95_ms=1; echo oops >&2; exit 3",
            Reason::Crash,
            "exit code 3; its last lines:\noops",
        ),
        ("a signal", "#!/bin/sh\nkill -SEGV $$", Reason::Crash, "killed by signal 11"),
        ("no such interpreter", "#!/no/such/program\n", Reason::Crash, "measure.sh"),
        (
            "not executable",
            "echo METRIC p95_ms=1",
            Reason::Crash,
            "measure.sh is not executable (chmod +x ./measure.sh)",
        ),
    ];
    for (name, text, reason, detail) in cases {
        let found = failure(&run_script(text, &["p95_ms"]));
        assert!(found.0 == reason && found.1.contains(detail), "{name}: {found:?}");
    }
}

#[test]
fn a_missing_script_is_named() {
    let place = Place::new();
    let run = place.measure(json!({ "run": { "measure": "./.auto/measure.sh" } }), &[]).unwrap();
    let (reason, detail) = failure(&run);
    assert!(reason == Reason::Crash && detail.contains("there is no ./.auto/measure.sh"), "{detail}");
    let error = place.measure(json!({}), &[]).unwrap_err();
    assert!(
        matches!(error, MeasureError::Harness { .. }) && error.to_string().contains("no command to measure")
    );
}

#[test]
fn a_hanging_script_is_ended_at_its_deadline() {
    let place = Place::new();
    place.both("measure.sh", "#!/bin/sh\necho started\nsleep 1000");
    let run = place
        .measure(json!({ "run": { "measure": "./measure.sh", "timeout": { "measure": "1s" } } }), &[])
        .unwrap();
    let (reason, detail) = failure(&run);
    assert_eq!(reason, Reason::Timeout);
    assert_eq!(detail, "`./measure.sh`: no end within 1s; its last lines:\nstarted");
}

#[test]
fn a_script_that_prints_a_gigabyte_is_ended_and_its_log_cut() {
    let place = Place::new();
    place.both("measure.sh", "#!/bin/sh\necho METRIC p95_ms=1\nhead -c 1000000000 /dev/zero");
    let run = place.measure(json!({ "run": { "measure": "./measure.sh" } }), &["p95_ms"]).unwrap();
    let (reason, detail) = failure(&run);
    assert!(
        reason == Reason::Crash && detail.contains("printed more than 64 MiB and was killed"),
        "{detail}"
    );
    assert!(std::fs::metadata(&run.logs[0]).unwrap().len() <= 64 << 20);
}

#[test]
fn other_readers_find_their_numbers_and_never_a_stale_one() {
    let place = Place::new();
    let settings = json!({
        "run": { "measure": "./measure.sh" },
        "measure": { "trust": "attested", "read": {
            "val_bpb": { "regex": "^val_bpb:\\s+([0-9.]+)" },
            "p95": { "json": "out.json#/p95" },
            "sort": { "criterion": "sort/10k" },
        } },
    });
    place.both(
        "measure.sh",
        "#!/bin/sh\necho 'val_bpb:  0.99'\necho '{\"p95\":2}' > out.json\nmkdir -p target/criterion/sort/10k/new\n\
         echo '{\"median\":{\"point_estimate\":5.5}}' > target/criterion/sort/10k/new/estimates.json",
    );
    let run = place.measure(settings.clone(), &[]).unwrap();
    assert_eq!(
        run.metrics,
        Metrics::from([("val_bpb".into(), 0.99), ("p95".into(), 2.0), ("sort".into(), 5.5)])
    );
    assert_eq!(run.provenance["p95"], Provenance::Attested);
    // The tree brings a result of its own, and the script writes none.
    place.of(Role::Candidate, "out.json", r#"{"p95":0.1}"#);
    place.both("measure.sh", "#!/bin/sh\necho 'val_bpb:  0.99'");
    let (reason, detail) = failure(&place.measure(settings, &[]).unwrap());
    assert!(reason == Reason::Metric && detail.contains("p95: out.json cannot be read"), "{detail}");
}

#[test]
fn home_and_temporary_folders_are_fresh_and_the_environment_is_cleared() {
    let place = Place::new();
    place.both(
        "measure.sh",
        "#!/bin/sh\n[ -z \"$CARGO_MANIFEST_DIR\" ] || exit 9\nfor d in \"$HOME\" \"$TMPDIR\" \"$XDG_CACHE_HOME\"; do\n\
         [ -d \"$d\" ] && [ ! -e \"$d/memo\" ] || exit 8; touch \"$d/memo\"; done\necho METRIC seed=${#SPRAG_SEED}",
    );
    let settings = json!({ "run": { "measure": "./measure.sh" } });
    for _ in 0..2 {
        let run = place.measure(settings.clone(), &["seed"]).unwrap();
        assert_eq!(run.failure, None);
    }
}
