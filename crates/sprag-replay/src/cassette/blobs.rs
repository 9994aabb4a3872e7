//! Bodies that are too large for a line: files named by the BLAKE3 hash of their content, compressed with zstd.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::CassetteError;

/// The name of a blob: 64 lower-case hexadecimal digits, and nothing that could be a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct BlobName([u8; 32]);

impl BlobName {
    fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Of a file's name, as [`Blobs::path`] gives it.
    pub(super) fn of_file(name: &str) -> Option<Self> {
        Self::try_from(name.strip_suffix(".zst")?.to_owned()).ok()
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<BlobName> for String {
    fn from(name: BlobName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for BlobName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let hash = blake3::Hash::from_hex(&text).ok().filter(|_| plain);
        hash.map(|hash| Self(hash.into())).ok_or("not the name of a blob: expected 64 lower-case hex digits")
    }
}

/// The folder of the blobs.
#[derive(Debug, Clone)]
pub(super) struct Blobs {
    folder: Utf8PathBuf,
    /// What is read in its place.
    copy: Option<Arc<Packed>>,
}

/// What was in the folder of the blobs, one after the other in a file without a name.
#[derive(Debug)]
struct Packed {
    file: File,
    /// Where each begins, and how long it is.
    places: HashMap<BlobName, (u64, u64)>,
}

impl Blobs {
    pub(super) fn new(folder: Utf8PathBuf) -> Self {
        Self { folder, copy: None }
    }

    /// From a copy without a name. What is no blob is left out, and none is read yet: each is when it is asked for.
    pub(super) fn copied(folder: Utf8PathBuf) -> Result<Self, CassetteError> {
        let copy = || -> io::Result<Packed> {
            let (mut file, mut places, mut end) = (tempfile::tempfile()?, HashMap::new(), 0);
            let entries = match folder.read_dir_utf8() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Packed { file, places }),
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let name = BlobName::of_file(entry.file_name())
                    .filter(|_| entry.file_type().is_ok_and(|kind| kind.is_file()));
                let Some(name) = name else { continue };
                let length = io::copy(&mut File::open(entry.path())?, &mut file)?;
                places.insert(name, (end, length));
                end += length;
            }
            Ok(Packed { file, places })
        };
        let copy = copy().map_err(CassetteError::io("make a temporary copy of", &folder))?;
        Ok(Self { folder, copy: Some(Arc::new(copy)) })
    }

    pub(super) fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    pub(super) fn path(&self, name: BlobName) -> Utf8PathBuf {
        self.folder.join(format!("{name}.zst"))
    }

    /// Writes a blob; nothing where it is there already.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<BlobName, CassetteError> {
        let name = BlobName::of(bytes);
        let path = self.path(name);
        let write = || -> io::Result<()> {
            let mut file = match File::create_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
                file => file?,
            };
            file.write_all(&zstd::bulk::compress(bytes, 0)?)
        };
        write().map_err(CassetteError::io("write", &path))?;
        Ok(name)
    }

    /// Reads a blob of `size` bytes and compares it with its name.
    pub(super) fn read(&self, name: BlobName, size: u64) -> Result<Bytes, CassetteError> {
        let path = self.path(name);
        let wrong = |what: String| CassetteError::file(&path, what);
        let size = usize::try_from(size).map_err(|_| wrong(format!("{size} bytes are too many")))?;
        // What does not compress becomes a little larger, and nothing becomes more than that.
        let most = (size + size / 64 + 1_024) as u64;
        let mut compressed = Vec::new();
        let read = match &self.copy {
            None => open(&path)?.take(most + 1).read_to_end(&mut compressed).map(drop),
            Some(copy) => {
                let (at, length) =
                    *copy.places.get(&name).ok_or_else(|| wrong("it is missing".to_owned()))?;
                compressed.resize(length.min(most + 1) as usize, 0);
                copy.file.read_exact_at(&mut compressed, at)
            }
        };
        read.map_err(CassetteError::io("read", &path))?;
        if compressed.len() as u64 > most {
            return Err(wrong(format!("it is too large for {size} bytes")));
        }
        let bytes = zstd::bulk::decompress(&compressed, size);
        let bytes = bytes.map_err(|error| wrong(format!("it is not {size} bytes under zstd: {error}")))?;
        if bytes.len() != size || BlobName::of(&bytes) != name {
            return Err(wrong("its content is not what its name says".to_owned()));
        }
        Ok(bytes.into())
    }

    /// Takes a blob over from another folder.
    pub(super) fn take(&self, from: &Self, name: BlobName) -> Result<(), CassetteError> {
        let (old, new) = (from.path(name), self.path(name));
        // The content of a blob does not change, so both folders may have the same file.
        if new.exists() || fs::hard_link(&old, &new).is_ok() {
            return Ok(());
        }
        fs::copy(&old, &new).map(drop).map_err(CassetteError::io("copy", &old))
    }
}

/// A copy of a file that has no name: whoever may write where the file is does not reach it.
pub(super) fn copied(mut file: File, path: &Utf8Path) -> Result<File, CassetteError> {
    let mut copy = || -> io::Result<File> {
        let mut copy = tempfile::tempfile()?;
        io::copy(&mut file, &mut copy)?;
        copy.rewind()?;
        Ok(copy)
    };
    copy().map_err(CassetteError::io("make a temporary copy of", path))
}

/// Opens a file that is one: a pipe of that name would wait for ever.
pub(super) fn open(path: &Utf8Path) -> Result<File, CassetteError> {
    let plain = fs::symlink_metadata(path).map_err(CassetteError::io("read", path))?.is_file();
    if !plain {
        return Err(CassetteError::file(path, "it is no regular file"));
    }
    File::open(path).map_err(CassetteError::io("open", path))
}
