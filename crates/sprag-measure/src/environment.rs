//! The environment of the processes that are measured: cleared, then an allow-list.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use rand::RngExt as _;

use crate::{MeasureError, Side};

/// Passed on from Sprag's own environment where they are set. `[sandbox] env` adds to them.
pub const ALWAYS_PASSED: &[&str] = &["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"];

/// Where the stack begins shifts with the size of the environment, and with it the alignment of everything on it. A new
/// length for each process makes that noise instead of a bias of one side.
pub(crate) const PADDING: &str = "SPRAG_PAD";

/// Where toolchains keep what they installed. HOME is a fresh folder, so these are named outright.
const TOOLCHAINS: &[(&str, &str)] = &[("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")];

/// The environment of one process of a side, which gets its own empty HOME, TMPDIR and XDG_CACHE_HOME in `folders`.
pub(crate) fn of_process(
    side: &Side<'_>,
    folders: &Utf8Path,
    passed: &[String],
    rng: &mut impl rand::Rng,
) -> Result<BTreeMap<String, String>, MeasureError> {
    let mut env = from_outside(passed);
    for (name, path) in fresh_folders(folders)? {
        env.insert(name.to_owned(), path.into_string());
    }
    env.insert(PADDING.to_owned(), padding(rng));
    env.extend(side.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(env)
}

/// The environment of a process of the harness, with folders of its own below `tmp`.
pub(crate) fn of_service(tmp: &Utf8Path, slot: &str) -> Result<BTreeMap<String, String>, MeasureError> {
    let mut env = from_outside(&[]);
    env.extend(fresh_folders(&tmp.join(slot))?.map(|(name, path)| (name.to_owned(), path.into_string())));
    Ok(env)
}

fn from_outside(passed: &[String]) -> BTreeMap<String, String> {
    let outside = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
    let mut env: BTreeMap<String, String> =
        ALWAYS_PASSED.iter().copied().chain(passed.iter().map(String::as_str)).filter_map(outside).collect();
    env.extend(toolchains().map(|(name, place)| (name.to_owned(), place.into_string())));
    env
}

/// The toolchains that there are, by the variable that names each.
pub fn toolchains() -> impl Iterator<Item = (&'static str, Utf8PathBuf)> {
    let home = std::env::var("HOME").ok();
    TOOLCHAINS.iter().filter_map(move |(name, below_home)| {
        let place = std::env::var(name).ok().map(Utf8PathBuf::from);
        let place = place.or_else(|| home.as_deref().map(|home| Utf8Path::new(home).join(below_home)))?;
        place.is_dir().then_some((*name, place))
    })
}

/// Folders that hold one kind of toolchain and nothing of a person: what is called from within leans on all of it.
const MANAGERS: &[&str] = &[
    ".pyenv",
    ".rbenv",
    ".nodenv",
    ".nvm",
    ".volta",
    ".asdf",
    ".sdkman",
    ".deno",
    ".bun",
    ".juliaup",
    ".ghcup",
    ".linuxbrew",
    "mise",
    "miniconda3",
    "anaconda3",
    "miniforge3",
    "mambaforge",
];

/// Where programs that are called by name are installed, with what belongs to them: the toolchains, and each folder of
/// PATH, or the whole of the manager that it lies in. What lies beside another folder of PATH may be a person's.
pub(crate) fn programs() -> Vec<Utf8PathBuf> {
    let whole = |folder: Utf8PathBuf| {
        let known = |place: &&Utf8Path| place.file_name().is_some_and(|name| MANAGERS.contains(&name));
        folder.ancestors().find(known).unwrap_or(&folder).to_owned()
    };
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').map(Utf8PathBuf::from).filter(|folder| folder.is_absolute());
    let mut places: Vec<Utf8PathBuf> =
        toolchains().map(|(_, place)| place).chain(folders.map(whole)).collect();
    // Of the system's folders every sandbox has its own.
    places.retain(|place| {
        place.is_dir() && !["/usr", "/bin", "/sbin"].iter().any(|all| place.starts_with(all))
    });
    places.sort();
    places.dedup();
    places
}

/// Where `program`, and what it calls, is really installed, where PATH has but a link to it: the packages of Node that it
/// lies among, or else the folder that it lies in.
pub(crate) fn installation(program: &str) -> Option<Utf8PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let called =
        path.split(':').map(|folder| Utf8Path::new(folder).join(program)).find(|path| path.is_file())?;
    let real = called.canonicalize_utf8().ok()?;
    let is_packages = |place: &&Utf8Path| place.file_name() == Some("node_modules");
    let packages = real.ancestors().filter(is_packages).last();
    let home = std::env::var("HOME").ok();
    // Of a home, or of what lies around it, the file alone is enough.
    let folder = real.parent().filter(|folder| {
        folder.parent().is_some() && home.as_ref().is_none_or(|home| !Utf8Path::new(home).starts_with(folder))
    });
    Some(packages.or(folder).unwrap_or(&real).to_owned())
}

/// The value of [`PADDING`] of one process.
pub(crate) fn padding(rng: &mut impl rand::Rng) -> String {
    "x".repeat(rng.random_range(0..4096))
}

/// The folders of a process below `root`, by the variable that names each.
pub(crate) fn folders(root: &Utf8Path) -> [(&'static str, Utf8PathBuf); 3] {
    [("HOME", root.join("home")), ("TMPDIR", root.join("tmp")), ("XDG_CACHE_HOME", root.join("cache"))]
}

/// The folders of a process below `root`, there and empty.
pub(crate) fn fresh_folders(root: &Utf8Path) -> Result<[(&'static str, Utf8PathBuf); 3], MeasureError> {
    match std::fs::remove_dir_all(root) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(MeasureError::file("clear", root)(error));
        }
        _ => {}
    }
    let folders = folders(root);
    for (_, folder) in &folders {
        std::fs::create_dir_all(folder).map_err(MeasureError::file("create", folder.clone()))?;
    }
    Ok(folders)
}
