//! A slot holds exactly one tree, whatever has happened in it.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod fixture;

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use camino::Utf8Path;
use fixture::{Fixture, portrait, write};
use sprag_workspace::{AgentCopy, Change, Checkout, Edit, FileMode, ImportRules, Store, TreeId};

struct Slot {
    fixture: Fixture,
    store: Store,
    tree: TreeId,
    checkout: Checkout,
}

fn slot(keep: &[&str]) -> Slot {
    let fixture =
        Fixture::new(&[("src/a.py", "a = 1\n"), ("src/deep/b.py", "b = 1\n"), ("run.sh", "#!/bin/sh\n")]);
    let run = fixture.repo_dir().join("run.sh");
    std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("deep/b.py", fixture.repo_dir().join("src/link")).unwrap();
    fixture.commit("Modes");
    let store = fixture.store();
    let tree = fixture.import(&store, &[]).tree;
    let keep: Vec<String> = keep.iter().map(|path| (*path).to_owned()).collect();
    let mut checkout = Checkout::create(&fixture.top().join("slot"), &keep).unwrap();
    assert_eq!(checkout.sync(&store, &tree).unwrap().written, 4);
    Slot { fixture, store, tree, checkout }
}

fn content(dir: &Utf8Path) -> Vec<(String, String)> {
    let mut seen: Vec<_> = portrait(dir, &|_| false)
        .into_iter()
        .map(|(path, what)| (path, what.split(' ').take(2).collect::<Vec<_>>().join(" ")))
        .collect();
    seen.sort();
    seen
}

#[test]
fn modes_and_links_are_those_of_the_tree() {
    let slot = slot(&[]);
    let at = slot.checkout.path();
    assert_eq!(at.join("run.sh").metadata().unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(at.join("src/a.py").metadata().unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(at.join("src/link").read_link_utf8().unwrap(), "deep/b.py");
}

#[test]
fn a_sync_writes_what_differs_and_leaves_the_times_of_the_rest() {
    let mut slot = slot(&[]);
    let time =
        |slot: &Slot, path: &str| slot.checkout.path().join(path).symlink_metadata().unwrap().mtime_nsec();
    let before = time(&slot, "src/deep/b.py");
    let edit = Edit::Changed { mode: FileMode::Regular, bytes: b"a = 2\n".to_vec() };
    let other = slot.store.write_tree(&slot.tree, &[Change { path: "src/a.py".to_owned(), edit }]).unwrap();
    let report = slot.checkout.sync(&slot.store, &other).unwrap();
    assert_eq!((report.written, report.unchanged, report.removed), (1, 3, 0));
    assert_eq!(report.restored, [""; 0]);
    assert_eq!(std::fs::read(slot.checkout.path().join("src/a.py")).unwrap(), b"a = 2\n");
    assert_eq!(time(&slot, "src/deep/b.py"), before);
    slot.checkout.sync(&slot.store, &slot.tree).unwrap();
    assert_eq!(std::fs::read(slot.checkout.path().join("src/a.py")).unwrap(), b"a = 1\n");
}

#[test]
fn every_tampering_is_undone_even_with_the_same_size_and_time() {
    let mut slot = slot(&[]);
    let at = slot.checkout.path().to_owned();
    let before = content(&at);
    let secret = slot.fixture.top().join("secret");
    write(&secret, "outside");
    let path = at.join("src/a.py");
    let times = path.metadata().unwrap();
    std::fs::write(&path, "a = 9\n").unwrap();
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(times.modified().unwrap())
        .unwrap();
    std::fs::remove_dir_all(at.join("src/deep")).unwrap();
    symlink(slot.fixture.top(), at.join("src/deep")).unwrap();
    std::fs::remove_file(at.join("run.sh")).unwrap();
    std::fs::create_dir_all(at.join("run.sh/nested")).unwrap();
    write(&at.join("left/over/x"), "x");
    write(&at.join("src/__pycache__/a.pyc"), "poison");
    std::fs::set_permissions(at.join("left/over"), std::fs::Permissions::from_mode(0o000)).unwrap();
    std::fs::hard_link(at.join("src/link"), at.join("hard")).unwrap();
    let report = slot.checkout.sync(&slot.store, &slot.tree).unwrap();
    assert_eq!(content(&at), before);
    assert_eq!(report.restored, ["run.sh", "src/a.py", "src/deep/b.py", "src/link"]);
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "outside");
    let again = slot.checkout.sync(&slot.store, &slot.tree).unwrap();
    assert_eq!((again.unchanged, again.written, again.removed), (4, 0, 0));
}

#[test]
fn caches_and_inputs_stay_but_tracked_files_below_them_are_kept_to_the_tree() {
    let mut slot = slot(&["target", "src/deep/cache/"]);
    let at = slot.checkout.path().to_owned();
    write(&at.join("target/debug/x"), "built");
    write(&at.join("src/deep/cache/y"), "cached");
    let input = slot.fixture.top().join("venv");
    std::fs::create_dir(&input).unwrap();
    slot.checkout.link(".venv", &input).unwrap();
    let report = slot.checkout.sync(&slot.store, &slot.tree).unwrap();
    assert_eq!(report.removed, 0);
    assert!(
        at.join("target/debug/x").exists()
            && at.join("src/deep/cache/y").exists()
            && at.join(".venv").is_dir()
    );
    std::fs::remove_dir_all(at.join("target")).unwrap();
    symlink("/tmp", at.join("target")).unwrap();
    std::fs::remove_file(at.join(".venv")).unwrap();
    symlink("/", at.join(".venv")).unwrap();
    assert_eq!(slot.checkout.sync(&slot.store, &slot.tree).unwrap().removed, 2);
    assert!(at.join("target").symlink_metadata().is_err());
}

#[test]
fn a_new_process_trusts_what_was_recorded_and_without_a_record_reads_the_bytes() {
    let slot = slot(&[]);
    let home = slot.fixture.top().join("slot");
    let inode = |path: &str| slot.checkout.path().join(path).symlink_metadata().unwrap().ino();
    let before = inode("src/a.py");
    let mut again = Checkout::create(&home, &[]).unwrap();
    assert_eq!(again.sync(&slot.store, &slot.tree).unwrap().unchanged, 4);
    std::fs::write(home.join("stamps.json"), "{ broken").unwrap();
    std::fs::write(slot.checkout.path().join("src/deep/b.py"), "b = 7\n").unwrap();
    let mut again = Checkout::create(&home, &[]).unwrap();
    let report = again.sync(&slot.store, &slot.tree).unwrap();
    assert_eq!((report.unchanged, report.written), (3, 1));
    assert_eq!(inode("src/a.py"), before, "its bytes were right, so that it was left alone");
}

#[test]
fn an_agents_copy_is_clean_for_its_own_git_and_imports_as_no_edit() {
    let slot = slot(&[]);
    let dir = slot.fixture.top().join("copy");
    let copy = AgentCopy::create(&dir, &slot.store, &slot.tree).unwrap();
    assert_eq!(fixture::git_in(&dir, &["status", "--porcelain"]), "");
    assert_eq!(fixture::git_in(&dir, &["log", "--format=%s"]), "Start of this try");
    assert_eq!(dir.join("src/a.py").metadata().unwrap().nlink(), 1);
    assert!(copy.proposal_dir().is_dir());
    let imported = slot.fixture.import(&slot.store, &[]);
    let candidate = fixture::candidate(&slot.store, &imported, &dir, &ImportRules::default());
    assert!(candidate.is_no_edit(), "{candidate:?}");
    copy.remove().unwrap();
    assert!(!dir.exists());
}

#[test]
fn the_next_copy_holds_what_changed_and_is_as_sound_as_the_first() {
    let slot = slot(&[]);
    let dir = slot.fixture.top().join("copy");
    AgentCopy::create(&dir, &slot.store, &slot.tree).unwrap().remove().unwrap();
    let edit = Edit::Changed { mode: FileMode::Regular, bytes: b"a = 2\n".to_vec() };
    let next = slot.store.write_tree(&slot.tree, &[Change { path: "src/a.py".into(), edit }]).unwrap();
    let copy = AgentCopy::create(&dir, &slot.store, &next).unwrap();
    assert_eq!(fixture::git_in(&dir, &["status", "--porcelain"]), "");
    assert_eq!(fixture::git_in(&dir, &["fsck", "--strict", "--full", "--no-dangling"]), "");
    copy.remove().unwrap();
    let changes = [
        Change { path: "src/a.py".into(), edit: Edit::Deleted },
        Change { path: "src/a.py/now/dir.py".into(), edit: new("x = 1\n") },
        Change { path: "src/deep/b.py".into(), edit: new("b = 2\n") },
        Change { path: "src/deep.txt".into(), edit: new("sorts before deep/\n") },
    ];
    let next = slot.store.write_tree(&slot.tree, &changes).unwrap();
    AgentCopy::create(&dir, &slot.store, &next).unwrap();
    assert_eq!(fixture::git_in(&dir, &["status", "--porcelain"]), "");
    assert_eq!(fixture::git_in(&dir, &["fsck", "--strict", "--full", "--no-dangling"]), "");
    let names = fixture::git_in(&dir, &["ls-tree", "-r", "--name-only", "HEAD"]);
    let expected = ["run.sh", "src/a.py/now/dir.py", "src/deep.txt", "src/deep/b.py", "src/link"];
    assert_eq!(names.lines().collect::<Vec<_>>(), expected);
    // git itself makes the same tree of the same files.
    assert_eq!(fixture::git_in(&dir, &["write-tree"]), next.to_string());
}

fn new(text: &str) -> Edit {
    Edit::New { mode: FileMode::Regular, bytes: text.as_bytes().to_vec() }
}

#[test]
fn what_is_hidden_from_the_agent_is_not_in_its_copy_nor_in_its_repository() {
    let slot = slot(&[]);
    let visible = slot.store.tree_without(&slot.tree, &|path| path == "src/deep/b.py").unwrap();
    let dir = slot.fixture.top().join("copy");
    AgentCopy::create(&dir, &slot.store, &slot.tree).unwrap().remove().unwrap();
    AgentCopy::create(&dir, &slot.store, &visible).unwrap();
    assert!(!dir.join("src/deep/b.py").exists());
    let hidden = slot.store.manifest(&slot.tree).unwrap().get("src/deep/b.py").unwrap().id.to_string();
    let objects = fixture::git_in(&dir, &["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    assert!(!objects.contains(&hidden));
}
