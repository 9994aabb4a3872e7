//! What belongs to the tree besides the tree: a package of a monorepo, prepared inputs, and tests that stay the same.

mod repo;

use repo::{Repo, lines, write};

/// Two packages beside each other and a folder that both use; the harness lies at the top.
fn monorepo(scope: &str) -> Repo {
    let repo = Repo::empty();
    let spec = format!(
        "# Smaller\n## Metrics\n- **Primary**: bytes (lower is better)\n## How to Run\n`./.auto/measure.sh`\n\
         ## Files in Scope\n{scope}\n"
    );
    repo.write(".auto/prompt.md", &spec);
    repo.write(".auto/sprag.toml", "[workspace]\nroot = \"packages/api\"\ninclude = [\"../sibling\"]\n");
    // It runs in the package, sees what is copied beside it, and nothing else.
    repo.script(
        ".auto/measure.sh",
        "#!/bin/sh\ntest -f package.txt && test -f ../sibling/lib.txt && test ! -e ../web || exit 1\n\
         echo \"METRIC bytes=$(cat src/*.txt | wc -c)\"\n",
    );
    repo.write("packages/api/package.txt", "api\n");
    repo.write("packages/api/src/a.txt", &lines("a", 10));
    repo.write("packages/sibling/lib.txt", "sibling\n");
    repo.write("packages/web/page.txt", "web\n");
    repo.commit("start");
    repo
}

#[test]
fn a_package_is_measured_in_its_folder_and_changed_by_paths_of_the_repository() {
    let repo = monorepo("- packages/api/src/**");
    repo.run(&["check"]).expect(0).says(&["`../../.auto/measure.sh` is run"]);
    repo.propose_text("01-shorter", "packages/api/src/a.txt", &lines("a", 5));
    repo.propose_text("02-outside", "packages/sibling/lib.txt", "x\n");
    repo.play().expect(0).says(&["bytes 100.00 → 50.00"]);
    let reasons: Vec<_> = repo.rows().iter().map(|row| row["reason"].clone()).collect();
    assert_eq!(reasons[1..], ["improved", "scope"]);
    repo.run(&["apply", "faster"]).expect(0);
    let changed = repo.git(&["diff", "--name-status", "main", "faster"]);
    assert_eq!(changed, "M\tpackages/api/src/a.txt\n", "what was not copied is still on the branch");
}

#[test]
fn a_scope_that_is_written_from_the_package_is_an_error_with_the_right_path() {
    monorepo("- src/**").run(&["check"]).expect(3).says(&["did you mean `packages/api/src/**`?"]);
    monorepo("- packages/web/**").run(&["check"]).expect(3).says(&["only `packages/api` is copied"]);
}

#[test]
fn a_package_that_is_not_there_or_leaves_the_repository_is_an_error() {
    let repo = monorepo("- packages/api/src/**");
    repo.write(".auto/sprag.toml", "[workspace]\nroot = \"packages/ap\"\n");
    repo.run(&["check"]).expect(3).says(&["the package `packages/ap` has no files that git knows"]);
    repo.write(".auto/sprag.toml", "[workspace]\nroot = \"../elsewhere\"\n");
    repo.run(&["check"]).expect(3).says(&[".auto/sprag.toml:2:8", "`../elsewhere` leaves the repository"]);
}

#[test]
fn the_working_directory_of_the_other_tools_is_the_package() {
    let repo = monorepo("- packages/api/src/**");
    repo.write(".auto/sprag.toml", "[workspace]\ninclude = [\"packages/sibling\"]\n");
    repo.write(".auto/config.json", "{\"workingDir\": \"packages/api\"}");
    repo.run(&["bench"]).expect(0).says(&["bytes 100"]);
}

/// A repository whose benchmark reads an input that git ignores.
fn with_an_input(prepare: &str) -> Repo {
    let repo = Repo::new();
    repo.write(".gitignore", "deps/\n");
    repo.write(
        ".auto/sprag.toml",
        &format!("[run]\nprepare = '''{prepare}'''\n[workspace]\nread = [\"deps\"]\n"),
    );
    repo.script(
        ".auto/measure.sh",
        "#!/bin/sh\necho \"METRIC bytes=$(cat src/*.txt deps/*.txt | wc -c)\"\necho METRIC calls=7\n",
    );
    repo.commit("with an input");
    repo
}

#[test]
fn prepare_runs_once_in_a_checkout_of_our_own() {
    let repo = with_an_input(
        "mkdir -p deps && cat src/a.txt > deps/one.txt && echo ran >> \"$COUNT\" && touch extra",
    );
    let count = repo.beside("count");
    let run = |args: &[&str]| {
        let output = repo.command(args).env("COUNT", &count).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        text
    };
    let before = repo.everything();
    let text = run(&["bench"]);
    assert!(text.contains("prepare made extra, which [workspace] read does not name"), "{text}");
    assert_eq!(repo.everything(), before, "the person's tree is left alone");

    repo.propose_text("01-shorter", "src/b.txt", &lines("b", 5));
    let playbook = format!("playbook:{}", repo.playbook().display());
    run(&["run", "--agent", &playbook]);
    repo.propose_text("02-shorter", "src/c.txt", &lines("c", 5));
    run(&["run", "--agent", &playbook]);
    assert_eq!(std::fs::read_to_string(&count).unwrap(), "ran\n", "the tree was the same every time");
    let metrics: Vec<_> = repo.rows().iter().map(|row| row["metric"].as_f64().unwrap()).collect();
    assert_eq!(metrics, [435.0, 385.0, 335.0]);
}

#[test]
fn an_input_of_the_persons_own_tree_goes_before_a_prepared_one() {
    let repo = with_an_input("mkdir -p deps && echo prepared > deps/one.txt");
    repo.write("deps/mine.txt", &lines("m", 1));
    repo.run(&["bench"]).expect(0).says(&["bytes 345"]);
}

#[test]
fn a_prepare_that_fails_or_makes_too_little_ends_the_session_before_it_starts() {
    let repo = with_an_input("echo no such package >&2; exit 3");
    repo.run(&["bench"]).expect(1).says(&["[run] prepare", "exit code 3", "no such package"]);
    let repo = with_an_input("true");
    repo.run(&["bench"]).expect(1).says(&["[workspace] read names deps", "did not make it"]);
}

#[test]
fn the_same_tests_means_that_none_is_changed_added_or_removed() {
    let repo = Repo::new();
    repo.write("src/a_test.txt", &lines("t", 10));
    repo.spec_with("## Constraints\n- same tests\n");
    repo.commit("with a test");
    repo.propose_text("01-changed", "src/a_test.txt", &lines("t", 1));
    repo.propose("02-removed", |root| std::fs::remove_file(root.join("src/a_test.txt")).unwrap());
    repo.propose_text("03-added", "src/tests/conftest.py", "skip()\n");
    repo.propose("04-code", |root| write(&root.join("src/a.txt"), lines("a", 5).as_bytes()));
    repo.play().expect(0);
    let reasons: Vec<_> = repo.rows().iter().map(|row| row["reason"].clone()).collect();
    assert_eq!(reasons[1..], ["scope", "scope", "scope", "improved"]);
}
