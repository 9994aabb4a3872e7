//! The gates in front of the tests: format, lints, documentation, licences.
//!
//! A tool that a machine lacks is named as skipped; it never passes in silence.

use crate::command::{Failure, Root, run, succeeds};
use crate::tidy;

/// Every gate, the cheap ones first.
pub(crate) fn all(root: &Root) -> Result<(), Failure> {
    fmt(root)?;
    tidy::check(root)?;
    clippy(root)?;
    doc(root)?;
    deny(root)
}

/// The tree is formatted.
pub(crate) fn fmt(root: &Root) -> Result<(), Failure> {
    if absent(root, &["fmt", "--version"], "rustup component add rustfmt") {
        return Ok(());
    }
    run(&mut root.cargo(&["fmt", "--all", "--check"]))
}

/// No lint speaks up, in any target. `--locked` also catches a lock file that was not committed.
pub(crate) fn clippy(root: &Root) -> Result<(), Failure> {
    if absent(root, &["clippy", "--version"], "rustup component add clippy") {
        return Ok(());
    }
    run(&mut root.cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// The documentation builds, and its links lead somewhere.
pub(crate) fn doc(root: &Root) -> Result<(), Failure> {
    let arguments = ["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"];
    run(root.cargo(&arguments).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Licences, bans and sources. Advisories need the network and are a job of their own.
pub(crate) fn deny(root: &Root) -> Result<(), Failure> {
    if absent(root, &["deny", "--version"], "cargo install --locked cargo-deny") {
        return Ok(());
    }
    run(&mut root.cargo(&[
        "deny",
        "--workspace",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]))
}

fn absent(root: &Root, probe: &[&str], remedy: &str) -> bool {
    let absent = !succeeds(&mut root.cargo(probe));
    if absent {
        eprintln!("skipped: cargo {} is not installed ({remedy})", probe[0]);
    }
    absent
}
