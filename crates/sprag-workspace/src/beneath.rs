//! Opening what lies in a directory that somebody else wrote: never through a symbolic link, never out of it,
//! never hanging on a pipe.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::{Error, Result};

/// A directory, held open.
#[derive(Debug)]
pub struct Beneath {
    root: OwnedFd,
    path: Utf8PathBuf,
}

/// One name in a directory.
pub(crate) struct Name {
    pub(crate) bytes: Vec<u8>,
    pub(crate) kind: FileType,
}

/// For directories that are only looked into.
const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// For files: a pipe that took the place of a file must not block.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW);

impl Beneath {
    /// Opens the directory itself, which must not be a link.
    ///
    /// # Errors
    /// It is not there, or is no directory.
    pub fn open(path: &Utf8Path) -> Result<Self> {
        let root = rustix::fs::open(path.as_std_path(), DIRECTORY, Mode::empty())
            .map_err(Error::sys("open", path))?;
        Ok(Self { root, path: path.to_owned() })
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The directory itself.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Opens a directory by its relative path; the empty path is the top.
    ///
    /// # Errors
    /// It is not there, is no directory, or lies behind a link or outside.
    pub fn dir(&self, relative: &[u8]) -> std::result::Result<OwnedFd, Errno> {
        let relative = if relative.is_empty() { b"." } else { relative };
        open_beneath(self.root.as_fd(), relative, DIRECTORY)
    }

    /// Opens a file for reading by its relative path.
    ///
    /// # Errors
    /// It is not there, or lies behind a link or outside.
    pub fn file(&self, relative: &[u8]) -> std::result::Result<OwnedFd, Errno> {
        open_beneath(self.root.as_fd(), relative, FILE)
    }

    /// Opens the directory that holds a path, making what is missing.
    ///
    /// # Errors
    /// It cannot be made, or lies behind a link or outside.
    pub fn make_parent(&self, relative: &str) -> std::result::Result<OwnedFd, Errno> {
        let Some((parent, _)) = relative.rsplit_once('/') else { return self.dir(b"") };
        if parent.split('/').any(|part| part == ".." || part.is_empty()) {
            return Err(Errno::XDEV);
        }
        match self.dir(parent.as_bytes()) {
            Err(Errno::NOENT) => {}
            answer => return answer,
        }
        let mut at = self.dir(b"")?;
        for part in parent.split('/') {
            match rustix::fs::mkdirat(&at, part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            at = rustix::fs::openat(&at, part, DIRECTORY, Mode::empty())?;
        }
        Ok(at)
    }
}

/// The names in an open directory, at most `limit` of them; and whether there were more.
pub(crate) fn names(dir: &OwnedFd, limit: usize) -> std::result::Result<(Vec<Name>, bool), Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let bytes = entry.file_name().to_bytes();
        if bytes == b"." || bytes == b".." {
            continue;
        }
        if names.len() == limit {
            return Ok((names, true));
        }
        let kind = match entry.file_type() {
            FileType::Unknown => FileType::from_raw_mode(status(dir, bytes)?.st_mode),
            kind => kind,
        };
        names.push(Name { bytes: bytes.to_vec(), kind });
    }
    Ok((names, false))
}

/// What a name in a directory is, without following it.
pub(crate) fn status(dir: &OwnedFd, name: &[u8]) -> std::result::Result<Stat, Errno> {
    rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// Joins a relative directory and a name.
pub(crate) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}

#[cfg(target_os = "linux")]
fn open_beneath(root: BorrowedFd<'_>, relative: &[u8], flags: OFlags) -> std::result::Result<OwnedFd, Errno> {
    use rustix::fs::ResolveFlags;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// An old kernel, or a container's filter that does not know the call.
    static MISSING: AtomicBool = AtomicBool::new(false);

    if MISSING.load(Ordering::Relaxed) {
        return open_by_steps(root, relative, flags);
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(root, relative, flags, Mode::empty(), resolve) {
        Err(Errno::NOSYS | Errno::PERM) => {
            let opened = open_by_steps(root, relative, flags);
            if opened.is_ok() {
                MISSING.store(true, Ordering::Relaxed);
            }
            opened
        }
        answer => answer,
    }
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(root: BorrowedFd<'_>, relative: &[u8], flags: OFlags) -> std::result::Result<OwnedFd, Errno> {
    open_by_steps(root, relative, flags)
}

/// The same, one part of the path at a time.
fn open_by_steps(
    root: BorrowedFd<'_>,
    relative: &[u8],
    flags: OFlags,
) -> std::result::Result<OwnedFd, Errno> {
    let mut parts = relative.split(|&byte| byte == b'/').peekable();
    let mut at: Option<OwnedFd> = None;
    while let Some(part) = parts.next() {
        if part == b".." || part.is_empty() {
            return Err(Errno::XDEV);
        }
        let flags = if parts.peek().is_some() { DIRECTORY } else { flags };
        let from = at.as_ref().map_or(root, AsFd::as_fd);
        at = Some(rustix::fs::openat(from, part, flags, Mode::empty())?);
    }
    at.ok_or(Errno::NOENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_opened_through_a_link_or_out_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let top = Utf8Path::from_path(dir.path()).unwrap();
        std::fs::create_dir_all(top.join("in/sub")).unwrap();
        std::fs::write(top.join("in/sub/file"), "x").unwrap();
        std::fs::write(top.join("secret"), "x").unwrap();
        std::os::unix::fs::symlink("sub", top.join("in/link")).unwrap();
        std::os::unix::fs::symlink("../secret", top.join("in/out")).unwrap();
        let beneath = Beneath::open(&top.join("in")).unwrap();
        assert!(beneath.file(b"sub/file").is_ok() && beneath.dir(b"").is_ok());
        for open in [open_beneath, open_by_steps] {
            for path in ["link/file", "out", "../secret", "sub/../../secret", "/etc/passwd"] {
                assert!(open(beneath.root(), path.as_bytes(), FILE).is_err(), "{path}");
            }
            assert!(open(beneath.root(), b"sub/file", FILE).is_ok());
        }
        for path in ["new/../../out/file", "link/new/file", "/tmp/file", "new//file"] {
            assert!(beneath.make_parent(path).is_err(), "{path}");
        }
        assert!(beneath.make_parent("new/deep/file").is_ok() && !top.join("out").exists());
    }
}
