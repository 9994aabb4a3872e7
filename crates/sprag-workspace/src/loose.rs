//! Writing objects, one file each, without a process for each: blobs, trees and commits of one candidate at a time.
//!
//! An object has its name only when its bytes are on disk: git believes what it finds under a name, and after a power
//! cut it would find an empty file. Many files are synced at once, so that they share the commits of the journal.

use std::collections::HashSet;
use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha1::{Digest, Sha1};

use crate::id::Oid;
use crate::{Error, Result};

/// How many files are synced at a time. They wait for the disk, not for a processor.
const SYNCERS: usize = 16;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Blob,
    Tree,
    Commit,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
        }
    }
}

/// Whether the objects must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On disk when the call returns.
    Synced,
    /// For a directory that is thrown away.
    Unsynced,
}

/// Objects that are written together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    objects: Vec<(Oid, Vec<u8>)>,
    names: HashSet<Oid>,
}

impl Batch {
    /// Takes an object in and names it as git does: SHA-1 of `<type> <size>\0<bytes>`.
    pub(crate) fn add(&mut self, kind: Kind, bytes: &[u8]) -> Oid {
        let head = format!("{} {}\0", kind.word(), bytes.len());
        let mut hasher = Sha1::new();
        hasher.update(head.as_bytes());
        hasher.update(bytes);
        let id = Oid(hasher.finalize().into());
        if self.names.insert(id) {
            let mut packed = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2 + 64), Compression::fast());
            let done = packed.write_all(head.as_bytes()).and_then(|()| packed.write_all(bytes));
            done.expect("memory takes what is written to it");
            self.objects.push((id, packed.finish().expect("memory takes what is written to it")));
        }
        id
    }

    /// The objects as they were taken in.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> Vec<(Oid, Vec<u8>)> {
        use std::io::Read as _;
        let read = |(id, packed): &(Oid, Vec<u8>)| {
            let mut bytes = Vec::new();
            flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
            let zero = bytes.iter().position(|&byte| byte == 0).unwrap();
            (*id, bytes.split_off(zero + 1))
        };
        self.objects.iter().map(read).collect()
    }

    /// Writes the objects that a repository does not have as files yet.
    pub(crate) fn write(self, git_dir: &Utf8Path, durability: Durability) -> Result<()> {
        let top = git_dir.join("objects");
        let mut written: Vec<(File, tempfile::TempPath, Utf8PathBuf)> = Vec::new();
        for (id, bytes) in &self.objects {
            let name = id.to_string();
            let path = top.join(&name[..2]).join(&name[2..]);
            if path.exists() {
                continue;
            }
            // The name by which git knows what a cut write left, and clears it away.
            let fresh = tempfile::Builder::new().prefix("tmp_obj_").tempfile_in(&top);
            let mut fresh = fresh.map_err(Error::io("make a file in", &top))?;
            fresh
                .write_all(bytes)
                .and_then(|()| fresh.as_file().set_permissions(Permissions::from_mode(0o444)))
                .map_err(Error::io("write", &path))?;
            let (file, part) = fresh.into_parts();
            written.push((file, part, path));
        }
        if durability == Durability::Synced {
            sync_all(&written.iter().map(|(file, _, _)| file).collect::<Vec<_>>())
                .map_err(Error::io("sync objects in", &top))?;
        }
        for (_, part, path) in written {
            let dir = path.parent().unwrap_or(&top);
            std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
            part.persist(&path).map_err(|error| Error::io("write", &path)(error.error))?;
        }
        Ok(())
    }
}

/// Waits until all of these files are on disk.
fn sync_all(files: &[&File]) -> std::io::Result<()> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            file.sync_all()?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..files.len().min(SYNCERS)).map(|_| scope.spawn(work)).collect();
        let mut outcome = work();
        for other in others {
            let other = other.join().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()));
            outcome = outcome.and(other);
        }
        outcome
    })
}
