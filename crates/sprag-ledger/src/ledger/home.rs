//! The home file: locked, appended to with one write and a sync, and cut back when a write fails.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Seek, SeekFrom, Write},
    sync::Arc,
};

use camino::{Utf8Path, Utf8PathBuf};

use super::LedgerError;
use crate::{Log, Torn, log::read_whole};

#[derive(Debug)]
pub(crate) struct Home {
    path: Utf8PathBuf,
    file: File,
    length: u64,
    /// A failed write could not be undone for certain.
    closed: bool,
}

impl Home {
    pub(crate) fn create(path: &Utf8Path) -> Result<Self, LedgerError> {
        let folder = path.parent().filter(|folder| !folder.as_str().is_empty()).unwrap_or(Utf8Path::new("."));
        make_folders(folder)?;
        let file =
            OpenOptions::new().read(true).append(true).create_new(true).open(path).map_err(|source| {
                match source.kind() {
                    std::io::ErrorKind::AlreadyExists => LedgerError::Exists(path.to_owned()),
                    _ => LedgerError::Io { action: "create", path: path.to_owned(), source },
                }
            })?;
        lock(&file, path)?;
        sync_folder(folder)?;
        Ok(Self { path: path.to_owned(), file, length: 0, closed: false })
    }

    pub(crate) fn open(path: &Utf8Path) -> Result<Self, LedgerError> {
        match std::fs::metadata(path) {
            Ok(found) if found.is_file() => {}
            Ok(_) => {
                return Err(LedgerError::io("open", path)(std::io::Error::other("it is no regular file")));
            }
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(LedgerError::Missing(path.to_owned()));
            }
            Err(source) => return Err(LedgerError::io("open", path)(source)),
        }
        let file =
            OpenOptions::new().read(true).append(true).open(path).map_err(LedgerError::io("open", path))?;
        lock(&file, path)?;
        let length = file.metadata().map_err(LedgerError::io("look at", path))?.len();
        Ok(Self { path: path.to_owned(), file, length, closed: false })
    }

    pub(crate) fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Reads everything and checks the chain.
    pub(crate) fn read(&mut self) -> Result<Log, LedgerError> {
        self.file.seek(SeekFrom::Start(0)).map_err(LedgerError::io("read", &self.path))?;
        let bytes = read_whole(&self.file).map_err(LedgerError::io("read", &self.path))?;
        Ok(Log::parse(Arc::new(bytes), true))
    }

    /// Cuts off an unfinished last line.
    pub(crate) fn cut(&mut self, torn: Torn) -> Result<(), LedgerError> {
        self.file
            .set_len(torn.offset)
            .and_then(|()| self.file.sync_all())
            .map_err(LedgerError::io("cut the unfinished last line of", &self.path))?;
        self.length = torn.offset;
        Ok(())
    }

    /// Writes a whole line with its newline. On an error the file is as it was.
    pub(crate) fn append(&mut self, line: &[u8]) -> Result<(), LedgerError> {
        if self.closed {
            return Err(LedgerError::Closed(self.path.clone()));
        }
        let found = self.file.metadata().map_err(LedgerError::io("look at", &self.path))?;
        if found.len() != self.length || links(&found) == 0 {
            return Err(LedgerError::Moved(self.path.clone()));
        }
        if let Err(source) = self.file.write_all(line) {
            // Disk full, a quota, a limit: what was written of the line goes, and the session may try again.
            self.closed = self.file.set_len(self.length).is_err();
            return Err(LedgerError::io("append to (nothing was added, nothing was lost)", &self.path)(
                source,
            ));
        }
        if let Err(source) = self.file.sync_data() {
            // After a failed sync the system may have dropped the pages: only a fresh look tells what is on disk.
            self.closed = true;
            let _ = self.file.set_len(self.length);
            return Err(LedgerError::io("sync", &self.path)(source));
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

fn lock(file: &File, path: &Utf8Path) -> Result<(), LedgerError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => LedgerError::Locked(path.to_owned()),
        TryLockError::Error(source) => LedgerError::Io { action: "lock", path: path.to_owned(), source },
    })
}

#[cfg(unix)]
fn links(found: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(found)
}

#[cfg(not(unix))]
fn links(_: &std::fs::Metadata) -> u64 {
    1
}

/// Makes a folder and those above it, each of them on disk when this returns.
fn make_folders(folder: &Utf8Path) -> Result<(), LedgerError> {
    if folder.as_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folders(above)?;
    }
    match std::fs::create_dir(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(LedgerError::io("create the folder", folder)(source));
        }
        _ => {}
    }
    match folder.parent() {
        Some(above) if !above.as_str().is_empty() => sync_folder(above),
        _ => Ok(()),
    }
}

/// A new name is safe only when its folder is on disk.
fn sync_folder(folder: &Utf8Path) -> Result<(), LedgerError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(LedgerError::io("sync the folder", folder))
}
