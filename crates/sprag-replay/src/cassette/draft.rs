//! A cassette in the making: a hidden folder beside the one that it replaces at the end, all at once. A process that is
//! killed before leaves what was there.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileExt, MetadataExt};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{CWD, RenameFlags};
use serde_json::Value;

use super::blobs::{BlobName, Blobs};
use super::format::{
    BLOBS, INTERACTIONS, LONGEST_LINE, Line, MANIFEST, Manifest, TIMINGS, TimingLine, VERSION,
};
use super::{Cassette, CassetteError};
use crate::exchange::Key;
use crate::rules::Rules;

/// Where lines wait until they are sorted.
const SPOOL: &str = "spool";

/// Dropped unpublished, it leaves nothing.
#[derive(Debug)]
pub(super) struct Draft {
    /// What it becomes.
    dir: Utf8PathBuf,
    folder: Utf8PathBuf,
    /// Held as long as the draft lives.
    _lock: File,
    pub(super) blobs: Blobs,
    spool: BufWriter<File>,
    spooled: u64,
    entries: Vec<Entry>,
    cases: Vec<String>,
    case_numbers: HashMap<String, u32>,
    /// Those that lines name.
    named: BTreeSet<BlobName>,
}

/// A line in the spool, and directly after it the one about its timing.
#[derive(Debug, Clone, Copy)]
struct Entry {
    case: u32,
    key: Key,
    ordinal: u32,
    at: u64,
    length: u32,
    timing_length: u32,
}

/// What a cassette says of its rules.
#[derive(Debug, Clone)]
pub(super) struct UnderRules {
    pub(super) digest: String,
    pub(super) classes: Vec<String>,
    pub(super) resolved: Value,
}

impl UnderRules {
    pub(super) fn of(manifest: &Manifest) -> Self {
        let Manifest { rules_digest, classes, rules, .. } = manifest.clone();
        Self { digest: rules_digest, classes, resolved: rules }
    }
}

impl From<&Rules> for UnderRules {
    fn from(rules: &Rules) -> Self {
        let classes = rules.classes().iter().map(|class| class.name.clone()).collect();
        Self { digest: rules.digest().to_owned(), classes, resolved: rules.resolved().clone() }
    }
}

impl Draft {
    /// Begins beside `dir`, which is replaced at the end. What a killed process left there is removed.
    pub(super) fn begin(dir: &Utf8Path) -> Result<Self, CassetteError> {
        // A link stays a link: what it leads to is replaced.
        let dir = match dir.canonicalize_utf8() {
            Ok(dir) => dir,
            Err(_) => dir.to_owned(),
        };
        refuse_foreign(&dir)?;
        let name = dir.file_name().ok_or_else(|| CassetteError::Foreign(dir.clone()))?;
        let folder = parent(&dir).join(format!(".{name}.recording"));
        fs::create_dir_all(&folder).map_err(CassetteError::io("create", &folder))?;
        let lock = lock(&dir, &folder)?;
        let empty = || -> io::Result<File> {
            for left in fs::read_dir(&folder)? {
                let left = left?;
                match left.file_type()?.is_dir() {
                    true => fs::remove_dir_all(left.path())?,
                    false => fs::remove_file(left.path())?,
                }
            }
            fs::create_dir(folder.join(BLOBS))?;
            File::options().read(true).write(true).create_new(true).open(folder.join(SPOOL))
        };
        let spool = BufWriter::new(empty().map_err(CassetteError::io("prepare", &folder))?);
        Ok(Self {
            blobs: Blobs::new(folder.join(BLOBS)),
            dir,
            folder,
            _lock: lock,
            spool,
            spooled: 0,
            entries: Vec::new(),
            cases: Vec::new(),
            case_numbers: HashMap::new(),
            named: BTreeSet::new(),
        })
    }

    /// A case's number in this draft.
    pub(super) fn case(&mut self, case: &str) -> u32 {
        if let Some(number) = self.case_numbers.get(case) {
            return *number;
        }
        let number = self.cases.len() as u32;
        self.cases.push(case.to_owned());
        self.case_numbers.insert(case.to_owned(), number);
        number
    }

    /// The case of a number.
    pub(super) fn case_name(&self, number: u32) -> &str {
        &self.cases[number as usize]
    }

    /// Adds an exchange. Its blobs must have been written.
    pub(super) fn add(
        &mut self,
        line: &Line<'_>,
        timing: Option<&TimingLine<'_>>,
    ) -> Result<(), CassetteError> {
        let json = |error: serde_json::Error| CassetteError::io("write", &self.folder)(error.into());
        let text = serde_json::to_vec(line).map_err(json)?;
        if text.len() > LONGEST_LINE {
            return Err(CassetteError::Refused {
                label: line.request.label.to_string(),
                upstream: line.upstream.to_string(),
                what: format!("its headers are larger than {LONGEST_LINE} bytes"),
            });
        }
        self.named.extend(line.blobs().map(|(name, _)| name));
        let timing = timing.map(serde_json::to_vec).transpose().map_err(json)?;
        // It could not be read again, and only timings are lost.
        let timing = timing.filter(|timing| timing.len() <= LONGEST_LINE).unwrap_or_default();
        self.spool(&line.case, line.key, line.ordinal, &text, &timing)
    }

    /// Takes a line of another cassette over as it is, with its blobs.
    pub(super) fn keep(&mut self, from: &Cassette, nth: u32) -> Result<(), CassetteError> {
        let text = from.text(nth)?;
        let line = from.parsed(nth, &text)?;
        for (name, _) in line.blobs() {
            self.blobs.take(&from.blobs, name)?;
            self.named.insert(name);
        }
        let timing = from.timing_text(nth)?.unwrap_or_default();
        self.spool(&line.case, line.key, line.ordinal, &text, &timing)
    }

    fn spool(
        &mut self,
        case: &str,
        key: Key,
        ordinal: u32,
        text: &[u8],
        timing: &[u8],
    ) -> Result<(), CassetteError> {
        let case = self.case(case);
        let written = self.spool.write_all(text).and_then(|()| self.spool.write_all(timing));
        written.map_err(CassetteError::io("write", &self.folder.join(SPOOL)))?;
        let (length, timing_length) = (text.len() as u32, timing.len() as u32);
        self.entries.push(Entry { case, key, ordinal, at: self.spooled, length, timing_length });
        self.spooled += u64::from(length) + u64::from(timing_length);
        Ok(())
    }

    /// Sorts, seals and replaces what was there.
    pub(super) fn publish(mut self, rules: UnderRules) -> Result<Manifest, CassetteError> {
        self.spool.flush().map_err(CassetteError::io("write", &self.folder.join(SPOOL)))?;
        let cases = &self.cases;
        self.entries.sort_by(|a, b| {
            let order = |entry: &Entry| (entry.key, entry.ordinal);
            cases[a.case as usize].cmp(&cases[b.case as usize]).then_with(|| order(a).cmp(&order(b)))
        });
        let mut used: Vec<u32> = self.entries.iter().map(|entry| entry.case).collect();
        used.dedup();
        let mut manifest = Manifest {
            version: VERSION,
            rules_digest: rules.digest,
            classes: rules.classes,
            rules: rules.resolved,
            cases: used.len() as u64,
            interactions: self.entries.len() as u64,
            bytes: self.entries.iter().map(|entry| u64::from(entry.length) + 1).sum(),
            blobs: self.named.len() as u64,
            seal: String::new(),
        };
        let mut write = || -> io::Result<()> {
            self.sync_blobs()?;
            let head = manifest.head()?;
            let seal = self.write_lines(&head)?;
            manifest.seal = format!("b3:{}", seal.to_hex());
            let mut file = File::create_new(self.folder.join(MANIFEST))?;
            file.write_all(head.as_bytes())?;
            file.write_all(Manifest::tail(seal).as_bytes())?;
            file.sync_all()?;
            fs::remove_file(self.folder.join(SPOOL))?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(CassetteError::io("write", &self.folder))?;
        put(&self.folder, &self.dir).map_err(CassetteError::io("replace", &self.dir))?;
        Ok(manifest)
    }

    /// Brings the blobs to the disk, but for those that no line came to name.
    fn sync_blobs(&self) -> io::Result<()> {
        for entry in self.blobs.folder().read_dir_utf8()? {
            let path = entry?.into_path();
            let name = path.file_name().and_then(BlobName::of_file);
            match name.is_some_and(|name| self.named.contains(&name)) {
                true => File::open(path)?.sync_all()?,
                false => fs::remove_file(path)?,
            }
        }
        File::open(self.blobs.folder())?.sync_all()
    }

    /// Interactions and timings, in order. The seal covers the manifest's head and the former.
    fn write_lines(&self, head: &str) -> io::Result<blake3::Hash> {
        let create = |name| {
            File::create_new(self.folder.join(name)).map(|file| BufWriter::with_capacity(1 << 17, file))
        };
        let (mut interactions, mut timings) = (create(INTERACTIONS)?, create(TIMINGS)?);
        let mut sealed = blake3::Hasher::new();
        sealed.update(head.as_bytes());
        let mut text = Vec::new();
        for entry in &self.entries {
            text.resize((entry.length + entry.timing_length) as usize, 0);
            self.spool.get_ref().read_exact_at(&mut text, entry.at)?;
            let (line, timing) = text.split_at(entry.length as usize);
            sealed.update(line).update(b"\n");
            interactions.write_all(line)?;
            interactions.write_all(b"\n")?;
            if !timing.is_empty() {
                timings.write_all(timing)?;
                timings.write_all(b"\n")?;
            }
        }
        for file in [interactions, timings] {
            file.into_inner()?.sync_all()?;
        }
        Ok(sealed.finalize())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Once published there is nothing there.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Line<'_> {
    /// The blobs that it names, with their sizes.
    pub(super) fn blobs(&self) -> impl Iterator<Item = (BlobName, u64)> + '_ {
        let [first, second] = self.answer.payloads();
        [Some(&self.request.canonical), first, second]
            .into_iter()
            .flatten()
            .filter_map(|payload| payload.blob())
    }
}

fn parent(dir: &Utf8Path) -> &Utf8Path {
    dir.parent().filter(|parent| !parent.as_str().is_empty()).unwrap_or(Utf8Path::new("."))
}

/// The folder is replaced as a whole, so nothing else may be in it.
fn refuse_foreign(dir: &Utf8Path) -> Result<(), CassetteError> {
    let entries = match dir.read_dir_utf8() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(CassetteError::io("read", dir))?,
    };
    for entry in entries {
        let entry = entry.map_err(CassetteError::io("read", dir))?;
        if ![MANIFEST, INTERACTIONS, TIMINGS, BLOBS].contains(&entry.file_name()) {
            return Err(CassetteError::Foreign(entry.into_path()));
        }
    }
    Ok(())
}

/// Takes the folder for this process alone.
fn lock(dir: &Utf8Path, folder: &Utf8Path) -> Result<File, CassetteError> {
    let locked = || -> io::Result<Option<File>> {
        let file = File::open(folder)?;
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        // Another process may have put it in place, or removed it, since it was opened.
        let there = fs::symlink_metadata(folder).ok().map(|folder| (folder.dev(), folder.ino()));
        let held = file.metadata()?;
        Ok(there.filter(|there| *there == (held.dev(), held.ino())).map(|_| file))
    };
    let file = locked().map_err(CassetteError::io("lock", folder))?;
    file.ok_or_else(|| CassetteError::Locked(dir.to_owned()))
}

/// Puts a folder in the place of another, which is removed.
fn put(folder: &Utf8Path, dir: &Utf8Path) -> io::Result<()> {
    // Who comes after must not prepare its draft in the folder that is being removed here.
    let old = File::open(dir).ok();
    let _held = old.as_ref().map(File::try_lock);
    match rustix::fs::renameat_with(CWD, folder.as_str(), CWD, dir.as_str(), RenameFlags::EXCHANGE) {
        Ok(()) => fs::remove_dir_all(folder)?,
        Err(rustix::io::Errno::NOENT) => fs::rename(folder, dir)?,
        // A file system that cannot exchange: for a moment there is none, and the old one lies beside.
        Err(_) => {
            let aside = folder.with_extension("old");
            fs::rename(dir, &aside)?;
            fs::rename(folder, dir)?;
            fs::remove_dir_all(aside)?;
        }
    }
    File::open(parent(dir))?.sync_all()
}
