//! The home that an agent finds in a sandbox: new for each turn, and in it what the agent keeps for itself and what the
//! settings name, each as a link to its place.
//!
//! Folders are shared, so that a login that is renewed inside is renewed outside too, whatever becomes of Sprag. What in
//! them steers an agent can only be read: hooks and settings written in a sandbox would be obeyed outside of it, the next
//! time that the person calls the same agent.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_measure::{MeasureError, toolchains};
use sprag_workspace::remove_dir;

/// Something that an agent keeps in a person's home from one call to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// Where it is below HOME.
    pub(crate) below_home: &'static str,
    /// Where it is instead, where a variable is set: below its value.
    pub(crate) elsewhere: Option<(&'static str, &'static str)>,
    /// Who may write it.
    pub(crate) how: Keeping,
}

/// Who may write what an agent keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keeping {
    /// A folder that the agent writes, but for these in it, by which it is steered.
    Written {
        /// Names in the folder.
        steering: &'static [&'static str],
    },
    /// Settings that the agent itself writes, too, or replaces as a whole, which no mount of a file allows. It gets a copy
    /// that goes with the home: they name programs that it would start outside, and hold no login that is renewed.
    Copied,
}

/// Variables that hold the path of something to be read.
const FILES: [&str; 6] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "NODE_EXTRA_CA_CERTS",
    "OPENCODE_CONFIG",
    "OPENCODE_CONFIG_DIR",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// The home of one turn.
#[derive(Debug)]
pub(crate) struct Home {
    dir: Utf8PathBuf,
    /// It was made for an earlier call, and whoever ran in it may have put links into it: nothing more is made there.
    is_old: bool,
    /// What is to be there inside.
    pub(crate) read: Vec<Utf8PathBuf>,
    pub(crate) write: Vec<Utf8PathBuf>,
    /// What would steer the agent, and is not a file or folder that is held by its mount.
    steering: Vec<(Utf8PathBuf, Option<Utf8PathBuf>)>,
}

impl Home {
    /// Makes it in the folder `dir`, and says so in `env`, the environment of the agent. `named` is what the settings open
    /// to it. For a turn that `goes_on` it is the one of before, where that is there: the conversation may be kept in it.
    ///
    /// # Errors
    /// The folder cannot be cleared or made.
    pub(crate) fn make<'a>(
        dir: &Utf8Path,
        kept: &[Kept],
        named: impl Iterator<Item = &'a Utf8Path>,
        env: &mut BTreeMap<String, String>,
        goes_on: bool,
    ) -> Result<Self, MeasureError> {
        let folders = ["home", "tmp"].map(|name| dir.join(name));
        let is_folder = |path: &Utf8Path| path.symlink_metadata().is_ok_and(|found| found.is_dir());
        let is_old = goes_on && is_folder(dir) && folders.iter().all(|folder| is_folder(folder));
        let mut home =
            Self { dir: dir.to_owned(), is_old, read: vec![], write: vec![dir.to_owned()], steering: vec![] };
        let failed = |source| MeasureError::File { doing: "make the home", path: dir.to_owned(), source };
        if !is_old {
            clear(dir);
            folders.iter().try_for_each(fs::create_dir_all).map_err(failed)?;
        }
        let outside = env.get("HOME").map(Utf8PathBuf::from);
        for kept in kept {
            let moved = kept.elsewhere.and_then(|(variable, below)| {
                env.get(variable)
                    .filter(|value| !value.is_empty())
                    .map(|value| Utf8Path::new(value).join(below))
            });
            let place = moved.or_else(|| Some(outside.as_ref()?.join(kept.below_home)));
            // What is not there the agent makes in the new home, and it goes with that.
            if let Some(place) = place.filter(|place| place.is_absolute() && place.exists()) {
                home.bring(kept, &place).map_err(failed)?;
            }
        }
        for place in named {
            if let Some(below) = outside.as_ref().and_then(|outside| place.strip_prefix(outside).ok()) {
                home.link(below, place).map_err(failed)?;
            }
        }
        let files = FILES.iter().filter_map(|name| env.get(*name)).map(Utf8PathBuf::from);
        home.read.extend(files.filter(|path| path.is_absolute() && path.exists()));
        // The new home has what is kept at its usual place.
        env.retain(|name, _| !name.starts_with("XDG_"));
        env.extend(toolchains().map(|(name, place)| (name.to_owned(), place.into_string())));
        env.insert("HOME".to_owned(), dir.join("home").into_string());
        env.insert("TMPDIR".to_owned(), dir.join("tmp").into_string());
        Ok(home)
    }

    fn bring(&mut self, kept: &Kept, place: &Utf8Path) -> io::Result<()> {
        match kept.how {
            Keeping::Copied if self.is_old => return Ok(()),
            Keeping::Copied => {
                let copy = self.dir.join("home").join(kept.below_home);
                fs::create_dir_all(copy.parent().unwrap_or(&self.dir))?;
                return copy_all(place, &copy, 0);
            }
            Keeping::Written { steering } => {
                self.write.push(place.to_owned());
                for path in steering.iter().map(|name| place.join(name)) {
                    if path.exists() {
                        self.read.push(path.clone());
                    }
                    match path.symlink_metadata() {
                        Ok(found) if !found.is_symlink() => {}
                        _ => {
                            let target = path.read_link_utf8().ok();
                            self.steering.push((path, target));
                        }
                    }
                }
            }
        }
        self.link(Utf8Path::new(kept.below_home), place)
    }

    /// A link in the home to a place outside.
    fn link(&self, below: &Utf8Path, place: &Utf8Path) -> io::Result<()> {
        let link = self.dir.join("home").join(below);
        if self.is_old || link.symlink_metadata().is_ok() || link.exists() {
            return Ok(());
        }
        fs::create_dir_all(link.parent().unwrap_or(&self.dir))?;
        symlink(place, link)
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Utf8Path {
        &self.dir
    }

    /// Once all that ran in it is dead: what would steer the agent and was not there before is set aside, and named: a
    /// person's own work may be among it. The folder stays until the turn is over ([`clear`]).
    pub(crate) fn end(self) -> Vec<Utf8PathBuf> {
        let mut aside = Vec::new();
        for (path, target) in &self.steering {
            let is_same = target.is_some() && path.read_link_utf8().ok() == *target;
            if is_same || path.symlink_metadata().is_err() {
                continue;
            }
            let free = (1..).map(|n| Utf8PathBuf::from(format!("{path}.set-aside-{n}")));
            let free = free.into_iter().find(|path| path.symlink_metadata().is_err());
            // Whoever may not rename it could not have made it.
            if let Some(free) = free.filter(|free| fs::rename(path, free).is_ok()) {
                aside.push(free);
                let _ = target.as_ref().map(|target| symlink(target, path));
            }
        }
        aside
    }
}

/// Takes the folder of a home away.
pub(crate) fn clear(dir: &Utf8Path) {
    if dir.symlink_metadata().is_ok() {
        // What is left costs disk, and the next call refuses to make its home among it.
        let _ = remove_dir(dir);
    }
}

/// How deep folders of settings are copied: a link may lead around in a circle.
const DEEPEST: usize = 16;

/// Copies a file or folder of settings. Links are followed: settings are often kept elsewhere.
fn copy_all(from: &Utf8Path, to: &Utf8Path, depth: usize) -> io::Result<()> {
    // What a link leads to may be gone.
    let Ok(found) = from.metadata() else { return Ok(()) };
    if found.is_file() {
        return fs::copy(from, to).map(drop);
    }
    if !found.is_dir() || depth > DEEPEST {
        return Ok(());
    }
    fs::create_dir(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        copy_all(entry.path(), &to.join(entry.file_name()), depth + 1)?;
    }
    Ok(())
}
