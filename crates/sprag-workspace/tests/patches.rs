//! Patches apply exactly, merge where the ground has moved, and never leave the tree.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod fixture;

use fixture::{Fixture, write};
use proptest::prelude::*;
use sprag_workspace::{Store, patch};

const NUMBERS: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";

struct Ground {
    fixture: Fixture,
    store: Store,
}

impl Ground {
    fn new() -> Self {
        let fixture =
            Fixture::new(&[("src/n.txt", NUMBERS), ("src/old name.txt", "moved\n"), ("gone.txt", "x\n")]);
        fixture.write("image.bin", [0u8, 1, 2, 3]);
        fixture.commit("Binary");
        let store = fixture.store();
        fixture.import(&store, &[]);
        Self { fixture, store }
    }

    /// What `git diff` says of changes, after which they are taken back.
    fn diff(&self, options: &[&str], change: impl FnOnce(&Fixture)) -> String {
        change(&self.fixture);
        self.fixture.git(&["add", "-A"]);
        let mut args = vec!["diff", "--cached", "--binary"];
        args.extend(options);
        let text = self.fixture.git(&args) + "\n";
        self.fixture.git(&["reset", "-q", "--hard"]);
        text
    }

    fn apply(&self, text: &str) -> patch::Outcome {
        let blob = |id: &str| self.store.blob_by_prefix(id).unwrap();
        patch::apply_to(&self.fixture.repo_dir(), &patch::parse(text).unwrap(), &blob).unwrap()
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.fixture.repo_dir().join(path)).unwrap()
    }
}

fn applied(paths: &[&str], merged: &[&str]) -> patch::Outcome {
    let own = |list: &[&str]| list.iter().map(|path| (*path).to_owned()).collect();
    patch::Outcome::Applied { paths: own(paths), merged: own(merged) }
}

#[test]
fn a_patch_of_every_kind_of_change_gives_what_it_was_made_from() {
    for options in [&["--full-index"][..], &["--full-index", "--no-renames"], &["--abbrev=7"]] {
        let ground = Ground::new();
        let text = ground.diff(options, |user| {
            user.write("src/n.txt", NUMBERS.replace("6\n", "six\n"));
            user.write("src/ü \"new\".txt", "no newline at the end");
            user.write("image.bin", [0u8, 9, 9, 9, 9]);
            user.git(&["mv", "src/old name.txt", "src/new name.txt"]);
            std::fs::remove_file(user.repo_dir().join("gone.txt")).unwrap();
        });
        let outcome = ground.apply(&text);
        let paths = [
            "gone.txt",
            "image.bin",
            "src/n.txt",
            "src/new name.txt",
            "src/old name.txt",
            "src/ü \"new\".txt",
        ];
        assert_eq!(outcome, applied(&paths, &[]), "{text}");
        assert_eq!(ground.read("src/n.txt"), NUMBERS.replace("6\n", "six\n"));
        assert_eq!(ground.read("src/ü \"new\".txt"), "no newline at the end");
        assert_eq!(ground.read("src/new name.txt"), "moved\n");
        assert_eq!(std::fs::read(ground.fixture.repo_dir().join("image.bin")).unwrap(), [0, 9, 9, 9, 9]);
        assert!(!ground.fixture.repo_dir().join("gone.txt").exists());
        assert!(!ground.fixture.repo_dir().join("src/old name.txt").exists());
    }
}

#[test]
fn where_the_context_has_moved_the_patch_is_merged_against_the_bytes_it_names() {
    for options in [&["--full-index"][..], &["--abbrev=8"]] {
        let ground = Ground::new();
        let text = ground.diff(options, |user| user.write("src/n.txt", NUMBERS.replace("6\n", "six\n")));
        ground.fixture.write("src/n.txt", NUMBERS.replace("4\n", "four\n").replace("1\n2\n", "0\n1\n2\n"));
        assert_eq!(ground.apply(&text), applied(&["src/n.txt"], &["src/n.txt"]));
        assert_eq!(ground.read("src/n.txt"), "0\n1\n2\n3\nfour\n5\nsix\n7\n8\n9\n10\n11\n12\n");
    }
}

#[test]
fn a_conflict_names_the_file_and_writes_nothing() {
    let ground = Ground::new();
    let text = ground.diff(&["--full-index"], |user| {
        user.write("gone.txt", "y\n");
        user.write("src/n.txt", NUMBERS.replace("6\n", "six\n"));
    });
    ground.fixture.write("src/n.txt", NUMBERS.replace("6\n", "sechs\n"));
    let outcome = ground.apply(&text);
    let why = "the same lines have changed since".to_owned();
    assert_eq!(outcome, patch::Outcome::Conflict { path: "src/n.txt".to_owned(), why });
    assert_eq!(ground.read("gone.txt"), "x\n");
}

#[test]
fn a_change_of_a_deleted_file_and_a_new_file_over_another_are_conflicts_and_the_same_new_file_is_none() {
    let ground = Ground::new();
    let change = ground.diff(&["--full-index"], |user| user.write("gone.txt", "y\n"));
    let new = ground.diff(&["--full-index"], |user| user.write("src/new.txt", "new\n"));
    std::fs::remove_file(ground.fixture.repo_dir().join("gone.txt")).unwrap();
    assert!(matches!(ground.apply(&change), patch::Outcome::Conflict { .. }));
    ground.fixture.write("src/new.txt", "other\n");
    assert!(matches!(ground.apply(&new), patch::Outcome::Conflict { .. }));
    ground.fixture.write("src/new.txt", "new\n");
    assert_eq!(ground.apply(&new), applied(&[], &["src/new.txt"]));
}

#[test]
fn a_plain_diff_without_names_of_objects_applies_by_its_context() {
    let ground = Ground::new();
    let text = "Some words first.\n\n--- a/src/n.txt\t2026-01-01\n+++ b/src/n.txt\n@@ -5,3 +5,3 @@\n 5\n-6\n+six\n 7\n";
    ground.fixture.write("src/n.txt", format!("0\n0\n{NUMBERS}"));
    assert_eq!(ground.apply(text), applied(&["src/n.txt"], &[]));
    assert!(ground.read("src/n.txt").contains("5\nsix\n7\n"));
    assert!(matches!(ground.apply(text), patch::Outcome::Conflict { .. }));
}

#[test]
fn a_patch_of_the_store_applies_to_an_agents_copy_inside_another_repository() {
    let ground = Ground::new();
    let imported = ground.fixture.import(&ground.store, &[]);
    // Inside the user's own repository, which git apply must not take notice of.
    let dir = ground.fixture.repo_dir().join("inside");
    sprag_workspace::AgentCopy::create(&dir, &ground.store, &imported.tree).unwrap();
    let text = ground.diff(&["--full-index"], |user| {
        std::fs::rename(user.repo_dir().join("inside"), user.top().join("inside")).unwrap();
        user.write("src/n.txt", "other\n");
    });
    let dir = ground.fixture.top().join("inside");
    let outcome = patch::apply_to(&dir, &patch::parse(&text).unwrap(), &|_| None).unwrap();
    assert_eq!(outcome, applied(&["src/n.txt"], &[]));
    assert_eq!(std::fs::read_to_string(dir.join("src/n.txt")).unwrap(), "other\n");
    assert_eq!(ground.read("src/n.txt"), NUMBERS);
}

#[test]
fn a_patch_that_leaves_the_tree_or_is_broken_is_refused_with_its_line() {
    let new = |path: &str| format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n");
    let mut said = Vec::new();
    for text in [
        new("../x"),
        new(".git/hooks/post-checkout"),
        new("a/.GIT/config"),
        new("/etc/passwd"),
        "diff --git a/x b/x\nnew file mode 120000\nindex 0000000..1234567\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc\n".to_owned(),
        "diff --git a/x b/x\nnew file mode 160000\n".to_owned(),
        "diff --git a/x b/x\nBinary files a/x and b/x differ\n".to_owned(),
        "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n 1\n".to_owned(),
        format!("{}{}", new("x"), new("x")),
        "diff --git a/a b/a\nsimilarity index 90%\nrename from a\nrename to ../../b\n".to_owned(),
        "nothing here".to_owned(),
    ] {
        said.push(patch::parse(&text).unwrap_err().to_string());
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_link_in_the_directory_is_not_written_through() {
    let ground = Ground::new();
    let outside = ground.fixture.top().join("outside");
    write(&outside.join("n.txt"), NUMBERS);
    let text = ground.diff(&["--full-index"], |user| user.write("src/n.txt", "other\n"));
    std::fs::remove_dir_all(ground.fixture.repo_dir().join("src")).unwrap();
    std::os::unix::fs::symlink(&outside, ground.fixture.repo_dir().join("src")).unwrap();
    assert!(matches!(ground.apply(&text), patch::Outcome::Conflict { .. }));
    assert_eq!(std::fs::read_to_string(outside.join("n.txt")).unwrap(), NUMBERS);
}

/// Lines that look like those of a patch.
fn lines() -> impl Strategy<Value = String> {
    prop_oneof![
        "diff --git (\"?a/[a-z ./\\\\0-9\"]{0,6}) b/[a-z ./]{0,6}",
        "(---|\\+\\+\\+) (a/|b/|/dev/null|\")[a-z./\\\\0-9\"\\t]{0,6}",
        "@@ -[0-9]{1,2}(,[0-9]{1,20})? \\+[0-9]{1,2}(,[0-9])? @@",
        "index [0-9a-fx]{0,8}\\.\\.[0-9a-f]{0,8}( 100644)?",
        "(new file|deleted file|old|new) mode [0-9]{0,7}",
        "(rename|copy) (from|to) [a-z/.\"\\\\]{0,5}",
        "[-+ \\\\][a-zé]{0,3}",
        "\\PC{0,10}",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_and_no_patch_leaves_the_tree(lines in proptest::collection::vec(lines(), 0..12)) {
        if let Ok(parsed) = patch::parse(&lines.join("\n")) {
            for file in parsed.files {
                for path in [file.old, file.new].into_iter().flatten() {
                    prop_assert!(!path.starts_with('/') && path.split('/').all(|part| !matches!(part, ".." | ".git" | "")));
                }
            }
        }
    }
}
