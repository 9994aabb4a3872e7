//! `sprag bench`: one measurement that decides nothing.

mod repo;

use repo::{MEASURE, Repo, lines};

#[test]
fn the_working_tree_is_measured_as_it_is_and_no_ledger_knows() {
    let repo = Repo::new();
    repo.write("src/a.txt", &lines("a", 5));
    let bench = repo.run(&["bench", "--json"]).expect(0).json();
    assert_eq!(
        (bench["metrics"]["bytes"].as_f64(), bench["metrics"]["calls"].as_f64()),
        (Some(285.0), Some(7.0))
    );
    repo.run(&["bench"]).expect(0).says(&["bytes 285", "nothing was decided"]);
    assert!(!repo.root().join(".auto/log.jsonl").exists());
    repo.run(&["status"]).expect(1).says(&["there is no session"]);
}

#[test]
fn what_goes_wrong_is_told_and_exits_1() {
    let repo = Repo::new();
    repo.script(".auto/measure.sh", &format!("{MEASURE}exit 3\n"));
    repo.run(&["bench"]).expect(1).says(&["crash"]);
    repo.script(".auto/measure.sh", MEASURE);
    repo.script(".auto/checks.sh", "#!/bin/sh\nexit 1\n");
    let bench = repo.run(&["bench", "--json"]).expect(1).json();
    assert_eq!(bench["findings"][0]["reason"], "checks");
}
