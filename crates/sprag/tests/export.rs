//! `sprag export`: the log for other tools, and the session as a playbook.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use repo::{Repo, lines};

fn session() -> Repo {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-longer", "src/b.txt", &lines("b", 20));
    repo.propose("03-deleted-and-new", |root| {
        std::fs::remove_file(root.join("src/c.txt")).unwrap();
        repo::write(&root.join("src/d.txt"), b"d\n");
    });
    repo.propose_text("04-outside", "README", "mine\n");
    repo.play().expect(0);
    repo
}

fn judged(repo: &Repo) -> Vec<(String, String, String)> {
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    // Of what was refused for its scope the store holds nothing to play.
    repo.rows()
        .iter()
        .filter(|row| row["reason"] != "scope")
        .map(|row| (text(row, "tree"), text(row, "reason"), text(row, "description")))
        .collect()
}

#[test]
fn a_playbook_played_elsewhere_gives_the_same_trees_and_verdicts() {
    let repo = session();
    let book = repo.beside("book");
    repo.run(&["export", "--playbook", book.to_str().unwrap()]).expect(0).says(&["3 proposals"]);
    repo.run(&["export", "--playbook", book.to_str().unwrap()]).expect(1).says(&["exists already"]);

    let elsewhere = Repo::no_git();
    std::fs::remove_dir(elsewhere.root()).unwrap();
    repo.git(&["clone", "-q", ".", elsewhere.root().to_str().unwrap()]);
    elsewhere.run(&["run", "--agent", &format!("playbook:{}", book.display())]).expect(0);
    assert_eq!(judged(&elsewhere), judged(&repo));
}

#[test]
fn the_log_is_exported_in_the_three_formats() {
    let repo = session();
    let rows = |format: &str| repo.run(&["export", "--format", format]).expect(0).stdout;
    let jsonl = rows("jsonl");
    assert!(jsonl.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{jsonl}");
    assert_eq!(rows("csv").lines().count(), 6);
    let tsv = rows("tsv");
    assert!(tsv.starts_with("commit\tbytes") || tsv.starts_with("commit\tval_bpb"), "{tsv}");
    repo.run(&["export", "--format", "xml"]).expect(2).says(&["jsonl, csv, tsv"]);
    repo.run(&["export"]).expect(2);
}

#[test]
fn what_was_exported_can_be_imported() {
    let repo = session();
    let tsv = repo.run(&["export", "--format", "tsv"]).expect(0).stdout;
    repo.write("results.tsv", &tsv);
    repo.run(&["import", "results.tsv", "--to", "imported.jsonl"]).expect(0);
    repo.run(&["log", "--file", "imported.jsonl"]).expect(0).says(&["01-shorter"]);
    let again = repo.run(&["export", "--format", "tsv", "--file", "imported.jsonl"]).expect(0).stdout;
    assert_eq!(again, tsv);
}
