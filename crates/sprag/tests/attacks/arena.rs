//! Where a project is attacked: its repository, the state of its session, and what lies outside of both.
//!
//! It is made and calibrated once. Before each attack all of it is put back, at the same place.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process_group};
use sprag_judge::Tier;
use sprag_measure::process::end_strays;
use sprag_workspace::remove_dir;

use crate::attack::{Attack, Project};
use crate::listener::Listener;
use crate::verdict::{Played, Said};
use crate::{PLAY, Result, SPRAG};

/// After so long Sprag hangs, which only an attack that stops it can bring about.
const PATIENCE: Duration = Duration::from_secs(90);

/// What Sprag itself writes into a repository.
const OURS: &[&str] = &[".auto/log.jsonl", ".auto/ideas.md"];

/// A project, ready to be attacked.
pub(crate) struct Arena {
    temp: tempfile::TempDir,
    listener: Listener,
}

impl Arena {
    /// Makes the repository and measures its baseline.
    pub(crate) fn open(project: &Project, tier: Tier) -> Result<Self> {
        let temp = tempfile::Builder::new().prefix("sprag-attacks-").tempdir()?;
        let arena = Self { temp, listener: Listener::start()? };
        let repo = arena.repo();
        fs::create_dir_all(arena.outside())?;
        fs::create_dir(arena.ground().join("state"))?;
        fs::write(arena.outside().join("private.txt"), "nobody's business\n")?;
        copy(&project.dir.join("project"), &repo)?;
        let deps = project.dir.join("deps");
        if deps.is_dir() {
            copy(&deps, &repo.join("deps"))?;
        }
        let settings = repo.join(".auto/sprag.toml");
        let text = fs::read_to_string(&settings)?;
        fs::write(&settings, text.replace("tier = \"none\"", &format!("tier = \"{tier}\"")))?;
        git(&repo, &["init", "--quiet", "--initial-branch=main"])?;
        git(&repo, &["add", "--all"])?;
        let by = ["-c", "user.name=A Person", "-c", "user.email=person@example.com"];
        git(&repo, &[&by[..], &["commit", "--quiet", "--message", "start"]].concat())?;

        let log = arena.temp.path().join("calibration");
        let ended = arena.start(None, 1, &log)?;
        if !ended.is_some_and(|status| status.success()) {
            return Err(
                format!("{} cannot be measured: {}", project.name, read(&log.with_extension("err"))).into()
            );
        }
        copy(&arena.ground(), &arena.template())?;
        Ok(arena)
    }

    /// Plays one attack on the arena as it was in the beginning.
    pub(crate) fn play(&self, attack: &Attack) -> Result<Played> {
        self.put_back()?;
        self.listener.calls();
        let before = self.seen()?;
        let log = self.temp.path().join(&attack.id);
        let started = Instant::now();
        let ended = self.start(Some(&attack.script), attack.head.times, &log)?;
        let seconds = started.elapsed().as_secs_f64();
        self.end_what_is_left();
        let out = read(&log.with_extension("out"));
        let said = match (serde_json::from_str::<Said>(out.trim()), ended) {
            (Ok(said), _) => said,
            (Err(_), Some(status)) if status.code() == Some(1) => {
                return Err(format!("{}: {}", attack.id, read(&log.with_extension("err"))).into());
            }
            (Err(_), Some(status)) => Said { detail: format!("sprag ended: {status}"), ..Said::default() },
            (Err(_), None) => Said { detail: "sprag had to be ended: it hung".to_owned(), ..Said::default() },
        };
        let mut reached = differences(&before, &self.seen()?);
        let calls = self.listener.calls();
        if calls > 0 {
            reached.push(format!("the network, {calls} time(s)"));
        }
        let audit = self.command(SPRAG).arg("audit").stdout(Stdio::null()).output()?;
        if !audit.status.success() {
            reached.push("the ledger, which `sprag audit` no longer follows".to_owned());
        }
        Ok(Played::new(said, reached, seconds))
    }

    /// Runs this program once more, to play. `None`: it hung, and was killed.
    fn start(&self, script: Option<&Path>, times: u32, log: &Path) -> Result<Option<ExitStatus>> {
        let mut command = self.command(std::env::current_exe()?);
        command.arg(PLAY).args(script).env("TIMES", times.to_string());
        command.env("OUTSIDE", self.outside()).env("REPO", self.repo());
        command.env("PORT", self.listener.port.to_string());
        // Files, as a pipe would be held open by whatever an attack leaves running.
        command.stdout(fs::File::create(log.with_extension("out"))?);
        command.stderr(fs::File::create(log.with_extension("err"))?);
        let mut child = command.process_group(0).spawn()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() > deadline {
                let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A command in the repository that finds the state of this arena.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.repo()).stdin(Stdio::null());
        command.env("XDG_STATE_HOME", self.ground().join("state")).env("NO_COLOR", "1");
        // All arenas take turns, and wait for nobody else on this machine.
        command.env("SPRAG_LOCK_DIR", std::env::temp_dir().join("sprag-attacks-locks"));
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command
    }

    fn put_back(&self) -> Result<()> {
        let ground = self.ground();
        remove_dir(Utf8Path::from_path(&ground).ok_or("a temporary folder whose path is not UTF-8")?)?;
        copy(&self.template(), &ground)
    }

    /// Ends what an attack left running in the folders of the session.
    fn end_what_is_left(&self) {
        let homes = fs::read_dir(self.ground().join("state/sprag")).into_iter().flatten().flatten();
        for home in homes {
            if let Some(work) = Utf8Path::from_path(&home.path().join("work")) {
                end_strays(work);
            }
        }
    }

    /// Every file that no candidate may change, and its bytes.
    fn seen(&self) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
        let mut all = BTreeMap::new();
        for top in [self.outside(), self.repo()] {
            survey(&top, &mut all)?;
        }
        let repo = self.repo();
        all.retain(|path, _| !OURS.iter().any(|own| *path == repo.join(own)));
        let ground = self.ground();
        Ok(all
            .into_iter()
            .map(|(path, bytes)| (path.strip_prefix(&ground).unwrap_or(&path).to_owned(), bytes))
            .collect())
    }

    fn ground(&self) -> PathBuf {
        self.temp.path().join("ground")
    }

    fn template(&self) -> PathBuf {
        self.temp.path().join("template")
    }

    fn repo(&self) -> PathBuf {
        self.ground().join("repo")
    }

    fn outside(&self) -> PathBuf {
        self.ground().join("outside")
    }
}

/// Paths whose bytes are not what they were.
fn differences(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    let changed = after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes)).map(|(path, _)| path);
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    changed.chain(gone).map(|path| path.display().to_string()).collect()
}

fn survey(dir: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            survey(&path, all)?;
        } else if kind.is_file() {
            all.insert(path.clone(), fs::read(&path)?);
        } else {
            all.insert(path, b"no plain file".to_vec());
        }
    }
    Ok(())
}

/// `cp` keeps times, modes and links.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let output = Command::new("cp").arg("-a").arg(from).arg(to).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().into()),
    }
}

fn git(dir: &Path, args: &[&str]) -> Result<()> {
    let mut git = Command::new("git");
    git.args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null");
    let output = git.output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("git {args:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
