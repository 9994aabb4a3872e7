//! A branch is the one thing that is written to the user's repository.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod fixture;

use fixture::{Fixture, portrait};
use sprag_workspace::{
    Change, Edit, Error, Expected, FileMode, Identity, Imported, KeepStep, Store, TreeId, UnixSeconds,
    apply_branch,
};

fn me() -> Identity {
    Identity { name: "Ada".to_owned(), email: "ada@example.com".to_owned() }
}

fn write(path: &str, text: &str) -> Change {
    Change {
        path: path.to_owned(),
        edit: Edit::New { mode: FileMode::Regular, bytes: text.as_bytes().to_vec() },
    }
}

fn step(from: TreeId, tree: TreeId, message: &str) -> KeepStep {
    KeepStep { from, tree, message: message.to_owned(), at: UnixSeconds(1_700_000_100) }
}

/// A repository with an uncommitted harness, and two keeps.
fn two_keeps(fixture: &Fixture, store: &Store) -> (Imported, Vec<KeepStep>) {
    fixture.write(".auto/measure.sh", "echo\n");
    let imported = fixture.import(store, &[".auto"]);
    let first = store.write_tree(&imported.tree, &[write("src/a.py", "a = 2\n")]).unwrap();
    let gone = Change { path: "src/b.py".to_owned(), edit: Edit::Deleted };
    let second = store.write_tree(&first, &[write("src/c.py", "c = 1\n"), gone]).unwrap();
    let steps = vec![
        step(imported.tree, first, "Double a\n\nSprag-Run: 3\nSprag-Metric: p95_ms 30.1\n"),
        step(first, second, "Move b to c\n\nSprag-Run: 5\n"),
    ];
    (imported, steps)
}

fn repository() -> Fixture {
    Fixture::new(&[("src/a.py", "a = 1\n"), ("src/b.py", "b = 1\n"), ("README", "hi\n")])
}

#[test]
fn a_branch_has_a_commit_for_each_keep_with_trailers_and_without_the_uncommitted_harness() {
    let (fixture, user) = (repository(), repository());
    drop(user);
    let store = fixture.store();
    let (imported, steps) = two_keeps(&fixture, &store);
    let tip = apply_branch(&fixture.user(), &store, "sprag/run", &steps, &me(), &imported.base).unwrap();
    assert_eq!(fixture.git(&["rev-parse", "sprag/run"]), tip.to_string());
    assert_eq!(fixture.git(&["rev-parse", "sprag/run~2"]), imported.user_commit.to_string());
    assert_eq!(fixture.git(&["ls-tree", "-r", "--name-only", "sprag/run"]), "README\nsrc/a.py\nsrc/c.py");
    assert_eq!(fixture.git(&["show", "sprag/run:src/a.py"]), "a = 2");
    assert_eq!(
        fixture.git(&[
            "log",
            "-2",
            "--format=%an|%s|%(trailers:key=Sprag-Run,valueonly,separator=)",
            "sprag/run"
        ]),
        "Ada|Move b to c|5\nAda|Double a|3"
    );
    assert_eq!(fixture.git(&["fsck", "--strict", "--no-dangling"]), "");
}

#[test]
fn only_objects_and_the_one_ref_are_written() {
    let fixture = repository();
    fixture.write("README", "changed and not committed\n");
    fixture.write(".git/hooks/reference-transaction", "#!/bin/sh\ntouch hook-ran\n");
    fixture.git(&["config", "core.logAllRefUpdates", "always"]);
    let hook = fixture.repo_dir().join(".git/hooks/reference-transaction");
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let store = fixture.store();
    let (imported, steps) = two_keeps(&fixture, &store);
    let outside_objects = |path: &str| path.starts_with(".git/objects");
    let mut before = portrait(&fixture.repo_dir(), &outside_objects);
    apply_branch(&fixture.user(), &store, "fast", &steps, &me(), &imported.base).unwrap();
    let mut after = portrait(&fixture.repo_dir(), &outside_objects);
    assert!(after.remove(".git/refs/heads/fast").is_some());
    assert_eq!(before.remove(".git/refs/heads/fast"), None);
    assert_eq!(after, before);
}

#[test]
fn an_existing_branch_and_a_bad_name_are_refused_and_nothing_moves() {
    let fixture = repository();
    let store = fixture.store();
    let (imported, steps) = two_keeps(&fixture, &store);
    let user = fixture.user();
    let apply = |name: &str| apply_branch(&user, &store, name, &steps, &me(), &imported.base);
    fixture.git(&["branch", "taken"]);
    fixture.git(&["pack-refs", "--all"]);
    let at = fixture.git(&["rev-parse", "taken"]);
    assert!(matches!(apply("taken"), Err(Error::BranchExists { .. })));
    for bad in ["-x", "a..b", "a b", "HEAD", "taken/below", "", "x.lock"] {
        assert!(matches!(apply(bad), Err(Error::BadBranch { .. })), "{bad:?}: {:?}", apply(bad));
    }
    assert_eq!(fixture.git(&["rev-parse", "taken"]), at);
}

#[test]
fn a_branch_from_a_snapshot_carries_the_snapshot_as_its_first_commit() {
    let fixture = repository();
    fixture.write("src/a.py", "a = 7\n");
    let store = fixture.store();
    let imported = fixture.snapshot(&store, &|_| false);
    let tree = store.write_tree(&imported.tree, &[write("src/b.py", "b = 2\n")]).unwrap();
    let steps = [step(imported.tree, tree, "Improve b\n")];
    apply_branch(&fixture.user(), &store, "snap", &steps, &me(), &imported.base).unwrap();
    assert_eq!(fixture.git(&["rev-parse", "snap~2"]), fixture.git(&["rev-parse", "main"]));
    assert_eq!(fixture.git(&["diff", "--name-only", "snap~1", "snap"]), "src/b.py");
    assert_eq!(fixture.git(&["show", "snap:src/a.py"]), "a = 7");
}

#[test]
fn many_keeps_of_many_files_arrive_as_one_pack() {
    let fixture = repository();
    let store = fixture.store();
    let imported = fixture.import(&store, &[]);
    let changes: Vec<Change> = (0..150).map(|n| write(&format!("src/m{n}.py"), &format!("{n}\n"))).collect();
    let tree = store.write_tree(&imported.tree, &changes).unwrap();
    let steps = [step(imported.tree, tree, "Many\n")];
    apply_branch(&fixture.user(), &store, "many", &steps, &me(), &imported.base).unwrap();
    assert_eq!(fixture.git(&["ls-tree", "-r", "--name-only", "many"]).lines().count(), 153);
    assert_eq!(fixture.git(&["fsck", "--strict", "--no-dangling"]), "");
}

#[test]
fn a_ref_of_the_store_moves_only_from_where_it_is_expected() {
    let fixture = repository();
    let store = fixture.store();
    let imported = fixture.import(&store, &[]);
    let next = store.commit(&imported.tree, Some(&imported.base), "Next\n", &me(), UnixSeconds(1)).unwrap();
    let name = "refs/sprag/s1/incumbent";
    assert_eq!(store.read_ref(name).unwrap(), None);
    store.update_ref(name, &imported.base, Expected::Absent).unwrap();
    assert!(matches!(store.update_ref(name, &next, Expected::Absent), Err(Error::RefMoved { .. })));
    assert!(matches!(store.update_ref(name, &next, Expected::At(next)), Err(Error::RefMoved { .. })));
    store.update_ref(name, &next, Expected::At(imported.base)).unwrap();
    assert_eq!(store.read_ref(name).unwrap(), Some(next));
    assert_eq!(store.refs("refs/sprag/").unwrap(), [(name.to_owned(), next)]);
    store.update_ref(name, &imported.base, Expected::Any).unwrap();
}

#[test]
fn a_directory_that_is_not_a_store_is_not_taken_for_one() {
    let fixture = repository();
    let error = Store::open_or_create(&fixture.repo_dir()).unwrap_err();
    assert!(matches!(error, Error::ForeignStore { .. }), "{error}");
}

#[test]
fn a_diff_is_whole_and_plain_and_its_lines_are_counted() {
    let fixture = repository();
    let store = fixture.store();
    let imported = fixture.import(&store, &[]);
    let binary = Change {
        path: "src/x.bin".to_owned(),
        edit: Edit::New { mode: FileMode::Executable, bytes: vec![0, 1, 2] },
    };
    let tree = store.write_tree(&imported.tree, &[write("src/a.py", "a = 2\nz\n"), binary]).unwrap();
    insta::assert_snapshot!(store.diff(&imported.tree, &tree).unwrap().trim_end());
    assert_eq!(store.changed_lines(&imported.tree, &tree).unwrap(), 3 + 1);
    // A NUL makes git take a text for binary; its lines count all the same.
    let hidden = write("src/a.py", &format!("# \0\n{}", "z\n".repeat(50)));
    let tree = store.write_tree(&imported.tree, &[hidden]).unwrap();
    assert_eq!(store.changed_lines(&imported.tree, &tree).unwrap(), 1 + 51);
    assert!(store.write_tree(&tree, &[write("../x", "")]).is_err());
}
