//! The user's repository is read, and only read.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod fixture;

use fixture::{Fixture, git_in, portrait};
use sprag_workspace::{Baseline, DirtyKind, Error, LockedWhy, Region, Start, UserRepo};

fn dirty_repository() -> Fixture {
    let fixture = Fixture::new(&[
        ("src/a.py", "a = 1\n"),
        ("src/b.py", "b = 1\n"),
        ("gone.txt", "x\n"),
        ("staged.txt", "x\n"),
        ("unstaged.txt", "x\n"),
        (".gitignore", "*.log\n"),
    ]);
    fixture.write("src/b.py", "b = 99\n");
    fixture.git(&["stash", "-q"]);
    fixture.write("src/a.py", "a = 2\n");
    fixture.write("staged.txt", "y\n");
    fixture.git(&["add", "staged.txt"]);
    fixture.git(&["rm", "-q", "--cached", "unstaged.txt"]);
    std::fs::remove_file(fixture.repo_dir().join("gone.txt")).unwrap();
    fixture.write("new dir/ü.txt", "new\n");
    fixture.write("debug.log", "ignored\n");
    fixture
}

#[test]
fn every_kind_of_uncommitted_change_is_named_and_ignored_files_are_not() {
    let fixture = dirty_repository();
    let dirty = fixture.user().dirty(&|path| path == "staged.txt").unwrap();
    let seen: Vec<(&str, DirtyKind)> = dirty.iter().map(|dirty| (dirty.path.as_str(), dirty.kind)).collect();
    assert_eq!(
        seen,
        [
            ("gone.txt", DirtyKind::Deleted),
            ("new dir/ü.txt", DirtyKind::Untracked),
            ("src/a.py", DirtyKind::Changed),
            ("unstaged.txt", DirtyKind::Changed),
        ]
    );
}

#[test]
fn reading_and_importing_and_a_snapshot_leave_a_dirty_repository_as_it_is() {
    let fixture = dirty_repository();
    // A touched file makes every git that may refresh the index write it.
    fixture.write("src/b.py", "b = 1\n");
    let before = portrait(&fixture.repo_dir(), &|_| false);
    let (store, user) = (fixture.store(), fixture.user());
    user.dirty(&|_| false).unwrap();
    user.files().unwrap();
    user.identity().unwrap();
    user.commits("HEAD..HEAD").unwrap();
    fixture.import(&store, &["src/a.py"]);
    fixture.snapshot(&store, &|_| false);
    assert_eq!(portrait(&fixture.repo_dir(), &|_| false), before);
}

#[test]
fn a_snapshot_is_the_working_tree_on_top_of_the_users_commit() {
    let fixture = dirty_repository();
    let store = fixture.store();
    let imported = fixture.snapshot(&store, &|path| path == "staged.txt");
    let manifest = store.manifest(&imported.tree).unwrap();
    let text = |path: &str| {
        manifest.get(path).map(|entry| String::from_utf8(store.blob(&entry.id).unwrap()).unwrap())
    };
    assert_eq!(text("src/a.py").as_deref(), Some("a = 2\n"));
    assert_eq!(text("new dir/ü.txt").as_deref(), Some("new\n"));
    assert_eq!(text("staged.txt").as_deref(), Some("x\n"), "it was left aside");
    assert_eq!(text("unstaged.txt").as_deref(), Some("x\n"), "it is still in the working tree");
    assert_eq!((text("gone.txt"), text("debug.log")), (None, None));
    assert_ne!(imported.base, imported.user_commit);
    let parents = git_in(store.dir(), &["log", "-1", "--format=%P", &imported.base.to_string()]);
    assert_eq!(parents, imported.user_commit.to_string());
}

#[test]
fn a_clean_snapshot_is_the_users_commit_itself() {
    let fixture = Fixture::new(&[("a", "1")]);
    let imported = fixture.snapshot(&fixture.store(), &|_| false);
    assert_eq!(imported.base, imported.user_commit);
    assert_eq!(imported.user_commit, fixture.user().head().unwrap());
}

#[test]
fn the_harness_comes_from_the_working_tree_committed_or_not_and_a_missing_one_is_missing() {
    let fixture = Fixture::new(&[("src/a.py", "1"), (".auto/old.sh", "old"), (".gitignore", "hidden/\n")]);
    fixture.write(".auto/measure.sh", "echo METRIC x=1\n");
    fixture.write("hidden/case.json", "{}");
    std::fs::remove_file(fixture.repo_dir().join(".auto/old.sh")).unwrap();
    fixture.write("src/a.py", "2");
    let store = fixture.store();
    let imported = fixture.import(&store, &[".auto", "hidden/"]);
    let manifest = store.manifest(&imported.tree).unwrap();
    let paths: Vec<&str> = manifest.iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [".auto/measure.sh", ".gitignore", "hidden/case.json", "src/a.py"]);
    assert_eq!(store.blob(&manifest.get("src/a.py").unwrap().id).unwrap(), b"1");
}

#[test]
fn the_store_holds_the_commit_and_its_bytes_but_not_its_history_and_no_alternates() {
    let fixture = Fixture::new(&[("old.txt", "a secret of the past")]);
    let old = fixture.git(&["rev-parse", "HEAD:old.txt"]);
    std::fs::remove_file(fixture.repo_dir().join("old.txt")).unwrap();
    fixture.write("a", "1");
    fixture.commit("Second");
    let store = fixture.store();
    let imported = fixture.import(&store, &[]);
    assert!(git_in(store.dir(), &["cat-file", "-t", &imported.base.to_string()]).contains("commit"));
    assert_eq!(store.blob_by_prefix(&old).unwrap(), None);
    assert!(!store.dir().join("objects/info/alternates").exists());
    assert_eq!(git_in(store.dir(), &["fsck", "--strict", "--no-dangling"]), "");
    assert_eq!(fixture.import(&store, &[]).tree, imported.tree, "a second import finds all there");
}

#[test]
fn what_is_not_a_usable_repository_is_refused_with_what_to_do() {
    let fixture = Fixture::new(&[("a", "1")]);
    let outside = fixture.top().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let say = |dir: &camino::Utf8Path| {
        UserRepo::discover(dir).unwrap_err().to_string().replace(fixture.top().as_str(), "TOP")
    };
    insta::assert_snapshot!(say(&outside), @"TOP/outside is not in a git repository; run `git init`, commit your code, and try again");
    git_in(&fixture.top(), &["init", "-q", "--bare", "bare.git"]);
    insta::assert_snapshot!(say(&fixture.top().join("bare.git")), @"TOP/bare.git is a bare repository; run Sprag in a clone of it that has a working tree");
    git_in(&outside, &["init", "-q", "."]);
    insta::assert_snapshot!(say(&outside), @"the repository TOP/outside has no commits yet; commit your code first, it is the baseline");
}

#[test]
fn a_repository_has_one_name_from_everywhere() {
    let fixture = Fixture::new(&[("pkg/a", "1")]);
    let user = fixture.user();
    let within = UserRepo::discover(&fixture.repo_dir().join("pkg")).unwrap();
    fixture.git(&["worktree", "add", "-q", "-b", "side", "../side"]);
    let linked = UserRepo::discover(&fixture.top().join("side")).unwrap();
    assert_eq!(user.id(), within.id());
    assert_eq!(user.id(), linked.id());
    assert!(user.id().starts_with("project-") && user.id().len() == "project-".len() + 12);
}

#[test]
fn revisions_ranges_and_a_detached_head_are_read() {
    let fixture = Fixture::new(&[("a", "1")]);
    fixture.commit("Second: with a colon");
    fixture.commit("Third");
    let user = fixture.user();
    let subjects: Vec<String> =
        user.commits("HEAD~2..").unwrap().into_iter().map(|commit| commit.subject).collect();
    assert_eq!(subjects, ["Second: with a colon", "Third"]);
    assert!(matches!(user.commits("HEAD"), Err(Error::BadRange { .. })));
    assert!(matches!(user.resolve("--all"), Err(Error::UnknownRevision { .. })));
    let on_a_branch = user.head().unwrap();
    fixture.git(&["checkout", "-q", "--detach"]);
    assert_eq!(user.head().unwrap(), on_a_branch);
    assert_eq!(user.identity().unwrap().email, "ada@example.com");
    assert_eq!(user.files().unwrap(), ["a"]);
}

#[test]
fn a_monorepo_is_copied_in_part_and_its_links_out_are_left_out_and_named() {
    let fixture = Fixture::new(&[("pkg/a", "1"), ("sibling/b", "2"), ("other/c", "3"), ("pkgs/d", "4")]);
    std::os::unix::fs::symlink("../sibling/b", fixture.repo_dir().join("pkg/in")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", fixture.repo_dir().join("pkg/out")).unwrap();
    fixture.commit("Links");
    let (store, user) = (fixture.store(), fixture.user());
    let region = Region { prefixes: vec!["pkg".to_owned(), "./sibling/".to_owned()] };
    let start = Start::Commit(user.head().unwrap());
    let imported =
        store.import(&user, &Baseline { start, overlay: vec![], ignoring: &|_| false, region }).unwrap();
    let manifest = store.manifest(&imported.tree).unwrap();
    let paths: Vec<&str> = manifest.iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["pkg/a", "pkg/in", "sibling/b"]);
    assert_eq!(imported.locked.len(), 1);
    assert_eq!(
        (imported.locked[0].path.as_str(), imported.locked[0].why),
        ("pkg/out", LockedWhy::LinkOutside)
    );
}

#[test]
fn a_submodule_gives_its_files_and_is_locked_and_lfs_gives_the_bytes_of_the_working_tree() {
    let fixture =
        Fixture::new(&[("a", "1"), (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")]);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid \
        sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\nsize 6\n";
    fixture.write_all(&[("data.bin", pointer), ("absent.bin", &pointer.replace("5891", "0000"))]);
    let library = fixture.top().join("library");
    fixture::write(&library.join("lib.py"), "lib = 1\n");
    git_in(&library, &["init", "-q", "."]);
    git_in(&library, &["add", "-A"]);
    git_in(&library, &["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", "lib"]);
    fixture.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "add",
        "-q",
        library.as_str(),
        "vendor/lib",
    ]);
    fixture.commit("All");
    fixture.write("data.bin", "hello\n");
    assert_eq!(fixture.user().dirty(&|_| false).unwrap(), [], "the smudged file is the committed one");
    let store = fixture.store();
    let imported = fixture.import(&store, &[]);
    let manifest = store.manifest(&imported.tree).unwrap();
    let bytes = |path: &str| store.blob(&manifest.get(path).unwrap().id).unwrap();
    assert_eq!(bytes("data.bin"), b"hello\n");
    assert_eq!(bytes("vendor/lib/lib.py"), b"lib = 1\n");
    let locked: Vec<_> = imported.locked.iter().map(|locked| (locked.path.as_str(), locked.why)).collect();
    assert_eq!(
        locked,
        [
            ("absent.bin", LockedWhy::LfsMissing),
            ("data.bin", LockedWhy::Lfs),
            ("vendor/lib", LockedWhy::Submodule)
        ]
    );
}

#[test]
fn filters_hooks_and_monitors_of_the_repository_do_not_run() {
    let fixture = Fixture::new(&[("a.txt", "1\n"), (".gitattributes", "*.txt filter=evil\n")]);
    let mark = fixture.top().join("ran");
    let evil = format!("touch {mark}; cat");
    fixture.git(&["config", "filter.evil.clean", &evil]);
    fixture.git(&["config", "filter.evil.required", "true"]);
    fixture.git(&["config", "core.fsmonitor", &evil]);
    fixture.write("a.txt", "2\n");
    let store = fixture.store();
    assert_eq!(fixture.user().dirty(&|_| false).unwrap().len(), 1);
    fixture.snapshot(&store, &|_| false);
    assert!(!mark.exists());
}
