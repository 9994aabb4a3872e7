//! Git LFS pointers: which files of a tree are not there themselves.

use std::io::Read;

use camino::Utf8Path;
use sha2::{Digest, Sha256};

/// Pointers are small: the specification demands less than 1024 bytes.
pub(crate) const MAX_POINTER: u64 = 1023;

/// A parsed pointer (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    sha256: String,
    size: u64,
}

impl Pointer {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() as u64 > MAX_POINTER {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.lines();
        if lines.next()? != "version https://git-lfs.github.com/spec/v1" {
            return None;
        }
        let (mut sha256, mut size) = (None, None);
        for line in lines {
            match line.split_once(' ') {
                Some(("oid", value)) => sha256 = value.strip_prefix("sha256:").map(str::to_owned),
                Some(("size", value)) => size = value.parse().ok(),
                _ => {}
            }
        }
        let sha256 =
            sha256.filter(|name| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some(Self { sha256, size: size? })
    }

    /// Where LFS keeps the bytes, below the common git directory.
    pub(crate) fn place(&self) -> String {
        let name = &self.sha256;
        match (name.get(..2), name.get(2..4)) {
            (Some(first), Some(second)) => format!("lfs/objects/{first}/{second}/{name}"),
            _ => "lfs/objects/none".to_owned(),
        }
    }

    /// Whether these are the bytes that the pointer stands for.
    pub(crate) fn matches(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.size && hex(&Sha256::digest(bytes)) == self.sha256
    }

    /// Whether the file holds the bytes that the pointer stands for.
    pub(crate) fn matches_file(&self, path: &Utf8Path) -> bool {
        let matches = || -> std::io::Result<bool> {
            let meta = path.symlink_metadata()?;
            if !meta.is_file() || meta.len() != self.size {
                return Ok(false);
            }
            let mut file = std::fs::File::open(path)?;
            let (mut hasher, mut buffer) = (Sha256::new(), vec![0u8; 64 << 10]);
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    n => hasher.update(&buffer[..n]),
                }
            }
            Ok(hex(&hasher.finalize()) == self.sha256)
        };
        matches().unwrap_or(false)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_recognised_and_stands_for_its_bytes_alone() {
        let text = b"version https://git-lfs.github.com/spec/v1\n\
            oid sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\nsize 6\n";
        let pointer = Pointer::parse(text).expect("a pointer");
        assert!(pointer.matches(b"hello\n"));
        assert!(!pointer.matches(b"hellO\n") && !pointer.matches(b"hello"));
        assert_eq!(Pointer::parse(b"hello\n"), None);
    }
}
