//! All tests: documentation tests first, then the rest, so that the runner's closing line comes last.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::command::{self, Failure, Root, spoken, succeeds};
use crate::needs::{self, Provision};

/// Meets the needs, builds once, runs everything.
pub(crate) fn run(root: &Root) -> Result<(), Failure> {
    let provision = needs::meet(root)?;
    let cargo = |arguments: &[&str]| {
        let mut cargo = root.cargo(arguments);
        provision.tell(&mut cargo);
        cargo
    };
    command::run(&mut cargo(&["test", "--workspace", "--doc", "--quiet"]))?;
    if succeeds(&mut root.cargo(&["nextest", "--version"])) {
        command::run(&mut cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]))
    } else {
        summed(&mut cargo(&["test", "--workspace", "--all-targets", "--no-fail-fast"]))
    }
}

/// Plays the attack corpus and prints its table; `which` narrows it down.
pub(crate) fn attacks(root: &Root, which: &[&str]) -> Result<(), Failure> {
    let test = ["test", "--quiet", "--package", "sprag", "--test", "attacks", "--", "--table"];
    command::run(&mut root.cargo(&[&test[..], which].concat()))
}

/// Runs the real coding agents, asked by a model that plays a script: in the loop, and as clients of `sprag mcp`. A table
/// of their sessions comes last.
pub(crate) fn agents(root: &Root) -> Result<(), Failure> {
    let provision = needs::agents(root)?;
    let tests = ["real_agents", "real_extension", "real_mcp", "real_side_by_side", "real_sessions"];
    tests.iter().try_for_each(|test| with_real_agents(root, &provision, test))
}

/// Tells the same lie to pi with pi-autoresearch and to Sprag with pi, and prints what became of it.
pub(crate) fn side_by_side(root: &Root) -> Result<(), Failure> {
    with_real_agents(root, &needs::node_agents(root)?, "real_side_by_side")
}

fn with_real_agents(root: &Root, provision: &Provision, test: &str) -> Result<(), Failure> {
    let mut cargo = root.cargo(&["test", "--quiet", "--package", "sprag", "--test", test]);
    provision.tell(&mut cargo);
    command::run(cargo.args(["--", "--ignored", "--nocapture", "--test-threads", "1"]))
}

/// Runs `cargo test` and ends with one closing line for all binaries: its own last one speaks for the last
/// binary alone.
fn summed(tests: &mut Command) -> Result<(), Failure> {
    let line = spoken(tests);
    eprintln!("+ {line}");
    let failed = |error: std::io::Error| Failure::new(format!("`{line}`: {error}"));
    let mut child = tests.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut total = Counts::default();
    let output = child.stdout.take().expect("stdout was asked for as a pipe");
    for bytes in BufReader::new(output).split(b'\n') {
        let bytes = bytes.map_err(failed)?;
        let text = String::from_utf8_lossy(&bytes);
        println!("{text}");
        total.add(&text);
    }
    let status = child.wait().map_err(failed)?;
    println!("{}", total.closing_line(status.success()));
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{line}` failed ({status})"))) }
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`; any other is none.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = result.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }

    fn closing_line(&self, success: bool) -> String {
        let Self { passed, failed, ignored } = self;
        let verdict = if success { "ok" } else { "FAILED" };
        format!("test result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; all binaries")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_several_binaries_add_up() {
        let mut total = Counts::default();
        total.add("running 3 tests");
        total.add(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        total.add("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!(total, Counts { passed: 7, failed: 2, ignored: 1 });
        assert_eq!(
            total.closing_line(false),
            "test result: FAILED. 7 passed; 2 failed; 1 ignored; all binaries"
        );
    }
}
