//! What the self-test says, and that a machine which lacks something is told so before anything runs.

use std::net::TcpListener;
use std::process::Command;

use sprag_sandbox::{Confinement, Jail, JailError, Layer, State, Step, Tier, Wall};

use crate::ground::{Ground, PROGRAM, User, all_said, printed, start};

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
