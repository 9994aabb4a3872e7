//! What the self-test says, and that a machine which lacks something is told so before anything runs.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rustix::process::geteuid;
use sprag_sandbox::{Backend, Confinement, Jail, JailError, Layer, Report, State, Step, Tier, Wall};

use crate::ground::{Ground, PROGRAM, User, all_said, printed, start, without};

/// A root whose machine allows no more user namespaces, as launcher; `None` where this one makes no such root.
fn without_user_namespaces() -> Option<Vec<&'static str>> {
    let full = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    let before = vec!["unshare", "--user", "--map-root-user", "sh", "-c", full, "sh"];
    match Command::new(before[0]).args(&before[1..]).arg("true").output() {
        Ok(output) if output.status.success() => {
            Some(before.into_iter().chain([PROGRAM, sprag_sandbox::COMMAND]).collect())
        }
        _ => {
            eprintln!("skipped: unshare can't make such a root here");
            None
        }
    }
}

#[test]
fn where_user_namespaces_are_forbidden_the_tier_is_reduced_and_says_why() {
    let Some(launcher) = without_user_namespaces() else { return };
    let report = sprag_sandbox::examine(&launcher);
    assert_eq!(report.tier, Tier::Reduced, "{report}");
    let (layer, lack) = report.lacks().next().unwrap();
    assert_eq!(layer, Layer::Namespaces);
    assert!(lack.what.starts_with("no more namespaces are allowed"), "{lack}");
    // The limit is one for bubblewrap, too: what it says is told, where it is there.
    let tried = sprag_sandbox::examine_by(&launcher, Backend::Bubblewrap).unwrap_err();
    assert_eq!(lack.what.contains("by bubblewrap"), !tried.what.contains("not installed"), "{lack}");

    // And there is no silent fall.
    let jail = Jail::new(launcher).confine(Confinement::new(Tier::Enforced));
    match start(&jail, &["true"], "/".as_ref()).err() {
        Some(JailError::Refused(refusal)) => assert_eq!(refusal.step, Step::Namespaces),
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_no_network_can_be_made_only_the_ports_of_the_listeners_are_left() {
    let Some(launcher) = without_user_namespaces() else { return };
    let without_rights = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let (itself, before) = (&launcher[launcher.len() - 2..], &launcher[..launcher.len() - 2]);
    let launcher: Vec<&str> =
        before.iter().copied().chain(without_rights).chain(itself.iter().copied()).collect();
    let report = sprag_sandbox::examine(&launcher);
    assert_eq!((report.tier, report.wall), (Tier::Reduced, Wall::Ports), "{report}");

    let ground = Ground::new(&[]);
    let [ours, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [port, elsewhere] = [&ours, &other].map(|listener| listener.local_addr().unwrap().port());
    drop(ours);
    let program = format!(
        "import socket
socket.create_connection(('127.0.0.1', {port})).sendall(b'x')
def refused(act):
    try: act(); print('was not refused', act)
    except PermissionError: pass
refused(lambda: socket.create_connection(('127.0.0.1', {elsewhere})))
refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
refused(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262))
refused(lambda: socket.create_server(('127.0.0.1', 0)))
refused(lambda: socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', {elsewhere})))"
    );
    let jail = Jail::new(launcher).listen("ours", port).confine(ground.confinement(Tier::Reduced));
    let mut jailed = ground.start(&jail, &["python3", "-c", &program]);
    assert_eq!(jailed.ready.wall(), Wall::Ports);
    let _held = jailed.ready.take_listeners();
    let output = jailed.run();
    assert!(output.status.success() && printed(&output).is_empty(), "{}", all_said(&output));
}

#[test]
fn where_only_bubblewrap_may_make_namespaces_the_tier_is_enforced_by_it() {
    let by_hand = ["--unshare-user", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true"];
    let works = Command::new("/usr/bin/bwrap").args(by_hand).output();
    if !geteuid().is_root() || !works.is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: this user is not root, or bubblewrap makes no namespaces for it");
    }
    // The launcher makes them by unshare(2). Bubblewrap does so for ordinary users alone, and mostly by clone(2).
    let filter = without(libc::SYS_unshare);
    let launcher = ["/usr/bin/env", "python3", "-c", &filter, PROGRAM, sprag_sandbox::COMMAND];
    let found = sprag_sandbox::examine(&launcher);
    assert_eq!((found.tier, found.backend, found.wall), (Tier::Enforced, Backend::Bubblewrap, Wall::ForAll));
    assert!(found.to_string().starts_with("tier enforced, by bubblewrap\n"), "{found}");
    assert!(found.bytes() != Report { backend: Backend::Own, ..found.clone() }.bytes());

    let ground = Ground::new(&[]);
    let jail = Jail::new(launcher).confine(ground.confinement(Tier::Enforced));
    let output = ground.start(&jail.clone().no_weaker_than(&found), &["echo", "inside"]).run();
    assert_eq!(printed(&output), "inside", "{}", all_said(&output));
    // What was not found is not tried instead.
    match start(&jail, &["true"], &ground.path("work")).err() {
        Some(JailError::Refused(refusal)) => assert_eq!(refusal.step, Step::Namespaces),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_setuid_bubblewrap_makes_the_same_for_an_ordinary_user() {
    let ground = Ground::new(&["secret=secret"]);
    let (real, copy) = (Path::new("/usr/bin/bwrap"), ground.path("bwrap"));
    if !geteuid().is_root() || fs::copy(real, &copy).is_err() {
        return eprintln!("skipped: this user is not root, or there is no bubblewrap");
    }
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).unwrap();
    // Without that system call it works by root's rights, or not at all.
    let become_another = format!(
        "mount --bind {} {} && exec python3 -c \"$0\" /usr/bin/env TMPDIR=/tmp/mine \
         setpriv --reuid=12345 --regid=12345 --clear-groups \"$@\"",
        copy.display(),
        real.display()
    );
    let filter = without(libc::SYS_unshare).replace("prctl(38, 1, 0, 0, 0) == 0 and ", "");
    let launcher =
        ["unshare", "--mount", "sh", "-c", &become_another, &filter, PROGRAM, sprag_sandbox::COMMAND];
    match Command::new(launcher[0]).args(&launcher[1..6]).args(["test", "-u", "/usr/bin/bwrap"]).status() {
        Ok(status) if status.success() => {}
        _ => return eprintln!("skipped: nothing can be mounted here"),
    }
    let found = sprag_sandbox::examine(&launcher);
    assert_eq!((found.tier, found.backend), (Tier::Enforced, Backend::Bubblewrap), "{found}");

    let jail = Jail::new(launcher).confine(ground.confinement(Tier::Enforced)).no_weaker_than(&found);
    // A program that works by root's rights does not keep all of its environment.
    let script = "echo $TMPDIR; cat ../secret; echo done >result; ls -d /proc/[0-9]* | wc -l; exit 3";
    let output = ground.start(&jail, &["sh", "-c", script]).run();
    assert_eq!(output.status.code(), Some(3), "{}", all_said(&output));
    assert!(printed(&output).starts_with("/tmp/mine\n"), "{}", all_said(&output));
    assert!(!printed(&output).contains("secret"));
    assert_eq!(fs::read_to_string(ground.path("work/result")).unwrap(), "done\n");
}

#[test]
fn a_machine_that_makes_namespaces_has_the_strongest_tier() {
    let by_hand =
        ["--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "true"];
    match Command::new("unshare").args(by_hand).output() {
        Ok(output) if output.status.success() => {}
        _ => return eprintln!("skipped: unshare makes none here"),
    }
    // Without this, a fault in the launcher would skip all the other tests.
    let report = sprag_sandbox::examine(&[PROGRAM, sprag_sandbox::COMMAND]);
    assert_eq!(report.tier, Tier::Enforced, "{report}");
}

#[test]
fn in_a_jail_there_is_no_second_one_of_the_same_strength() {
    for user in User::with(Tier::Enforced) {
        let ground = Ground::new(&[]);
        let output =
            ground.start(&user.jail(&ground.confinement(Tier::Enforced)), &[PROGRAM, "examine"]).run();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with("tier reduced\n"), "{user:?}: {said}");
        assert!(
            said.contains("missing  namespaces    a seccomp filter forbids namespaces"),
            "{user:?}: {said}"
        );
    }
}

#[test]
fn the_same_findings_are_the_same_bytes() {
    for user in User::with(Tier::Reduced) {
        let [one, other] = [(); 2].map(|()| sprag_sandbox::examine(&user.launcher()));
        assert_eq!(one.bytes(), other.bytes());
        assert_eq!(serde_json::from_slice::<sprag_sandbox::Report>(&one.bytes()).unwrap(), one);
        let tried =
            one.layers.iter().filter(|layer| layer.state == State::Held).map(|layer| layer.tried.len());
        assert!(tried.sum::<usize>() > 10, "{one}");
    }
}
