//! One measurement at a time on a host.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::getuid;

use crate::{Interrupt, MeasureError};

/// Held while something is measured; other sessions of the same user wait. The kernel lets go when Sprag dies.
#[derive(Debug)]
pub struct HostLock {
    file: File,
}

impl Drop for HostLock {
    fn drop(&mut self) {
        // Not left to the closing of the file: a process that is just being forked elsewhere holds a copy of it.
        let _ = self.file.unlock();
    }
}

impl HostLock {
    /// Waits for the lock. `waiting` is called once a second while somebody else has it, with the time waited so far.
    ///
    /// # Errors
    /// [`MeasureError::Interrupted`], or a lock file that cannot be made.
    pub fn acquire(interrupt: &Interrupt, waiting: impl FnMut(Duration)) -> Result<Self, MeasureError> {
        Self::acquire_at(&home()?, interrupt, waiting)
    }

    fn acquire_at(
        dir: &Utf8Path,
        interrupt: &Interrupt,
        mut waiting: impl FnMut(Duration),
    ) -> Result<Self, MeasureError> {
        let path = dir.join("measure.lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(MeasureError::file("open", path.clone()))?;
        let start = Instant::now();
        let mut told = 0;
        loop {
            interrupt.check()?;
            match file.try_lock() {
                Ok(()) => return Ok(Self { file }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(MeasureError::file("lock", path)(source)),
            }
            if start.elapsed().as_secs() >= told {
                told += 1;
                waiting(start.elapsed());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Names another folder for the lock: for sessions that do not disturb each other, such as on CPU sets of their own,
/// or with benchmarks that count and do not time.
const FOLDER: &str = "SPRAG_LOCK_DIR";

/// A folder that belongs to this user and cannot be replaced by another.
fn home() -> Result<Utf8PathBuf, MeasureError> {
    let uid = getuid().as_raw();
    let runtime = Utf8PathBuf::from(format!("/run/user/{uid}"));
    let dir = match (std::env::var(FOLDER), runtime.is_dir()) {
        (Ok(dir), _) if dir.starts_with('/') => Utf8PathBuf::from(dir),
        (_, true) => runtime.join("sprag"),
        (_, false) => Utf8PathBuf::from(format!("/tmp/sprag-{uid}")),
    };
    match fs::DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(MeasureError::file("create", dir)(error))
        }
        _ => {
            let found = fs::symlink_metadata(&dir).map_err(MeasureError::file("read", dir.clone()))?;
            if found.is_dir() && found.uid() == uid {
                return Ok(dir);
            }
            Err(MeasureError::harness(
                format!("{dir} is not a folder of this user"),
                "remove it: the lock that keeps measurements apart is kept there",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_and_is_told_and_an_interrupt_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(dir.path()).unwrap();
        let held = HostLock::acquire_at(dir, &Interrupt::new(), |_| panic!("nobody has it")).unwrap();
        let interrupt = Interrupt::new();
        let mut told = 0;
        let second = HostLock::acquire_at(dir, &interrupt, |_| {
            told += 1;
            interrupt.raise();
        });
        assert!(matches!(second, Err(MeasureError::Interrupted)));
        assert_eq!(told, 1);
        drop(held);
        HostLock::acquire_at(dir, &Interrupt::new(), |_| panic!("nobody has it")).unwrap();
    }
}
