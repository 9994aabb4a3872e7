//! Writing the files of a tree into a directory.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::beneath::{Beneath, status};
use crate::id::BlobId;
use crate::manifest::{Entry, FileMode};
use crate::repo_path::link_stays_inside;
use crate::store::Store;
use crate::{Error, Result};

/// Writes files that are not there yet, ordered by path, and reports each one's status.
pub(crate) fn write_files(
    root: &Beneath,
    store: &Store,
    files: &[(&str, Entry)],
    mut wrote: impl FnMut(&str, &Entry, &Stat),
) -> Result<()> {
    let ids: Vec<BlobId> = files.iter().map(|(_, entry)| entry.id).collect();
    let mut parent: Option<(&str, OwnedFd)> = None;
    store.blobs(&ids, |nth, bytes| {
        let (path, entry) = &files[nth];
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let failed = |errno: Errno| Error::sys("write", root.path().join(path))(errno);
        let at = match parent.take() {
            Some((known, at)) if known == dir => at,
            _ => root.make_parent(path).map_err(failed)?,
        };
        let stat = write_one(&at, path, name, entry, &bytes).map_err(failed)?;
        wrote(path, entry, &stat);
        parent = Some((dir, at));
        Ok(())
    })
}

/// Writes bytes to a path, in the place of whatever file is there.
pub(crate) fn replace_file(root: &Beneath, path: &str, mode: FileMode, bytes: &[u8]) -> Result<()> {
    let failed = |errno: Errno| Error::sys("write", root.path().join(path))(errno);
    let at = root.make_parent(path).map_err(failed)?;
    let name = path.rsplit('/').next().unwrap_or(path);
    match rustix::fs::unlinkat(&at, name, rustix::fs::AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(failed(errno)),
    }
    let entry = Entry { mode, id: BlobId::of(bytes), size: bytes.len() as u64 };
    write_one(&at, path, name, &entry, bytes).map_err(failed).map(|_| ())
}

fn write_one(
    at: &OwnedFd,
    path: &str,
    name: &str,
    entry: &Entry,
    bytes: &[u8],
) -> std::result::Result<Stat, Errno> {
    let mode = match entry.mode {
        FileMode::Symlink => {
            if !link_stays_inside(path, bytes) {
                return Err(Errno::XDEV);
            }
            rustix::fs::symlinkat(bytes, at, name)?;
            return status(at, name.as_bytes());
        }
        FileMode::Regular => Mode::from_raw_mode(0o644),
        FileMode::Executable => Mode::from_raw_mode(0o755),
    };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(at, name, flags, mode)?;
    // The umask of whoever started Sprag must not change what is measured.
    rustix::fs::fchmod(&file, mode)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(&file, rest) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    rustix::fs::fstat(&file)
}
