//! Removal of directories that somebody else wrote: any depth, any mode, no links followed.

use std::os::fd::{AsFd, OwnedFd};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;

use crate::beneath::{Beneath, names, status};
use crate::{Error, Result};

/// A directory of our own, on the same file system, into which things are moved before they are removed.
#[derive(Debug)]
pub(crate) struct Trash {
    beneath: Beneath,
    next: u64,
}

impl Trash {
    /// Opens the directory, or makes it.
    pub(crate) fn open(path: &Utf8Path) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(Error::io("create", path))?;
        Ok(Self { beneath: Beneath::open(path)?, next: 0 })
    }

    /// Takes a name out of a directory: a file is gone at once, a directory when the trash is emptied.
    pub(crate) fn take(
        &mut self,
        dir: &OwnedFd,
        name: &[u8],
        kind: FileType,
    ) -> std::result::Result<(), Errno> {
        if kind != FileType::Directory {
            return rustix::fs::unlinkat(dir, name, AtFlags::empty());
        }
        // A directory that is moved must be writable, as its `..` changes.
        let _ = rustix::fs::chmodat(dir, name, Mode::RWXU, AtFlags::empty());
        loop {
            let to = self.next.to_string();
            self.next += 1;
            match rustix::fs::renameat(dir, name, self.beneath.root(), to.as_str()) {
                // Left over from a time that was cut short.
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::ISDIR | Errno::NOTDIR) => {}
                answer => return answer,
            }
        }
    }

    /// Removes all that is in the trash. Directories within directories are moved up first, so that no depth needs
    /// more than two open descriptors.
    pub(crate) fn empty(&mut self) -> Result<()> {
        let path = self.beneath.path().to_owned();
        let top = self.beneath.dir(b"").map_err(Error::sys("open", &path))?;
        loop {
            let (found, _) = names(&top, 1_000).map_err(Error::sys("read", &path))?;
            if found.is_empty() {
                return Ok(());
            }
            for name in found {
                self.remove(&top, &name.bytes, name.kind).map_err(Error::sys("remove", &path))?;
            }
        }
    }

    fn remove(&mut self, top: &OwnedFd, name: &[u8], kind: FileType) -> std::result::Result<(), Errno> {
        if kind != FileType::Directory {
            return rustix::fs::unlinkat(top, name, AtFlags::empty());
        }
        let _ = rustix::fs::chmodat(top, name, Mode::RWXU, AtFlags::empty());
        let dir = self.beneath.dir(name)?;
        loop {
            let (found, _) = names(&dir, 10_000)?;
            if found.is_empty() {
                break;
            }
            for name in found {
                self.take(&dir, &name.bytes, name.kind)?;
            }
        }
        rustix::fs::unlinkat(top, name, AtFlags::REMOVEDIR)
    }
}

/// Removes a directory, whatever is in it and whether it is there; or what somebody put in its place, and nothing behind
/// that. Its parent must be ours to write.
///
/// # Errors
/// [`Error::Io`] when the file system refuses.
pub fn remove_dir(dir: &Utf8Path) -> Result<()> {
    let mut aside = dir.as_str().to_owned();
    aside.push_str(".trash");
    let aside = Utf8PathBuf::from(aside);
    let mut trash = Trash::open(&aside)?;
    let parent = dir.parent().unwrap_or(Utf8Path::new("."));
    let parent = Beneath::open(parent)?.dir(b"").map_err(Error::sys("open", parent))?;
    let name = dir.file_name().unwrap_or_default().as_bytes();
    let kind = status(&parent, name).map(|found| FileType::from_raw_mode(found.st_mode));
    match kind.and_then(|kind| trash.take(&parent, name, kind)) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(Error::sys("remove", dir)(errno)),
    }
    trash.empty()?;
    drop(trash);
    let name = aside.file_name().unwrap_or_default();
    rustix::fs::unlinkat(parent.as_fd(), name, AtFlags::REMOVEDIR).map_err(Error::sys("remove", aside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_tree_without_permissions_and_with_links_out_is_removed_and_the_outside_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let top = Utf8Path::from_path(scratch.path()).unwrap();
        std::fs::write(top.join("outside"), "stays").unwrap();
        let dir = top.join("hostile");
        std::fs::create_dir(&dir).unwrap();
        let mut at = Beneath::open(&dir).unwrap().dir(b"").unwrap();
        for _ in 0..3_000 {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            rustix::fs::symlinkat("../../outside", &at, "l").unwrap();
            at = rustix::fs::openat(&at, "d", rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        std::os::unix::fs::symlink(top, dir.join("up")).unwrap();
        rustix::fs::chmod(dir.join("d").as_std_path(), Mode::empty()).unwrap();
        remove_dir(&dir).unwrap();
        let left: Vec<_> =
            top.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned()).collect();
        assert_eq!(left, ["outside"]);
    }

    #[test]
    fn what_stands_in_the_place_of_a_directory_is_removed_and_not_followed() {
        use std::os::unix::fs::PermissionsExt as _;

        let scratch = tempfile::tempdir().unwrap();
        let top = Utf8Path::from_path(scratch.path()).unwrap();
        let (outside, link) = (top.join("outside"), top.join("gone"));
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("kept"), "").unwrap();
        std::fs::set_permissions(&outside, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        remove_dir(&link).unwrap();
        assert!(link.symlink_metadata().is_err() && outside.join("kept").exists());
        assert_eq!(std::fs::metadata(&outside).unwrap().permissions().mode() & 0o777, 0o755);
        remove_dir(&link).unwrap();
    }
}
