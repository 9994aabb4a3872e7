//! How what is run is locked in: which folders a build, the checks and a measured run find, and which network.

use std::ffi::OsString;
use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::settings::{Reach, Serve, Settings, Tier};
use sprag_sandbox::{Confinement, Jail, Limits};

use crate::environment::{self, toolchains};
use crate::{MeasureError, Side};

/// What a process is started for. It decides what it may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Writes the tree.
    Build,
    /// Writes the tree: tools of tests keep their caches in it, and it is cleaned before anything is measured.
    Checks,
    /// Writes nothing but folders that are new for each process, and what the settings name.
    Measure,
}

/// The sandbox of a session.
#[derive(Debug, Clone)]
pub struct Sandbox {
    launcher: Vec<OsString>,
    tier: Tier,
    network: Reach,
    /// Sprag connects to what the measured code listens on.
    calls: bool,
    /// Outside of the tree.
    read: Vec<Utf8PathBuf>,
    hide: Vec<Utf8PathBuf>,
    /// Of the repository: the package in it, what measured runs may write, and what nothing that is run may see.
    root: Utf8PathBuf,
    write: Vec<String>,
    /// Caches of builds, in the tree.
    cache: Vec<String>,
    secret: Vec<String>,
}

impl Sandbox {
    /// What the settings ask for; `None` where nothing is to be locked in. `launcher` is the command of [`Jail::new`];
    /// `inputs` are folders of Sprag's own that the tree has links to.
    pub fn of(settings: &Settings, launcher: &[String], inputs: &[Utf8PathBuf]) -> Option<Self> {
        let tier = settings.sandbox.tier;
        if tier == Tier::None {
            return None;
        }
        let cases = settings.compared_cases();
        let mut secret: Vec<String> = settings.replay.iter().map(|replay| replay.cassette.clone()).collect();
        if let Some(cases) = cases {
            secret.push(cases.file.clone());
            secret.extend([&cases.goldens, &cases.hidden].into_iter().flatten().cloned());
        }
        let mut read = environment::programs();
        read.extend(launcher.first().map(Utf8PathBuf::from));
        read.extend(inputs.iter().cloned());
        read.extend(inputs.iter().filter_map(|input| interpreter_of(input)));
        read.extend(settings.sandbox.read.iter().filter_map(|path| from_home(path)));
        let hide = toolchains()
            .map(|(_, place)| place)
            .flat_map(|cargo| ["credentials", "credentials.toml"].map(|name| cargo.join(name)));
        Some(Self {
            launcher: launcher.iter().map(OsString::from).collect(),
            tier,
            network: settings.sandbox.network,
            calls: matches!(cases.map(|cases| &cases.serve), Some(Serve::Http(_))),
            hide: hide.filter(|file| file.exists()).collect(),
            read,
            root: settings.workspace.root.clone().into(),
            write: settings.sandbox.write.clone(),
            cache: settings.workspace.cache.clone(),
            secret,
        })
    }

    /// The jail of one process of `side`, whose HOME, TMPDIR and cache are `folders`.
    ///
    /// # Errors
    /// A folder that measured runs may write cannot be made.
    pub(crate) fn jail(
        &self,
        profile: Profile,
        side: &Side<'_>,
        folders: &Utf8Path,
    ) -> Result<Jail, MeasureError> {
        let jail = Jail::new(&self.launcher);
        let jail = if self.calls && profile == Profile::Measure { jail.call() } else { jail };
        let jail = if self.network == Reach::Open { jail.open_network() } else { jail };
        self.confine(jail, profile, side, folders, &[])
    }

    /// The same around a jail that has a network already. `trusted` may be read besides.
    pub(crate) fn confine(
        &self,
        jail: Jail,
        profile: Profile,
        side: &Side<'_>,
        folders: &Utf8Path,
        trusted: &[&Utf8Path],
    ) -> Result<Jail, MeasureError> {
        let tree = self.top_of(side.dir);
        let own = environment::folders(folders).map(|(_, folder)| PathBuf::from(folder));
        let (mut write, mut scratch) = (Vec::new(), Vec::new());
        let mut read: Vec<PathBuf> = self.read.iter().map(PathBuf::from).collect();
        read.extend(trusted.iter().map(PathBuf::from));
        match profile {
            Profile::Build | Profile::Checks => {
                write.push(tree.into());
                write.extend(own);
                // In a tree that hides something Landlock lets write what is there, and nothing new beside it.
                for path in &self.cache {
                    let path = tree.join(path);
                    if path.symlink_metadata().is_err() {
                        std::fs::create_dir_all(&path).map_err(MeasureError::file("create", path.clone()))?;
                    }
                }
            }
            Profile::Measure => {
                read.push(tree.into());
                scratch.extend(own);
                for path in &self.write {
                    let path = tree.join(path);
                    if !path.exists() {
                        std::fs::create_dir_all(&path).map_err(MeasureError::file("create", path.clone()))?;
                    }
                    write.push(path.into());
                }
            }
        }
        let secret = self.secret.iter().map(|path| tree.join(path)).filter(|path| path.exists());
        Ok(jail.confine(Confinement {
            tier: self.tier,
            read,
            write,
            hide: self.hide.iter().cloned().chain(secret).map(PathBuf::from).collect(),
            scratch,
            limits: Limits::default(),
        }))
    }

    /// The top of the tree of whose package `dir` is the folder.
    fn top_of<'a>(&self, dir: &'a Utf8Path) -> &'a Utf8Path {
        let depth = if self.root == "." { 0 } else { self.root.components().count() };
        dir.ancestors().nth(depth).unwrap_or(dir)
    }

    /// What a reader of the numbers should know.
    pub(crate) fn caveat(&self) -> Option<String> {
        match (self.network, self.write.as_slice()) {
            (Reach::Open, _) => Some("the network was open".to_owned()),
            (_, []) => None,
            (_, write) => Some(format!(
                "measured runs could write {}: what one leaves there the next one of the pair finds",
                write.join(", ")
            )),
        }
    }
}

/// A path of the settings; `None` where it is below a home that nobody knows.
fn from_home(path: &str) -> Option<Utf8PathBuf> {
    match path.strip_prefix("~/") {
        None => Some(path.into()),
        Some(below) => Some(Utf8PathBuf::from(std::env::var("HOME").ok()?).join(below)),
    }
}

/// Where the interpreter of a Python environment is installed: the environment has but links to it.
fn interpreter_of(input: &Utf8Path) -> Option<Utf8PathBuf> {
    let text = std::fs::read_to_string(input.join("pyvenv.cfg")).ok()?;
    let home = text.lines().find_map(|line| line.strip_prefix("home")?.trim().strip_prefix('='))?;
    Utf8Path::new(home.trim()).parent().filter(|place| place.parent().is_some()).map(Utf8Path::to_owned)
}
