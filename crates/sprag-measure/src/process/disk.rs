//! What a command may take of the disk, in folders that it can write and that are no memory.
//!
//! Looking is cheap as long as nothing happens: only where the disk has lost much, whoever took it, the folders are
//! walked, and what was made or changed since the start is added up. Its date is the one that no program can set.

use std::cell::Cell;
use std::fmt;
use std::fs::{self, Metadata, Permissions, ReadDir};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::Utf8PathBuf;
use rustix::time::{ClockId, clock_gettime};

/// The most that one command may leave on the disk at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Where it writes; what is below one of them is not named again.
    pub folders: Vec<Utf8PathBuf>,
    /// In bytes.
    pub bytes: u64,
    /// Files and folders.
    pub files: u64,
}

impl Disk {
    /// Far above what builds and tests need.
    pub fn usual(folders: Vec<Utf8PathBuf>) -> Self {
        Self { folders, bytes: 16 << 30, files: 200_000 }
    }

    /// Watches from now on.
    pub(crate) fn watch(&self) -> Watch {
        let free = Cell::new(self.free());
        Watch {
            disk: self.clone(),
            since: clock_of_files(),
            at_first: free.get(),
            free,
            is_over: Cell::new(false),
        }
    }

    /// What is left of the disks, in bytes and in files. A disk that does not say so has lost nothing.
    fn free(&self) -> Free {
        let disks = self.folders.iter().filter_map(|folder| rustix::fs::statvfs(folder.as_std_path()).ok());
        disks.fold(Free::default(), |free, disk| Free {
            bytes: free.bytes.saturating_add(disk.f_bavail.saturating_mul(disk.f_frsize)),
            files: free.files.saturating_add(disk.f_ffree),
        })
    }
}

/// What a command did that took more.
impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "left more than {} MiB or {} files on the disk", self.bytes >> 20, self.files)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Free {
    bytes: u64,
    files: u64,
}

/// A command under watch. Dropped, which comes after the command's end, it gives the disk back what was too much.
#[derive(Debug)]
pub(crate) struct Watch {
    disk: Disk,
    since: SystemTime,
    /// At the start.
    at_first: Free,
    /// When the folders were walked last.
    free: Cell<Free>,
    is_over: Cell<bool>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.is_over.get() {
            self.give_back();
        }
    }
}

impl Watch {
    /// Whether what it left has become too much. Once it has, it stays so.
    pub(crate) fn over(&self) -> bool {
        if !self.is_over.get() && self.is_full() {
            self.is_over.set(true);
        }
        self.is_over.get()
    }

    fn is_full(&self) -> bool {
        let (last, now) = (self.free.get(), self.disk.free());
        let lost = last.bytes.saturating_sub(now.bytes) > self.disk.bytes / 16
            || last.files.saturating_sub(now.files) > self.disk.files / 4;
        if !lost {
            return false;
        }
        self.free.set(now);
        let is_much = |taken: Free| taken.bytes > self.disk.bytes || taken.files > self.disk.files;
        match self.taken() {
            Ok(taken) => is_much(taken),
            // It shut a folder. What is missing on the disk may be somebody else's, unless it is as much as that.
            Err(_) => is_much(Free {
                bytes: self.at_first.bytes.saturating_sub(now.bytes),
                files: self.at_first.files.saturating_sub(now.files),
            }),
        }
    }

    /// What was made or changed since the start.
    fn taken(&self) -> io::Result<Free> {
        let mut taken = Free::default();
        // Nothing is opened up while it runs: it could put a link in the place of what it shut.
        self.walk(
            |folder| folder.read_dir(),
            |_, meta| {
                taken.files += 1;
                taken.bytes = taken.bytes.saturating_add(meta.blocks().saturating_mul(512));
                taken.bytes <= self.disk.bytes && taken.files <= self.disk.files
            },
        )?;
        Ok(taken)
    }

    /// Removes what was made or changed since the start. Failing, it costs disk and nothing else: the tree is put back
    /// before the next run.
    fn give_back(&self) {
        let mut folders = Vec::new();
        let _ = self.walk(opened, |path, meta| {
            match meta.is_dir() {
                true => folders.push(path.to_owned()),
                false => drop(fs::remove_file(path)),
            }
            true
        });
        for folder in folders.iter().rev() {
            // One that was there before is not empty, but for what the next run makes again.
            let _ = fs::remove_dir(folder);
        }
    }

    /// Every file and folder that is newer than the start, a folder before what is in it, as long as `more` says; the
    /// rest, too, where `look` fails at a folder, and then its error.
    fn walk(
        &self,
        look: impl Fn(&Path) -> io::Result<ReadDir>,
        mut more: impl FnMut(&Path, &Metadata) -> bool,
    ) -> io::Result<()> {
        let is_link = |folder: &PathBuf| folder.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
        let folders = self.disk.folders.iter().map(PathBuf::from);
        // Put in the place of a folder, a link leads to what was never watched.
        let mut pending: Vec<PathBuf> = folders.filter(|folder| !is_link(folder)).collect();
        let mut failed = Ok(());
        while let Some(folder) = pending.pop() {
            let entries = match look(&folder) {
                Ok(entries) => entries,
                // What is removed while it is looked at takes nothing.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    failed = Err(error);
                    continue;
                }
            };
            for entry in entries.flatten() {
                let Ok(meta) = entry.metadata() else { continue };
                if meta.is_dir() {
                    pending.push(entry.path());
                }
                if changed(&meta) >= self.since && !more(&entry.path(), &meta) {
                    return Ok(());
                }
            }
        }
        failed
    }
}

/// What is in a folder of the dead; one that was shut is opened.
fn opened(folder: &Path) -> io::Result<ReadDir> {
    match folder.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            fs::set_permissions(folder, Permissions::from_mode(0o700))?;
            folder.read_dir()
        }
        entries => entries,
    }
}

fn changed(meta: &Metadata) -> SystemTime {
    time(meta.ctime(), meta.ctime_nsec())
}

/// Now, by the clock from which files get their dates. It goes in steps of some milliseconds, so that a file may seem older
/// than the exact time before it was made.
fn clock_of_files() -> SystemTime {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    time(now.tv_sec, now.tv_nsec)
}

fn time(seconds: i64, nanoseconds: i64) -> SystemTime {
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    UNIX_EPOCH + Duration::from_secs(part(seconds)) + Duration::from_nanos(part(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_the_place_of_a_folder_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::try_from(place.path().to_owned()).unwrap();
        let (tree, theirs) = (dir.join("tree"), dir.join("theirs"));
        for folder in [&tree, &theirs] {
            fs::create_dir(folder).unwrap();
        }
        // Longer than the finest date of any file system.
        std::thread::sleep(Duration::from_millis(50));
        let watch = || {
            let watch = Disk::usual(vec![tree.clone()]).watch();
            watch.is_over.set(true);
            std::thread::sleep(Duration::from_millis(50));
            watch
        };

        let full = watch();
        fs::write(tree.join("new"), "").unwrap();
        drop(full);
        assert!(!tree.join("new").exists(), "what is new in the folder itself is given back");

        let full = watch();
        fs::remove_dir(&tree).unwrap();
        std::os::unix::fs::symlink(&theirs, &tree).unwrap();
        fs::write(theirs.join("new"), "").unwrap();
        drop(full);
        assert!(theirs.join("new").exists());
    }
}
