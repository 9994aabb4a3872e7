//! Ignored inputs that a tree needs, such as `.venv`: copied once into the state folder, and fingerprinted.
//!
//! Until there is a sandbox that binds them read-only, each slot holds a link to the one copy.

use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use crate::{Home, Observer, SessionError, events};

/// One input, copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// Where the tree expects it.
    pub(crate) path: String,
    /// The copy.
    pub(crate) copy: Utf8PathBuf,
    /// BLAKE3 over its names and bytes, bytecode caches aside.
    pub(crate) fingerprint: blake3::Hash,
}

/// Where inputs come from.
pub(crate) struct Sources<'a> {
    /// The person's tree, first.
    pub(crate) root: &'a Utf8Path,
    /// What `[run] prepare` made, where it ran.
    pub(crate) prepared: Option<&'a Utf8Path>,
}

/// Copies the inputs `paths`, unless the copy there is still the same.
///
/// # Errors
/// [`SessionError`] when an input is missing or cannot be copied.
pub(crate) fn copy(
    sources: &Sources<'_>,
    paths: &[String],
    home: &Home,
    observer: &mut dyn Observer,
) -> Result<Vec<Input>, SessionError> {
    let mut inputs = Vec::new();
    for path in paths {
        let places = std::iter::once(sources.root).chain(sources.prepared);
        let found = places.map(|place| place.join(path)).find(|source| source.symlink_metadata().is_ok());
        let Some(source) = found else {
            let what = match sources.prepared {
                None => format!(
                    "[workspace] read names {path}, which is not there: make it (with what your project uses to install), or let `prepare` under [run] make it"
                ),
                Some(_) => format!(
                    "[workspace] read names {path}, which is not there, and `prepare` under [run] did not make it"
                ),
            };
            return Err(SessionError::Refused(what));
        };
        // A link stands for what it points to: the copy must not reach back into the person's folders.
        let source = source.canonicalize_utf8().map_err(|e| SessionError::io("resolve", &source, e))?;
        let copy = home.work("inputs").join(path);
        let wanted = fingerprint(&source)?;
        // The copy is looked at too: until there is a sandbox, a candidate could have written through its link.
        let same = copy.exists() && fingerprint(&copy)? == wanted;
        if !same {
            observer.tell(&events::Event::Notice(&format!("copying {path} into the state folder")));
            replace(&source, &copy)?;
        }
        inputs.push(Input { path: path.clone(), copy, fingerprint: wanted });
    }
    Ok(inputs)
}

/// The harness's hash with the inputs' fingerprints in it: another dependency is another measurement.
pub(crate) fn seal(harness: String, inputs: &[Input]) -> String {
    if inputs.is_empty() {
        return harness;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(harness.as_bytes());
    for input in inputs {
        hasher.update(input.path.as_bytes());
        hasher.update(input.fingerprint.as_bytes());
    }
    format!("b3:{}", hasher.finalize().to_hex())
}

/// `cp` knows reflinks, holes, modes and links, and is on every system that has a shell.
fn replace(source: &Utf8Path, copy: &Utf8Path) -> Result<(), SessionError> {
    if copy.symlink_metadata().is_ok() {
        let removed = if copy.is_dir() { fs::remove_dir_all(copy) } else { fs::remove_file(copy) };
        removed.map_err(|e| SessionError::io("replace", copy, e))?;
    }
    if let Some(parent) = copy.parent() {
        fs::create_dir_all(parent).map_err(|e| SessionError::io("make", parent, e))?;
    }
    let output = Command::new("cp")
        .args(["-a", "--reflink=auto", "--", source.as_str(), copy.as_str()])
        .output()
        .map_err(|e| SessionError::io("copy", source, e))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(SessionError::io("copy", source, std::io::Error::other(why)))
}

fn fingerprint(path: &Utf8Path) -> Result<blake3::Hash, SessionError> {
    let mut hasher = blake3::Hasher::new();
    add(&mut hasher, path, "")?;
    Ok(hasher.finalize())
}

fn add(hasher: &mut blake3::Hasher, path: &Utf8Path, name: &str) -> Result<(), SessionError> {
    let read = |e| SessionError::io("read", path, e);
    let meta = fs::symlink_metadata(path).map_err(read)?;
    hasher.update(&(name.len() as u64).to_le_bytes());
    hasher.update(name.as_bytes());
    if meta.is_symlink() {
        hasher.update(b"l");
        hasher.update(fs::read_link(path).map_err(read)?.as_os_str().as_encoded_bytes());
    } else if meta.is_dir() {
        hasher.update(b"d");
        let mut names = Vec::new();
        for entry in path.read_dir_utf8().map_err(read)? {
            names.push(entry.map_err(read)?.file_name().to_owned());
        }
        // Python writes its bytecode beside the source when it likes.
        names.retain(|name| name != "__pycache__");
        names.sort();
        for name in names {
            add(hasher, &path.join(&name), &name)?;
        }
    } else if meta.is_file() {
        hasher.update(b"f");
        hasher.update(&meta.len().to_le_bytes());
        let file = fs::File::open(path).map_err(read)?;
        hasher.update_reader(file).map_err(read)?;
    }
    Ok(())
}
