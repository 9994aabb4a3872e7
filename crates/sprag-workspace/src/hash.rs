//! Naming the bytes of an open file as git names them.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use sha1::{Digest, Sha1};

use crate::id::{BlobId, Oid};

/// Reads a file of a known size through, and names its bytes; none when it has another size by now.
pub(crate) fn hash_file(file: &OwnedFd, size: u64) -> std::result::Result<Option<BlobId>, Errno> {
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {size}\0").as_bytes());
    let room = usize::try_from(size).map_or(128 << 10, |size| size.saturating_add(1).min(128 << 10));
    let (mut buffer, mut seen) = (vec![0u8; room], 0u64);
    loop {
        match rustix::io::read(file, buffer.as_mut_slice()) {
            Ok(0) => break,
            Ok(read) => {
                seen += read as u64;
                if seen > size {
                    return Ok(None);
                }
                hasher.update(&buffer[..read]);
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok((seen == size).then(|| BlobId(Oid(hasher.finalize().into()))))
}

/// Reads at most `limit` bytes and one more, so that the caller sees whether there are more.
pub(crate) fn read_up_to(file: &OwnedFd, expected: u64, limit: u64) -> std::result::Result<Vec<u8>, Errno> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX - 1).saturating_add(1);
    let mut bytes = vec![0u8; usize::try_from(expected).unwrap_or(most).saturating_add(1).min(most)];
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            if filled == most {
                break;
            }
            bytes.resize(filled.saturating_mul(2).min(most), 0);
        }
        match rustix::io::read(file, &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
