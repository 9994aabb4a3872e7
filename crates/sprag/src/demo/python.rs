//! A Python environment for an example: found, made and filled, with clear words where one of these fails.

use std::process::{Command, Stdio};

use camino::Utf8Path;
use miette::{IntoDiagnostic, miette};

use crate::show;

/// The oldest Python that the examples run on.
const OLDEST: (u32, u32) = (3, 11);

/// Interpreters to look for, newest first after the plain name.
const NAMES: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

/// The name of an interpreter that is new enough.
pub(crate) fn find() -> miette::Result<&'static str> {
    let question = format!("import sys; sys.exit(sys.version_info[:2] < ({}, {}))", OLDEST.0, OLDEST.1);
    let fits = |name: &&&str| {
        let mut command = Command::new(name);
        command.args(["-c", &question]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    NAMES.iter().find(fits).copied().ok_or_else(|| {
        miette!(
            help = "on Debian: apt-get install python3 python3-venv",
            "there is no Python {}.{} or later on PATH",
            OLDEST.0,
            OLDEST.1
        )
    })
}

/// Makes `.venv` in `dir` with the pinned packages of its `requirements.txt`.
pub(crate) fn prepare(dir: &Utf8Path) -> miette::Result<()> {
    let python = find()?;
    show::aside(&format!("preparing Python ({python}) in {dir}/.venv; this takes a minute the first time"));
    step(dir, python, &["-m", "venv", ".venv"], "on Debian: apt-get install python3-venv")?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"];
    let pip: Vec<&str> = pip.into_iter().chain(["--requirement", "requirements.txt"]).collect();
    let help = "the example needs pandas from the Python package index: is there a network? Behind a mirror, set PIP_INDEX_URL. `sprag demo --noop` needs neither";
    step(dir, ".venv/bin/python", &pip, help)?;
    // Compiled once here, so that the first measured start does not pay for it.
    step(dir, ".venv/bin/python", &["-c", "import pandas"], help)
}

fn step(dir: &Utf8Path, program: &str, args: &[&str], help: &str) -> miette::Result<()> {
    let program = if program.contains('/') { dir.join(program).into_string() } else { program.to_owned() };
    let output =
        Command::new(&program).current_dir(dir).args(args).stdin(Stdio::null()).output().into_diagnostic()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().take(5).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(miette!(help = help.to_owned(), "`{program} {}` failed:\n{}", args.join(" "), last.join("\n")))
}
