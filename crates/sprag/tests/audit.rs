//! `sprag audit`: a changed digit, a forged verdict, a cut or rewritten ledger.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::fs;

use repo::{Repo, lines};
use serde_json::Value;

/// A session with a keep, a discard, a refusal, an idea and a result.
fn session() -> Repo {
    let repo = Repo::new();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-longer", "src/b.txt", &lines("b", 20));
    repo.propose_text("03-outside", "README", "mine\n");
    repo.proposal("04-later", "description = \"later\"\npark = true\n", "");
    repo.play().expect(0);
    repo
}

/// The ledger's lines.
fn ledger(repo: &Repo) -> Vec<String> {
    fs::read_to_string(repo.ledger()).unwrap().lines().map(str::to_owned).collect()
}

/// Audits other lines than the ledger has.
fn audit(repo: &Repo, lines: &[String]) -> repo::Done {
    let path = repo.beside("other.jsonl");
    fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    repo.run(&["audit", "--file", path.to_str().unwrap()])
}

/// The same entries with a chain that holds: what a forger with this program's source would write.
fn chained(lines: &[String]) -> Vec<String> {
    let mut prev = format!("b3:{}", "0".repeat(64));
    let mut sealed = Vec::new();
    for line in lines {
        let (body, _) = line.rsplit_once(",\"prev\":").unwrap();
        let body = format!("{body},\"prev\":\"{prev}\"");
        prev = format!("b3:{}", blake3::hash(body.as_bytes()).to_hex());
        sealed.push(format!("{body},\"hash\":\"{prev}\"}}"));
    }
    sealed
}

#[test]
fn an_honest_ledger_passes_and_its_head_can_be_kept_elsewhere() {
    let repo = session();
    assert_eq!(chained(&ledger(&repo)), ledger(&repo), "the test seals as the product does");
    let report = repo.run(&["audit", "--json"]).expect(0).json();
    assert_eq!(
        (report["recomputed"].as_u64(), report["problems"].as_array().map(Vec::len)),
        (Some(3), Some(0))
    );
    let head = report["head"].as_str().unwrap();
    repo.run(&["audit", "--head", head]).expect(0);
    repo.run(&["audit", "--head", &format!("b3:{}", "7".repeat(64))]).expect(5).says(&["the head is"]);
    repo.run(&["audit", "--file", ".auto/log.jsonl", "--head", head]).expect(0);
    let mut cut = ledger(&repo);
    cut.pop();
    audit(&repo, &cut).expect(0);
    let path = repo.beside("other.jsonl");
    repo.run(&["audit", "--file", path.to_str().unwrap(), "--head", head]).expect(5);
}

#[test]
fn a_changed_digit_in_any_row_is_found_and_its_line_named() {
    let repo = session();
    let lines = ledger(&repo);
    for (index, line) in lines.iter().enumerate() {
        let digits: Vec<usize> =
            line.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
        for part in 0..4 {
            let at = digits[part * (digits.len() - 1) / 3];
            let other = if line.as_bytes()[at] == b'7' { "8" } else { "7" };
            let mut changed = lines.clone();
            changed[index].replace_range(at..=at, other);
            let done = audit(&repo, &changed).expect(5);
            assert!(
                done.stdout.contains(&format!("line {}", index + 1)),
                "line {} at {at}:\n{}",
                index + 1,
                done.stdout
            );
        }
    }
}

#[test]
fn a_removed_added_or_moved_row_is_found() {
    let repo = session();
    let lines = ledger(&repo);
    let mut removed = lines.clone();
    removed.remove(4);
    audit(&repo, &removed).expect(5);
    let mut twice = lines.clone();
    twice.insert(4, lines[4].clone());
    audit(&repo, &twice).expect(5);
    let mut moved = lines;
    moved.swap(3, 4);
    audit(&repo, &moved).expect(5);
}

/// Changes the first row that `which` picks and seals the chain again.
fn forged(repo: &Repo, which: impl Fn(&Value) -> bool, forge: impl Fn(&mut Value)) -> Vec<String> {
    let mut lines = ledger(repo);
    let line = lines.iter_mut().find(|line| which(&serde_json::from_str(line).unwrap())).unwrap();
    let mut value: Value = serde_json::from_str(line).unwrap();
    forge(&mut value);
    *line = value.to_string();
    chained(&lines)
}

#[test]
fn a_forged_verdict_in_a_chain_that_holds_is_found_by_computing_it_again() {
    let repo = session();
    let discarded = |row: &Value| row["status"] == "discard";
    let kept = |row: &Value| row["kind"] == "experiment" && row["status"] == "keep";

    let lines = forged(&repo, discarded, |row| {
        row["status"] = "keep".into();
        row["reason"] = "improved".into();
    });
    audit(&repo, &lines).expect(5).says(&["run 3", "its evidence says no_gain"]);

    let lines = forged(&repo, kept, |row| row["reason"] = "no_gain".into());
    audit(&repo, &lines).expect(5).says(&["run 2"]);

    let lines = forged(&repo, kept, |row| row["evidence"]["first"]["bytes"] = 335.0.into());
    audit(&repo, &lines).expect(5).says(&["run 2"]);

    let lines = forged(&repo, kept, |row| row["evidence"]["carried"] = 40.0.into());
    audit(&repo, &lines).expect(5).says(&["run 2", "carries evidence of 40 from before"]);

    let kept_tree = repo.rows().into_iter().find(|row| kept(row)).unwrap()["tree"].clone();
    let lines = forged(&repo, discarded, |row| row["tree"] = kept_tree.clone());
    audit(&repo, &lines).expect(5).says(&["run 3", "its tree was judged before, as run 2"]);

    let lines = forged(&repo, kept, |row| row["evidence"]["flagged"] = true.into());
    audit(&repo, &lines).expect(5).says(&["run 2", "was far worse"]);

    let lines = forged(&repo, discarded, |row| row["evidence"]["incumbent"] = 400.0.into());
    audit(&repo, &lines).expect(5).says(&["run 3", "its rule is not the one that the rows before it give"]);

    let lines = forged(&repo, |row| row["type"] == "final", |row| row["final"] = 1.0.into());
    audit(&repo, &lines).expect(5).says(&["the result does not follow from its pairs"]);

    let lines = forged(&repo, kept, |row| row["metric"] = 1.0.into());
    audit(&repo, &lines).expect(5).says(&["run 2"]);

    let lines = forged(&repo, |row| row["type"] == "final", |row| row["baseline"] = 4000.0.into());
    audit(&repo, &lines).expect(5).says(&["the result does not follow from its pairs"]);

    let lines = forged(&repo, |row| row["kind"] == "baseline", |row| row["metric"] = 4000.0.into());
    audit(&repo, &lines).expect(5).says(&["run 1", "not the one that was calibrated"]);

    let lines = forged(&repo, |row| row["type"] == "calibration", |row| row["delta"] = 1e-9.into());
    audit(&repo, &lines).expect(5).says(&["do not follow from its pairs"]);

    let lines = forged(&repo, kept, |row| row["metrics"]["calls"] = 1.0.into());
    audit(&repo, &lines).expect(5).says(&["run 2"]);
}

#[test]
fn repair_cuts_an_unfinished_last_line_and_nothing_else() {
    let repo = session();
    let whole = fs::read_to_string(repo.ledger()).unwrap();
    fs::write(repo.ledger(), format!("{whole}{{\"run\":9")).unwrap();
    repo.run(&["audit", "--repair"]).expect(0).says(&["were cut"]);
    assert_eq!(fs::read_to_string(repo.ledger()).unwrap(), whole);
    let broken = whole.replacen("\"run\":2", "\"run\":7", 1);
    fs::write(repo.ledger(), &broken).unwrap();
    repo.run(&["audit", "--repair"]).expect(5);
    assert_eq!(fs::read_to_string(repo.ledger()).unwrap(), broken);
}

#[test]
fn a_file_that_is_no_ledger_is_told() {
    let repo = session();
    repo.write("junk", "not a log\n\u{0}\n");
    let done = repo.run(&["audit", "--file", "junk"]);
    assert!(matches!(done.code, Some(1 | 5)), "{done:?}");
    repo.run(&["audit", "--file", "missing"]).expect(1).says(&["missing"]);
}
