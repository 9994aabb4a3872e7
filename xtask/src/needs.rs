//! What the tests need besides Rust: programs of the system, and the Python packages of the large example.
//!
//! Programs are installed where that is possible without asking (root, with apt-get), and named where it is not.
//! The packages go below `target/`: whatever lies in an example's folder is built into the binary.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::command::{Failure, Root, run, succeeds};

/// The pinned packages of the example that needs some.
const REQUIREMENTS: &str = "examples/thematic/requirements.txt";
/// Its environment.
const VENV: &str = "target/venv/thematic";
/// Tells tests where the environment is; unset where it could not be made.
const VENV_VARIABLE: &str = "SPRAG_THEMATIC_VENV";

struct Need {
    /// What a person calls it.
    name: &'static str,
    /// A command that succeeds where it is there.
    probe: &'static [&'static str],
    /// Its Debian package.
    package: &'static str,
}

const NEEDS: &[Need] = &[
    Need { name: "git", probe: &["git", "--version"], package: "git" },
    Need { name: "python3", probe: &["python3", "--version"], package: "python3" },
    Need {
        name: "python3's venv module",
        probe: &["python3", "-c", "import venv, ensurepip"],
        package: "python3-venv",
    },
];

/// What was made for the tests.
pub(crate) struct Provision(Option<PathBuf>);

impl Provision {
    /// Tells a command, and whatever it starts, where things are.
    pub(crate) fn tell(&self, command: &mut Command) {
        match &self.0 {
            Some(venv) => command.env(VENV_VARIABLE, venv),
            None => command.env_remove(VENV_VARIABLE),
        };
    }
}

/// Meets every need, or says what is missing. Packages that cannot be had are named; the tests that run that
/// example then say themselves that they did not.
pub(crate) fn meet(root: &Root) -> Result<Provision, Failure> {
    let lacking = missing(root);
    if !lacking.is_empty() {
        install(root, &lacking)?;
        // A package manager that is content may still have put a program where this shell does not look.
        let still = missing(root);
        if !still.is_empty() {
            return Err(Failure::new(format!("the tests need {}: installed, but not found", names(&still))));
        }
    }
    Ok(Provision(environment(root)))
}

fn missing(root: &Root) -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !succeeds(root.command(need.probe[0]).args(&need.probe[1..]))).collect()
}

fn names(needs: &[&Need]) -> String {
    needs.iter().map(|need| need.name).collect::<Vec<_>>().join(", ")
}

fn install(root: &Root, missing: &[&Need]) -> Result<(), Failure> {
    let names = names(missing);
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !(is_root(root) && succeeds(root.command("apt-get").arg("--version"))) {
        let remedy = format!("apt-get install {}", packages.join(" "));
        return Err(Failure::new(format!("the tests need {names}; on Debian: {remedy}")));
    }
    // A package list that cannot be refreshed may still do: the install below says whether it does.
    let _ = run(&mut apt_get(root, &["update"]));
    let arguments = [&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat();
    run(&mut apt_get(root, &arguments))
        .map_err(|Failure(why)| Failure::new(format!("the tests need {names}, and {why}")))
}

fn apt_get(root: &Root, arguments: &[&str]) -> Command {
    let mut command = root.command("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root(root: &Root) -> bool {
    root.command("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn environment(root: &Root) -> Option<PathBuf> {
    let pinned = fs::read_to_string(root.join(REQUIREMENTS)).ok()?;
    let venv = root.join(VENV);
    let python = venv.join("bin/python");
    let present = root.command(&python).args(["-m", "pip", "--disable-pip-version-check", "freeze"]).output();
    if present.is_ok_and(|list| holds(&String::from_utf8_lossy(&list.stdout), &pinned)) {
        return Some(venv);
    }
    let made = run(root.command("python3").args(["-m", "venv", "--clear", VENV])).and_then(|()| {
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS];
        run(root.command(&python).args(pip))
    });
    match made {
        Ok(()) => Some(venv),
        Err(Failure(why)) => {
            eprintln!("skipped: the packages of {REQUIREMENTS} ({why})");
            None
        }
    }
}

/// Whether a list of installed packages has every pinned one.
fn holds(present: &str, pinned: &str) -> bool {
    let wanted = pinned.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let present: Vec<&str> = present.lines().map(str::trim).collect();
    wanted.into_iter().all(|package| present.contains(&package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_made_again_when_a_pin_moves() {
        assert!(holds("numpy==2.4.6\nsix==1.17.0\n", "# data\nnumpy==2.4.6\n"));
        assert!(!holds("numpy==2.4.5\n", "numpy==2.4.6\n"));
        assert!(!holds("", "numpy==2.4.6\n"));
    }
}
