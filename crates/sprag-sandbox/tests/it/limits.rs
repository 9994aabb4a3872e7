//! What a jailed program may use up, and how that is counted.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use sprag_sandbox::{Jail, JailError, Layer, Step, Tier};

use crate::ground::{AS_NOBODY, Ground, Jailed, PATIENCE, PROGRAM, User, all_said, printed, start, without};

/// The folders of version 1 in which this process's groups are, and of version 2 the one.
fn groups_of(process: &str) -> Vec<PathBuf> {
    let own = fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap_or_default();
    let folders = own.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (names, path) = (parts.next().unwrap(), parts.next().unwrap().trim_start_matches('/'));
        let root = Path::new("/sys/fs/cgroup");
        let mounted = names.split(',').map(|name| root.join(name.trim_start_matches("name=")));
        mounted.map(|mounted| mounted.join(path)).collect::<Vec<_>>()
    });
    folders.filter(|folder| folder.exists()).collect()
}

/// Whether there are limits of groups for this jail; says so where not.
fn limited(user: &User, jailed: &Jailed) -> bool {
    let lost = jailed.ready.lost().iter().find(|lost| lost.step == Step::Memory);
    if let Some(lost) = lost {
        assert!(!geteuid().is_root() || !Path::new("/sys/fs/cgroup/memory/cgroup.procs").exists(), "{lost}");
        eprintln!("skipped as {user:?}: {lost}");
    }
    lost.is_none()
}

#[test]
fn a_program_that_fills_the_memory_is_killed_and_it_is_told_why() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let mut confinement = ground.confinement(tier);
        confinement.limits.memory_bytes = Some(64_000_000);
        let jail = user.jail(&confinement);
        let within = ground.start(&jail, &[PROGRAM, "fill", "30"]);
        if !limited(&user, &within) {
            continue;
        }
        assert_eq!(printed(&within.run()), "30000000 bytes", "{user:?} {tier}");

        let Jailed { child, ready } = ground.start(&jail, &[PROGRAM, "fill", "100"]);
        let group = ready.go().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(libc::SIGKILL), "{user:?} {tier}: {}", all_said(&output));
        assert_eq!(group.ran_out_of_memory(), Some(64_000_000), "{user:?} {tier}");

        // A child of it, too, and what is in a folder that is memory.
        let shell = format!("{PROGRAM} fill 100 || true");
        let Jailed { child, ready } = ground.start(&jail, &["sh", "-c", &shell]);
        let group = ready.go().unwrap();
        assert!(child.wait_with_output().unwrap().status.success());
        assert_eq!(group.ran_out_of_memory(), Some(64_000_000), "{user:?} {tier}");
        if tier == Tier::Enforced {
            let fills = ["head", "-c", "100000000", "/dev/zero"];
            let Jailed { child, ready } =
                ground.start(&jail, &["sh", "-c", &format!("{} >/dev/shm/x", fills.join(" "))]);
            let group = ready.go().unwrap();
            assert!(!child.wait_with_output().unwrap().status.success());
            assert_eq!(group.ran_out_of_memory(), Some(64_000_000), "{user:?}");
        }
    }
}

#[test]
fn one_that_is_killed_otherwise_has_not_run_out_of_memory() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let jail = user.jail(&ground.confinement(tier));
        let Jailed { child, ready } = ground.start(&jail, &["sh", "-c", "kill -9 $$"]);
        let group = ready.go().unwrap();
        assert_eq!(child.wait_with_output().unwrap().status.signal(), Some(libc::SIGKILL));
        assert_eq!(group.ran_out_of_memory(), None, "{user:?} {tier}");
    }
}

#[test]
fn a_group_is_gone_with_all_that_runs_in_it() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        // What gets away from its parent, its group of processes and its environment.
        let script = "setsid env -i sleep 60 & echo on; wait";
        let jailed = ground.start(&user.jail(&ground.confinement(tier)), &["sh", "-c", script]);
        if !limited(&user, &jailed) {
            continue;
        }
        let Jailed { mut child, ready } = jailed;
        let groups: Vec<PathBuf> = groups_of(&child.id().to_string());
        let groups: Vec<PathBuf> =
            groups.into_iter().filter(|path| path.to_string_lossy().contains("/sprag-")).collect();
        assert!(!groups.is_empty());
        let group = ready.go().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "on\n");
        drop(group);
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL), "{user:?} {tier}");
        assert!(groups.iter().all(|path| !path.exists()), "{user:?} {tier}: {groups:?}");
    }
}

#[test]
fn what_a_killed_sprag_left_behind_the_next_one_takes_away_and_no_other() {
    if User::with(Tier::Reduced).is_empty() {
        return;
    }
    let examine = || Command::new(PROGRAM).arg("examine").output().unwrap();
    let mut sprag = Command::new(PROGRAM).arg("jail").stdout(Stdio::piped()).spawn().unwrap();
    let mut number = String::new();
    BufReader::new(sprag.stdout.take().unwrap()).read_line(&mut number).unwrap();
    let number = number.trim();
    let mut groups = groups_of(number);
    groups.retain(|path| path.to_string_lossy().contains("/sprag-"));
    if groups.is_empty() {
        eprintln!("skipped: no cgroup may be made here");
    }
    let lives = || {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, after)| !after.starts_with('Z'))
    };
    examine();
    assert!(lives() && groups.iter().all(|path| path.exists()), "{groups:?}");
    sprag.kill().unwrap();
    sprag.wait().unwrap();
    if !groups.is_empty() {
        assert!(lives());
        examine();
        let deadline = Instant::now() + PATIENCE;
        while lives() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!lives());
        assert!(groups.iter().all(|path| !path.exists()), "{groups:?}");
    }
}

/// Folders that belong to nobody, the user, in each tree of this process's groups.
struct Delegated(Vec<PathBuf>);

impl Drop for Delegated {
    fn drop(&mut self) {
        self.0.iter().for_each(|folder| fs::remove_dir(folder).unwrap());
    }
}

#[test]
fn an_ordinary_user_has_limits_where_a_group_is_delegated_and_is_told_where_none_is() {
    let examined = |before: &str| {
        let script = format!("{before} exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).args(AS_NOBODY).args([PROGRAM, "examine"]);
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let memory = |report: &str| report.lines().find(|line| line.contains(" memory ")).map(str::to_owned);
    let Some(line) = memory(&examined("")) else {
        return eprintln!("skipped: this user can't become nobody");
    };
    let v1 = ["memory", "pids"].map(|name| Path::new("/sys/fs/cgroup").join(name));
    if !geteuid().is_root() || !v1.iter().all(|tree| tree.join("cgroup.procs").exists()) {
        return eprintln!("skipped: there is no cgroup of version 1 here to be delegated");
    }
    assert_eq!(line, "missing  memory        no cgroup may be made here");
    let own = groups_of("self").into_iter().filter(|path| v1.iter().any(|tree| path.starts_with(tree)));
    let name = format!("delegated-{}", std::process::id());
    let delegated = Delegated(own.map(|path| path.join(&name)).collect());
    let mut enter = String::new();
    for folder in &delegated.0 {
        fs::create_dir(folder).unwrap();
        std::os::unix::fs::chown(folder, Some(65534), Some(65534)).unwrap();
        enter.push_str(&format!("echo $$ >{}/cgroup.procs;", folder.display()));
    }
    let report = examined(&enter);
    assert_eq!(
        memory(&report).as_deref(),
        Some("held     memory        the memory of all processes together is limited"),
        "{report}"
    );
}

#[test]
fn a_fork_bomb_is_contained() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let mut confinement = ground.confinement(tier);
        confinement.limits.processes = 50;
        let jailed = ground.start(&user.jail(&confinement), &[PROGRAM, "start-others-without-end", "2000"]);
        if jailed.ready.lost().iter().any(|lost| lost.step == sprag_sandbox::Step::Processes) {
            eprintln!("skipped as {user:?}: this kernel does not limit the processes of root");
            continue;
        }
        let Jailed { mut child, ready } = jailed;
        let group = ready.go().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        child.wait().unwrap();
        // In a tier without a namespace of processes it ends those that are left.
        drop(group);
        let started: u64 = said.trim().parse().unwrap_or_else(|_| panic!("{user:?} {tier}: {said}"));
        // The first numbers of a process namespace are given out once, whatever the limit is.
        assert!((1..=400).contains(&started), "{user:?} {tier} started {started}");
    }
}

#[test]
fn cpu_time_is_seen_behind_an_ignored_sigchld() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let argv = [PROGRAM, "burn-in-a-child-that-nobody-waits-for", "300"];
        let mut jailed = ground.start(&user.jail(&ground.confinement(tier)), &argv);
        let Some(clock) = jailed.ready.take_clock() else {
            eprintln!("skipped as {user:?}: {:?}", jailed.ready.lost());
            continue;
        };
        assert_eq!(clock.read().unwrap(), Duration::ZERO, "nothing has run yet");
        // A group counts for as long as it is there.
        let Jailed { child, ready } = jailed;
        let _group = ready.go().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", all_said(&output));
        let seen = clock.read().unwrap();
        // What waits for a child is told none of it, and two clocks differ a little.
        assert!(seen >= Duration::from_millis(290), "{user:?} {tier}: {seen:?}");
    }
}

#[test]
fn a_jail_that_holds_less_than_the_self_test_found_starts_nothing() {
    let itself = [PROGRAM, sprag_sandbox::COMMAND];
    let found = sprag_sandbox::examine(&itself);
    if found.tier < Tier::Enforced || found.lacks().any(|(layer, _)| layer == Layer::Landlock) {
        return eprintln!("skipped: {found}");
    }
    let ground = Ground::new(&[]);
    let filter = without(libc::SYS_landlock_create_ruleset);
    let launcher = [&["/usr/bin/env", "python3", "-c", &filter][..], &itself].concat();
    let jail = |launcher: &[&str]| Jail::new(launcher.to_vec()).confine(ground.confinement(Tier::Enforced));
    // Namespaces hold it without Landlock, too.
    let less = ground.start(&jail(&launcher), &["true"]);
    assert!(less.ready.lost().iter().any(|lost| lost.step == Step::Landlock));
    let refused = |jail: Jail| start(&jail.no_weaker_than(&found), &["true"], "/".as_ref()).err();
    match refused(jail(&launcher)) {
        Some(JailError::Weaker { layer }) => assert_eq!(layer, Layer::Landlock),
        other => panic!("{other:?}"),
    }
    assert!(refused(jail(&itself)).is_none());
    // An open network is what was asked for, and no loss.
    assert!(refused(jail(&itself).open_network()).is_none());
}

#[test]
fn cpu_time_is_counted_by_a_group_where_perf_events_are_refused() {
    let filter = without(libc::SYS_perf_event_open);
    let ground = Ground::new(&[]);
    let launcher = ["/usr/bin/env", "python3", "-c", &filter, PROGRAM, sprag_sandbox::COMMAND];
    let tier = sprag_sandbox::examine(&launcher).tier;
    if tier == Tier::None {
        return eprintln!("skipped: there is no tier here");
    }
    let jail = Jail::new(launcher).confine(ground.confinement(tier));
    let mut jailed = ground.start(&jail, &[PROGRAM, "burn-in-a-child-that-nobody-waits-for", "300"]);
    let lost = jailed.ready.lost().iter().find(|lost| lost.step == Step::Clock).cloned();
    let Some(clock) = jailed.ready.take_clock() else {
        assert!(lost.is_some());
        return eprintln!("skipped: no cgroup counts here");
    };
    assert_eq!(lost, None);
    let Jailed { child, ready } = jailed;
    let _group = ready.go().unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let seen = clock.read().unwrap();
    assert!(seen >= Duration::from_millis(290), "{seen:?}");
}
