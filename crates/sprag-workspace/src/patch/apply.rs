//! Application of a patch to a directory: exactly where the bytes are those it was made from, three-way elsewhere.

use camino::Utf8Path;
use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::{FilePatch, Patch};
use crate::beneath::Beneath;
use crate::git::Git;
use crate::hash::read_up_to;
use crate::id::BlobId;
use crate::manifest::FileMode;
use crate::materialize::replace_file;
use crate::merge::merge_file;
use crate::{Error, Result};

/// Larger files are not patched.
const MAX_BYTES: u64 = 256 << 20;

/// What became of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was applied.
    Applied {
        /// The paths that were written or removed, ordered.
        paths: Vec<String>,
        /// Those of them that had changed since the patch was made, and were merged.
        merged: Vec<String>,
    },
    /// A file is not as the patch needs it. Nothing was written.
    Conflict {
        /// The first such path.
        path: String,
        /// What does not fit.
        why: String,
    },
}

/// A file's mode and bytes.
type Content = (FileMode, Vec<u8>);

/// What is to be done to one path: new content, or removal.
type Plan = (String, Option<Content>);

/// Applies a patch to the files of a directory: all of it, or nothing.
///
/// `blob` gives the bytes of an object by its name as the patch has it, full or abbreviated: it is asked for the bytes
/// that a file had when the patch was made, if the file is another by now.
///
/// # Errors
/// When the directory cannot be read or written, or git cannot be run. A patch that does not fit is an [`Outcome`].
pub fn apply_to(dir: &Utf8Path, patch: &Patch, blob: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Outcome> {
    let root = Beneath::open(dir)?;
    let (mut plans, mut merged) = (Vec::new(), Vec::new());
    for file in &patch.files {
        match plan(&root, file, blob)? {
            Planned::Do { steps, was_merged } => {
                if was_merged {
                    merged.push(file.path().to_owned());
                }
                plans.extend(steps);
            }
            Planned::Unfit(why) => return Ok(Outcome::Conflict { path: file.path().to_owned(), why }),
        }
    }
    // Removals first: a directory may take the place of a file.
    for (path, _) in plans.iter().filter(|(_, content)| content.is_none()) {
        remove_file(&root, path)?;
    }
    for (path, content) in &plans {
        if let Some((mode, bytes)) = content {
            replace_file(&root, path, *mode, bytes)?;
        }
    }
    let mut paths: Vec<String> = plans.into_iter().map(|(path, _)| path).collect();
    paths.sort();
    merged.sort();
    Ok(Outcome::Applied { paths, merged })
}

enum Planned {
    Do { steps: Vec<Plan>, was_merged: bool },
    Unfit(String),
}

fn plan(root: &Beneath, file: &FilePatch, blob: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Planned> {
    let unfit = |why: &str| Ok(Planned::Unfit(why.to_owned()));
    if let Some(new) = &file.new
        && file.old.as_ref() != Some(new)
        && let Some((mode, there)) = read(root, new)?
    {
        // The same file may have come another way; then there is nothing left to do.
        let made = run_patch(file, None)?;
        return match made {
            Some(Some((made_mode, made))) if file.old.is_none() && (made_mode, &made) == (mode, &there) => {
                Ok(Planned::Do { steps: Vec::new(), was_merged: true })
            }
            _ => unfit("the file exists already"),
        };
    }
    let Some(old) = &file.old else {
        return match run_patch(file, None)? {
            Some(made) => steps(file, made, false),
            None => unfit("git cannot make the new file from the patch"),
        };
    };
    let Some(current) = read(root, old)? else { return unfit("the file is not there") };
    let is_base = |bytes: &[u8]| {
        file.old_id.as_ref().is_some_and(|id| BlobId::of(bytes).to_string().starts_with(id.as_str()))
    };
    let base = match &file.old_id {
        Some(id) if !is_base(&current.1) => blob(id).filter(|bytes| is_base(bytes)),
        _ => None,
    };
    let Some(base) = base else {
        // Either the bytes are those of the patch, or those are unknown and git must find its context.
        return match run_patch(file, Some(&current))? {
            Some(made) => steps(file, made, false),
            None => unfit("the context of the patch is not in the file"),
        };
    };
    match run_patch(file, Some(&(current.0, base.clone())))? {
        None => unfit("the patch does not fit the bytes that it names"),
        Some(None) => unfit("the patch deletes the file, which has changed since"),
        Some(Some((mode, theirs))) => match merge_file(&base, &current.1, &theirs)? {
            Some(bytes) => steps(file, Some((mode, bytes)), true),
            None => unfit("the same lines have changed since"),
        },
    }
}

fn steps(file: &FilePatch, made: Option<Content>, was_merged: bool) -> Result<Planned> {
    let mut steps = Vec::new();
    if let Some(old) = &file.old
        && file.new.as_ref() != Some(old)
    {
        steps.push((old.clone(), None));
    }
    if let (Some(new), Some(content)) = (&file.new, made) {
        steps.push((new.clone(), Some(content)));
    }
    Ok(Planned::Do { steps, was_merged })
}

/// Lets git apply one file's part in an empty directory of its own. None: it does not fit. `Some(None)`: the file is
/// deleted by it.
fn run_patch(file: &FilePatch, before: Option<&Content>) -> Result<Option<Option<Content>>> {
    let scratch = tempfile::tempdir().map_err(Error::io("make a directory in", "the temporary directory"))?;
    let dir = Utf8Path::from_path(scratch.path())
        .ok_or_else(|| Error::PathNotUtf8 { path: scratch.path().to_string_lossy().into_owned() })?
        .join("tree");
    std::fs::create_dir(&dir).map_err(Error::io("create", &dir))?;
    let root = Beneath::open(&dir)?;
    if let (Some(old), Some((mode, bytes))) = (&file.old, before) {
        replace_file(&root, old, *mode, bytes)?;
    }
    let args = ["apply", "-p1", "--whitespace=nowarn", "-"];
    let answer = Git::outside(&dir).answer(&args, file.text.as_bytes())?;
    if answer.code != Some(0) {
        return Ok(None);
    }
    match &file.new {
        None => Ok(Some(None)),
        Some(new) => Ok(read(&root, new)?.map(Some)),
    }
}

/// The mode and bytes of a file; none when there is no regular file.
fn read(root: &Beneath, path: &str) -> Result<Option<Content>> {
    let failed = |errno: Errno| Error::sys("read", root.path().join(path))(errno);
    let open = match root.file(path.as_bytes()) {
        Ok(open) => open,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        Err(errno) => return Err(failed(errno)),
    };
    let stat = rustix::fs::fstat(&open).map_err(failed)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
        return Ok(None);
    }
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let bytes = read_up_to(&open, size, MAX_BYTES).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(failed(Errno::FBIG));
    }
    let mode = if stat.st_mode & 0o100 == 0 { FileMode::Regular } else { FileMode::Executable };
    Ok(Some((mode, bytes)))
}

/// Removes a file, and the directories that it leaves empty.
fn remove_file(root: &Beneath, path: &str) -> Result<()> {
    let failed = |errno: Errno| Error::sys("remove", root.path().join(path))(errno);
    let (mut dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let at = root.dir(dir.as_bytes()).map_err(failed)?;
    rustix::fs::unlinkat(&at, name, AtFlags::empty()).map_err(failed)?;
    while !dir.is_empty() {
        let (parent, name) = dir.rsplit_once('/').unwrap_or(("", dir));
        let at = root.dir(parent.as_bytes()).map_err(failed)?;
        if rustix::fs::unlinkat(&at, name, AtFlags::REMOVEDIR).is_err() {
            break;
        }
        dir = parent;
    }
    Ok(())
}
