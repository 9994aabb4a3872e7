//! Generated repositories: as many files as asked for, each different, and a benchmark that does nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use crate::Result;

/// Files in one directory, as people have them.
const IN_ONE_DIRECTORY: usize = 40;

/// The file whose number the benchmark prints; the lower the better.
pub const COUNTER: &str = "src/counter.txt";

const SPEC: &str = "# Autoresearch: a smaller number\n\n## Objective\nA smaller number.\n\n## Metrics\n- **Primary**: size (units, lower is better)\n\n## How to Run\n`./.auto/measure.sh`\n\n## Files in Scope\n- `src/**`\n\n## Stop\n- after 100000 experiments\n";
const MEASURE: &str = "#!/bin/sh\nread -r n < src/counter.txt\necho \"METRIC size=$n\"\n";

/// Runs git there, quietly, with an identity of its own.
///
/// # Errors
/// It says so itself.
pub fn git(dir: &Utf8Path, args: &[&str]) -> Result<()> {
    let identity =
        ["-c", "user.name=Bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"];
    let status = Command::new("git").current_dir(dir).args(identity).args(args).status()?;
    if status.success() { Ok(()) } else { Err(format!("git {} failed in {dir}", args.join(" ")).into()) }
}

/// Writes a file and the directories above it.
///
/// # Errors
/// What the file system says.
pub fn write(dir: &Utf8Path, path: &str, text: &str) -> Result<()> {
    let path = dir.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, text)?;
    if path.extension() == Some("sh") {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Commits all that is there as the first commit of a new repository.
///
/// # Errors
/// git failed.
pub fn commit_all(dir: &Utf8Path) -> Result<()> {
    git(dir, &["init", "--quiet", "--initial-branch=main"])?;
    git(dir, &["add", "--all"])?;
    git(dir, &["commit", "--quiet", "--message", "Start"])
}

/// Makes a repository of `files` source files of about two kilobytes, with spec and benchmark.
///
/// # Errors
/// The file system or git refuses.
pub fn generate(dir: &Utf8Path, files: usize) -> Result<()> {
    for number in 0..files {
        write(dir, &source(number), &text_of(number))?;
    }
    write(dir, COUNTER, "1000000000000\n")?;
    write(dir, ".auto/prompt.md", SPEC)?;
    write(dir, ".auto/measure.sh", MEASURE)?;
    commit_all(dir)
}

/// The path of a source file by its number.
pub fn source(number: usize) -> String {
    format!("src/part{:03}/module{number:05}.txt", number / IN_ONE_DIRECTORY)
}

/// The same benchmark without Sprag: what a run of it costs by itself.
pub fn bare(dir: &Utf8Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "exec ./.auto/measure.sh"]).current_dir(dir).stdout(std::process::Stdio::null());
    command
}

/// Where the repository of a size lies.
pub fn place(stage: &crate::stage::Stage, name: &str) -> Utf8PathBuf {
    stage.join(name)
}

fn text_of(number: usize) -> String {
    (0..40)
        .map(|line| format!("let value_{number}_{line} = compute({line}, {});\n", number * 31 + line))
        .collect()
}
