//! `sprag import`: another tool's log as a ledger.

mod repo;

use repo::Repo;

const PI: &str = r#"{"type":"config","name":"theirs","metricName":"ms","metricUnit":"ms","bestDirection":"lower"}
{"run":1,"commit":"abc1234","metric":50.5,"metrics":{},"status":"keep","description":"baseline","timestamp":1}
{"run":2,"commit":"abc1235","metric":40,"metrics":{},"status":"keep","description":"faster","timestamp":2}
half a line
{"run":3,"commit":"abc1236","metric":0,"metrics":{},"status":"crash","description":"broke","timestamp":3}
"#;

#[test]
fn a_log_of_pi_becomes_a_ledger_that_is_never_called_verified() {
    let repo = Repo::no_git();
    repo.write("autoresearch.jsonl", PI);
    let said = repo.run(&["import", "autoresearch.jsonl", "--to", "ours.jsonl", "--json"]).expect(0).json();
    assert_eq!((said["entries"].as_u64(), said["bad_lines"].as_u64()), (Some(4), Some(1)));
    repo.run(&["log", "--file", "ours.jsonl"]).expect(0).says(&["faster", "crash"]);
    repo.run(&["show", "2", "--file", "ours.jsonl"]).expect(0).says(&["faster", "unverified"]);
    repo.run(&["audit", "--file", "ours.jsonl"]).expect(0).says(&["another tool's word"]);
    repo.run(&["import", "autoresearch.jsonl", "--to", "ours.jsonl"]).expect(1).says(&["ours.jsonl"]);
    repo.run(&["import", "missing", "--to", "x"]).expect(1).says(&["missing"]);
}

#[test]
fn the_tsv_of_karpathy_is_known_by_its_head() {
    let repo = Repo::no_git();
    repo.write(
        "results.tsv",
        "commit\tval_bpb\tmemory_gb\tstatus\tdescription\na1b2c3d\t0.997900\t44.0\tkeep\tbaseline\nb1b2c3d\t0.000000\t0.0\tcrash\tdouble width\n",
    );
    repo.run(&["import", "results.tsv", "--to", "ours.jsonl"]).expect(0).says(&["3 entries"]);
    repo.run(&["log", "--file", "ours.jsonl"]).expect(0).says(&["0.99", "double width"]);
}
