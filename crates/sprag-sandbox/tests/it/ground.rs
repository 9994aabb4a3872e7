//! Users, folders and files for jails, and programs in them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use sprag_sandbox::{Backend, Confinement, Jail, JailError, Ready, Tier};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_jailed-test-program");
/// Becomes the user `nobody` and then the rest of the command, in the same process.
pub(crate) const AS_NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// Somebody who starts launchers, with what makes the namespaces where there are any.
#[derive(Debug)]
pub(crate) struct User {
    before: Vec<&'static str>,
    pub(crate) backend: Backend,
    tier: Tier,
}

impl User {
    /// With each backend.
    fn of(before: &[&'static str]) -> [Self; 2] {
        [Backend::Own, Backend::Bubblewrap].map(|backend| {
            let user = Self { before: before.to_vec(), backend, tier: Tier::None };
            let by = sprag_sandbox::examine_by(&user.launcher(), backend);
            let tier = match (by, backend) {
                (Ok(found), _) => found.tier,
                (Err(_), Backend::Own) => sprag_sandbox::examine_up_to(&user.launcher(), Tier::Reduced).tier,
                (Err(lack), Backend::Bubblewrap) => {
                    eprintln!("no bubblewrap as {before:?}: {lack}");
                    Tier::None
                }
            };
            Self { tier, ..user }
        })
    }

    /// All that there are here.
    pub(crate) fn all() -> Vec<Self> {
        let mut users = Vec::from(Self::of(&[]));
        let other = Command::new(AS_NOBODY[0]).args(&AS_NOBODY[1..]).args([PROGRAM, "nothing"]).output();
        match other {
            // It says so of a name that it does not know.
            Ok(output) if output.status.code() == Some(2) => users.extend(Self::of(&AS_NOBODY)),
            _ => eprintln!(
                "skipped as nobody: this user can't become that one, or that one can't run {PROGRAM}"
            ),
        }
        users
    }

    /// Those that get this tier here.
    pub(crate) fn with(tier: Tier) -> Vec<Self> {
        // A machine with namespaces and an old Landlock has the stronger tier alone.
        let has = |user: &Self| {
            let reduced = || sprag_sandbox::examine_up_to(&user.launcher(), Tier::Reduced).tier;
            user.tier >= tier && (tier != Tier::Reduced || reduced() == tier)
        };
        let (able, others): (Vec<_>, Vec<_>) = Self::all().into_iter().partition(has);
        others.iter().for_each(|user| eprintln!("skipped as {user:?}: there is no tier {tier} here"));
        able
    }

    /// Those that get this tier or another one, with each of them.
    pub(crate) fn with_each_tier() -> Vec<(Self, Tier)> {
        let tiers = [Tier::Reduced, Tier::Enforced];
        tiers
            .into_iter()
            .flat_map(|tier| Self::with(tier).into_iter().map(move |user| (user, tier)))
            // Without namespaces there is nothing for it to make.
            .filter(|(user, tier)| *tier == Tier::Enforced || user.backend.is_own())
            .collect()
    }

    pub(crate) fn launcher(&self) -> Vec<&'static str> {
        self.before.iter().copied().chain([PROGRAM, sprag_sandbox::COMMAND]).collect()
    }

    pub(crate) fn jail(&self, confinement: &Confinement) -> Jail {
        Jail::new(self.launcher()).confine(confinement.clone()).by(self.backend)
    }
}

/// Folders and files that every user may use.
pub(crate) struct Ground {
    root: PathBuf,
    _folder: tempfile::TempDir,
}

impl Ground {
    /// Each of these is a folder, or with `=` in it a file and what it says. There is a folder `work` in any case.
    pub(crate) fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ground = Self { root: folder.path().canonicalize().unwrap(), _folder: folder };
        for name in names.iter().chain(&["work"]) {
            let (name, text) = name.split_once('=').map_or((*name, None), |(name, text)| (name, Some(text)));
            let path = ground.path(name);
            match text {
                None => fs::create_dir_all(&path).unwrap(),
                Some(text) => {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(&path, text).unwrap();
                }
            }
            for path in path.ancestors().take_while(|path| path.starts_with(&ground.root)) {
                fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
            }
        }
        ground
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// What its programs need: the test program is there, and the folder `work` can be written.
    pub(crate) fn confinement(&self, tier: Tier) -> Confinement {
        let mut confinement = Confinement::new(tier);
        confinement.read.push(PROGRAM.into());
        confinement.write.push(self.path("work"));
        confinement
    }

    /// A shell script with this confinement, in the folder `work`.
    pub(crate) fn shell(&self, user: &User, confinement: &Confinement, script: &str) -> Output {
        self.start(&user.jail(confinement), &["sh", "-c", script]).run()
    }

    /// A program in the folder `work`, whose launcher waits for a word.
    pub(crate) fn start(&self, jail: &Jail, argv: &[&str]) -> Jailed {
        start(jail, argv, &self.path("work")).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A program in a jail whose launcher waits for a word.
pub(crate) struct Jailed {
    pub(crate) child: Child,
    pub(crate) ready: Ready,
}

impl Jailed {
    /// Lets it go and waits for its end.
    pub(crate) fn run(self) -> Output {
        let _group = self.ready.go().unwrap();
        self.child.wait_with_output().unwrap()
    }
}

pub(crate) fn start(jail: &Jail, argv: &[&str], folder: &Path) -> Result<Jailed, JailError> {
    let (command, door) = jail.prepare(argv)?;
    let mut child = Command::new(&command[0]);
    child.args(&command[1..]).current_dir(folder).stdin(Stdio::null());
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    match door.open(&child, PATIENCE) {
        Ok(ready) => Ok(Jailed { child, ready }),
        Err(error) => {
            child.kill().unwrap();
            child.wait().unwrap();
            Err(error)
        }
    }
}

pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What was printed and what was complained about, for a failed test.
pub(crate) fn all_said(output: &Output) -> String {
    format!("{}: {} {}", output.status, printed(output), String::from_utf8_lossy(&output.stderr))
}

/// A program that becomes another one, for which one system call is not permitted.
pub(crate) fn without(call: libc::c_long) -> String {
    format!(
        "
import ctypes, os, struct, sys
code = struct.pack('HBBI' * 4, 0x20, 0, 0, 0, 0x15, 0, 1, {call}, 0x06, 0, 0, 0x00050001, 0x06, 0, 0, 0x7FFF0000)
class Filter(ctypes.Structure):
    _fields_ = [('len', ctypes.c_ushort), ('code', ctypes.c_char_p)]
prctl = ctypes.CDLL(None).prctl
assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, ctypes.byref(Filter(4, code))) == 0
os.execv(sys.argv[1], sys.argv[1:])"
    )
}
