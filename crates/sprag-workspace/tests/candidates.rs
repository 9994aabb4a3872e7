//! What an agent leaves behind is walked byte by byte, and every trick is named.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod fixture;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use camino::{Utf8Path, Utf8PathBuf};
use fixture::{Fixture, candidate, git_in, write};
use proptest::prelude::*;
use sprag_workspace::{AgentCopy, Candidate, ChangeKind, ImportRules, Imported, Store, ViolationKind};

struct Desk {
    fixture: Fixture,
    store: Store,
    imported: Imported,
    copy: Utf8PathBuf,
}

impl Desk {
    fn new() -> Self {
        let fixture = Fixture::new(&[
            ("src/a.py", "a = 1\n"),
            ("src/b.py", "b = 1\n"),
            ("src/locked.py", "l = 1\n"),
            ("src/sub/c.py", "c = 1\n"),
            ("src/build/kept.txt", "tracked though ignored\n"),
            ("bench/run.py", "print()\n"),
            (".gitignore", "__pycache__/\n*.log\n/target/\nbuild/\n"),
        ]);
        symlink("a.py", fixture.repo_dir().join("src/link.py")).unwrap();
        fixture.git(&["add", "-f", "src/build/kept.txt"]);
        fixture.commit("Link");
        let store = fixture.store();
        let imported = fixture.import(&store, &[]);
        let copy = fixture.top().join("copy");
        AgentCopy::create(&copy, &store, &imported.tree).unwrap();
        Self { fixture, store, imported, copy }
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        write(&self.copy.join(path), text);
    }

    fn import_with(&self, rules: &ImportRules) -> Candidate {
        candidate(&self.store, &self.imported, &self.copy, rules)
    }

    fn import(&self) -> Candidate {
        self.import_with(&ImportRules::default())
    }

    /// The violations, each as path and kind.
    fn violations(&self) -> Vec<(String, ViolationKind)> {
        self.import().violations.into_iter().map(|violation| (violation.path, violation.kind)).collect()
    }

    fn expect(&self, path: &str, kind: ViolationKind) {
        assert_eq!(self.violations(), [(path.to_owned(), kind)]);
    }
}

#[test]
fn changes_in_scope_come_with_their_bytes_and_kind() {
    let desk = Desk::new();
    desk.write("src/a.py", "a = 2\n");
    desk.write("src/new/d.py", "d = 1\n");
    std::fs::remove_file(desk.copy.join("src/b.py")).unwrap();
    let found = desk.import();
    assert_eq!(found.violations, []);
    let kinds: Vec<_> = found.changes.iter().map(|change| (change.path.as_str(), change.kind())).collect();
    assert_eq!(
        kinds,
        [
            ("src/a.py", ChangeKind::Changed),
            ("src/b.py", ChangeKind::Deleted),
            ("src/new/d.py", ChangeKind::New)
        ]
    );
    assert_eq!(found.changes[0].bytes(), Some(&b"a = 2\n"[..]));
}

#[test]
fn what_the_baseline_ignores_is_dropped_and_counted_even_in_scope() {
    let desk = Desk::new();
    desk.write("src/__pycache__/a.cpython-311.pyc", "poison");
    desk.write("src/debug.log", "x");
    desk.write("target/debug/x", "x");
    desk.write("src/build/new.txt", "in an ignored directory that has a tracked file");
    symlink("/etc", desk.copy.join("src/x.log")).unwrap();
    desk.write(".sprag/proposal.json", "{}");
    // The agent's own ignore file is no excuse.
    desk.write("src/.gitignore", "evil.py\n");
    desk.write("src/evil.py", "x");
    let found = desk.import();
    assert_eq!((found.dropped, found.violations.len()), (5, 0), "{found:?}");
    let paths: Vec<_> = found.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["src/.gitignore", "src/evil.py"]);
}

#[test]
fn a_tracked_file_is_judged_though_a_pattern_ignores_it() {
    let desk = Desk::new();
    desk.write("src/build/kept.txt", "other\n");
    assert_eq!(desk.import().changes.len(), 1);
}

#[test]
fn changes_outside_the_scope_and_off_limits_are_violations() {
    let desk = Desk::new();
    desk.write("bench/run.py", "forged\n");
    desk.write("src/locked.py", "l = 2\n");
    desk.write("conftest.py", "x");
    std::fs::remove_file(desk.copy.join(".gitignore")).unwrap();
    assert_eq!(
        desk.violations(),
        [
            (".gitignore".to_owned(), ViolationKind::DeletedOutsideScope),
            ("bench/run.py".to_owned(), ViolationKind::ChangedOutsideScope),
            ("conftest.py".to_owned(), ViolationKind::NewOutsideScope),
            ("src/locked.py".to_owned(), ViolationKind::OffLimits),
        ]
    );
}

#[test]
fn the_same_size_and_time_do_not_hide_a_change() {
    let desk = Desk::new();
    let path = desk.copy.join("bench/run.py");
    let time = path.metadata().unwrap().modified().unwrap();
    std::fs::write(&path, "pwned()\n").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    desk.expect("bench/run.py", ViolationKind::ChangedOutsideScope);
}

#[test]
fn tricks_with_the_agents_git_have_no_effect() {
    let desk = Desk::new();
    for (nth, hide) in [
        &["update-index", "--skip-worktree", "bench/run.py"][..],
        &["update-index", "--assume-unchanged", "bench/run.py"],
        &["config", "filter.f.clean", "git show HEAD:bench/run.py"],
        &["config", "core.trustctime", "false"],
        &["config", "core.worktree", "/"],
    ]
    .into_iter()
    .enumerate()
    {
        git_in(&desk.copy, hide);
        write(&desk.copy.join(".git/info/exclude"), "*\n");
        write(&desk.copy.join(".git/info/attributes"), "* filter=f\n");
        desk.write("bench/run.py", format!("forged {nth}\n"));
        desk.expect("bench/run.py", ViolationKind::ChangedOutsideScope);
    }
    std::fs::remove_dir_all(desk.copy.join(".git")).unwrap();
    symlink(desk.fixture.repo_dir().join(".git"), desk.copy.join(".git")).unwrap();
    desk.expect("bench/run.py", ViolationKind::ChangedOutsideScope);
}

#[test]
fn links_are_violations_wherever_they_point() {
    let desk = Desk::new();
    symlink("b.py", desk.copy.join("src/new_link.py")).unwrap();
    desk.expect("src/new_link.py", ViolationKind::Symlink);
    std::fs::remove_file(desk.copy.join("src/new_link.py")).unwrap();
    std::fs::remove_file(desk.copy.join("src/link.py")).unwrap();
    desk.expect("src/link.py", ViolationKind::Symlink);
    symlink("/etc/passwd", desk.copy.join("src/link.py")).unwrap();
    desk.expect("src/link.py", ViolationKind::Symlink);
}

#[test]
fn a_directory_that_became_a_link_is_not_followed() {
    let desk = Desk::new();
    std::fs::rename(desk.copy.join("src/sub"), desk.fixture.top().join("elsewhere")).unwrap();
    symlink(desk.fixture.top().join("elsewhere"), desk.copy.join("src/sub")).unwrap();
    let found = desk.import();
    assert_eq!(found.violations.len(), 1);
    assert_eq!(
        (found.violations[0].path.as_str(), found.violations[0].kind),
        ("src/sub", ViolationKind::Symlink)
    );
    assert_eq!(found.changes[0].kind(), ChangeKind::Deleted);
}

#[test]
fn hard_links_are_violations_even_with_the_right_bytes() {
    let desk = Desk::new();
    std::fs::remove_file(desk.copy.join("src/a.py")).unwrap();
    write(&desk.fixture.top().join("twin"), "a = 1\n");
    std::fs::hard_link(desk.fixture.top().join("twin"), desk.copy.join("src/a.py")).unwrap();
    desk.expect("src/a.py", ViolationKind::HardLink);
}

#[test]
fn mode_changes_and_set_user_id_are_violations() {
    let desk = Desk::new();
    let mode = |path: &str, mode| {
        std::fs::set_permissions(desk.copy.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("src/a.py", 0o755);
    desk.expect("src/a.py", ViolationKind::Mode);
    mode("src/a.py", 0o4644);
    desk.expect("src/a.py", ViolationKind::Mode);
    mode("src/a.py", 0o600);
    assert!(desk.import().is_no_edit(), "who may read a file is not part of a tree");
}

#[test]
fn pipes_and_sockets_are_violations_and_do_not_block() {
    let desk = Desk::new();
    let pipe = desk.copy.join("src/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, pipe.as_std_path(), rustix::fs::Mode::RWXU).unwrap();
    std::os::unix::net::UnixListener::bind(desk.copy.join("src/socket")).unwrap();
    std::fs::remove_file(desk.copy.join("src/a.py")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, desk.copy.join("src/a.py").as_std_path(), rustix::fs::Mode::RWXU)
        .unwrap();
    let kinds: Vec<_> = desk.violations();
    assert_eq!(
        kinds,
        ["src/a.py", "src/pipe", "src/socket"].map(|path| (path.to_owned(), ViolationKind::SpecialFile))
    );
}

#[test]
fn a_repository_inside_the_tree_is_a_violation() {
    let desk = Desk::new();
    desk.write("src/inner/x.py", "x");
    git_in(&desk.copy.join("src/inner"), &["init", "-q", "."]);
    desk.expect("src/inner/.git", ViolationKind::NestedGit);
    std::fs::remove_dir_all(desk.copy.join("src/inner/.git")).unwrap();
    desk.write("src/inner/.GIT", "gitdir: /elsewhere");
    desk.expect("src/inner/.GIT", ViolationKind::NestedGit);
}

#[test]
fn names_that_collide_elsewhere_or_are_no_text_are_violations() {
    let desk = Desk::new();
    desk.write("src/A.py", "x");
    desk.expect("src/A.py", ViolationKind::Collision);
    assert_eq!(desk.import().violations[0].detail, "src/a.py");
    std::fs::remove_file(desk.copy.join("src/A.py")).unwrap();
    let name = std::ffi::OsStr::from_bytes(b"src/\xff\x1b.py");
    std::fs::write(desk.copy.as_std_path().join(name), "x").unwrap();
    desk.expect("src/\u{fffd}\\u{1b}.py", ViolationKind::BadName);
}

#[test]
fn bombs_are_violations_and_are_not_read() {
    let desk = Desk::new();
    let sparse = std::fs::File::create(desk.copy.join("src/huge.bin")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    desk.expect("src/huge.bin", ViolationKind::TooMuch);
    std::fs::remove_file(desk.copy.join("src/huge.bin")).unwrap();
    for nth in 0..30 {
        desk.write(&format!("src/many/{nth}.py"), "0123456789");
    }
    let kinds = |rules: ImportRules| -> Vec<ViolationKind> {
        let mut kinds: Vec<_> =
            desk.import_with(&rules).violations.into_iter().map(|found| found.kind).collect();
        kinds.dedup();
        kinds
    };
    let rules = ImportRules::default;
    assert_eq!(kinds(ImportRules { max_new_files: 10, ..rules() }), [ViolationKind::TooMuch]);
    assert_eq!(kinds(ImportRules { max_total_bytes: 100, ..rules() }), [ViolationKind::TooMuch]);
    assert!(kinds(ImportRules { max_entries: 20, ..rules() }).contains(&ViolationKind::TooMuch));
    assert_eq!(kinds(ImportRules { no_new_files: true, ..rules() }), [ViolationKind::NewFile]);
    assert_eq!(kinds(ImportRules { skip: vec!["src/many".to_owned()], ..rules() }), []);
    std::fs::remove_dir_all(desk.copy.join("src/many")).unwrap();
    std::fs::create_dir_all(desk.copy.join("src").join("d/".repeat(100))).unwrap();
    assert_eq!(kinds(rules()), [ViolationKind::TooMuch]);
}

#[test]
fn a_locked_path_cannot_change_though_it_is_in_scope() {
    let desk = Desk::new();
    desk.write("src/sub/c.py", "c = 2\n");
    let rules = ImportRules { locked: vec!["src/sub".to_owned()], ..ImportRules::default() };
    let found = desk.import_with(&rules);
    assert_eq!(found.violations[0].kind, ViolationKind::Locked);
}

#[test]
fn extended_attributes_of_a_user_are_violations_where_the_system_has_them() {
    let desk = Desk::new();
    let path = desk.copy.join("src/a.py");
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(path.as_std_path(), "user.note", b"x", flags).is_ok() {
        desk.expect("src/a.py", ViolationKind::Xattr);
    }
}

#[test]
fn a_file_and_a_directory_may_change_places_in_scope() {
    let desk = Desk::new();
    std::fs::remove_file(desk.copy.join("src/a.py")).unwrap();
    desk.write("src/a.py/inner.py", "x");
    std::fs::remove_dir_all(desk.copy.join("src/sub")).unwrap();
    desk.write("src/sub", "x");
    let found = desk.import();
    assert_eq!(found.violations, []);
    let tree = desk.store.write_tree(&desk.imported.tree, &found.changes).unwrap();
    let manifest = desk.store.manifest(&tree).unwrap();
    assert!(
        manifest.contains("src/a.py/inner.py")
            && manifest.contains("src/sub")
            && !manifest.contains("src/a.py")
    );
}

#[test]
fn violations_read_as_sentences() {
    let desk = Desk::new();
    desk.write("bench/run.py", "x");
    desk.write("src/A.py", "x");
    std::fs::remove_file(desk.copy.join("src/locked.py")).unwrap();
    let text: Vec<String> = desk.import().violations.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n"));
}

/// Small trees: a few directories, a few names, any bytes.
fn trees() -> impl Strategy<Value = std::collections::BTreeMap<String, Vec<u8>>> {
    let path = "src/([a-c]/){0,2}[d-g]";
    proptest::collection::btree_map(path, proptest::collection::vec(any::<u8>(), 0..40), 0..8)
}

fn make(dir: &Utf8Path, tree: &std::collections::BTreeMap<String, Vec<u8>>) {
    for (path, bytes) in tree {
        write(&dir.join(path), bytes);
    }
}

#[test]
fn something_else_in_the_place_of_the_copy_is_a_violation() {
    let desk = Desk::new();
    std::fs::rename(&desk.copy, desk.fixture.top().join("mine")).unwrap();
    desk.expect("the copy itself", ViolationKind::Unreadable);
    symlink(desk.fixture.top().join("mine"), &desk.copy).unwrap();
    desk.expect("the copy itself", ViolationKind::Symlink);
    std::fs::remove_file(&desk.copy).unwrap();
    std::fs::write(&desk.copy, "").unwrap();
    desk.expect("the copy itself", ViolationKind::SpecialFile);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn importing_a_directory_and_writing_its_tree_gives_the_directory(before in trees(), after in trees()) {
        let fixture = Fixture::new(&[("README", "x")]);
        make(&fixture.repo_dir(), &before);
        fixture.commit("Before");
        let store = fixture.store();
        let imported = fixture.import(&store, &[]);
        let dir = fixture.top().join("copy");
        AgentCopy::create(&dir, &store, &imported.tree).unwrap();
        if dir.join("src").exists() {
            std::fs::remove_dir_all(dir.join("src")).unwrap();
        }
        make(&dir, &after);
        let found = candidate(&store, &imported, &dir, &ImportRules::default());
        prop_assert_eq!(found.violations, vec![]);
        let tree = store.write_tree(&imported.tree, &found.changes).unwrap();
        let mut checkout = sprag_workspace::Checkout::create(&fixture.top().join("slot"), &[]).unwrap();
        checkout.sync(&store, &imported.tree).unwrap();
        checkout.sync(&store, &tree).unwrap();
        let mut expected = after.clone();
        expected.insert("README".to_owned(), b"x".to_vec());
        let manifest = store.manifest(&tree).unwrap();
        let paths: Vec<&str> = manifest.iter().map(|(path, _)| path).collect();
        prop_assert_eq!(paths, expected.keys().map(String::as_str).collect::<Vec<_>>());
        for (path, bytes) in &expected {
            prop_assert_eq!(&std::fs::read(checkout.path().join(path)).unwrap(), bytes);
        }
    }
}
