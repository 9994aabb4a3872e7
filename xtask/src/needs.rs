//! What the tests need besides Rust: programs of the system, Python packages, and one of Node's.
//!
//! Programs are installed where that is possible without asking (root, with apt-get), and named where it is not. Packages
//! go below `target/`: whatever lies in an example's folder is built into the binary. Without the ones that are optional
//! some tests say themselves that they did not run.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::command::{Failure, Root, run, succeeds};

struct Need {
    /// What a person calls it.
    name: &'static str,
    /// A command that succeeds where it is there.
    probe: &'static [&'static str],
    /// Its Debian package.
    package: &'static str,
    /// Without it some tests are skipped, and the others run.
    optional: bool,
}

const NEEDS: &[Need] = &[
    Need { name: "git", probe: &["git", "--version"], package: "git", optional: false },
    Need { name: "python3", probe: &["python3", "--version"], package: "python3", optional: false },
    Need {
        name: "python3's venv module",
        probe: &["python3", "-c", "import venv, ensurepip"],
        package: "python3-venv",
        optional: false,
    },
    Need { name: "curl", probe: &["curl", "--version"], package: "curl", optional: true },
    Need { name: "bubblewrap", probe: &["bwrap", "--version"], package: "bubblewrap", optional: true },
    Need { name: "Node", probe: &["node", "--version"], package: "nodejs", optional: true },
    Need {
        name: "redis-server",
        probe: &["redis-server", "--version"],
        package: "redis-server",
        optional: true,
    },
    Need {
        name: "PostgreSQL",
        // Debian keeps the server's programs where a shell does not look.
        probe: &["sh", "-c", "PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' :) initdb --version"],
        package: "postgresql",
        optional: true,
    },
];

/// Packages with pinned versions, installed into a folder of their own.
struct Packages {
    /// Where they are pinned.
    pins: &'static str,
    /// Where they are installed.
    folder: &'static str,
    /// Tells tests where that is; unset where it could not be made.
    variable: &'static str,
    /// Whether they are all there already.
    are_there: fn(&Root, &Self) -> bool,
    /// Installs them.
    install: fn(&Root, &Self) -> Result<(), Failure>,
}

const PACKAGES: &[Packages] = &[
    Packages {
        pins: "examples/thematic/requirements.txt",
        folder: "target/venv/thematic",
        variable: "SPRAG_THEMATIC_VENV",
        are_there: python_has,
        install: python_install,
    },
    Packages {
        pins: "crates/sprag-replay/tests/clients/requirements.txt",
        folder: "target/venv/clients",
        variable: "SPRAG_CLIENTS_VENV",
        are_there: python_has,
        install: python_install,
    },
    Packages {
        pins: "crates/sprag-replay/tests/clients/package.json",
        folder: "target/node/clients",
        variable: "SPRAG_CLIENTS_NODE",
        are_there: node_has,
        install: node_install,
    },
];

/// The real coding agents, and the Node that they need. Too much for every run of the tests.
const AGENTS: Packages = Packages {
    pins: "crates/sprag-agent/tests/real/package.json",
    folder: "target/node/agents",
    variable: "SPRAG_AGENTS",
    are_there: node_has,
    install: node_install,
};

/// Installs the real coding agents. Answers the variable that tells where they are, and its value.
pub(crate) fn agents(root: &Root) -> Result<(&'static str, PathBuf), Failure> {
    let folder = root.join(AGENTS.folder);
    if !(AGENTS.are_there)(root, &AGENTS) {
        (AGENTS.install)(root, &AGENTS)?;
    }
    Ok((AGENTS.variable, folder))
}

/// What was made for the tests: a folder for each of [`PACKAGES`], where it could be made.
pub(crate) struct Provision(Vec<(&'static str, Option<PathBuf>)>);

impl Provision {
    /// Tells a command, and whatever it starts, where things are.
    pub(crate) fn tell(&self, command: &mut Command) {
        for (variable, folder) in &self.0 {
            match folder {
                Some(folder) => command.env(variable, folder),
                None => command.env_remove(variable),
            };
        }
    }
}

/// Meets every need, or says what is missing. What is optional and cannot be had is named; the tests that need it then
/// say themselves that they did not run.
pub(crate) fn meet(root: &Root) -> Result<Provision, Failure> {
    let (optional, needed): (Vec<_>, Vec<_>) = missing(root).into_iter().partition(|need| need.optional);
    if !needed.is_empty() {
        install(root, &needed)?;
    }
    if !optional.is_empty()
        && let Err(Failure(why)) = install(root, &optional)
    {
        eprintln!("skipped: {why}");
    }
    // A package manager that is content may still have put a program where this shell does not look.
    let still = missing(root);
    let still: Vec<&Need> = still.into_iter().filter(|need| !need.optional).collect();
    if !still.is_empty() {
        return Err(Failure::new(format!("the tests need {}: installed, but not found", names(&still))));
    }
    Ok(Provision(PACKAGES.iter().map(|packages| (packages.variable, packages.meet(root))).collect()))
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

impl Packages {
    fn meet(&self, root: &Root) -> Option<PathBuf> {
        let folder = root.join(self.folder);
        if (self.are_there)(root, self) {
            return Some(folder);
        }
        match (self.install)(root, self) {
            Ok(()) => Some(folder),
            Err(Failure(why)) => {
                eprintln!("skipped: the packages of {} ({why})", self.pins);
                None
            }
        }
    }

    fn pinned(&self, root: &Root) -> String {
        fs::read_to_string(root.join(self.pins)).unwrap_or_default()
    }

    fn python(&self, root: &Root) -> Command {
        root.command(root.join(self.folder).join("bin/python"))
    }
}

fn python_has(root: &Root, packages: &Packages) -> bool {
    let present = packages.python(root).args(["-m", "pip", "--disable-pip-version-check", "freeze"]).output();
    present.is_ok_and(|list| holds(&String::from_utf8_lossy(&list.stdout), &packages.pinned(root)))
}

fn python_install(root: &Root, packages: &Packages) -> Result<(), Failure> {
    run(root.command("python3").args(["-m", "venv", "--clear", packages.folder]))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", packages.pins];
    run(packages.python(root).args(pip))
}

fn node_has(root: &Root, packages: &Packages) -> bool {
    let folder = root.join(packages.folder);
    let installed = fs::read_to_string(folder.join("package.json")).unwrap_or_default();
    installed == packages.pinned(root) && folder.join("node_modules").exists()
}

fn node_install(root: &Root, packages: &Packages) -> Result<(), Failure> {
    let folder = root.join(packages.folder);
    // What is half installed must not look whole to the next run.
    let _ = fs::remove_dir_all(&folder);
    let copied = fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(root.join(packages.pins), folder.join("package.json")));
    copied.map_err(|error| Failure::new(format!("{}: {error}", packages.folder)))?;
    run(root.command("npm").args([
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--prefix",
        packages.folder,
    ]))
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
