//! How jailed programs start, end and are ended.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sprag_sandbox::Tier;

use crate::ground::{Ground, Jailed, PATIENCE, PROGRAM, User, all_said, printed};

#[test]
fn it_ends_as_the_program_does() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let end = |script: &str| ground.shell(&user, &ground.confinement(tier), script).status;
        assert_eq!(end("exit 0").code(), Some(0), "{user:?} {tier}");
        assert_eq!(end("exit 3").code(), Some(3), "{user:?} {tier}");
        assert_eq!(end("exit 255").code(), Some(255), "{user:?} {tier}");
        for signal in [libc::SIGKILL, libc::SIGSEGV, libc::SIGABRT, libc::SIGTERM, libc::SIGPIPE, 40] {
            let status = end(&format!("kill -{signal} $$"));
            assert_eq!(status.signal(), Some(signal), "{user:?} {tier}");
            assert!(!status.core_dumped());
        }
    }
}

#[test]
fn what_cannot_be_started_is_told() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let jailed = ground.start(&user.jail(&ground.confinement(tier)), &["/no/such/program"]);
        let refused = jailed.ready.go().unwrap_err().to_string();
        assert!(refused.starts_with("failed to start `/no/such/program`"), "{user:?} {tier}: {refused}");
        assert_eq!(jailed.child.wait_with_output().unwrap().status.code(), Some(125));
    }
}

#[test]
fn a_launcher_without_its_parent_starts_nothing() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let Jailed { child, ready } =
            ground.start(&user.jail(&ground.confinement(tier)), &["echo", "started"]);
        drop(ready);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), printed(&output)), (Some(125), String::new()), "{user:?} {tier}");
    }
}

#[test]
fn a_program_starts_with_nothing_that_was_not_meant_for_it() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let script =
            "ls /proc/self/fd | tr '\\n' ' '; umask; ulimit -c; grep -c '^Cap.*:.*[1-9a-f]' /proc/self/status
            grep NoNewPrivs /proc/self/status; cat /dev/tty; trap '' PIPE";
        let output = ground.shell(&user, &ground.confinement(tier), script);
        // The folder that is listed is open, too.
        let expected = "0 1 2 3 0022\n0\n0\nNoNewPrivs:\t1";
        assert_eq!(printed(&output), expected, "{user:?} {tier}: {}", all_said(&output));
    }
}

#[test]
fn a_program_in_a_root_of_its_own_sees_no_process_but_its_own() {
    for user in User::with(Tier::Enforced) {
        let ground = Ground::new(&[]);
        let script = "echo $$; ls -d /proc/[0-9]* | wc -l; cat /proc/1/environ /proc/1/mem; cat /proc/1/root/etc/passwd; readlink /proc/1/cwd";
        let output = ground.shell(&user, &ground.confinement(Tier::Enforced), script);
        // The first process, the shell, and ls and wc for a moment.
        assert!(["2\n3", "2\n4", "2\n5"].contains(&printed(&output).as_str()), "{}", all_said(&output));
    }
}

/// Waits until no process has this in its command line.
fn gone(marker: &str) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let alive = || {
        fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let own = entry.file_name().to_str() == Some(&std::process::id().to_string());
            !own && String::from_utf8_lossy(&line).contains(marker)
        })
    };
    while alive() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

#[test]
fn a_daemon_does_not_outlive_the_run() {
    for (number, user) in User::with(Tier::Enforced).iter().enumerate() {
        let ground = Ground::new(&[]);
        let marker = format!("7{}{number}.25", std::process::id());
        let script = format!(
            "(setsid sh -c 'setsid sleep {marker} & setsid sleep {marker} &' &) ; sleep 0.1; echo on"
        );
        let output = ground.shell(user, &ground.confinement(Tier::Enforced), &script);
        assert_eq!(printed(&output), "on", "{user:?} {}", all_said(&output));
        // Dead already when the run is over: nobody has to look for it.
        assert!(gone(&marker), "{user:?}");
    }
}

#[test]
fn a_signal_to_the_launcher_reaches_the_program() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let script = "trap 'echo stopped; exit 9' TERM; echo on; while :; do sleep 0.01; done";
        let Jailed { mut child, ready } =
            ground.start(&user.jail(&ground.confinement(tier)), &["sh", "-c", script]);
        let _group = ready.go().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        stdout.read_line(&mut said).unwrap();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        stdout.read_to_string(&mut said).unwrap();
        assert_eq!(
            (child.wait().unwrap().code(), said.as_str()),
            (Some(9), "on\nstopped\n"),
            "{user:?} {tier}"
        );
    }
}

/// A process, and all that it has started.
fn family(pid: Pid) -> Vec<Pid> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = list.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap());
    std::iter::once(pid).chain(children.flat_map(family)).collect()
}

#[test]
fn a_signal_to_all_in_the_group_of_the_launcher_reaches_the_program() {
    for user in User::with(Tier::Enforced) {
        let ground = Ground::new(&[]);
        let program = "import os, signal, sys, time
def stop(*_):
    time.sleep(0.1); print('stopped', flush=True); os._exit(9)
signal.signal(signal.SIGTERM, stop)
print('on', flush=True)
while True: time.sleep(1)";
        let jail = user.jail(&ground.confinement(Tier::Enforced));
        let Jailed { mut child, ready } = ground.start(&jail, &["python3", "-c", program]);
        let _group = ready.go().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        stdout.read_line(&mut said).unwrap();
        // The program has a group of its own.
        let family = family(Pid::from_child(&child));
        family[..family.len() - 1].iter().for_each(|&pid| kill_process(pid, Signal::TERM).unwrap());
        stdout.read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(9), "on\nstopped\n"), "{user:?}");
    }
}

#[test]
fn with_any_process_around_the_program_all_that_it_started_is_killed() {
    for (number, user) in User::with(Tier::Enforced).iter().enumerate() {
        // The launcher, bubblewrap where it is, and the first process inside.
        let around = if user.backend.is_own() { 2 } else { 3 };
        for killed in 0..around {
            let ground = Ground::new(&[]);
            let marker = format!("9{}{number}{killed}.25", std::process::id());
            let script = format!("setsid sleep {marker} & echo on; exec sleep {marker}");
            let jail = user.jail(&ground.confinement(Tier::Enforced));
            let Jailed { mut child, ready } = ground.start(&jail, &["sh", "-c", &script]);
            let _group = ready.go().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            kill_process(family(Pid::from_child(&child))[killed], Signal::KILL).unwrap();
            assert!(!child.wait().unwrap().success(), "{user:?} {killed}");
            assert!(gone(&marker), "{user:?} {killed}");
        }
    }
}

#[test]
fn the_environment_is_the_one_that_the_launcher_was_started_with() {
    let mut outside: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    outside.sort();
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let output = ground.start(&user.jail(&ground.confinement(tier)), &["env", "-0"]).run();
        let said = String::from_utf8_lossy(&output.stdout);
        let mut inside: Vec<&str> = said.split_terminator('\0').collect();
        inside.sort();
        assert_eq!(inside, outside, "{user:?} {tier}");
    }
}

#[test]
fn all_inside_can_be_stopped_from_outside_and_goes_on() {
    let state = |pid: Pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, after)| after.chars().next())
    };
    for user in User::with(Tier::Enforced) {
        let ground = Ground::new(&[]);
        // Not a shell: one that is stopped while it starts a program stands still in another state.
        let program = "import os, subprocess, time
subprocess.Popen(['sleep', '60'], start_new_session=True)
print('on', flush=True)
while not os.path.exists('over'): time.sleep(0.01)";
        let jail = user.jail(&ground.confinement(Tier::Enforced));
        let Jailed { mut child, ready } = ground.start(&jail, &["python3", "-c", program]);
        let _group = ready.go().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let leader = Pid::from_child(&child);
        let deadline = Instant::now() + PATIENCE;
        let stopped = |pid: &Pid| matches!(state(*pid), Some('T' | 'Z') | None);
        let signal = |signal| {
            for pid in family(leader) {
                // One that has just ended needs none.
                let _ = kill_process(pid, signal);
            }
        };
        // The launcher, the first process, the program and its child.
        while !(family(leader).len() >= 4 && family(leader).iter().all(stopped)) {
            let states: Vec<_> = family(leader).into_iter().map(|pid| (pid, state(pid))).collect();
            assert!(Instant::now() < deadline, "{user:?}: {states:?}");
            signal(Signal::STOP);
        }
        fs::write(ground.path("work/over"), "").unwrap();
        assert!(child.try_wait().unwrap().is_none(), "it stands still");
        signal(Signal::CONT);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{user:?}");
    }
}

#[test]
fn a_stream_that_the_program_closes_is_closed() {
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let script = "echo said; exec >&- 2>&-; while ! [ -e heard ]; do sleep 0.01; done";
        let Jailed { mut child, ready } =
            ground.start(&user.jail(&ground.confinement(tier)), &["sh", "-c", script]);
        let _group = ready.go().unwrap();
        let mut said = String::new();
        // Ends while the program runs, or never.
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        fs::write(ground.path("work/heard"), "").unwrap();
        assert_eq!((said.as_str(), child.wait().unwrap().code()), ("said\n", Some(0)), "{user:?} {tier}");
    }
}

#[test]
fn no_program_can_be_made_whose_cpu_time_is_not_counted() {
    let program = "import os
def refused(act):
    try: act(); print('was not refused')
    except OSError: pass
made = os.open('made', os.O_CREAT | os.O_WRONLY, 0o700)
refused(lambda: os.chmod('made', 0o111))
refused(lambda: os.fchmod(made, 0o311))
refused(lambda: os.open('new', os.O_CREAT | os.O_WRONLY, 0o111))
refused(lambda: os.open('.', os.O_TMPFILE | os.O_WRONLY, 0o111))
refused(lambda: os.mknod('new', 0o100111))
refused(lambda: os.setxattr('made', 'user.x', b'x'))
refused(lambda: os.umask(0o477))
print(oct(os.umask(0o022)))
os.chmod('made', 0o000); os.chmod('made', 0o444); os.chmod('made', 0o755)";
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let output = ground.start(&user.jail(&ground.confinement(tier)), &["python3", "-c", program]).run();
        assert_eq!(printed(&output), "0o22", "{user:?} {tier}: {}", all_said(&output));
    }
}

#[test]
fn usual_programs_run_as_they_do_outside() {
    let program = "import multiprocessing, pty, subprocess, tempfile, threading
thread = threading.Thread(target=print, args=('thread',)); thread.start(); thread.join()
with multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, 2]))
print(subprocess.run(['echo', 'child'], capture_output=True).stdout)
tempfile.mkdtemp(); pty.openpty(); open('/dev/null', 'w').write('x'); open('/dev/urandom', 'rb').read(1)";
    for user in User::with(Tier::Enforced) {
        let ground = Ground::new(&[]);
        let jail = user.jail(&ground.confinement(Tier::Enforced));
        let output = ground.start(&jail, &["python3", "-c", program]).run();
        assert_eq!(printed(&output), "thread\n[1, 2]\nb'child\\n'", "{user:?} {}", all_said(&output));
    }
}

#[test]
fn what_waits_for_the_program_gets_its_cpu_time() {
    for user in User::with(Tier::Enforced) {
        let ground = Ground::new(&[]);
        let jail = user.jail(&ground.confinement(Tier::Enforced));
        let Jailed { child, ready } = ground.start(&jail, &[PROGRAM, "burn", "200"]);
        let pid = Pid::from_child(&child);
        let _group = ready.go().unwrap();
        let status = rustix::process::waitid(
            rustix::process::WaitId::Pid(pid),
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT,
        );
        assert!(status.unwrap().unwrap().exited());
        // Fields 14 to 17 of proc_pid_stat(5): its own, and those of the children it has waited for, in ticks.
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let after = stat.rsplit_once(") ").unwrap().1;
        let ticks: u64 = after.split(' ').skip(11).take(4).map(|field| field.parse::<u64>().unwrap()).sum();
        assert!(ticks * 1000 >= 190 * rustix::param::clock_ticks_per_second(), "{user:?}: {stat}");
        drop(child.wait_with_output().unwrap());
        assert!(test_kill_process(pid).is_err());
    }
}
