//! An index as git writes it, version 2 (gitformat-index(5)): so that an agent's first `git status` in a fresh copy
//! neither reads every file nor finds it changed.

use rustix::fs::Stat;
use sha1::{Digest, Sha1};

use crate::manifest::{Entry, FileMode};

/// The low bits of the flags hold the length of the name, or this where it does not fit.
const NAME_MASK: usize = 0xfff;

/// An index that is being put together, entry after entry in the order of the paths.
#[derive(Debug)]
pub(crate) struct Index {
    bytes: Vec<u8>,
    count: u32,
}

impl Index {
    /// One of no entries, with room for `entries`.
    pub(crate) fn with_room(entries: usize) -> Self {
        let mut bytes = Vec::with_capacity(entries * 112 + 64);
        bytes.extend_from_slice(b"DIRC");
        bytes.extend_from_slice(&2_u32.to_be_bytes());
        bytes.extend_from_slice(&0_u32.to_be_bytes());
        Self { bytes, count: 0 }
    }

    /// Adds a file whose status is known. git keeps the low 32 bits of each number.
    #[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
    pub(crate) fn add(&mut self, path: &str, entry: &Entry, stat: &Stat) {
        let start = self.bytes.len();
        let mode: u32 = match entry.mode {
            FileMode::Regular => 0o100_644,
            FileMode::Executable => 0o100_755,
            FileMode::Symlink => 0o120_000,
        };
        let numbers = [
            stat.st_ctime as u32,
            stat.st_ctime_nsec as u32,
            stat.st_mtime as u32,
            stat.st_mtime_nsec as u32,
            stat.st_dev as u32,
            stat.st_ino as u32,
            mode,
            stat.st_uid as u32,
            stat.st_gid as u32,
            stat.st_size as u32,
        ];
        for number in numbers {
            self.bytes.extend_from_slice(&number.to_be_bytes());
        }
        self.bytes.extend_from_slice(&entry.id.0.0);
        let length = u16::try_from(path.len().min(NAME_MASK)).expect("twelve bits");
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(path.as_bytes());
        // At least one NUL, up to the next multiple of eight.
        let padded = start + ((self.bytes.len() - start) / 8 + 1) * 8;
        self.bytes.resize(padded, 0);
        self.count += 1;
    }

    /// The bytes of the file, with their checksum.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes[8..12].copy_from_slice(&self.count.to_be_bytes());
        let sum: [u8; 20] = Sha1::digest(&self.bytes).into();
        self.bytes.extend_from_slice(&sum);
        self.bytes
    }
}
