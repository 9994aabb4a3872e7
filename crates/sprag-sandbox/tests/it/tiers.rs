//! What the self-test says, and that a machine which lacks something is told so before anything runs.

use std::process::Command;

use sprag_sandbox::{Confinement, Jail, JailError, Layer, State, Step, Tier};

use crate::ground::{Ground, PROGRAM, User, start};

/// A root whose machine allows no more user namespaces, as launcher; `None` where this one makes no such root.
fn without_user_namespaces() -> Option<Vec<&'static str>> {
    let full = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    let before = vec!["unshare", "--user", "--map-root-user", "sh", "-c", full, "sh"];
    match Command::new(before[0]).args(&before[1..]).arg("true").output() {
        Ok(output) if output.status.success() => {
            Some(before.into_iter().chain([PROGRAM, "__jail"]).collect())
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
fn a_machine_that_makes_namespaces_has_the_strongest_tier() {
    let by_hand =
        ["--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "true"];
    match Command::new("unshare").args(by_hand).output() {
        Ok(output) if output.status.success() => {}
        _ => return eprintln!("skipped: unshare makes none here"),
    }
    // Without this, a fault in the launcher would skip all the other tests.
    let report = sprag_sandbox::examine(&[PROGRAM, "__jail"]);
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
