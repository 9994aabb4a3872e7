//! How what is run is locked in: which folders a build, the checks and a measured run find, and which network.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};
use sprag_contract::settings::{Reach, Serve, Settings, Tier};
use sprag_sandbox::{Confinement, Jail, Limits, Report, Wall};

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
    /// Why the network is that of the machine; `None` where each process has an empty one.
    open: Option<String>,
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
    unseen: Vec<String>,
    limits: Limits,
    /// What the self-test found, which no run may fall short of.
    found: Option<Report>,
}

impl Sandbox {
    /// What the settings ask for; `None` where nothing is to be locked in. `launcher` is the command of [`Jail::new`];
    /// `found` what the self-test of it said; `inputs` are folders of Sprag's own that the tree has links to.
    ///
    /// # Errors
    /// [`MeasureError::Harness`] where what the settings name is not there.
    pub fn of(
        settings: &Settings,
        launcher: &[String],
        found: Option<&Report>,
        inputs: &[Utf8PathBuf],
    ) -> Result<Option<Self>, MeasureError> {
        let tier = settings.sandbox.tier;
        if tier == Tier::None {
            return Ok(None);
        }
        let cases = settings.compared_cases();
        let mut read = environment::programs();
        read.extend(launcher.first().map(Utf8PathBuf::from));
        read.extend(inputs.iter().cloned());
        read.extend(inputs.iter().filter_map(|input| interpreter_of(input)));
        for path in &settings.sandbox.read {
            read.push(from_home(path)?);
        }
        let needs_listeners = settings.replay.is_some() || !settings.service.is_empty();
        let open = match settings.sandbox.network {
            Reach::Open => Some("[sandbox] network says so".to_owned()),
            // Without namespaces Landlock alone holds the network: then nobody can listen inside.
            Reach::Empty if tier == Tier::Reduced && needs_listeners => {
                sprag_sandbox::network(launcher).err().map(|lack| lack.to_string())
            }
            Reach::Empty => None,
        };
        let hide = toolchains()
            .map(|(_, place)| place)
            .flat_map(|place| private_to_cargo(&place))
            .chain(private_settings());
        Ok(Some(Self {
            launcher: launcher.iter().map(OsString::from).collect(),
            tier,
            open,
            calls: matches!(cases.map(|cases| &cases.serve), Some(Serve::Http(_))),
            hide: hide.collect(),
            read,
            root: settings.workspace.root.clone().into(),
            write: settings.sandbox.write.clone(),
            cache: settings.workspace.cache.clone(),
            unseen: settings.unseen(),
            limits: limits(settings),
            found: found.cloned(),
        }))
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
        let jail = if self.open.is_some() { jail.open_network() } else { jail };
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
        // A folder around the tree holds Sprag's own state: the ledger, the harness, the hidden cases. An environment whose
        // interpreter is in ~/.local/bin would bring it.
        read.retain(|place| !tree.as_std_path().starts_with(place));
        // Before a build, too: what a run was asked is not for the next candidate's build to tell.
        let emptied: Vec<Utf8PathBuf> =
            self.write.iter().map(|path| emptied(tree, path)).collect::<Result<_, _>>()?;
        match profile {
            Profile::Build | Profile::Checks => {
                write.push(tree.into());
                write.extend(own);
                // In a tree that hides something Landlock lets write what is there, and nothing new beside it.
                for path in &self.cache {
                    let path = tree.join(path);
                    if path.symlink_metadata().is_err() {
                        fs::create_dir_all(&path).map_err(MeasureError::file("create", path.clone()))?;
                    }
                }
            }
            Profile::Measure => {
                read.push(tree.into());
                scratch.extend(own);
                write.extend(emptied.into_iter().map(PathBuf::from));
            }
        }
        // They are not in the tree that was put here. A second wall, against whatever brought them.
        let unseen = self.unseen.iter().map(|path| tree.join(path));
        let jail = match &self.found {
            Some(found) => jail.no_weaker_than(found),
            None => jail,
        };
        Ok(jail.confine(Confinement {
            tier: self.tier,
            read,
            write,
            hide: self.hide.iter().cloned().chain(unseen).map(PathBuf::from).collect(),
            scratch,
            limits: self.limits,
        }))
    }

    /// The top of the tree of whose package `dir` is the folder.
    fn top_of<'a>(&self, dir: &'a Utf8Path) -> &'a Utf8Path {
        let depth = if self.root == "." { 0 } else { self.root.components().count() };
        dir.ancestors().nth(depth).unwrap_or(dir)
    }

    /// Whom the empty network of a process holds, where the self-test has shown one in this very tier.
    pub(crate) fn wall(&self) -> Option<Wall> {
        let found = self.found.as_ref().filter(|found| found.tier == Tier::Enforced);
        found.filter(|_| self.tier == Tier::Enforced).map(|found| found.wall)
    }

    /// What a reader of the numbers should know.
    pub(crate) fn caveats(&self) -> impl Iterator<Item = String> {
        let open = self.open.as_ref().map(|why| format!("the network was open ({why})"));
        let written = (!self.write.is_empty()).then(|| {
            let write = self.write.join(", ");
            format!("measured runs could write {write}, which is empty at the start of each")
        });
        open.into_iter().chain(written)
    }
}

/// The folder whose disk a process of `side` can fill: the whole tree.
pub(crate) fn top(sandbox: Option<&Sandbox>, side: &Side<'_>) -> Utf8PathBuf {
    sandbox.map_or(side.dir, |sandbox| sandbox.top_of(side.dir)).to_owned()
}

fn limits(settings: &Settings) -> Limits {
    let usual = Limits::default();
    let memory_bytes = settings.sandbox.memory.map(|memory| memory.0);
    let processes = settings.sandbox.processes.map_or(usual.processes, |most| most.get().into());
    Limits { memory_bytes, processes, ..usual }
}

/// A path under `read`.
fn from_home(path: &str) -> Result<Utf8PathBuf, MeasureError> {
    let home = std::env::var("HOME");
    let place = match (path.strip_prefix("~/"), home) {
        (None, _) => path.into(),
        (Some(below), Ok(home)) => Utf8PathBuf::from(home).join(below),
        (Some(_), Err(_)) => {
            let what = format!("[sandbox] read names {path}, and HOME is not set");
            return Err(MeasureError::harness(what, "write the whole path"));
        }
    };
    match place.exists() {
        true => Ok(place),
        false => {
            let what = format!("[sandbox] read names {path}, which is not there");
            Err(MeasureError::harness(what, "make it, or take the name out"))
        }
    }
}

/// What may hold the tokens of registries. Settings of builds stay, where no token is among them.
fn private_to_cargo(place: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> + use<> {
    let settings = ["config", "config.toml"].map(|name| place.join(name));
    let with_token = settings.into_iter().filter(|path| {
        // One that can't be read here may have one.
        let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        text.map_or(path.exists(), |text| text.contains("token"))
    });
    ["credentials", "credentials.toml"].map(|name| place.join(name)).into_iter().chain(with_token)
}

/// What in /etc is not for everybody: to root, and only to root, no right forbids it.
fn private_settings() -> Vec<Utf8PathBuf> {
    const PLACES: [&str; 3] = ["/etc", "/etc/ssh", "/etc/ssl"];
    let for_all = |path: &Utf8Path| {
        path.metadata()
            .is_ok_and(|meta| meta.permissions().mode() & if meta.is_dir() { 0o5 } else { 0o4 } != 0)
    };
    let entries =
        PLACES.iter().filter_map(|place| Utf8Path::new(place).read_dir_utf8().ok()).flatten().flatten();
    entries.map(Utf8DirEntry::into_path).filter(|path| !path.is_symlink() && !for_all(path)).collect()
}

/// An empty folder at `path` below `tree`, whatever was put in its place or on the way to it by code that ran there: a
/// link would lead out.
fn emptied(tree: &Utf8Path, path: &str) -> Result<Utf8PathBuf, MeasureError> {
    let whole = tree.join(path);
    let failed = |source| MeasureError::file("empty", whole.clone())(source);
    let mut folder = tree.to_owned();
    for name in path.split('/') {
        folder.push(name);
        let there = folder.symlink_metadata();
        if there.as_ref().is_ok_and(|there| !there.is_dir()) {
            fs::remove_file(&folder).map_err(failed)?;
        }
        if !there.is_ok_and(|there| there.is_dir()) {
            fs::create_dir(&folder).map_err(failed)?;
        }
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).map_err(failed)?;
    }
    clear(&whole).map_err(failed)?;
    Ok(whole)
}

/// Removes all that a folder holds. What is in it may have been shut.
fn clear(folder: &Utf8Path) -> io::Result<()> {
    for entry in folder.as_std_path().read_dir()? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
            continue;
        }
        if fs::remove_dir_all(entry.path()).is_err() {
            open_up(&entry.path())?;
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Where the interpreter of a Python environment is installed: the environment has but links to it.
fn interpreter_of(input: &Utf8Path) -> Option<Utf8PathBuf> {
    let text = fs::read_to_string(input.join("pyvenv.cfg")).ok()?;
    let home = text.lines().find_map(|line| line.strip_prefix("home")?.trim().strip_prefix('='))?;
    Utf8Path::new(home.trim()).parent().filter(|place| place.parent().is_some()).map(Utf8Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_cargo_are_hidden_where_a_token_is_among_them() {
        let folder = tempfile::tempdir().unwrap();
        let place = Utf8Path::from_path(folder.path()).unwrap();
        let hidden = || private_to_cargo(place).map(|path| path.file_name().unwrap().to_owned());
        fs::write(place.join("config.toml"), "[build]\nrustflags = ['-C', 'target-cpu=native']\n").unwrap();
        assert_eq!(hidden().collect::<Vec<_>>(), ["credentials", "credentials.toml"]);
        fs::write(place.join("config.toml"), "[registries.ours]\ntoken = 'x'\n").unwrap();
        assert_eq!(hidden().collect::<Vec<_>>(), ["credentials", "credentials.toml", "config.toml"]);
    }
}
