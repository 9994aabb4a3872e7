//! A small Rust crate to measure, and do-nothing edits of it: how many of them does Sprag keep?

use camino::{Utf8Path, Utf8PathBuf};
use sprag_judge::Status;
use std::fmt::Write as _;
use std::process::Command;

use crate::repository::{commit_all, git, write};
use crate::{Result, stage};

/// The build that Sprag relinks in a new order for each pair.
pub const BUILD: &str = "cargo build --release --offline";

/// Small functions in hot loops: where they lie in memory is worth a few percents.
const MAIN: &str = include_str!("rust_crate/main.rs.txt");

/// What stands before the first function.
const FIRST: &str = "\n#[inline(never)]\nfn mix";

/// What is measured of the crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Time of a run, measured from outside.
    Wall,
    /// Steps of the program, which repeat to the bit.
    Steps,
}

/// What a session over do-nothing edits came to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    /// Edits that were judged.
    pub judged: u32,
    /// Edits that did not build or run: a mistake of the bench.
    pub broken: u32,
    /// Kept, though they do nothing.
    pub kept: u32,
    /// Pairs that were measured.
    pub pairs: usize,
}

/// Makes the crate with its spec. `layout`: as `[measure] layout` has it.
///
/// # Errors
/// The file system or git refuses.
pub fn generate(dir: &Utf8Path, metric: Metric, layout: &str) -> Result<()> {
    let (primary, driver, command) = match metric {
        Metric::Wall => ("wall_ms (ms, lower is better)", "command", "./target/release/small"),
        Metric::Steps => ("steps (steps, lower is better)", "script", "./target/release/small --steps"),
    };
    write(
        dir,
        "Cargo.toml",
        "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n\n[profile.release]\ncodegen-units = 1\n",
    )?;
    write(dir, "Cargo.lock", "version = 4\n\n[[package]]\nname = \"small\"\nversion = \"0.1.0\"\n")?;
    write(dir, ".gitignore", "/target\n")?;
    write(dir, "src/main.rs", MAIN)?;
    write(
        dir,
        ".auto/prompt.md",
        &format!(
            "# Autoresearch: a small program\n\n## Objective\nFaster.\n\n## Metrics\n- **Primary**: {primary}\n\n## How to Run\n`{command}`\n\n## Files in Scope\n- `src/**`\n\n## Stop\n- after 100000 experiments\n"
        ),
    )?;
    write(
        dir,
        ".auto/sprag.toml",
        &format!(
            "[run]\nbuild = \"{BUILD}\"\n\n[workspace]\ncache = [\"target\"]\n\n[measure]\ndriver = \"{driver}\"\nlayout = \"{layout}\"\n"
        ),
    )?;
    commit_all(dir)
}

/// Writes a playbook of `count` different edits that do nothing.
///
/// # Errors
/// The file system or git refuses.
pub fn playbook(dir: &Utf8Path, playbook: &Utf8Path, count: usize) -> Result<()> {
    std::fs::create_dir_all(playbook)?;
    for nth in 0..count {
        let (what, text) = edit(nth);
        write(dir, "src/main.rs", &text)?;
        let diff =
            Command::new("git").current_dir(dir).args(["diff", "--full-index", "--no-color"]).output()?;
        let diff = String::from_utf8(diff.stdout)?;
        if diff.is_empty() {
            return Err(format!("edit {nth} ({what}) changes nothing in the file").into());
        }
        let front = format!("+++\ndescription = \"{what} ({nth})\"\n+++\n");
        std::fs::write(playbook.join(format!("{nth:03}.patch")), front + &diff)?;
    }
    git(dir, &["checkout", "--quiet", "src/main.rs"])
}

/// One edit: what it is, and the file after it. What it touches moves code around, and changes nothing that runs.
fn edit(nth: usize) -> (&'static str, String) {
    let variant = nth / 6;
    let unused = |name: &str| {
        format!(
            "\n#[used]\nstatic KEEP_{name}_{nth}: fn(u64) -> u64 = {name}_{nth};\n\nfn {name}_{nth}(x: u64) -> u64 {{\n    x.rotate_left({}) ^ {}\n}}\n",
            nth % 60 + 1,
            nth * 7919
        )
    };
    match nth % 6 {
        0 => ("a comment", format!("// Looked at, and left as it is: {nth}.\n{MAIN}")),
        1 => ("a function that nobody calls, at the end", format!("{MAIN}{}", unused("spare"))),
        2 => (
            "a function that nobody calls, in front",
            MAIN.replacen(FIRST, &format!("{}{FIRST}", unused("idle")), 1),
        ),
        3 => ("another name for a local variable", MAIN.replace("total", &format!("sum_{variant}"))),
        4 => ("another name for a function", MAIN.replace("fold_line", &format!("fold_row_{variant}"))),
        _ => {
            let mut text = String::new();
            let table: Vec<String> = (0..nth % 40 + 8).map(|n| (n * 131 + nth).to_string()).collect();
            let _ = write!(
                text,
                "{MAIN}\n#[used]\nstatic SPARE_TABLE: [u64; {}] = [{}];\n",
                table.len(),
                table.join(", ")
            );
            ("a table that nobody reads", text)
        }
    }
}

/// Runs a session over the edits, and counts what it kept.
///
/// # Errors
/// The session failed.
pub fn play(dir: &Utf8Path, edits: &Utf8Path) -> Result<Tally> {
    let sprag = stage::sprag()?;
    let status = Command::new(&sprag)
        .current_dir(dir)
        .args(["run", "--agent", &format!("playbook:{edits}")])
        .status()?;
    if !status.success() {
        return Err(format!("sprag run failed in {dir}").into());
    }
    let log = sprag_ledger::read(&ledger(dir))?;
    let mut tally = Tally::default();
    for run in log.runs().filter(|run| run.is_experiment()) {
        let judged = matches!(run.status.known(), Some(Status::Keep | Status::Discard));
        *(if judged { &mut tally.judged } else { &mut tally.broken }) += 1;
        tally.kept += u32::from(run.is_keep());
        let evidence = run.evidence.as_ref().and_then(|stored| stored.get().ok());
        tally.pairs += evidence.map_or(0, |evidence| evidence.pairs.len());
    }
    match tally.broken {
        0 => Ok(tally),
        n => Err(format!("{n} edits did not build or run: see `sprag -C {dir} log`").into()),
    }
}

fn ledger(dir: &Utf8Path) -> Utf8PathBuf {
    dir.join(".auto/log.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_edits_are_a_hundred_different_files() {
        let texts: std::collections::BTreeSet<String> = (0..100).map(|nth| edit(nth).1).collect();
        assert_eq!(texts.len(), 100);
        assert!(!texts.contains(MAIN));
    }
}
