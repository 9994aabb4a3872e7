//! The home that an agent finds in a sandbox: new for each turn, and in it what the agent needs of the person's.
//!
//! Nothing of the person's own can be written: settings, hooks and programs that were put there in a sandbox would be obeyed
//! outside of it, the next time that the person calls the same agent, and a list of all that an agent obeys is always
//! behind. Settings are read where they are. Logins are copied in, and taken back where they were renewed
//! ([`login`](crate::login)). Everything else the agent makes anew, and it goes with the home.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_measure::{AgentSandbox, MeasureError, toolchains};
use sprag_workspace::remove_dir;

use crate::login::Login;

/// Something that an agent keeps in a person's home from one call to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// Where it is below HOME.
    pub(crate) below_home: &'static str,
    /// Where it is instead, where a variable is set: below its value. The agent does not get the variable.
    pub(crate) elsewhere: Option<(&'static str, &'static str)>,
    /// What of it the agent gets.
    pub(crate) given: Given,
}

/// What an agent gets of something that it keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Given {
    /// Of a folder no more than this.
    Folder {
        /// Names that it reads where they are.
        settings: &'static [&'static str],
        /// Names of files that are copied in, and taken back where they were renewed.
        logins: &'static [&'static str],
    },
    /// A copy: the agent itself replaces it as a whole.
    Copy,
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
/// What the agent writes, in the folder of its home, and what it never sees.
const HOME: &str = "home";
const TMP: &str = "tmp";
const BEFORE: &str = "before";

/// The home of one turn.
#[derive(Debug)]
pub(crate) struct Home {
    dir: Utf8PathBuf,
    /// It was made for an earlier call, and whoever ran in it may have put links into it: nothing more is made there.
    is_old: bool,
    /// What is to be there inside.
    pub(crate) read: Vec<Utf8PathBuf>,
    pub(crate) write: Vec<Utf8PathBuf>,
    pub(crate) logins: Vec<Login>,
}

impl Home {
    /// Makes it in the folder `dir`, and says so in `env`, the environment of the agent. For a turn that `goes_on` it is the
    /// one of before, where that is there: the conversation is kept in it.
    ///
    /// # Errors
    /// The folder cannot be cleared or made.
    pub(crate) fn make(
        dir: &Utf8Path,
        kept: &[Kept],
        sandbox: &AgentSandbox,
        env: &mut BTreeMap<String, String>,
        goes_on: bool,
    ) -> Result<Self, MeasureError> {
        let folders = [HOME, TMP, BEFORE].map(|name| dir.join(name));
        let is_folder = |path: &Utf8Path| path.symlink_metadata().is_ok_and(|found| found.is_dir());
        let is_old = goes_on && is_folder(dir) && folders.iter().all(|folder| is_folder(folder));
        let write = vec![dir.join(HOME), dir.join(TMP)];
        let mut home = Self { dir: dir.to_owned(), is_old, read: vec![], write, logins: vec![] };
        let failed = |source| MeasureError::File { doing: "make the home", path: dir.to_owned(), source };
        let outside = env.get("HOME").map(Utf8PathBuf::from);
        let place = |kept: &Kept| -> Option<Utf8PathBuf> {
            let set = |name: &str| env.get(name).filter(|value| !value.is_empty());
            let moved = kept.elsewhere.and_then(|(name, below)| Some(Utf8Path::new(set(name)?).join(below)));
            let place = moved.or_else(|| Some(outside.as_ref()?.join(kept.below_home)));
            place.filter(|place| place.is_absolute() && place.exists())
        };
        // What is not there the agent makes in the new home.
        let found: Vec<(&Kept, Utf8PathBuf)> =
            kept.iter().filter_map(|kept| Some((kept, place(kept)?))).collect();
        home.logins = found.iter().flat_map(|(kept, place)| home.logins_of(kept, place)).collect();
        if !is_old {
            // A Sprag that was killed has not taken back what was renewed.
            for login in &home.logins {
                let _ = login.take_back();
            }
            clear(dir);
            fs::create_dir(dir).map_err(failed)?;
            folders.iter().try_for_each(fs::create_dir).map_err(failed)?;
        }
        // What lies around the home would open it whole.
        let is_private = |path: &Utf8Path| {
            let real = path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned());
            sandbox.hides(path) || outside.as_ref().is_some_and(|home| home.starts_with(&real))
        };
        for (kept, place) in &found {
            home.bring(kept, place, &is_private).map_err(failed)?;
        }
        for login in &home.logins {
            if !is_old {
                login.lend().map_err(failed)?;
            }
        }
        for place in sandbox.named() {
            if let Some(below) = outside.as_ref().and_then(|outside| place.strip_prefix(outside).ok()) {
                home.link(below, place).map_err(failed)?;
            }
        }
        let files = FILES.iter().filter_map(|name| env.get(*name)).map(Utf8PathBuf::from);
        home.read.extend(files.filter(|path| path.is_absolute() && path.exists() && !is_private(path)));
        // The new home has what is kept at its usual place.
        let moved =
            |name: &String| kept.iter().any(|kept| kept.elsewhere.is_some_and(|(set, _)| set == name));
        env.retain(|name, _| !name.starts_with("XDG_") && !moved(name));
        env.extend(toolchains().map(|(name, place)| (name.to_owned(), place.into_string())));
        env.insert("HOME".to_owned(), dir.join(HOME).into_string());
        env.insert("TMPDIR".to_owned(), dir.join(TMP).into_string());
        Ok(home)
    }

    fn logins_of(&self, kept: &Kept, place: &Utf8Path) -> Vec<Login> {
        let Given::Folder { logins, .. } = kept.given else { return Vec::new() };
        let login = |name: &&str| Login {
            place: place.join(name),
            home: self.dir.join(HOME),
            below: Utf8Path::new(kept.below_home).join(name),
            before: self.dir.join(BEFORE).join(format!("{}-{name}", kept.below_home.replace('/', "-"))),
        };
        logins.iter().map(login).collect()
    }

    fn bring(
        &mut self,
        kept: &Kept,
        place: &Utf8Path,
        is_private: &dyn Fn(&Utf8Path) -> bool,
    ) -> io::Result<()> {
        let inside = self.dir.join(HOME).join(kept.below_home);
        let Given::Folder { settings, .. } = kept.given else {
            if self.is_old || is_private(place) {
                return Ok(());
            }
            fs::create_dir_all(inside.parent().unwrap_or(&self.dir))?;
            return copy_all(place, &inside, 0);
        };
        if !self.is_old {
            fs::create_dir_all(&inside)?;
        }
        for name in settings {
            let path = place.join(name);
            if path.exists() && !is_private(&path) {
                self.link(&Utf8Path::new(kept.below_home).join(name), &path)?;
                self.read.push(path);
            }
        }
        Ok(())
    }

    /// A link in the home to a place outside.
    fn link(&self, below: &Utf8Path, place: &Utf8Path) -> io::Result<()> {
        let link = self.dir.join(HOME).join(below);
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

    /// Once all that ran in it is dead: takes back the logins that were renewed, and answers those that were changed
    /// otherwise, which stay as they were. The folder stays until the turn is over ([`clear`]).
    pub(crate) fn end(self) -> Vec<Utf8PathBuf> {
        let refused = self.logins.iter().filter(|login| login.take_back() == crate::login::Taken::Refused);
        refused.map(|login| login.place.clone()).collect()
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
