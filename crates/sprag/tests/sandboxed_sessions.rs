//! Sessions with a sandbox: what a candidate finds around itself, and what is said where there is none to be had.

mod repo;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use repo::{MEASURE, Repo};

const SPRAG: &str = env!("CARGO_BIN_EXE_sprag");

/// Whether namespaces can be had here; where not, the tests have nothing to look at.
fn enforced() -> bool {
    let report = sprag_sandbox::examine(&[SPRAG, sprag_sandbox::COMMAND]);
    let enforced = report.tier == sprag_sandbox::Tier::Enforced;
    if !enforced {
        let namespaces = Command::new("unshare").args(["-Urmpf", "true"]).status();
        assert!(!namespaces.is_ok_and(|status| status.success()), "namespaces are there, and: {report}");
        eprintln!("skipped: {report}");
    }
    enforced
}

/// A repository whose benchmark runs `src/act`, which is in scope, in this tier.
fn acting(tier: &str, more: &str) -> Repo {
    let repo = Repo::new();
    repo.write(".auto/sprag.toml", &format!("[sandbox]\ntier = \"{tier}\"\n{more}"));
    repo.write("src/act", "true\n");
    repo.script(".auto/measure.sh", &format!("{MEASURE}. src/act\n"));
    repo.commit("an act in scope");
    repo
}

/// `sprag try`, started by a command that takes something of the machine from it.
fn try_by(repo: &Repo, before: &[&str]) -> Output {
    let mut command = Command::new(before[0]);
    command.args(&before[1..]).args([SPRAG, "try"]).current_dir(repo.root());
    let like = repo.command(&[]);
    command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    command.output().expect("the command that comes before sprag is there")
}

/// Whether the act, which may fail, was done: it ends the benchmark well then, and nothing is gained.
#[track_caller]
fn does(repo: &Repo, act: &str) -> bool {
    repo.write("src/act", &format!("{{ {act}; }} >/dev/null 2>&1 || exit 9\n"));
    let done = repo.run(&["try"]);
    let (_, reason, detail) = repo.verdict();
    match (done.code, reason.as_str()) {
        (Some(10), _) => true,
        (Some(12), "crash") if detail.contains("exit code 9") => false,
        _ => panic!("{reason}: {detail}\n{done:?}"),
    }
}

#[test]
fn a_measured_run_finds_its_tree_and_the_system_and_can_write_neither() {
    if !enforced() {
        return;
    }
    let (free, held) = (acting("none", ""), acting("enforced", ""));
    let elsewhere = free.beside("elsewhere");
    std::fs::write(&elsewhere, "a person's").unwrap();
    let elsewhere = elsewhere.to_str().unwrap();
    for (act, free_can, held_can) in [
        ("cat src/a.txt", true, true),
        ("test -x /bin/sh", true, true),
        ("touch \"$HOME/x\" \"$TMPDIR/x\" /tmp/x", true, true),
        ("touch src/memo", true, false),
        (&format!("cat {elsewhere}"), true, false),
        (&format!("echo x >> {elsewhere}"), true, false),
        ("test -d ..", true, true),
        ("ls ../../harness", true, false),
        ("test -d /proc/$PPID/fd && test \"$PPID\" -gt 1", true, false),
    ] {
        assert_eq!(does(&free, act), free_can, "none: {act}");
        assert_eq!(does(&held, act), held_can, "enforced: {act}");
    }
    let row = held.rows().pop().unwrap();
    assert_eq!(row["grade"], "self-reported/enforced", "{row}");
    let sandbox = &held.entries()[0]["sandbox"];
    assert_eq!(sandbox["tier"], "enforced");
    assert!(sandbox["selftest"].as_str().unwrap().starts_with("b3:"), "{sandbox}");
}

/// Becomes another program, for which unshare(2) is not permitted: Sprag makes its namespaces by it, bubblewrap as root
/// does not.
const WITHOUT_UNSHARE: &str = "
import ctypes, os, platform, struct, sys
call = {'x86_64': 272, 'aarch64': 97}[platform.machine()]
code = struct.pack('HBBI' * 4, 0x20, 0, 0, 0, 0x15, 0, 1, call, 0x06, 0, 0, 0x00050001, 0x06, 0, 0, 0x7FFF0000)
class Filter(ctypes.Structure):
    _fields_ = [('len', ctypes.c_ushort), ('code', ctypes.c_char_p)]
prctl = ctypes.CDLL(None).prctl
assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, ctypes.byref(Filter(4, code))) == 0
os.execv(sys.argv[1], sys.argv[1:])";

#[test]
fn a_session_by_bubblewrap_holds_the_same_and_says_so_in_its_ledger() {
    let itself = [SPRAG, sprag_sandbox::COMMAND];
    let found = sprag_sandbox::examine_by(&itself, sprag_sandbox::Backend::Bubblewrap);
    if let Err(lack) = found {
        return eprintln!("skipped: {lack}");
    }
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: as an ordinary user bubblewrap needs unshare(2), too");
    }
    let repo = acting("enforced", "[run]\nbuild = \"sh src/build\"\n");
    repo.write("src/build", "true\n");
    repo.commit("a build in scope");
    let before = ["/usr/bin/env", "python3", "-c", WITHOUT_UNSHARE];
    let can = |act: &str| {
        repo.write("src/act", &format!("{{ {act}; }} >/dev/null 2>&1 || exit 9\n"));
        let output = try_by(&repo, &before);
        let (_, reason, detail) = repo.verdict();
        match (output.status.code(), reason.as_str()) {
            (Some(10), _) => true,
            (Some(12), "crash") if detail.contains("exit code 9") => false,
            _ => panic!("{reason}: {detail}\n{output:?}"),
        }
    };
    assert!(can("touch \"$HOME/x\" \"$TMPDIR/x\" /tmp/x"));
    assert!(!can("touch src/memo"));
    assert!(!can("ls ../../harness"));
    let sandbox = &repo.entries()[0]["sandbox"];
    assert_eq!((&sandbox["tier"], &sandbox["backend"]), (&"enforced".into(), &"bubblewrap".into()));
    // By another backend it is another segment: what was measured in one is not compared with the other.
    if sprag_sandbox::examine(&itself).backend.is_own() {
        assert!(does(&repo, "test -x /bin/sh"));
        let segments = repo.entries().into_iter().filter(|entry| entry["type"] == "config");
        let backends: Vec<_> = segments.map(|entry| entry["sandbox"]["backend"].clone()).collect();
        assert_eq!(backends, ["bubblewrap".into(), serde_json::Value::Null]);
    }
}

#[test]
fn a_folder_that_is_written_by_the_benchmark_is_named_and_told() {
    if !enforced() {
        return;
    }
    let repo = acting("enforced", "write = [\"out/deep\"]\n");
    assert!(does(&repo, "touch out/deep/x"));
    assert!(!does(&repo, "touch out/x"));
    let row = repo.rows().pop().unwrap();
    assert!(row["caveats"].to_string().contains("could write out/deep"), "{row}");
}

#[test]
fn what_a_build_puts_in_the_place_of_a_folder_leads_nowhere() {
    if !enforced() {
        return;
    }
    let more = "write = [\"cache/out\"]\n[workspace]\ncache = [\"cache\"]\n[run]\nbuild = \"sh src/build\"\n";
    let repo = acting("enforced", more);
    repo.write("src/build", "true\n");
    repo.commit("a build in scope");
    let outside = repo.beside("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("private"), "a person's").unwrap();
    let build = format!("rm -rf cache/out; mkdir -p cache; ln -s {} cache/out\n", outside.display());
    repo.write("src/build", &build);
    assert!(!does(&repo, "cat cache/out/private"));
    assert!(does(&repo, "touch cache/out/x && test ! -L cache/out"));
    // What one run leaves the next one does not find.
    assert!(does(&repo, "test -z \"$(ls cache/out)\" && touch cache/out/memo"));
    repo.write("src/build", "test -z \"$(ls cache/out)\"\n");
    assert!(does(&repo, "touch cache/out/memo"));
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn a_build_cannot_bring_goldens_to_a_measured_run() {
    if !enforced() {
        return;
    }
    let worker = r#"import json, os, sys
if os.path.exists("moved/goldens") or os.path.exists("bench/goldens"):
    sys.exit("goldens are here")
print('{"ready":true}', flush=True)
for line in sys.stdin:
    case = json.loads(line)
    print(json.dumps({"id": case["id"], "output": case["input"]}), flush=True)
"#;
    let reason = |tier: &str| {
        let repo = Repo::new();
        let spec = repo.read(".auto/prompt.md").replace("- **Secondary**: calls\n", "");
        repo.write(".auto/prompt.md", &spec.replace("bytes (bytes", "total_ms (ms"));
        repo.write(
            ".auto/sprag.toml",
            &format!(
                "[run]\nbuild = \"sh src/build\"\n[measure]\ndriver = \"cases\"\n[judge]\nmode = \"single\"\n[cases]\nfile = \"bench/cases.json\"\ngoldens = \"bench/goldens\"\nserve = {{ stdio = \"python3 src/worker.py\" }}\n[sandbox]\ntier = \"{tier}\"\n"
            ),
        );
        repo.write("bench/cases.json", r#"{"v":1,"cases":[{"id":"a","input":[1,2]},{"id":"b","input":3}]}"#);
        repo.write("bench/goldens/a.json", "[1,2]\n");
        repo.write("bench/goldens/b.json", "3\n");
        repo.write("src/build", "true\n");
        let baseline = worker.replacen("sys.exit(\"goldens are here\")", "pass", 1);
        repo.write("src/worker.py", &baseline);
        repo.commit("cases with goldens");
        repo.write("src/build", "mv bench moved || true\n");
        repo.write("src/worker.py", worker);
        let done = repo.run(&["try"]);
        let (_, reason, detail) = repo.verdict();
        assert!(repo.rows().len() == 2, "{done:?}");
        (reason, detail)
    };
    let (found, detail) = reason("none");
    assert!(found == "crash" && detail.contains("goldens are here"), "{found}: {detail}");
    let (held, detail) = reason("enforced");
    assert!(held != "crash", "{held}: {detail}");
}

#[test]
fn what_decides_is_no_link_to_what_a_candidate_can_read() {
    if !enforced() {
        return;
    }
    let more = "[measure]\ndriver = \"cases\"\n[cases]\nfile = \"cases.json\"\ngoldens = \"goldens\"\nserve = { stdio = \"true\" }\n";
    let repo = acting("enforced", more);
    let spec = repo.read(".auto/prompt.md").replace("- **Secondary**: calls\n", "");
    repo.write(".auto/prompt.md", &spec.replace("bytes (bytes", "total_ms (ms"));
    repo.write("cases.json", r#"{"v":1,"cases":[{"id":"a","input":1}]}"#);
    repo.write("data/a.json", "1\n");
    std::fs::create_dir(repo.root().join("goldens")).unwrap();
    std::os::unix::fs::symlink("../data/a.json", repo.root().join("goldens/a.json")).unwrap();
    repo.commit("a golden that is a link");
    repo.run(&["try"])
        .expect(1)
        .says(&["goldens/a.json is a symbolic link, and a candidate could read what it points to"]);
}

#[test]
fn a_build_cannot_replace_what_both_sides_share() {
    if !enforced() {
        return;
    }
    let more = "[workspace]\nread = [\"deps\"]\n[run]\nbuild = \"sh src/build\"\n";
    let repo = acting("enforced", more);
    repo.write(".gitignore", "deps\n");
    repo.write("src/build", "true\n");
    repo.commit("a dependency that git does not know");
    repo.write("deps/rates", "true rates");
    repo.write("src/build", "rm deps && mkdir deps && echo false > deps/rates; exit 1\n");
    repo.run(&["try"]).expect(12);
    repo.write("src/build", "true\n");
    assert!(does(&repo, "grep -q true deps/rates"));
}

#[test]
fn a_baseline_that_does_not_fit_into_the_sandbox_is_told_what_is_there() {
    if !enforced() {
        return;
    }
    let repo = acting("enforced", "");
    repo.script(".auto/measure.sh", &format!("{MEASURE}touch report.txt\n"));
    repo.commit("a report");
    repo.run(&["try"]).expect(1).says(&["It ran in the sandbox", "[sandbox] write", "Read-only file system"]);
}

#[test]
fn a_folder_around_the_repository_is_refused_and_one_around_the_state_is_left_out() {
    if !enforced() {
        return;
    }
    let repo = acting("enforced", "");
    let reading = |around| {
        repo.write(".auto/sprag.toml", &format!("[sandbox]\ntier = \"enforced\"\nread = [{around:?}]\n"))
    };
    reading(repo.beside(""));
    repo.commit("a folder that holds the repository, too");
    repo.write("src/act", "true\n");
    repo.run(&["try"]).expect(1).says(&["of which git tracks"]);
    reading(repo.beside("state"));
    repo.commit("a folder that holds the state");
    assert!(!does(&repo, "ls ../../harness"));
}

#[test]
fn there_is_no_network_but_services_are_there() {
    if !enforced() {
        return;
    }
    let service = "\n[[service]]\nname = \"files\"\ncommand = \"exec python3 -m http.server {port} --bind 127.0.0.1 --directory src\"\nready = \"http://127.0.0.1:{port}/\"\n";
    let repo = acting("enforced", service);
    let fetch =
        |url: &str| format!("python3 -c 'import urllib.request, os; urllib.request.urlopen({url}).read()'");
    assert!(does(&repo, &fetch("os.environ[\"SPRAG_FILES_URL\"] + \"/a.txt\"")));
    let outside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = outside.local_addr().unwrap().port();
    let connect = format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 5)'");
    assert!(!does(&repo, &connect));
    let open = acting("enforced", "network = \"open\"\n");
    assert!(does(&open, &connect));
    assert!(open.rows().pop().unwrap()["caveats"].to_string().contains("the network was open"));
}

#[test]
fn the_build_and_the_checks_are_locked_in_too() {
    if !enforced() {
        return;
    }
    let repo = acting("enforced", "[run]\nbuild = \"sh src/build\"\n");
    let secret = repo.beside("secret");
    std::fs::write(&secret, "a person's").unwrap();
    let reads = format!("cat {}\n", secret.display());
    repo.write("src/build", "echo built > built; true\n");
    repo.write("src/check", "true\n");
    repo.script(".auto/checks.sh", "#!/bin/sh\nset -e\ntest -f built\ntouch left-behind\n. src/check\n");
    repo.commit("a build and checks in scope");
    repo.write("src/build", &format!("{reads}echo built > built\n"));
    repo.run(&["try"]).expect(10);
    repo.write("src/build", &format!("set -e\n{reads}echo built > built\n"));
    repo.run(&["try"]).expect(12);
    assert_eq!(repo.verdict().1, "build");
    repo.write("src/build", "echo built > built; true\n");
    repo.write("src/check", &reads);
    // What is no gain is never checked.
    repo.write("src/a.txt", "short\n");
    repo.run(&["try"]).expect(11);
    assert_eq!(repo.verdict().1, "checks");
}

#[test]
fn a_candidate_that_takes_too_much_memory_is_told_the_limit() {
    if !enforced() {
        return;
    }
    let report = sprag_sandbox::examine(&[SPRAG, sprag_sandbox::COMMAND]);
    if let Some((_, lack)) = report.lacks().find(|(layer, _)| *layer == sprag_sandbox::Layer::Memory) {
        return eprintln!("skipped: {lack}");
    }
    let said = "used more than the 100 MB that [sandbox] memory allows";
    let fill = "python3 -c 'bytearray(200_000_000)'";
    let limits = "memory = \"100 MB\"\nprocesses = 40\n[run]\nbuild = \"sh src/build\"\n";
    for tier in ["reduced", "enforced"] {
        let repo = acting(tier, limits);
        repo.write("src/build", "true\n");
        repo.commit("a build in scope");
        // Also where it goes on without the one that was killed.
        for act in [fill.to_owned(), format!("{fill} || true")] {
            repo.write("src/act", &format!("{act}\n"));
            repo.run(&["try"]).expect(12);
            let (_, reason, detail) = repo.verdict();
            assert!(reason == "crash" && detail.contains(said), "{tier}: {reason}: {detail}");
        }
        repo.write("src/act", "python3 -c 'bytearray(20_000_000)'\n");
        repo.run(&["try"]).expect(10);
        repo.write("src/act", "for i in $(seq 60); do sleep 5 & done\n");
        repo.run(&["try"]).expect(12);
        assert_eq!(repo.verdict().1, "crash", "{tier}");
        repo.write("src/build", &format!("{fill}\n"));
        repo.run(&["try"]).expect(12);
        let (_, reason, detail) = repo.verdict();
        assert!(reason == "build" && detail.contains(said), "{tier}: {reason}: {detail}");
    }

    // Of a worker it is the end that is told, and not the signal.
    let repo = Repo::new();
    let spec = repo.read(".auto/prompt.md").replace("- **Secondary**: calls\n", "");
    repo.write(".auto/prompt.md", &spec.replace("bytes (bytes", "total_ms (ms"));
    let worker = "import json, sys
print('{\"ready\":true}', flush=True)
for line in sys.stdin:
    case = json.loads(line)
    print(json.dumps({\"id\": case[\"id\"], \"output\": case[\"input\"]}), flush=True)
";
    repo.write(
        ".auto/sprag.toml",
        "[measure]\ndriver = \"cases\"\n[judge]\nmode = \"single\"\n[cases]\nfile = \"bench/cases.json\"\nserve = { stdio = \"python3 src/worker.py\" }\n[sandbox]\ntier = \"enforced\"\nmemory = \"100 MB\"\n",
    );
    repo.write("bench/cases.json", r#"{"v":1,"cases":[{"id":"a","input":[1,2]}]}"#);
    repo.write("src/worker.py", worker);
    repo.commit("cases");
    repo.write("src/worker.py", &worker.replace("    print(", "    bytearray(200_000_000)\n    print("));
    repo.run(&["try"]).expect(12);
    let (_, reason, detail) = repo.verdict();
    assert!(reason == "crash" && detail.contains(said), "{reason}: {detail}");
}

#[test]
fn cpu_time_in_a_child_that_nobody_waits_for_is_counted() {
    if !enforced() {
        return;
    }
    let work = "sum(i * i for i in range(4_000_000))";
    let hidden = format!(
        "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nchild = os.fork()\nif child == 0:\n    {work}\n    os._exit(0)\ntry:\n    os.waitpid(child, 0)\nexcept ChildProcessError:\n    pass\n"
    );
    let cpu_ms = |tier: &str| {
        let repo = Repo::new();
        let spec = repo.read(".auto/prompt.md").replace("bytes (bytes", "cpu_ms (ms");
        let spec = spec.replace("- **Secondary**: calls\n", "");
        repo.write(".auto/prompt.md", &spec.replace("`./.auto/measure.sh`", "`python3 src/work.py`"));
        let settings = "[measure]\ndriver = \"command\"\n[judge]\nmode = \"single\"\n[sandbox]\ntier = ";
        repo.write(".auto/sprag.toml", &format!("{settings}\"{tier}\"\n"));
        repo.write("src/work.py", &format!("{work}\n"));
        repo.commit("work");
        repo.write("src/work.py", &hidden);
        let done = repo.run(&["try"]);
        assert!([Some(0), Some(10)].contains(&done.code), "{}", done.stderr);
        let rows = repo.rows();
        let value = |row: &serde_json::Value| row["metric"].as_f64().unwrap();
        value(rows.last().unwrap()) / value(&rows[0])
    };
    let (seen, held) = (cpu_ms("none"), cpu_ms("enforced"));
    assert!(seen < 0.6, "in none it hides: {seen}");
    assert!(held > 0.75, "in enforced it does not: {held}");
}

#[test]
fn a_machine_without_namespaces_is_refused_before_anything_runs_and_can_have_less() {
    if !enforced() {
        return;
    }
    let inner = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let without_namespaces = |repo: &Repo| try_by(repo, &["unshare", "-Ur", "sh", "-c", inner, "sh"]);
    let repo = acting("enforced", "");
    repo.write("src/a.txt", "short\n");
    let refused = without_namespaces(&repo);
    let said = String::from_utf8_lossy(&refused.stderr).replace("\n  │", "");
    assert!(!refused.status.success(), "{said}");
    assert!(said.contains("tier is enforced") && said.contains("gives reduced"), "{said}");
    assert!(!Path::new(&repo.state()).join("current").exists() && repo.root().join("src/a.txt").exists());

    let less = acting("reduced", "");
    less.write("src/a.txt", "short\n");
    let judged = without_namespaces(&less);
    assert_eq!(judged.status.code(), Some(0), "{}", String::from_utf8_lossy(&judged.stderr));
    assert_eq!(less.rows().pop().unwrap()["grade"], "self-reported/reduced");
}

#[test]
fn a_machine_without_landlock_has_no_reduced_tier_and_is_told_so() {
    if !enforced() {
        return;
    }
    // A filter under which one system call, landlock_create_ruleset, is unknown to the kernel.
    let filter = "
import ctypes, os, struct, sys
code = struct.pack('HBBI' * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 444, 0x06, 0, 0, 0x00050026, 0x06, 0, 0, 0x7FFF0000)
class Filter(ctypes.Structure):
    _fields_ = [('len', ctypes.c_ushort), ('code', ctypes.c_char_p)]
prctl = ctypes.CDLL(None).prctl
assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, ctypes.byref(Filter(4, code))) == 0
os.execv(sys.argv[1], sys.argv[1:])";
    let repo = acting("reduced", "");
    repo.write("src/a.txt", "short\n");
    let refused = try_by(&repo, &["python3", "-c", filter]);
    let said = String::from_utf8_lossy(&refused.stderr).replace("\n  │", "");
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("tier is reduced") && said.contains("gives enforced"), "{said}");
    assert!(said.contains("Landlock: Landlock is not in this kernel"), "{said}");
    assert!(!said.contains("namespaces"), "{said}");
    assert!(!Path::new(&repo.state()).join("current").exists());
}
