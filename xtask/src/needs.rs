//! What the tests need besides Rust: programs of the system, and the Python packages of the large example.
//!
//! Programs are installed where that is possible without asking (root, with apt-get), and named where it is not.
//! The packages go into an environment below `target/`, made again when the pinned list changes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::command::{Failure, Root, run, succeeds};

/// The pinned packages of the example that needs some.
const REQUIREMENTS: &str = "examples/thematic/requirements.txt";
/// Where its environment lies. Tests find it by [`VENV_VARIABLE`].
const VENV: &str = "target/venv/thematic";
/// Tells tests where the environment is; unset where it could not be made, and those tests then say so.
pub(crate) const VENV_VARIABLE: &str = "SPRAG_THEMATIC_VENV";

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

/// Meets every need, or says what is missing. Returns the example's environment, if it could be made.
pub(crate) fn meet(root: &Root) -> Result<Option<PathBuf>, Failure> {
    let missing = missing(root);
    if !missing.is_empty() {
        install(root, &missing)?;
    }
    Ok(environment(root))
}

fn missing(root: &Root) -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !succeeds(root.command(need.probe[0]).args(&need.probe[1..]))).collect()
}

fn install(root: &Root, missing: &[&Need]) -> Result<(), Failure> {
    let names = missing.iter().map(|need| need.name).collect::<Vec<_>>().join(", ");
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
    let wanted = fs::read_to_string(root.join(REQUIREMENTS)).ok()?;
    let venv = root.join(VENV);
    let stamp = venv.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|present| present == wanted) {
        return Some(venv);
    }
    let made = run(root.command("python3").args(["-m", "venv", "--clear", VENV]))
        .and_then(|()| {
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS];
            run(root.command(venv.join("bin/python")).args(pip))
        })
        .and_then(|()| fs::write(&stamp, wanted).map_err(Failure::new));
    match made {
        Ok(()) => Some(venv),
        Err(Failure(why)) => {
            eprintln!("skipped: the packages of {REQUIREMENTS} ({why}); tests that run that example do not");
            None
        }
    }
}
