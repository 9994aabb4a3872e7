//! A person's repository for the tests of the commands: a temporary folder with git, a spec, a benchmark that counts
//! bytes, and a state directory of its own.
//!
//! The metric is the size of `src/`, so it repeats to the bit: a candidate is judged in two runs and a pair.

#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

/// Metric `bytes`, control `calls`, scope `src/`.
pub(crate) const SPEC: &str = "\
# Autoresearch: fewer bytes

## Objective
Fewer bytes in src.

## Metrics
- **Primary**: bytes (bytes, lower is better) — the optimization target
- **Secondary**: calls

## How to Run
`./.auto/measure.sh`

## Files in Scope
- `src/` — everything that counts

## Off Limits
- `src/vendor/`

## Stop
- after 50 experiments
";

/// Settings with which nothing is locked in: for a benchmark that reads or writes what lies outside of its tree.
pub(crate) const UNLOCKED: &str = "[sandbox]\ntier = \"none\"\n";

/// Counts the bytes under `src/` and the lines that say `call`.
pub(crate) const MEASURE: &str = "\
#!/bin/sh
echo \"METRIC bytes=$(cat src/*.txt | wc -c)\"
echo \"METRIC calls=$(cat src/*.txt | grep -c call)\"
";

/// The same with noise, so that pairs are measured: a thousand for each byte, and less than one byte more.
pub(crate) const NOISY: &str = "\
#!/bin/sh
noise() { od -An -N1 -tu1 /dev/urandom; }
echo \"METRIC bytes=$(( $(cat src/*.txt | wc -c) * 1000 + $(noise) ))\"
echo \"METRIC calls=$(cat src/*.txt | grep -c call)\"
";

/// A repository and the state directory that its sessions use.
pub(crate) struct Repo {
    root: PathBuf,
    temp: tempfile::TempDir,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The exit code must be `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Every one of `words` stands in what was printed, whatever the line breaks of a report are.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        let printed = format!("{}\n{}", self.stdout, self.stderr);
        let flat = flat(&printed);
        for word in words {
            assert!(flat.contains(&flat_words(word)), "`{word}` is missing in:\n{printed}");
        }
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e} in:\n{}\n{}", self.stdout, self.stderr))
    }
}

fn flat(text: &str) -> String {
    flat_words(&text.replace(['│', '×', '╰', '─', '▶', '├'], " "))
}

fn flat_words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Settings by which an agent may write a folder besides its copy, as stand-ins do that count their calls, and read the
/// recorded events of agents.
pub(crate) fn letting_write(settings: &str, folder: &Path) -> String {
    let streams = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../sprag-agent/tests/streams"));
    let (streams, folder) = (streams.canonicalize().unwrap(), folder.display());
    let opened = format!("[agent]\nread = ['{}']\nwrite = ['{folder}']\n", streams.display());
    match settings.contains("[agent]\n") {
        true => settings.replace("[agent]\n", &opened),
        false => format!("{settings}{opened}"),
    }
}

impl Repo {
    /// A committed repository with the spec and the benchmark of this module, `src/a.txt`, `b.txt` and `c.txt` of 100
    /// bytes each, and seven calls in `src/calls.txt`.
    pub(crate) fn new() -> Self {
        let repo = Self::empty();
        repo.write(".auto/prompt.md", SPEC);
        repo.script(".auto/measure.sh", MEASURE);
        for (name, letter) in [("a", "a"), ("b", "b"), ("c", "c")] {
            repo.write(&format!("src/{name}.txt"), &lines(letter, 10));
        }
        repo.write("src/calls.txt", &"call\n".repeat(7));
        repo.write("src/vendor/kept.txt", "not ours\n");
        repo.write("README", "a repository\n");
        repo.commit("start");
        repo
    }

    /// A git repository without a commit.
    pub(crate) fn empty() -> Self {
        let repo = Self::no_git();
        repo.git(&["init", "-q", "-b", "main"]);
        for (key, value) in [("user.name", "A Person"), ("user.email", "person@example.com")] {
            repo.git(&["config", key, value]);
        }
        repo
    }

    /// A folder that is no repository.
    pub(crate) fn no_git() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap().join("repo");
        fs::create_dir(&root).unwrap();
        Self { root, temp }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path beside the repository.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        write(&self.root.join(path), text.as_bytes());
    }

    pub(crate) fn script(&self, path: &str, text: &str) {
        self.write(path, text);
        fs::set_permissions(self.root.join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A benchmark that waits as long as the gate is shut, once a candidate changed the size of `path`.
    pub(crate) fn shut_gate_for(&self, path: &str) {
        let gate = self.beside("gate");
        fs::write(&gate, "").unwrap();
        let (gate, reached) = (gate.display(), self.beside("gate-reached"));
        let wait = format!("{{ : > '{}'; while [ -e '{gate}' ]; do sleep 0.02; done; }}", reached.display());
        self.script(".auto/measure.sh", &format!("{MEASURE}[ $(wc -c < {path}) = 100 ] || {wait}\n"));
        // The gate is beside the repository, where nothing that is locked in comes.
        self.write(".auto/sprag.toml", UNLOCKED);
    }

    /// Waits until a candidate stands before the gate.
    pub(crate) fn until_at_gate(&self) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !self.beside("gate-reached").exists() {
            assert!(Instant::now() < deadline, "no candidate came to the gate");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn open_gate(&self) {
        fs::remove_file(self.beside("gate")).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    /// The spec of this module with `section` added at its end.
    pub(crate) fn spec_with(&self, section: &str) {
        self.write(".auto/prompt.md", &format!("{SPEC}\n{section}"));
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.root, args)
    }

    /// A `sprag` command that has not run yet, with this repository's state directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sprag"));
        command.args(args).current_dir(&self.root).stdin(Stdio::null());
        command.env("XDG_STATE_HOME", self.state()).env("NO_COLOR", "1").env_remove("COLUMNS");
        // The metric is no time: these sessions need not wait for others on this machine.
        command.env("SPRAG_LOCK_DIR", self.beside("locks"));
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command
    }

    /// Runs `sprag` to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        Done::of(&self.command(args).output().unwrap())
    }

    /// `sprag run` with the playbook that was written last.
    pub(crate) fn play(&self) -> Done {
        let playbook = format!("playbook:{}", self.playbook().display());
        self.run(&["run", "--agent", &playbook])
    }

    /// Starts `sprag` and lets it run.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let log = self.beside("stderr.txt");
        let file = fs::File::create(&log).unwrap();
        let child = self.command(args).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Running { child, log }
    }

    pub(crate) fn start_play(&self) -> Running {
        let playbook = format!("playbook:{}", self.playbook().display());
        self.start(&["run", "--agent", &playbook])
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.beside("state")
    }

    /// The state folder of this repository.
    pub(crate) fn home(&self) -> PathBuf {
        let entries = fs::read_dir(self.state().join("sprag")).unwrap();
        entries.flatten().map(|entry| entry.path()).next().unwrap()
    }

    /// The current session's ledger.
    pub(crate) fn ledger(&self) -> PathBuf {
        let id = fs::read_to_string(self.home().join("current")).unwrap();
        self.home().join("sessions").join(id.trim()).join("ledger.jsonl")
    }

    /// Its entries.
    pub(crate) fn entries(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.ledger()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Its rows, the baseline's among them.
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.entries().into_iter().filter(|entry| entry.get("run").is_some()).collect()
    }

    /// Its entries of one type.
    pub(crate) fn of_type(&self, word: &str) -> Vec<Value> {
        self.entries().into_iter().filter(|entry| entry["type"] == word).collect()
    }

    /// `(status, reason, detail)` of the last row.
    pub(crate) fn verdict(&self) -> (String, String, String) {
        let rows = self.rows();
        let row = rows.last().unwrap();
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        (text("status"), text("reason"), text("detail"))
    }

    pub(crate) fn playbook(&self) -> PathBuf {
        self.beside("playbook")
    }

    /// Adds a proposal to the playbook: what `edit` does to a clone of HEAD.
    pub(crate) fn propose(&self, id: &str, edit: impl FnOnce(&Path)) {
        let author = self.beside("author");
        if author.exists() {
            fs::remove_dir_all(&author).unwrap();
        }
        git(&self.root, &["clone", "-q", "--no-hardlinks", ".", author.to_str().unwrap()]);
        edit(&author);
        git(&author, &["add", "-A", "-f"]);
        let diff = git(&author, &["diff", "--cached", "--full-index", "--binary", "HEAD"]);
        self.proposal(id, &format!("description = \"{id}\"\n"), &diff);
    }

    /// Adds a proposal that gives `path` another text.
    pub(crate) fn propose_text(&self, id: &str, path: &str, text: &str) {
        self.propose(id, |root| write(&root.join(path), text.as_bytes()));
    }

    /// Adds a proposal as it stands.
    pub(crate) fn proposal(&self, id: &str, front: &str, diff: &str) {
        write(&self.playbook().join(format!("{id}.patch")), format!("+++\n{front}+++\n{diff}").as_bytes());
    }

    /// Kind, mode, time and content of every file, folder and link under the repository, `.git` among them.
    pub(crate) fn everything(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        survey(&self.root, &self.root, &mut all);
        all
    }
}

/// The same for everything under `dir`. The content itself is kept: a difference then shows what changed.
fn survey(root: &Path, dir: &Path, all: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let mode = meta.permissions().mode();
        let what = if meta.is_symlink() {
            format!("link {}", fs::read_link(&path).unwrap().display())
        } else if meta.is_dir() {
            survey(root, &path, all);
            format!("folder {mode:o}")
        } else {
            let bytes = fs::read(&path).unwrap();
            let at = meta.modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            format!("file {mode:o} {at:?} {}", String::from_utf8_lossy(&bytes))
        };
        all.insert(path.strip_prefix(root).unwrap().display().to_string(), what);
    }
}

/// A `sprag` that is running.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it said `word` on stderr.
    #[track_caller]
    pub(crate) fn until_it_says(&mut self, word: &str) {
        wait_for(word, || fs::read_to_string(&self.log).unwrap_or_default().contains(word));
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Done {
        let status = self.child.wait().unwrap();
        let stderr = fs::read_to_string(&self.log).unwrap_or_default();
        Done { code: status.code(), stdout: String::new(), stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something that must come; the limit only ends a test that would hang.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < Duration::from_secs(120), "it never came to `{what}`");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// `n` lines of ten bytes.
pub(crate) fn lines(letter: &str, n: usize) -> String {
    format!("{}\n", letter.repeat(9)).repeat(n)
}

pub(crate) fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(path).unwrap().write_all(bytes).unwrap();
}

pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
