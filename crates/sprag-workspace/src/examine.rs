//! The second pass over the agent's directory: every byte of every file, by two threads when there are many.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::beneath::Beneath;
use crate::candidate::{Law, detail_of};
use crate::hash::{hash_file, read_up_to};
use crate::id::BlobId;
use crate::manifest::{Entry, FileMode};
use crate::survey::File;
use crate::violation::ViolationKind;

/// Fewer files than this are not worth a thread.
const WORTH_A_THREAD: usize = 256;
/// Files that a thread takes at a time.
const CHUNK: usize = 64;

/// What a file is.
#[derive(Debug)]
pub(crate) enum Seen {
    /// What the incumbent has.
    Same,
    /// New or changed, and in scope.
    Bytes(FileMode, Vec<u8>),
    /// Not to be.
    Wrong(ViolationKind, String),
}

/// Examines the files, and answers in their order.
pub(crate) fn examine_all(root: &Beneath, files: &[File], law: &Law<'_>) -> Vec<Seen> {
    let taken = AtomicU64::new(0);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(chunk) =
                files.get(start..(start + CHUNK).min(files.len())).filter(|chunk| !chunk.is_empty())
            else {
                return done;
            };
            let seen: Vec<Seen> = chunk.iter().map(|file| examine(root, file, law, &taken)).collect();
            done.push((start, seen));
        }
    };
    let mut done = if files.len() < WORTH_A_THREAD {
        work()
    } else {
        std::thread::scope(|scope| {
            let other = scope.spawn(work);
            let mut done = work();
            // The work itself does not panic; should it, the files it took are missing and are seen as unreadable.
            done.extend(other.join().unwrap_or_default());
            done
        })
    };
    done.sort_by_key(|(start, _)| *start);
    let mut seen: Vec<Seen> = Vec::with_capacity(files.len());
    for (start, part) in done {
        while seen.len() < start {
            seen.push(Seen::Wrong(ViolationKind::Unreadable, "it was not examined".to_owned()));
        }
        seen.extend(part);
    }
    while seen.len() < files.len() {
        seen.push(Seen::Wrong(ViolationKind::Unreadable, "it was not examined".to_owned()));
    }
    seen
}

fn examine(root: &Beneath, file: &File, law: &Law<'_>, taken: &AtomicU64) -> Seen {
    match look_at(root, file, law, taken) {
        Ok(seen) => seen,
        Err(Errno::LOOP) => Seen::Wrong(ViolationKind::Symlink, String::new()),
        Err(Errno::NXIO) => Seen::Wrong(ViolationKind::SpecialFile, String::new()),
        Err(errno) => Seen::Wrong(ViolationKind::Unreadable, errno.to_string()),
    }
}

fn look_at(
    root: &Beneath,
    file: &File,
    law: &Law<'_>,
    taken: &AtomicU64,
) -> std::result::Result<Seen, Errno> {
    let wrong = |kind, detail: String| Ok(Seen::Wrong(kind, detail));
    // Nothing is read of a new file that may not be there.
    let objection = |outside| law.objection(&file.path, outside);
    if file.known.is_none()
        && let Some(kind) = objection(ViolationKind::NewOutsideScope)
    {
        return wrong(kind, detail_of(kind, "new"));
    }
    let open = root.file(file.path.as_bytes())?;
    let stat = rustix::fs::fstat(&open)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return wrong(ViolationKind::SpecialFile, String::new());
    }
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    let mode = if stat.st_mode & 0o100 == 0 { FileMode::Regular } else { FileMode::Executable };
    let oversized = size > law.rules.max_file_bytes;
    let bytes = match file.known {
        Some(entry) if oversized && size != entry.size => None,
        Some(entry) if oversized => {
            if hash_file(&open, size)? == Some(entry.id) {
                return Ok(metadata_fault(&open, &stat, Some(&entry), mode)?.unwrap_or(Seen::Same));
            }
            None
        }
        None if oversized => None,
        known => {
            let bytes = read_up_to(&open, size, law.rules.max_file_bytes)?;
            if known.is_some_and(|entry| entry.size == bytes.len() as u64 && BlobId::of(&bytes) == entry.id) {
                return Ok(metadata_fault(&open, &stat, known.as_ref(), mode)?.unwrap_or(Seen::Same));
            }
            (bytes.len() as u64 <= law.rules.max_file_bytes).then_some(bytes)
        }
    };
    if file.known.is_some()
        && let Some(kind) = objection(ViolationKind::ChangedOutsideScope)
    {
        return wrong(kind, detail_of(kind, "changed"));
    }
    if let Some(fault) = metadata_fault(&open, &stat, file.known.as_ref(), mode)? {
        return Ok(fault);
    }
    let Some(bytes) = bytes else {
        let detail = format!("{size} bytes, at most {} for one file", law.rules.max_file_bytes);
        return wrong(ViolationKind::TooMuch, detail);
    };
    if taken.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64 > law.rules.max_total_bytes
    {
        let detail = format!("at most {} bytes of changed files together", law.rules.max_total_bytes);
        return wrong(ViolationKind::TooMuch, detail);
    }
    Ok(Seen::Bytes(mode, bytes))
}

/// What is wrong with a file besides its bytes.
fn metadata_fault(
    open: &OwnedFd,
    stat: &rustix::fs::Stat,
    known: Option<&Entry>,
    mode: FileMode,
) -> std::result::Result<Option<Seen>, Errno> {
    let wrong = |kind, detail: &str| Ok(Some(Seen::Wrong(kind, detail.to_owned())));
    if stat.st_nlink > 1 {
        return wrong(ViolationKind::HardLink, "");
    }
    if stat.st_mode & 0o7000 != 0 {
        return wrong(ViolationKind::Mode, "set-user-id, set-group-id or sticky");
    }
    if let Some(entry) = known
        && entry.mode != mode
    {
        let detail = if mode == FileMode::Executable { "now executable" } else { "no longer executable" };
        return wrong(ViolationKind::Mode, detail);
    }
    if has_user_xattr(open) { wrong(ViolationKind::Xattr, "") } else { Ok(None) }
}

/// Attributes that anybody can set. Those of the system (labels, lists of rights) are not the candidate's.
fn has_user_xattr(open: &OwnedFd) -> bool {
    // A system without them says so, and that is fine.
    let Ok(size @ 1..) = rustix::fs::flistxattr_query(open) else { return false };
    let mut names = vec![0u8; size.min(64 << 10)];
    match rustix::fs::flistxattr(open, names.as_mut_slice()) {
        Ok(read) => names[..read].split(|&byte| byte == 0).any(|name| name.starts_with(b"user.")),
        // More of them than a moment ago, or more than any system sets.
        Err(_) => true,
    }
}
