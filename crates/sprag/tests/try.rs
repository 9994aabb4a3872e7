//! `sprag try`: a person's change, judged; for CI by its exit code.

mod repo;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use repo::{MEASURE, NOISY, Repo, UNLOCKED, lines};

#[test]
fn a_gain_is_0_and_the_incumbent_of_the_next_try() {
    let repo = Repo::new();
    repo.write("src/a.txt", &lines("a", 5));
    repo.run(&["try", "--message", "halved a"]).expect(0).says(&["keep", "halved a"]);
    repo.write("src/b.txt", &lines("b", 9));
    repo.run(&["try"]).expect(0);
    repo.write("src/b.txt", &lines("b", 10));
    repo.run(&["try"]).expect(10).says(&["worse than the incumbent's 275"]);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn no_gain_is_10() {
    let repo = Repo::new();
    repo.write("src/a.txt", &lines("A", 10));
    repo.run(&["try"]).expect(10);
    assert_eq!(repo.verdict().1, "no_gain");
}

#[test]
fn scope_controls_and_checks_are_11() {
    let repo = Repo::new();
    repo.spec_with("## Constraints\n- `calls == 7`\n");
    repo.script(".auto/checks.sh", "#!/bin/sh\n! grep -q broken src/*.txt\n");
    repo.commit("rules");
    let judge = |reason: &str| {
        let done = repo.run(&["try"]).expect(11);
        assert_eq!(repo.verdict().1, reason, "{}", done.stderr);
        repo.git(&["checkout", "-q", "."]);
        repo.git(&["clean", "-qfd", "src"]);
    };
    repo.write("README", "mine\n");
    judge("scope");
    repo.write("src/calls.txt", "call\n");
    judge("control");
    repo.write("src/a.txt", "broken\n");
    judge("checks");
    fs::remove_file(repo.root().join("src/a.txt")).unwrap();
    symlink("/etc/passwd", repo.root().join("src/a.txt")).unwrap();
    judge("scope");
    fs::set_permissions(repo.root().join("src/a.txt"), fs::Permissions::from_mode(0o755)).unwrap();
    judge("scope");
    repo.git(&["init", "-q", "src/nested"]);
    repo.write("src/nested/x", "x\n");
    judge("scope");
    fs::remove_dir_all(repo.root().join("src/nested")).unwrap();
    fs::remove_file(repo.root().join("src/vendor/kept.txt")).unwrap();
    judge("scope");
}

#[test]
fn build_crash_timeout_and_bad_metrics_are_12() {
    let repo = Repo::new();
    repo.write(".auto/sprag.toml", "[run]\nbuild = \"sh src/build\"\ntimeout = { measure = \"5s\" }\n");
    repo.write("src/build", "true\n");
    repo.write("src/act", "true\n");
    repo.script(".auto/measure.sh", &format!("{MEASURE}. src/act\n"));
    repo.commit("a script in scope");
    let judge = |path: &str, text: &str, reason: &str, sentence: &str| {
        repo.write(path, text);
        repo.run(&["try"]).expect(12);
        let (status, found, detail) = repo.verdict();
        assert_eq!((status.as_str(), found.as_str()), ("crash", reason), "{detail}");
        assert!(detail.contains(sentence), "{detail}");
        repo.write(path, "true\n");
    };
    judge("src/build", "echo no such thing >&2; exit 3\n", "build", "3");
    judge("src/act", "exit 7\n", "crash", "7");
    judge("src/act", "kill -SEGV $$\n", "crash", "11");
    judge("src/act", "sleep 600\n", "timeout", "5s");
    judge("src/act", "echo METRIC bytes=1\n", "metric", "bytes");
    judge("src/act", "echo METRIC calls=nan\n", "metric", "nan");
    let row = repo.rows().pop().unwrap();
    assert_eq!(row["metric"], 0.0, "old readers want a number");
    repo.run(&["show", &row["run"].to_string(), "--json"]).expect(0).json();
}

#[test]
fn nothing_to_judge_is_14() {
    let repo = Repo::new();
    repo.run(&["try"]).expect(14).says(&["nothing was changed"]);
    repo.write("src/a.txt", &lines("A", 11));
    repo.run(&["try"]).expect(10);
    repo.run(&["try"]).expect(14).says(&["duplicate", "run 2"]);
}

#[test]
fn a_failure_of_the_host_is_1_and_no_row() {
    let repo = Repo::new();
    repo.write("src/a.txt", &lines("a", 5));
    let mut command = repo.command(&["try"]);
    command.env("XDG_STATE_HOME", "/proc/sprag").env("HOME", "/proc");
    assert_eq!(command.output().unwrap().status.code(), Some(1));
}

#[test]
fn with_a_base_the_session_stands_beside_the_current_one() {
    let repo = Repo::new();
    repo.write("src/a.txt", &lines("a", 5));
    repo.run(&["try"]).expect(0);
    let (before, log) = (repo.ledger(), repo.read(".auto/log.jsonl"));
    repo.commit("halved a");
    repo.write("src/b.txt", &lines("b", 5));
    repo.commit("halved b");
    repo.run(&["try", "--base", "HEAD~2"]).expect(0).says(&["bytes went from 335 to 235"]);
    repo.run(&["try", "--base", "nonsense"]).expect(1).says(&["nonsense"]);
    assert_eq!(repo.ledger(), before, "the current session stays");
    assert_eq!(repo.read(".auto/log.jsonl"), log);
}

#[test]
fn each_commit_of_a_range_is_judged_on_what_was_kept_before_it() {
    let repo = Repo::new();
    repo.write("src/a.txt", &lines("a", 5));
    repo.commit("halved a");
    repo.write("src/b.txt", &lines("b", 20));
    repo.commit("doubled b");
    repo.write("src/c.txt", &lines("c", 5));
    repo.commit("halved c");
    let done = repo.run(&["try", "--each", "HEAD~3..HEAD"]).expect(10);
    let done = done.says(&["bytes went from 335 to 285", "bytes is 385", "bytes went from 285 to 235"]);
    assert!(done.stderr.contains("halved c"));
    repo.run(&["try", "--each", "HEAD~1..HEAD"]).expect(0);
    repo.run(&["try", "--each", "HEAD..HEAD"]).expect(14);
    repo.run(&["try", "--each", "x..y"]).expect(1);
}

#[test]
fn a_discarded_try_is_judged_again_on_the_incumbent_of_today() {
    let repo = Repo::new();
    repo.spec_with("## Constraints\n- `calls == 7`\n");
    repo.commit("rules");
    repo.write("src/calls.txt", "call\n");
    repo.run(&["try", "-m", "fewer calls"]).expect(11);
    repo.run(&["try", "--from", "2"]).expect(14);
    repo.run(&["try", "--from", "1"]).expect(1).says(&["run 1 changed nothing"]);
    repo.run(&["try", "--from", "9"]).expect(1).says(&["there is no run 9"]);
    repo.write(".auto/prompt.md", repo::SPEC);
    repo.run(&["try", "--from", "2"]).expect(0).says(&["fewer calls"]);
}

#[test]
fn another_word_in_the_spec_between_two_tries_is_no_edit_of_the_candidate() {
    let repo = Repo::new();
    repo.write("src/a.txt", &lines("a", 5));
    repo.run(&["try"]).expect(0);
    repo.spec_with("## Notes\nBe bold.\n");
    repo.write("src/b.txt", &lines("b", 5));
    repo.run(&["try"]).expect(0);
    assert_eq!(repo.of_type("config").len(), 1);
}

#[test]
fn with_one_run_a_candidate_the_session_goes_on_after_a_keep() {
    let repo = Repo::new();
    repo.script(".auto/measure.sh", NOISY);
    repo.write(".auto/sprag.toml", "[judge]\nmode = \"single\"\n");
    repo.commit("noise");
    repo.write("src/a.txt", &lines("a", 5));
    repo.run(&["try"]).expect(0).says(&["unverified"]);
    repo.write("src/b.txt", &lines("b", 5));
    repo.run(&["try"]).expect(0).says(&["unverified"]);
    repo.run(&["audit"]).expect(0);
}

#[test]
fn pairs_are_measured_again_a_few_times_and_the_row_says_so() {
    let repo = Repo::new();
    let flag = repo.beside("failures");
    let flag_path = flag.display();
    // While the number is odd, the incumbent's run fails; each of its runs takes one off.
    let failing = format!(
        "{NOISY}n=$(cat '{flag_path}' 2>/dev/null || echo 0)\nif [ $(wc -c < src/a.txt) = 100 ] && [ $n -gt 0 ]; then\n  echo $((n-1)) > '{flag_path}'\n  [ $((n % 2)) = 0 ] || exit 1\nfi\n"
    );
    repo.script(".auto/measure.sh", &failing);
    repo.write(".auto/sprag.toml", &format!("{UNLOCKED}[judge]\nmode = \"strict\"\n"));
    repo.commit("a host that fails");
    repo.write("src/b.txt", &lines("B", 10));
    repo.run(&["try"]).expect(10);
    repo.git(&["checkout", "-q", "."]);

    fs::write(&flag, "200\n").unwrap();
    repo.write("src/a.txt", &lines("a", 5));
    repo.run(&["try"]).expect(1);
    assert_eq!(fs::read_to_string(&flag).unwrap().trim(), "192", "three pairs again, and no more");

    // What that try printed is not told of the next one, which never ran.
    fs::write(&flag, "0\n").unwrap();
    repo.write("README", "mine\n");
    repo.run(&["try"]).expect(11);
    assert!(repo.rows().pop().unwrap()["output"].is_null());
    repo.git(&["checkout", "-q", "README"]);

    fs::write(&flag, "3\n").unwrap();
    repo.run(&["try"]).expect(0);
    let caveats = repo.rows().pop().unwrap()["caveats"].to_string();
    assert!(caveats.contains("2 pair(s) were measured again"), "{caveats}");
    repo.run(&["audit"]).expect(0);
}

#[test]
fn a_candidate_that_shuts_its_scratch_folder_ends_no_session() {
    let repo = Repo::new();
    repo.script(".auto/measure.sh", &format!("{MEASURE}. src/act\n"));
    repo.write("src/act", "true\n");
    repo.commit("a script in scope");
    repo.write("src/act", "mkdir -p $TMPDIR/a/b && touch $TMPDIR/a/b/c && chmod 0 $TMPDIR/a\n");
    repo.run(&["try"]).expect(10);
    repo.write("src/act", "true\n");
    repo.write("src/a.txt", &lines("a", 5));
    repo.run(&["try"]).expect(0);
}

#[test]
fn a_candidate_that_cannot_be_relinked_is_refused_where_the_incumbent_can() {
    let repo = Repo::new();
    // A stand-in for cargo: like the real one it takes options for the linker for one binary alone.
    let cargo = "#!/bin/sh\nif [ \"$1\" = rustc ] && [ -e src/second ]; then exit 101; fi\nmkdir -p target\n";
    let cargo_path = repo.beside("bin").join("cargo");
    repo::write(&cargo_path, cargo.as_bytes());
    fs::set_permissions(&cargo_path, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", repo.beside("bin").display(), std::env::var("PATH").unwrap());
    repo.script(".auto/measure.sh", NOISY);
    repo.write(".auto/sprag.toml", "[run]\nbuild = \"cargo build\"\n[workspace]\ncache = [\"target\"]\n");
    repo.commit("a build");
    let judge = |code: i32| {
        let output = repo.command(&["try"]).env("PATH", &path).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    };
    repo.write("src/a.txt", &lines("a", 5));
    repo.write("src/second", "another binary\n");
    judge(12);
    let (_, reason, detail) = repo.verdict();
    assert_eq!(reason, "build");
    assert!(detail.contains("sections shuffled"), "{detail}");
    fs::remove_file(repo.root().join("src/second")).unwrap();
    judge(0);
    let row = repo.rows().pop().unwrap();
    let pairs = row["evidence"]["pairs"].as_array().unwrap();
    assert!(pairs.iter().all(|pair| pair["layout"].is_array()), "{pairs:?}");
}

#[test]
fn a_change_of_what_judges_it_is_told() {
    let repo = Repo::new();
    repo.write("src/a.txt", &lines("a", 5));
    repo.commit("halved a");
    let done = repo.run(&["try", "--base", "HEAD~1"]).expect(0);
    assert!(!done.stderr.contains("of the harness"), "{}", done.stderr);
    repo.script(".auto/measure.sh", &format!("{MEASURE}# counted otherwise\n"));
    repo.commit("another benchmark");
    let told = ".auto/measure.sh of the harness is not as it was in";
    repo.run(&["try", "--base", "HEAD~2"]).expect(0).says(&[told]);
}

#[test]
fn a_bound_on_a_metric_that_was_never_measured_before_counts_from_where_it_is_said() {
    let repo = Repo::new();
    repo.script(".auto/measure.sh", &format!("{MEASURE}echo \"lines $(cat src/*.txt | wc -l)\"\n"));
    repo.commit("prints lines");
    repo.write("src/a.txt", &lines("a", 5));
    repo.run(&["try"]).expect(0);
    let spec = repo::SPEC.replace("**Secondary**: calls", "**Secondary**: calls, lines");
    repo.write(".auto/prompt.md", &format!("{spec}\n## Constraints\n- `lines must not increase`\n"));
    repo.write(".auto/sprag.toml", "[measure.read]\nlines = { regex = '^lines ([0-9]+)' }\n");
    repo.write("src/b.txt", &lines("b", 5));
    repo.run(&["try"]).expect(0);
    repo.write("src/c.txt", &"c\n".repeat(20));
    repo.run(&["try"]).expect(11).says(&["lines", "must not increase"]);
    repo.run(&["audit"]).expect(0);
}

/// A repository in which `command` is run and the size of the sources is the metric.
fn measured_by_command(command: &str) -> Repo {
    let repo = Repo::empty();
    let spec = "# Autoresearch: smaller\n\n## Objective\nFewer bytes.\n\n## Metrics\n- **Primary**: size_kb (kB, lower is better)\n\n## How to Run\n`COMMAND`\n\n## Files in Scope\n- `src/`\n";
    repo.write(".auto/prompt.md", &spec.replace("COMMAND", command));
    repo.write(
        ".auto/sprag.toml",
        "[measure]\ndriver = \"command\"\nsize = { glob = \"src/*.txt\" }\n[judge]\nmax_pairs = 4\n",
    );
    repo.write("src/a.txt", &format!("the answer is 42\n{}", lines("p", 400)));
    repo.commit("something large");
    repo
}

#[test]
fn a_candidate_whose_command_prints_something_else_is_refused_where_the_baseline_prints_the_same_each_time() {
    let repo = measured_by_command("head -n 1 src/a.txt");
    repo.write("src/a.txt", "the answer is 41\n");
    repo.run(&["try", "-m", "smaller and wrong"]).expect(11);
    let (status, reason, detail) = repo.verdict();
    assert_eq!((status.as_str(), reason.as_str()), ("checks_failed", "output"));
    assert!(detail.contains("what the command prints differs"), "{detail}");

    repo.write("src/a.txt", &format!("the answer is 42\n{}", lines("p", 100)));
    repo.run(&["try", "-m", "smaller"]).expect(0);
    repo.run(&["audit"]).expect(0);

    // Another command is another question: the answers to the first one are no goldens for it.
    repo.write(".auto/prompt.md", &repo.read(".auto/prompt.md").replace("head -n 1", "head -n 2"));
    repo.write("src/a.txt", &format!("the answer is 42\n{}", lines("p", 50)));
    repo.run(&["try", "-m", "smaller still"]).expect(0);
}

#[test]
fn a_command_that_prints_something_else_each_time_is_compared_with_nothing_and_every_row_says_so() {
    let repo = measured_by_command("cat /proc/sys/kernel/random/uuid");
    repo.write("src/a.txt", "the answer is 41\n");
    repo.run(&["try", "-m", "smaller"]).expect(0);
    for row in repo.rows() {
        let caveats = row["caveats"].to_string();
        assert!(caveats.contains("what the command prints differs from run to run"), "{caveats}");
    }
}
