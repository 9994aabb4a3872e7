//! What a command may take of the disk, in folders that it can write and that are no memory.
//!
//! Looking is cheap as long as nothing happens: only where the disk has lost much, whoever took it, the folders are
//! walked, and what was made or changed since the start is added up. Its date is the one that no program can set.

use std::cell::Cell;
use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::Utf8PathBuf;

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
        Watch { disk: self.clone(), since: SystemTime::now(), free: Cell::new(self.free()) }
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

/// A command under watch.
#[derive(Debug)]
pub(crate) struct Watch {
    disk: Disk,
    since: SystemTime,
    /// When the folders were walked last.
    free: Cell<Free>,
}

impl Watch {
    /// Whether what it left has become too much.
    pub(crate) fn over(&self) -> bool {
        let (last, now) = (self.free.get(), self.disk.free());
        let lost = last.bytes.saturating_sub(now.bytes) > self.disk.bytes / 16
            || last.files.saturating_sub(now.files) > self.disk.files / 4;
        if !lost {
            return false;
        }
        self.free.set(now);
        // A folder that cannot be looked into was shut by the command itself.
        self.taken().is_none_or(|taken| taken.bytes > self.disk.bytes || taken.files > self.disk.files)
    }

    /// What was made or changed since the start; `None` where that cannot be seen.
    fn taken(&self) -> Option<Free> {
        let mut taken = Free::default();
        let walked = self.walk(|_, meta| {
            taken.files += 1;
            taken.bytes = taken.bytes.saturating_add(meta.blocks().saturating_mul(512));
            taken.bytes <= self.disk.bytes && taken.files <= self.disk.files
        });
        walked.ok().map(|()| taken)
    }

    /// Gives the disk back what was made or changed since the start. No process may be at work there any more.
    pub(crate) fn give_back(&self) {
        let mut folders = Vec::new();
        // Failing, it costs disk and nothing else: the tree is put back before the next run.
        let _ = self.walk(|path, meta| {
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

    /// Every file and folder that is newer than the start, a folder before what is in it, as long as `more` says.
    fn walk(&self, mut more: impl FnMut(&Path, &Metadata) -> bool) -> io::Result<()> {
        let mut pending: Vec<PathBuf> = self.disk.folders.iter().map(PathBuf::from).collect();
        while let Some(folder) = pending.pop() {
            let entries = match folder.read_dir() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                // What is removed while it is looked at takes nothing.
                let Ok(meta) = entry.metadata() else { continue };
                if meta.is_dir() {
                    pending.push(entry.path());
                }
                if changed(&meta) >= self.since && !more(&entry.path(), &meta) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn changed(meta: &Metadata) -> SystemTime {
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    UNIX_EPOCH + Duration::from_secs(part(meta.ctime())) + Duration::from_nanos(part(meta.ctime_nsec()))
}
