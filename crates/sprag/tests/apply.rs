//! `sprag apply`: a branch with one commit a keep.

mod repo;

use repo::{Repo, lines};

#[test]
fn each_keep_is_a_commit_with_its_evidence() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-longer", "src/b.txt", &lines("b", 20));
    repo.propose_text("03-shorter-too", "src/c.txt", &lines("c", 5));
    repo.play().expect(0);
    let applied = repo.run(&["apply", "--json"]).expect(0).json();
    assert_eq!((applied["branch"].as_str(), applied["commits"].as_u64()), (Some("sprag/kept"), Some(2)));
    let log = repo.git(&[
        "log",
        "--format=%an|%s|%(trailers:key=Sprag-Metric,valueonly,separator=;)",
        "main..sprag/kept",
    ]);
    let told = "A Person|03-shorter-too|bytes 285.0000 -> 235.0000\nA Person|01-shorter|bytes 335.0000 -> 285.0000\n";
    assert_eq!(log, told);
    let files = repo.git(&["diff", "--name-only", "main", "sprag/kept"]);
    assert_eq!(files, "src/a.txt\nsrc/c.txt\n");
    repo.run(&["apply"]).expect(1).says(&["sprag/kept"]);
    repo.run(&["apply", "-x"]).expect(2);
    repo.run(&["apply", "a..b"]).expect(1);
}

#[test]
fn without_a_keep_there_is_nothing_to_apply() {
    let repo = Repo::new();
    repo.run(&["apply"]).expect(1).says(&["sprag run"]);
    repo.propose_text("01-longer", "src/b.txt", &lines("b", 20));
    repo.play().expect(0);
    repo.run(&["apply"]).expect(1).says(&["nothing was kept"]);
    assert_eq!(repo.git(&["branch", "--list"]), "* main\n");
}

#[test]
fn what_the_person_changed_in_the_harness_between_two_keeps_is_no_candidates_work() {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.play().expect(0);
    repo.script(".auto/measure.sh", &format!("# counted anew\n{}", repo::MEASURE));
    repo.spec_with("## Constraints\n- `calls == 7`\n");
    repo.propose_text("02-shorter-too", "src/b.txt", &lines("b", 5));
    repo.play().expect(0);
    repo.run(&["apply"]).expect(0);
    assert_eq!(repo.git(&["diff", "--name-only", "main", "sprag/kept"]), "src/a.txt\nsrc/b.txt\n");
    assert_eq!(repo.git(&["diff", "--name-only", "sprag/kept~1", "sprag/kept"]), "src/b.txt\n");
}
