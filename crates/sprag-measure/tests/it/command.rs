//! The `command` driver.

use serde_json::json;
use sprag_judge::{Provenance, Reason};
use sprag_measure::{Role, drivers};

use crate::place::{PLAN, Place, failure, settings};

#[test]
fn time_and_memory_are_seen_from_outside() {
    let place = Place::new();
    let line = "python3 -c 'x = bytearray(64 << 20); sum(range(5_000_000)); print(\"METRIC wall_ms=0\")'";
    let run = place
        .measure(json!({ "measure": { "driver": "command" }, "run": { "measure": line } }), &["wall_ms"])
        .unwrap();
    assert!(run.metrics["wall_ms"] > 10.0 && run.metrics["cpu_ms"] > 10.0, "{run:?}");
    assert!((64.0..300.0).contains(&run.metrics["peak_rss_mb"]), "{run:?}");
    assert!(run.provenance.values().all(|provenance| *provenance == Provenance::Observed));
}

#[test]
fn a_run_too_short_to_time_says_so_and_a_floor_is_measured() {
    let place = Place::new();
    let settings = settings(json!({ "measure": { "driver": "command" }, "run": { "measure": "true" } }));
    let mut driver = drivers::open(&settings, place.setup()).unwrap();
    let run = place.with_side(Role::Candidate, |side| driver.measure(side, &PLAN)).unwrap();
    if run.metrics["wall_ms"] < 50.0 {
        assert!(run.notes[0].contains("less than 50 ms"), "{:?}", run.notes);
    }
    let floor = place.with_side(Role::Candidate, |side| driver.floor(side, &PLAN)).unwrap().unwrap();
    assert!(floor.metrics["wall_ms"] > 0.0);
    assert_eq!(floor.share("wall_ms", floor.metrics["wall_ms"] * 4.0), Some(0.25));
    assert_eq!(floor.share("unknown", 1.0), None);
}

#[test]
fn the_size_of_what_was_made_counts_after_the_run() {
    let place = Place::new();
    let made = |line: &str| {
        let size = json!({ "glob": "dist/*.js" });
        json!({ "measure": { "driver": "command", "size": size }, "run": { "measure": line } })
    };
    let run =
        place.measure(made("mkdir -p dist && head -c 2048 /dev/zero > dist/a.js"), &["size_kb"]).unwrap();
    assert_eq!(run.metrics["size_kb"], 2.0);
    let (reason, detail) = failure(&place.measure(made("rm -r dist"), &[]).unwrap());
    assert!(reason == Reason::Metric && detail.contains("no file is named"), "{detail}");
}

#[test]
fn a_failing_command_is_a_crash() {
    let place = Place::new();
    let settings =
        json!({ "measure": { "driver": "command" }, "run": { "measure": "echo bad >&2; exit 1" } });
    assert_eq!(failure(&place.measure(settings, &[]).unwrap()).0, Reason::Crash);
}
