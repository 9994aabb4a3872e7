//! The cassette of a session: locked, told where it is in no commit, and played with the delays that it knows.

use crate::repo;
use crate::{APP, SPEC, Upstream, recorded};

/// The number of calls repeats to the bit, so one pair tells all.
fn fewer_calls() -> String {
    SPEC.replace("total_ms (ms, lower is better)", "embedder_calls (calls, lower is better)")
        .replace("- **Secondary**: embedder_calls, embedder_items\n", "")
        .replace("- embedder_requests exact\n", "")
}

#[test]
fn a_candidate_that_writes_into_the_cassette_stops_nothing() {
    let upstream = Upstream::start();
    let repo = recorded(&upstream, &fewer_calls());
    drop(upstream);
    let fewer = APP.replace("ask(word) for", "ask(word) if word == 'one' else len(word) for");
    let vandal = "
import pathlib
for file in pathlib.Path('../../harness').rglob('fixtures/**/*'):
    try:
        file.write_text('nothing')
    except OSError:
        pass
";
    repo.write("app.py", &format!("{fewer}{vandal}"));
    repo.run(&["try", "-m", "writes into the cassette"]).expect(0);
    assert_eq!(repo.verdict().0, "keep");
    // The next session finds it whole again.
    repo.write("app.py", &format!("{fewer}{vandal}pass\n"));
    repo.run(&["try", "-m", "writes into it again"]).expect(10);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_cassette_that_is_not_committed_is_told_at_the_start_and_in_each_row() {
    const CAVEAT: &str =
        "the cassette fixtures is not committed as it is: what judges candidates is in no commit";
    let upstream = Upstream::start();
    let repo = recorded(&upstream, &fewer_calls());
    drop(upstream);
    repo.git(&["rm", "-q", "-r", "--cached", "fixtures"]);
    repo.git(&["commit", "-q", "-m", "the cassette stays at home"]);
    repo.write("app.py", &APP.replace("ask(word) for", "ask(word) if word == 'one' else len(word) for"));
    repo.run(&["try", "-m", "fewer calls"]).expect(0).says(&[CAVEAT]);
    for row in repo.rows() {
        assert!(row["caveats"].to_string().contains(CAVEAT), "{row}");
    }
    repo.git(&["add", "fixtures"]);
    repo.git(&["commit", "-q", "-m", "the cassette"]);
    let done = repo.run(&["try", "--base", "HEAD", "-m", "fewer calls"]).expect(0);
    assert!(!done.stderr.contains("is not committed"), "{}", done.stderr);
}

#[test]
fn the_result_is_measured_with_recorded_timing_too() {
    let upstream = Upstream::start();
    let repo = recorded(&upstream, &fewer_calls());
    drop(upstream);
    repo.propose("01-fewer", |root| {
        let text = APP.replace("ask(word) for", "ask(word) if word == 'one' else len(word) for");
        repo::write(&root.join("app.py"), text.as_bytes());
    });
    repo.play().expect(0);
    assert_eq!(repo.verdict().0, "keep");
    let result = &repo.of_type("final")[0];
    assert_eq!((result["baseline"].as_f64(), result["final"].as_f64()), (Some(3.0), Some(1.0)), "{result}");
    let recorded = &result["recorded"];
    assert_eq!(
        (recorded["baseline"].as_f64(), recorded["final"].as_f64()),
        (Some(3.0), Some(1.0)),
        "{result}"
    );
    assert_eq!(recorded["demonstrated"], true, "{result}");
    // Three calls of 50 ms each.
    assert!(recorded["pairs"][0]["total_ms"][0].as_f64().unwrap() >= 150.0, "{result}");
    repo.run(&["audit"]).expect(0);
    repo.run(&["status"]).expect(0).says(&["with recorded timing"]);

    // A forger with this program's source leaves it out, and seals the chain again.
    let mut prev = format!("b3:{}", "0".repeat(64));
    let mut forged = String::new();
    for line in std::fs::read_to_string(repo.ledger()).unwrap().lines() {
        let mut row: serde_json::Value = serde_json::from_str(line).unwrap();
        let row = row.as_object_mut().unwrap();
        row.remove("recorded");
        row.retain(|name, _| name != "prev" && name != "hash");
        let body = serde_json::to_string(row).unwrap();
        let body = format!("{},\"prev\":\"{prev}\"", body.strip_suffix('}').unwrap());
        prev = format!("b3:{}", blake3::hash(body.as_bytes()).to_hex());
        forged.push_str(&format!("{body},\"hash\":\"{prev}\"}}\n"));
    }
    let other = repo.beside("other.jsonl");
    std::fs::write(&other, forged).unwrap();
    let audit = repo.run(&["audit", "--file", other.to_str().unwrap()]).expect(5);
    audit.says(&["the result with recorded timing is missing, and no caveat says why"]);
}
