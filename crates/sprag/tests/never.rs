//! What must never be: the user's repository is only read, but for the log, the ideas and one added branch.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use repo::{MEASURE, Repo, UNLOCKED, lines};

/// A repository with everything that a careless tool would disturb: a stash, staged and unstaged changes, a deleted
/// file, untracked and ignored files, a conflict-prone config, hooks of git, another branch, an empty folder, a link.
fn dirty() -> Repo {
    let repo = Repo::new();
    repo.write(".gitignore", "ignored/\n");
    repo.commit("ignore");
    repo.git(&["branch", "other"]);
    repo.git(&["tag", "-a", "v1", "-m", "one"]);
    repo.write("README", "stashed\n");
    repo.git(&["stash"]);
    repo.write("src/b.txt", &lines("S", 10));
    repo.git(&["add", "src/b.txt"]);
    repo.write("src/b.txt", &lines("U", 10));
    fs::remove_file(repo.root().join("README")).unwrap();
    repo.write("untracked.txt", "mine\n");
    repo.write("ignored/build.o", "object\n");
    fs::create_dir(repo.root().join("hollow")).unwrap();
    std::os::unix::fs::symlink("src/a.txt", repo.root().join("link")).unwrap();
    repo.git(&["config", "core.autocrlf", "input"]);
    repo.git(&["config", "alias.x", "status"]);
    for hook in
        ["pre-commit", "post-commit", "post-checkout", "reference-transaction", "post-index-change", "update"]
    {
        let ran = repo.beside("a-hook-ran");
        repo.script(
            &format!(".git/hooks/{hook}"),
            &format!("#!/bin/sh\necho {hook} >> '{}'\n", ran.display()),
        );
    }
    // What a person's git runs besides: a file system monitor, a filter, a pager, an external diff.
    let ran = repo.beside("a-hook-ran");
    let script = repo.beside("hook.sh");
    fs::write(&script, format!("#!/bin/sh\necho config >> '{}'\ncat\n", ran.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    repo.write(".git/info/attributes", "src/* filter=mine diff=mine merge=mine\n");
    for key in [
        "core.fsmonitor",
        "filter.mine.clean",
        "filter.mine.smudge",
        "diff.external",
        "diff.mine.textconv",
        "merge.mine.driver",
        "core.pager",
        "core.editor",
        "gpg.program",
    ] {
        repo.git(&["config", key, script]);
    }
    repo.git(&["config", "commit.gpgsign", "true"]);
    let _ = fs::remove_file(ran);
    repo
}

/// All but what Sprag may write: its log and the ideas.
fn without_ours(mut all: BTreeMap<String, String>) -> BTreeMap<String, String> {
    all.retain(|path, _| path != ".auto/log.jsonl" && path != ".auto/ideas.md");
    all
}

#[track_caller]
fn same(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
    for (path, what) in before {
        assert_eq!(after.get(path), Some(what), "{path} changed");
    }
    let added: Vec<&String> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert!(added.is_empty(), "added: {added:?}");
}

#[test]
fn a_run_leaves_a_dirty_repository_as_it_was() {
    let repo = dirty();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-outside", "README", "mine\n");
    repo.proposal("03-later", "description = \"later\"\npark = true\n", "");
    let before = repo.everything();
    let playbook = format!("playbook:{}", repo.playbook().display());
    repo.run(&["run", "--include-dirty", "--agent", &playbook]).expect(0);
    same(&before, &without_ours(repo.everything()));
    assert!(repo.root().join(".auto/log.jsonl").is_file());
    assert!(repo.read(".auto/ideas.md").contains("later"));
    assert!(!repo.beside("a-hook-ran").exists(), "a hook of the user ran");
}

#[test]
fn without_include_dirty_a_dirty_repository_is_refused_and_not_touched() {
    let repo = dirty();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    let before = repo.everything();
    repo.play().expect(1).says(&["uncommitted change", "--include-dirty"]);
    same(&before, &repo.everything());
}

#[test]
fn a_try_leaves_a_dirty_repository_as_it_was() {
    let repo = dirty();
    let before = repo.everything();
    let done = repo.run(&["try"]);
    same(&before, &without_ours(repo.everything()));
    assert!(done.code.is_some_and(|code| (10..=14).contains(&code) || code == 0), "{done:?}");
    repo.run(&["bench"]).expect(0);
    repo.run(&["check"]);
    repo.run(&["status"]).expect(0);
    same(&before, &without_ours(repo.everything()));
    assert!(!repo.beside("a-hook-ran").exists(), "a hook of the user ran");
}

#[test]
fn an_interrupted_run_leaves_a_dirty_repository_as_it_was() {
    for signal in ["INT", "KILL"] {
        let repo = dirty();
        repo.shut_gate_for("src/a.txt");
        repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
        let before = repo.everything();
        let playbook = format!("playbook:{}", repo.playbook().display());
        let mut running = repo.start(&["run", "--include-dirty", "--agent", &playbook]);
        running.until_it_says("it repeats to the bit");
        running.signal(signal);
        let done = running.end();
        assert_eq!(done.code, if signal == "INT" { Some(130) } else { None }, "{}", done.stderr);
        same(&before, &without_ours(repo.everything()));
    }
}

#[test]
fn apply_adds_one_branch_and_objects_and_nothing_else() {
    let repo = dirty();
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    repo.propose_text("02-shorter-too", "src/c.txt", &lines("c", 5));
    let playbook = format!("playbook:{}", repo.playbook().display());
    repo.run(&["run", "--include-dirty", "--agent", &playbook]).expect(0);
    let before = repo.everything();
    let branches = repo.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
    repo.run(&["apply", "better"]).expect(0);
    let mut after = repo.everything();
    let added: Vec<String> = after.keys().filter(|path| !before.contains_key(*path)).cloned().collect();
    for path in added {
        let ours = path == ".git/refs/heads/better" || path.starts_with(".git/objects/");
        assert!(ours, "{path} was added");
        after.remove(&path);
    }
    same(&before, &after);
    let now = repo.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
    assert_eq!(now.lines().filter(|line| !branches.contains(line)).count(), 1, "{now}");
    assert!(!repo.beside("a-hook-ran").exists(), "a hook of the user ran");
}

#[test]
fn whatever_a_benchmark_or_a_candidate_leaves_behind_stays_in_the_slots() {
    let repo = Repo::new();
    repo.script(".auto/measure.sh", &format!("{MEASURE}echo x > left-behind; rm -f src/b.txt\n"));
    repo.write(".auto/sprag.toml", UNLOCKED);
    repo.commit("a careless benchmark");
    repo.propose_text("01-shorter", "src/a.txt", &lines("a", 5));
    let before = repo.everything();
    repo.play().expect(0);
    same(&before, &without_ours(repo.everything()));
    assert_eq!(repo.verdict().1, "improved");
}
