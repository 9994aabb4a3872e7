//! The git command line, with nothing of the user's or the agent's configuration that could run code, change an
//! answer or write a file that was not asked for.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{Error, Result};

/// Set for every command. Hooks, monitors and maintenance would run or write on their own; attributes files and
/// filters would change bytes.
const CONFIG: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.quotePath=true",
    "core.logAllRefUpdates=false",
    "core.fsync=objects,reference",
    "gc.auto=0",
    "gc.autoDetach=false",
    "maintenance.auto=false",
    "safe.directory=*",
    "protocol.allow=never",
];

/// How much of git's stderr is repeated in an error.
const STDERR_SHOWN: usize = 2_000;

/// Commands against one repository.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    git_dir: Option<Utf8PathBuf>,
    cwd: Utf8PathBuf,
    work_tree: Option<Utf8PathBuf>,
    config: Vec<String>,
    env: Vec<(String, String)>,
    users_config: bool,
}

/// A finished command.
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Git {
    /// Commands in a directory, where git itself looks for the repository.
    pub(crate) fn in_dir(cwd: &Utf8Path) -> Self {
        Self {
            git_dir: None,
            cwd: cwd.to_owned(),
            work_tree: None,
            config: Vec::new(),
            env: Vec::new(),
            users_config: false,
        }
    }

    /// Commands in a directory that belongs to no repository, and where none is looked for.
    pub(crate) fn outside(cwd: &Utf8Path) -> Self {
        Self::in_dir(cwd).with_env("GIT_CEILING_DIRECTORIES", cwd.parent().unwrap_or(cwd).as_str())
    }

    /// Commands against a bare repository.
    pub(crate) fn bare(git_dir: &Utf8Path) -> Self {
        Self { git_dir: Some(git_dir.to_owned()), ..Self::in_dir(git_dir) }
    }

    /// Commands against a repository with a working tree.
    pub(crate) fn with_work_tree(git_dir: &Utf8Path, work_tree: &Utf8Path) -> Self {
        Self {
            git_dir: Some(git_dir.to_owned()),
            work_tree: Some(work_tree.to_owned()),
            ..Self::in_dir(work_tree)
        }
    }

    /// The same with one more variable.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with an index of its own.
    pub(crate) fn with_index(self, index: &Utf8Path) -> Self {
        self.with_env("GIT_INDEX_FILE", index.as_str())
    }

    /// The same with one more setting.
    pub(crate) fn with_config(mut self, setting: String) -> Self {
        self.config.push(setting);
        self
    }

    /// The same reading the user's own configuration: only for asking what it says.
    pub(crate) fn with_users_config(mut self) -> Self {
        self.users_config = true;
        self
    }

    /// Where it works, for messages.
    pub(crate) fn place(&self) -> &Utf8Path {
        self.git_dir.as_deref().unwrap_or(&self.cwd)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"GIT_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(&self.cwd)
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_PAGER", "cat")
            .env("GIT_ADVICE", "0");
        if !self.users_config {
            command
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .env("GIT_CONFIG_SYSTEM", "/dev/null")
                .env("GIT_CONFIG_GLOBAL", "/dev/null");
        }
        if let Some(dir) = &self.git_dir {
            command.env("GIT_DIR", dir);
        }
        if let Some(dir) = &self.work_tree {
            command.env("GIT_WORK_TREE", dir);
        }
        for (name, value) in &self.env {
            command.env(name, value);
        }
        for setting in CONFIG.iter().copied().chain(self.config.iter().map(String::as_str)) {
            command.arg("-c").arg(setting);
        }
        command.args(args);
        // A group of its own: Ctrl-C at the terminal is for Sprag to handle, not for a half-written object.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }

    /// Starts a command with pipes on stdin and stdout.
    pub(crate) fn spawn(&self, args: &[&str]) -> Result<Child> {
        self.command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Error::GitMissing { source })
    }

    /// Runs a command to its end, whatever its exit status.
    pub(crate) fn answer(&self, args: &[&str], input: &[u8]) -> Result<Answer> {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| Error::GitMissing { source })?;
        let stdin = child.stdin.take().expect("stdin was piped");
        let mut stderr_pipe = child.stderr.take().expect("stderr was piped");
        let (stdout, stderr) = std::thread::scope(|scope| {
            scope.spawn(move || feed(stdin, input));
            let stderr = scope.spawn(move || {
                let mut text = Vec::new();
                let _ = stderr_pipe.read_to_end(&mut text);
                text
            });
            let mut stdout = Vec::new();
            let read = child.stdout.take().expect("stdout was piped").read_to_end(&mut stdout);
            (read.map(|_| stdout), stderr.join().unwrap_or_default())
        });
        let status = child.wait().map_err(Error::io("wait for git in", self.place()))?;
        let stdout = stdout.map_err(Error::io("read from git in", self.place()))?;
        let mut stderr = String::from_utf8_lossy(&stderr).trim().to_owned();
        if let Some((cut, _)) = stderr.char_indices().rev().nth(STDERR_SHOWN) {
            stderr.replace_range(..cut, "…");
        }
        Ok(Answer { code: status.code(), stdout, stderr })
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let answer = self.answer(args, input)?;
        if answer.code == Some(0) { Ok(answer.stdout) } else { Err(self.failure(args, answer)) }
    }

    /// Runs a command that must succeed, and returns what it printed as a file, from its start.
    pub(crate) fn run_to_file(&self, args: &[&str], input: &[u8]) -> Result<File> {
        let scratch = || tempfile::tempfile().map_err(Error::io("make a file in", "the temporary directory"));
        let mut out = scratch()?;
        let mut source = scratch()?;
        source.write_all(input).map_err(Error::io("write to", "the temporary directory"))?;
        source.rewind().map_err(Error::io("write to", "the temporary directory"))?;
        let handle = out.try_clone().map_err(Error::io("write to", "the temporary directory"))?;
        self.with_files(args, source.into(), handle.into())?;
        out.rewind().map_err(Error::io("write to", "the temporary directory"))?;
        Ok(out)
    }

    /// Runs a command that must succeed and reads a file.
    pub(crate) fn run_on_file(&self, args: &[&str], input: File) -> Result<()> {
        self.with_files(args, input.into(), Stdio::null())
    }

    fn with_files(&self, args: &[&str], input: Stdio, output: Stdio) -> Result<()> {
        let done = self
            .command(args)
            .stdin(input)
            .stdout(output)
            .stderr(Stdio::piped())
            .output()
            .map_err(|source| Error::GitMissing { source })?;
        if done.status.success() {
            return Ok(());
        }
        let stderr = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        Err(self.failure(args, Answer { code: done.status.code(), stdout: Vec::new(), stderr }))
    }

    /// Runs a command that must succeed and prints one line of text.
    pub(crate) fn line(&self, args: &[&str], input: &[u8]) -> Result<String> {
        let bytes = self.run(args, input)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned())
    }

    /// The error for a command that failed.
    pub(crate) fn failure(&self, args: &[&str], answer: Answer) -> Error {
        Error::Git {
            command: args.join(" "),
            dir: self.place().to_owned(),
            status: answer.code.map_or_else(|| "killed".to_owned(), |code| format!("exit status {code}")),
            stderr: answer.stderr,
        }
    }
}

/// Writes the input and closes the pipe. A git that has stopped reading has its exit status to say why.
fn feed(mut stdin: ChildStdin, input: &[u8]) {
    let _ = stdin.write_all(input);
}
