//! What is to be found where in a jail: of all that was asked for, what holds at which path.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::{Refusal, Step};
use crate::{Confinement, Tier};

/// The folders of the system, without which hardly any program starts.
const SYSTEM: [&str; 11] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix",
    // How many there are: runtimes decide by it how many threads they start.
    "/sys/devices/system/cpu",
];

/// Folders in which anybody may write: in a root of its own a program has them for itself.
const SHARED: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/run"];

/// Devices that give and take bytes and know nothing.
pub(crate) const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// What is at a path. Where two are asked for at the same one, the first of this order holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Nothing, whatever is there outside.
    Hidden,
    /// A folder that is empty at first.
    Scratch,
    /// What is there outside, to be changed.
    Write,
    /// What is there outside.
    Read,
}

/// The places of a jail.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Places {
    /// By paths without links: each comes after those that it lies in. None lies in a hidden one, and each hidden one
    /// lies in what can be read.
    pub(crate) kinds: BTreeMap<PathBuf, Kind>,
    /// Links that lead to places, and where to.
    pub(crate) links: BTreeMap<PathBuf, PathBuf>,
}

impl Places {
    /// Looks at the file system as it is now.
    ///
    /// # Errors
    /// [`Step::Place`] with a path that is not absolute, is not there, or is the root itself.
    pub(crate) fn of(confinement: &Confinement, open_network: bool) -> Result<Self, Refusal> {
        let mut places = Self { kinds: BTreeMap::new(), links: BTreeMap::new() };
        for path in SYSTEM.iter().map(Path::new) {
            match fs::symlink_metadata(path) {
                Ok(found) if found.is_symlink() => {
                    let target = fs::read_link(path).map_err(Refusal::of(place(path)))?;
                    places.links.insert(path.to_owned(), target);
                    // One that leads nowhere is none of ours.
                    let _ = fs::canonicalize(path).map(|real| places.set(real, Kind::Read));
                }
                Ok(_) => places.set(path.to_owned(), Kind::Read),
                Err(_) => {}
            }
        }
        if open_network {
            // It often is a link into /run, and without it no name is found.
            let names = Path::new("/etc/resolv.conf");
            let _ = fs::canonicalize(names).map(|real| places.set(real, Kind::Read));
        }
        let asked = [(&confinement.read, Kind::Read), (&confinement.write, Kind::Write)];
        for (path, kind) in asked.into_iter().flat_map(|(paths, kind)| paths.iter().map(move |p| (p, kind))) {
            let real = fs::canonicalize(path).map_err(Refusal::of(place(path)))?;
            places.ask(path, real, kind)?;
        }
        for path in &confinement.scratch {
            places.ask(path, resolved(path), Kind::Scratch)?;
        }
        // Of what is not there nothing can be seen.
        for path in confinement.hide.iter().filter(|path| path.exists()) {
            places.ask(path, resolved(path), Kind::Hidden)?;
        }
        if confinement.tier == Tier::Enforced {
            for path in SHARED.map(PathBuf::from) {
                places.kinds.entry(path).or_insert(Kind::Scratch);
            }
        }
        places.settle();
        Ok(places)
    }

    /// The links that are not there already: by another link on the way to them, or as part of what was given.
    pub(crate) fn links_to_make(&self) -> impl Iterator<Item = (&Path, &Path)> {
        let above = |link: &Path| {
            let kind = link.ancestors().skip(1).find_map(|above| self.kinds.get(above));
            matches!(kind, Some(Kind::Read | Kind::Write))
                || link.ancestors().skip(1).any(|above| self.links.contains_key(above))
        };
        let links = self.links.iter().map(|(link, target)| (link.as_path(), target.as_path()));
        links.filter(move |(link, _)| !above(link))
    }

    fn ask(&mut self, path: &Path, real: PathBuf, kind: Kind) -> Result<(), Refusal> {
        let plain = |path: &Path| path.is_absolute() && !path.components().any(|c| c == Component::ParentDir);
        if !plain(path) || real == Path::new("/") {
            return Err(Refusal::of(place(path))(io::Error::from(rustix::io::Errno::INVAL)));
        }
        // One that is not there leads nowhere, and the folders above it need not be there either.
        if real != path && path.exists() {
            self.links.insert(path.to_owned(), real.clone());
        }
        self.set(real, kind);
        Ok(())
    }

    fn set(&mut self, path: PathBuf, kind: Kind) {
        let held = self.kinds.entry(path).or_insert(kind);
        *held = kind.min(*held);
    }

    /// Takes out what something above it already says.
    fn settle(&mut self) {
        let mut settled = BTreeMap::new();
        for (path, kind) in std::mem::take(&mut self.kinds) {
            let above = path.ancestors().skip(1).find_map(|above| settled.get(above)).copied();
            let needed = match (above, kind) {
                (Some(Kind::Hidden), _) => false,
                (above, Kind::Hidden) => matches!(above, Some(Kind::Read | Kind::Write)),
                (_, Kind::Scratch) => true,
                (above, kind) => above != Some(kind),
            };
            if needed {
                settled.insert(path, kind);
            }
        }
        let hidden = |path: &Path| path.ancestors().any(|above| settled.get(above) == Some(&Kind::Hidden));
        self.links.retain(|link, _| !hidden(link));
        self.kinds = settled;
    }
}

fn place(path: &Path) -> Step {
    Step::about(Step::Place, path)
}

/// The path without links, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let found = path.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    match found.map(|(above, real)| (path.strip_prefix(above), real)) {
        Some((Ok(rest), real)) if rest.as_os_str().is_empty() => real,
        Some((Ok(rest), real)) => real.join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Those below `root`, relative to it.
    fn below(root: &Path, confinement: &Confinement) -> Vec<(String, Kind)> {
        let places = Places::of(confinement, false).unwrap();
        let below =
            places.kinds.iter().filter_map(|(path, kind)| Some((path.strip_prefix(root).ok()?, kind)));
        below.map(|(path, kind)| (path.display().to_string(), *kind)).collect()
    }

    fn folder(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        names.iter().for_each(|name| fs::create_dir_all(root.join(name)).unwrap());
        (folder, root)
    }

    #[test]
    fn what_is_hidden_wins_over_all_and_nothing_lies_in_it() {
        let (_folder, root) = folder(&["code/src/deep", "code/goldens/old", "elsewhere"]);
        let mut confinement = Confinement::new(Tier::Enforced);
        confinement.read = vec![root.join("code"), root.join("code/goldens/old")];
        confinement.write = vec![root.join("code/src"), root.join("code/goldens")];
        confinement.hide = vec![root.join("code/goldens"), root.join("elsewhere"), root.join("code/none")];
        assert_eq!(
            below(&root, &confinement),
            // What is not there, or seen by nobody, need not be hidden.
            [
                ("code".to_owned(), Kind::Read),
                ("code/goldens".to_owned(), Kind::Hidden),
                ("code/src".to_owned(), Kind::Write),
            ]
        );
    }

    #[test]
    fn what_lies_in_its_like_is_not_said_twice() {
        let (_folder, root) = folder(&["a/b/c"]);
        let mut confinement = Confinement::new(Tier::Enforced);
        confinement.read = vec![root.join("a"), root.join("a/b"), root.join("a/b/c")];
        confinement.write = vec![root.join("a/b")];
        let expected = [("a", Kind::Read), ("a/b", Kind::Write), ("a/b/c", Kind::Read)];
        assert_eq!(below(&root, &confinement), expected.map(|(path, kind)| (path.to_owned(), kind)));
    }

    #[test]
    fn a_link_leads_inside_to_where_it_leads_outside() {
        let (_folder, root) = folder(&["real/code"]);
        symlink(root.join("real"), root.join("link")).unwrap();
        let mut confinement = Confinement::new(Tier::Enforced);
        confinement.read = vec![root.join("link/code")];
        let places = Places::of(&confinement, false).unwrap();
        assert_eq!(places.kinds.get(&root.join("real/code")), Some(&Kind::Read));
        assert_eq!(places.links.get(&root.join("link/code")), Some(&root.join("real/code")));

        confinement.read.push(root.join("link"));
        confinement.hide = vec![root.join("real/code")];
        let places = Places::of(&confinement, false).unwrap();
        assert!(places.links.contains_key(&root.join("link")));
        assert!(places.links.contains_key(&root.join("link/code")), "it leads to nothing");
    }

    #[test]
    fn a_link_that_is_there_already_need_not_be_made() {
        let (_folder, root) = folder(&["real/code", "given", "scratch"]);
        for link in ["link", "given/link", "scratch/link"] {
            symlink(root.join("real"), root.join(link)).unwrap();
        }
        let mut confinement = Confinement::new(Tier::Enforced);
        confinement.read = vec![root.join("link"), root.join("link/code"), root.join("given")];
        confinement.read.extend([root.join("given/link"), root.join("scratch/link")]);
        confinement.scratch = vec![root.join("scratch")];
        let places = Places::of(&confinement, false).unwrap();
        let made = places.links_to_make().filter_map(|(link, _)| link.strip_prefix(&root).ok());
        let made: Vec<&Path> = made.collect();
        assert_eq!(made, ["link", "scratch/link"].map(Path::new));
    }

    #[test]
    fn what_cannot_be_a_place_is_refused_by_name() {
        for path in ["/no/such/file", "relative", "/", "/usr/../usr/lib"] {
            let mut confinement = Confinement::new(Tier::Enforced);
            confinement.read = vec![path.into()];
            let refusal = Places::of(&confinement, false).unwrap_err();
            assert_eq!(refusal.step, Step::Place(path.to_owned()));
        }
    }

    #[test]
    fn folders_in_which_anybody_writes_are_empty_unless_they_are_asked_for() {
        let kinds = |confinement: &Confinement| Places::of(confinement, false).unwrap().kinds;
        let mut confinement = Confinement::new(Tier::Enforced);
        assert_eq!(kinds(&confinement).get(Path::new("/tmp")), Some(&Kind::Scratch));
        let tmp = Path::new("/tmp").canonicalize().unwrap();
        confinement.write = vec!["/tmp".into()];
        assert_eq!(kinds(&confinement).get(&tmp), Some(&Kind::Write));
    }
}
