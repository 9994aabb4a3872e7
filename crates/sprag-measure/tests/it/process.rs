//! Processes are ended whole, and what they cost is seen from outside.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_measure::process::{Disk, Ended, Invocation, Program, Status, capped, run, run_while};
use sprag_measure::{CpuSet, Interrupt, MeasureError};

struct Place {
    _keep: tempfile::TempDir,
    dir: Utf8PathBuf,
}

fn place() -> Place {
    let keep = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::try_from(keep.path().canonicalize().unwrap()).unwrap();
    Place { _keep: keep, dir }
}

impl Place {
    fn shell(&self, line: &str) -> Invocation {
        Invocation {
            program: Program::Shell(line.to_owned()),
            dir: self.dir.clone(),
            env: BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]),
            timeout: Duration::from_secs(60),
            stdout: self.dir.join("stdout"),
            stderr: self.dir.join("stderr"),
            stdin: None,
            cpus: None,
            output_limit: 1 << 20,
            disk: None,
            jail: None,
            replayed: None,
        }
    }

    fn pid(&self, file: &str) -> String {
        std::fs::read_to_string(self.dir.join(file)).unwrap().trim().to_owned()
    }
}

fn go(invocation: &Invocation) -> Ended {
    run(invocation, &Interrupt::new()).unwrap()
}

fn alive(pid: &str) -> bool {
    Utf8Path::new("/proc").join(pid).exists()
}

#[test]
fn a_command_is_reported_with_its_code_and_both_streams() {
    let place = place();
    let ended = go(&place.shell("echo out; echo err >&2; exit 3"));
    assert_eq!(ended.status, Status::Exited(3));
    assert_eq!((capped(&ended.stdout), capped(&ended.stderr)), ("out".into(), "err".into()));
    assert!(ended.peak_rss > 100_000 && ended.leftovers == 0, "{ended:?}");
}

#[test]
fn a_signal_is_told_from_a_deadline() {
    let place = place();
    assert_eq!(go(&place.shell("kill -SEGV $$")).status, Status::Signaled(11));
    let late = Invocation { timeout: Duration::from_millis(100), ..place.shell("sleep 60") };
    assert_eq!(go(&late).status, Status::TimedOut);
}

#[test]
fn the_environment_is_what_was_given_and_nothing_else() {
    let place = place();
    let ended = go(&place.shell("/usr/bin/env | /usr/bin/cut -d= -f1 | /usr/bin/sort"));
    let names = std::fs::read_to_string(&ended.stdout).unwrap();
    let extra: Vec<&str> =
        names.lines().filter(|name| !["PATH", "PWD", "SHLVL", "_", "OLDPWD"].contains(name)).collect();
    assert_eq!(extra, ["SPRAG_RUN"]);
}

#[test]
fn cpu_time_of_waited_children_counts() {
    let place = place();
    let ended = go(&place.shell("python3 -c 'sum(range(20_000_000))'; true"));
    assert!(ended.status.is_success());
    assert!(ended.cpu > Duration::from_millis(50), "{:?}", ended.cpu);
}

#[test]
fn nothing_of_the_group_survives_the_deadline() {
    let place = place();
    let line =
        "trap '' TERM HUP INT; sleep 300 & echo $! > child; (sleep 301 & echo $! > grandchild; wait) & wait";
    let ended = go(&Invocation { timeout: Duration::from_millis(500), ..place.shell(line) });
    assert_eq!(ended.status, Status::TimedOut);
    for file in ["child", "grandchild"] {
        assert!(!alive(&place.pid(file)), "{file} lives");
    }
}

#[test]
fn what_works_on_in_the_background_is_killed_and_counted() {
    let place = place();
    let ended = go(&place.shell("sleep 300 & echo $! > child"));
    assert_eq!((ended.status, ended.leftovers), (Status::Exited(0), 1));
    assert!(!alive(&place.pid("child")));
}

#[test]
fn a_grandchild_that_left_the_group_and_its_parent_is_found() {
    let place = place();
    let line = "setsid sh -c 'echo $$ > stray; exec sleep 300' & while [ ! -s stray ]; do sleep 0.01; done";
    let ended = go(&place.shell(line));
    assert_eq!(ended.status, Status::Exited(0));
    assert!(!alive(&place.pid("stray")));
    let late = place.shell(&format!("rm -f stray; {line}; sleep 300"));
    assert_eq!(go(&Invocation { timeout: Duration::from_secs(1), ..late }).status, Status::TimedOut);
    assert!(!alive(&place.pid("stray")));
}

#[test]
fn a_printer_without_end_is_cut_and_its_file_too() {
    let place = place();
    for line in ["head -c 1000000000 /dev/zero", "yes", "yes >&2"] {
        let ended = go(&place.shell(line));
        assert_eq!(ended.status, Status::OutputLimit, "{line}");
        for file in [&ended.stdout, &ended.stderr] {
            assert!(std::fs::metadata(file).unwrap().len() <= 1 << 20, "{line}");
        }
    }
}

#[test]
fn an_interrupt_ends_it_and_its_children() {
    let place = place();
    let interrupt = Interrupt::new();
    let raise = interrupt.clone();
    let child = place.dir.join("child");
    let raiser = std::thread::spawn(move || {
        while !std::fs::read_to_string(&child).is_ok_and(|text| text.ends_with('\n')) {
            std::thread::sleep(Duration::from_millis(5));
        }
        raise.raise();
    });
    let result = run(&place.shell("sleep 300 & echo $! > child; wait"), &interrupt);
    raiser.join().unwrap();
    assert!(matches!(result, Err(MeasureError::Interrupted)));
    assert!(!alive(&place.pid("child")));
}

#[test]
fn a_missing_program_or_folder_is_nobodys_verdict() {
    let place = place();
    let argv = Program::Argv(vec!["./no-such-program".to_owned()]);
    let error = run(&Invocation { program: argv, ..place.shell("") }, &Interrupt::new()).unwrap_err();
    assert!(error.to_string().starts_with("failed to start `./no-such-program` in "), "{error}");
    let nowhere = Invocation { dir: place.dir.join("nowhere"), ..place.shell("true") };
    assert!(matches!(run(&nowhere, &Interrupt::new()), Err(MeasureError::Spawn { .. })));
}

#[test]
fn a_pinned_command_sees_one_cpu_from_its_first_instruction() {
    let place = place();
    let one = CpuSet::allowed().unwrap().last();
    let ended = go(&Invocation {
        cpus: Some(one.clone()),
        ..place.shell("grep Cpus_allowed_list /proc/self/status")
    });
    assert!(capped(&ended.stdout).ends_with(&format!("\t{one}")), "{}", capped(&ended.stdout));
}

#[test]
fn a_command_that_fills_the_disk_is_ended_and_leaves_nothing_new_there() {
    let place = place();
    let tree = place.dir.join("tree");
    std::fs::create_dir_all(tree.join("target")).unwrap();
    std::fs::write(tree.join("target/of-before"), "kept").unwrap();
    let disk = |bytes, files| Some(Disk { folders: vec![tree.clone()], bytes, files });
    // Longer than the finest date of any file system.
    std::thread::sleep(Duration::from_millis(50));

    // As long as they do not end it, they go on.
    let files = "mkdir tree/new; i=0; while :; do i=$((i + 1)); : > tree/new/$i; done";
    let bytes = "while :; do head -c 1000000 /dev/zero >> tree/large; done";
    for (line, disk) in [(files, disk(1 << 40, 2000)), (bytes, disk(32 << 20, 1 << 40))] {
        let ended = go(&Invocation { disk, ..place.shell(line) });
        assert_eq!(ended.status, Status::DiskLimit, "{line}");
        let left: Vec<_> =
            tree.read_dir_utf8().unwrap().map(|entry| entry.unwrap().path().to_owned()).collect();
        assert_eq!(left, [tree.join("target")], "{line}");
        assert_eq!(std::fs::read_to_string(tree.join("target/of-before")).unwrap(), "kept");
    }
    let little = Invocation { disk: disk(32 << 20, 2000), ..place.shell("echo > tree/little") };
    assert_eq!(go(&little).status, Status::Exited(0));
    assert!(tree.join("little").exists());
}

#[test]
fn a_command_that_nobody_wants_any_more_is_ended_with_all_it_started() {
    let place = place();
    let invocation = place.shell("sleep 60 & echo $! > child; echo enough; wait");
    let mut wanted = || !capped(&place.dir.join("stdout")).contains("enough");
    let ended = run_while(&invocation, &Interrupt::new(), &mut wanted).unwrap();
    assert_eq!(ended.status, Status::CalledOff);
    assert!(!alive(&place.pid("child")));
}
