//! `sprag rejudge`: the stored pairs under another policy.

mod repo;

use repo::{Repo, lines};

#[test]
fn another_policy_judges_the_same_rows_and_measures_nothing() {
    let repo = Repo::new();
    repo.propose_text("01-little", "src/a.txt", &format!("{}a\n", lines("a", 9)));
    repo.propose_text("02-outside", "README", "mine\n");
    repo.play().expect(0);
    let before = repo.entries().len();
    let rows = repo.run(&["rejudge", "--json"]).expect(0).json();
    assert_eq!(rows["rows"][0]["was"], "improved");
    assert_eq!(rows["rows"][0]["now"], "improved");
    assert_eq!(rows["rows"][1]["now"], "scope", "a finding stays one");
    repo.run(&["rejudge", "--min-effect", "0.1"]).expect(0).says(&["no_gain", "1 differ"]);
    repo.run(&["rejudge", "--mode", "lenient"]).expect(2).says(&["paired, strict, single"]);
    repo.run(&["rejudge", "--alpha", "7"]).expect(1).says(&["alpha"]);
    assert_eq!(repo.entries().len(), before);
}
