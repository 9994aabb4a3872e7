//! Rules of this repository that no other tool knows, checked on every Rust file that git would commit.
//!
//! Not here: whatever rustfmt or clippy can say.

use std::fs;

use crate::command::{Failure, Root};

/// Longer files are reported: is each one still one room? The report refuses nothing.
const LONG: usize = 400;
/// A module with one of these names takes in whatever has no place.
const NAMELESS: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "manager"];

/// Refuses what breaks a rule, with file and line; reports long files.
pub(crate) fn check(root: &Root) -> Result<(), Failure> {
    let mut complaints = Vec::new();
    let mut long = Vec::new();
    let paths = rust_files(root)?;
    for path in &paths {
        // Listed by git and gone from the disk: being deleted, and nothing to judge.
        let Ok(text) = fs::read_to_string(root.join(path)) else { continue };
        complaints.extend(complaints_about(path, &text));
        let lines = text.lines().count();
        if lines > LONG {
            long.push((lines, path));
        }
    }
    long.sort_by(|a, b| b.cmp(a));
    for (lines, path) in long {
        eprintln!("long: {path} has {lines} lines");
    }
    if complaints.is_empty() {
        eprintln!("tidy: {} files", paths.len());
        return Ok(());
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    Err(Failure::new(format!("tidy: {} complaints", complaints.len())))
}

fn rust_files(root: &Root) -> Result<Vec<String>, Failure> {
    let mut git = root.command("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.rs"]);
    let output = git.output().map_err(|error| Failure::new(format!("cannot start git: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new(format!(
            "git ls-files: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )));
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    Ok(listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn complaints_about(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |line: usize, what: &str| complaints.push(format!("{path}:{line}: {what}"));
    let names = path.split('/').map(|part| part.trim_end_matches(".rs"));
    if names.into_iter().any(|name| NAMELESS.contains(&name)) {
        complain(1, "name the module after what it is for");
    }
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!"));
    if first.is_some_and(|line| !line.starts_with("//!")) {
        complain(1, "start with a `//!` line that says what the module is for");
    }
    for (index, line) in text.lines().enumerate() {
        if silences_a_lint(line) && !text.lines().skip(index).take(6).any(|next| next.contains("reason = ")) {
            complain(index + 1, "say `reason = \"…\"` where a lint is silenced");
        }
    }
    complaints
}

fn silences_a_lint(line: &str) -> bool {
    let attribute = line.trim_start().trim_start_matches('#').trim_start_matches('!');
    ["[allow(", "[expect(", "[cfg_attr("].iter().any(|start| attribute.starts_with(start))
        && (line.contains("allow(") || line.contains("expect("))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        complaints_about(path, text).len()
    }

    #[test]
    fn a_module_says_what_it_is_for() {
        assert_eq!(count("a.rs", "//! Words.\nfn a() {}\n"), 0);
        assert_eq!(count("a.rs", "#![forbid(unsafe_code)]\n//! Words.\n"), 0);
        assert_eq!(count("a.rs", "fn a() {}\n"), 1);
    }

    #[test]
    fn a_silenced_lint_has_a_reason() {
        let silenced = "#[allow(dead_code)]";
        assert_eq!(count("a.rs", &format!("//! Words.\n{silenced}\nfn a() {{}}\n")), 1);
        let reasoned = "#[allow(dead_code, reason = \"read by the tests\")]";
        assert_eq!(count("a.rs", &format!("//! Words.\n{reasoned}\nfn a() {{}}\n")), 0);
    }

    #[test]
    fn a_module_is_named_after_what_it_is_for() {
        assert_eq!(count("crates/a/src/utils.rs", "//! Words.\n"), 1);
        assert_eq!(count("crates/a/src/helpers/mod.rs", "//! Words.\n"), 1);
        assert_eq!(count("crates/a/src/chart.rs", "//! Words.\n"), 0);
    }
}
