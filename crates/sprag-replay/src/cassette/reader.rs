//! Reading: the index is in memory, the lines stay on disk until they are asked for.

mod index;

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::blobs::{self, Blobs};
use super::cache::Cache;
use super::format::{
    BLOBS, INTERACTIONS, LARGEST_MANIFEST, Line, MANIFEST, Manifest, ManifestError, TIMINGS, TimingLine,
    VERSION,
};
use super::{CassetteError, Played, Slot};
use crate::exchange::{Answer, Key};
use crate::rules::Rules;
use index::{Entry, Index, NO_CLASS, SlotEntry, each_line, half_hash};

/// A sealed cassette, open. It does not change, and what was sealed when it was opened is what it answers: a line that
/// changes on disk afterwards is an error, unless a [copy](Cassette::open_copy) is read.
#[derive(Debug)]
pub struct Cassette {
    dir: Utf8PathBuf,
    manifest: Manifest,
    pub(super) blobs: Blobs,
    lines: File,
    timings: Option<File>,
    /// Sorted.
    cases: Vec<String>,
    upstreams: Vec<String>,
    /// In the order of the file.
    entries: Vec<Entry>,
    /// Sorted by case and key.
    slots: Vec<SlotEntry>,
    /// Their numbers, sorted by key and case.
    by_key: Vec<u32>,
    cache: Cache,
}

impl Cassette {
    /// Opens a cassette: its version, its seal and the structure of every line are checked; blobs are when they are read.
    ///
    /// # Errors
    /// There is none, it has another version, its seal is broken, or it is damaged: the file and the line are named.
    pub fn open(dir: &Utf8Path) -> Result<Self, CassetteError> {
        Self::open_from(dir, Blobs::new(dir.join(BLOBS)), |file, _| Ok(file))
    }

    /// The same from a copy in files without a name, for as long as it is open: what becomes of the folder, in which those
    /// may write who are answered from it, is nothing to it then.
    ///
    /// # Errors
    /// As [`open`](Self::open), or there is no room for temporary files.
    pub fn open_copy(dir: &Utf8Path) -> Result<Self, CassetteError> {
        Self::open_from(dir, Blobs::copied(dir.join(BLOBS))?, blobs::copied)
    }

    fn open_from(
        dir: &Utf8Path,
        blobs: Blobs,
        taken: impl Fn(File, &Utf8Path) -> Result<File, CassetteError>,
    ) -> Result<Self, CassetteError> {
        let (manifest, head) = read_manifest(dir)?;
        let path = dir.join(INTERACTIONS);
        let lines = taken(blobs::open(&path)?, &path)?;
        let bytes = lines.metadata().map_err(CassetteError::io("read", &path))?.len();
        if bytes != manifest.bytes {
            let what = format!("it has {bytes} bytes, and the manifest says {}", manifest.bytes);
            return Err(CassetteError::file(&path, what));
        }
        let mut index = Index::new(&manifest);
        let mut sealed = blake3::Hasher::new();
        sealed.update(&head);
        each_line(&lines, &path, |number, at, text| {
            sealed.update(text);
            index.add(at, text).map_err(|what| CassetteError::line(&path, number, what))
        })?;
        if manifest.seal != format!("b3:{}", sealed.finalize().to_hex()) {
            return Err(CassetteError::Seal(dir.to_owned()));
        }
        let (interactions, cases) = (index.entries.len() as u64, index.cases.len() as u64);
        if (interactions, cases) != (manifest.interactions, manifest.cases) {
            let what = format!(
                "it has {interactions} interactions of {cases} cases, and the manifest says otherwise"
            );
            return Err(CassetteError::file(&path, what));
        }
        let Index { cases, upstreams, entries, slots, .. } = index;
        let mut by_key: Vec<u32> = (0..slots.len() as u32).collect();
        by_key.sort_unstable_by_key(|slot| (slots[*slot as usize].key, *slot));
        let cache = Cache::default();
        let dir = dir.to_owned();
        let mut cassette = Self {
            dir,
            manifest,
            blobs,
            lines,
            timings: None,
            cases,
            upstreams,
            entries,
            slots,
            by_key,
            cache,
        };
        cassette.read_timings(taken)?;
        Ok(cassette)
    }

    /// Where it is.
    pub fn dir(&self) -> &Utf8Path {
        &self.dir
    }

    /// What it says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether its keys are those that these rules make.
    ///
    /// # Errors
    /// It was recorded under others.
    pub fn check_rules(&self, rules: &Rules) -> Result<(), CassetteError> {
        match self.manifest.rules_digest == rules.digest() {
            true => Ok(()),
            false => Err(CassetteError::Rules(self.dir.clone())),
        }
    }

    /// The cases that made requests, sorted; `""` is what was asked outside of any.
    pub fn cases(&self) -> &[String] {
        &self.cases
    }

    /// How many different requests there are, counted by case.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The recorded answers to a request in a case.
    pub fn find(&self, case: &str, key: Key) -> Option<Slot> {
        let case = self.case_number(case)?;
        let found = self.slots.binary_search_by_key(&(case, key), |slot| (slot.case, slot.key));
        found.ok().map(|slot| Slot(slot as u32))
    }

    /// The recorded answers to a request in the first case that made it.
    pub fn find_in_any_case(&self, key: Key) -> Option<Slot> {
        let first = self.by_key.partition_point(|slot| self.slots[*slot as usize].key < key);
        let slot = *self.by_key.get(first)?;
        (self.slots[slot as usize].key == key).then_some(Slot(slot))
    }

    /// How many answers there are.
    pub fn answers(&self, slot: Slot) -> u32 {
        self.slots[slot.index()].answers
    }

    /// The case of a slot.
    pub fn case_of(&self, slot: Slot) -> &str {
        &self.cases[self.slots[slot.index()].case as usize]
    }

    /// One of the answers, from 0.
    ///
    /// # Errors
    /// The line or its blob cannot be read any more, or is not what was sealed; or there are fewer answers.
    pub fn answer(&self, slot: Slot, nth: u32) -> Result<Arc<Played>, CassetteError> {
        let SlotEntry { key, first, answers, .. } = self.slots[slot.index()];
        if nth >= answers {
            let what = format!("there are {answers} answers to this request, and none after them");
            return Err(self.wrong(first, what));
        }
        let nth = first + nth;
        if let Some(played) = self.cache.get(nth) {
            return Ok(played);
        }
        let text = self.text(nth)?;
        let line = self.parsed(nth, &text)?;
        let (timing, chunks) = match self.timing_text(nth)? {
            Some(text) => {
                let line = self.parsed_timing(nth, &text)?;
                (Some(line.timing()), line.chunks)
            }
            None => (None, Vec::new()),
        };
        let answer = line.answer.answer(chunks, &self.blobs, |what| self.wrong(nth, what))?;
        let bytes = text.len() + size(&answer);
        let played = Arc::new(Played { key, answer, timing });
        self.cache.put(nth, played.clone(), bytes);
        Ok(played)
    }

    /// How often each request of a class was made in a case, without those about the connection. `class`: an index into
    /// the classes of the rules, which are those of the recording; `None`: those without a class.
    pub fn requests(&self, case: &str, class: Option<usize>) -> impl Iterator<Item = (Key, u32)> + '_ {
        let class = class.map_or(NO_CLASS, |class| u16::try_from(class).unwrap_or(NO_CLASS - 1));
        let slots = self.case_number(case).map_or(&[][..], |case| {
            let first = self.slots.partition_point(|slot| slot.case < case);
            let count = self.slots[first..].partition_point(|slot| slot.case == case);
            &self.slots[first..first + count]
        });
        slots.iter().filter_map(move |slot| {
            let of_class = |entry: &&Entry| entry.class == class && !entry.aside;
            let count = self.entries_of(slot).iter().filter(of_class).count();
            (count > 0).then_some((slot.key, count as u32))
        })
    }

    fn entries_of(&self, slot: &SlotEntry) -> &[Entry] {
        &self.entries[slot.first as usize..][..slot.answers as usize]
    }

    fn case_number(&self, case: &str) -> Option<u32> {
        self.cases.binary_search_by(|name| name.as_str().cmp(case)).ok().map(|case| case as u32)
    }

    /// The first line of a slot.
    pub(super) fn first_of(&self, slot: Slot) -> u32 {
        self.slots[slot.index()].first
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    pub(super) fn entry(&self, nth: u32) -> Entry {
        self.entries[nth as usize]
    }

    pub(super) fn upstream_number(&self, upstream: &str) -> Option<u32> {
        self.upstreams.iter().position(|name| name == upstream).map(|number| number as u32)
    }

    /// The lines of a case in the file.
    pub(super) fn lines_of(&self, case: &str) -> std::ops::Range<u32> {
        let Some(case) = self.case_number(case) else { return 0..0 };
        let first = self.slots.partition_point(|slot| slot.case < case);
        let end = self.slots.partition_point(|slot| slot.case <= case);
        let line = |slot: usize| self.slots.get(slot).map_or(self.len(), |slot| slot.first);
        line(first)..line(end)
    }

    /// A line, as it was sealed.
    pub(super) fn text(&self, nth: u32) -> Result<Vec<u8>, CassetteError> {
        let Entry { at, length, hash, .. } = self.entry(nth);
        let mut text = vec![0; length as usize];
        let read = self.lines.read_exact_at(&mut text, at);
        read.map_err(CassetteError::io("read", &self.dir.join(INTERACTIONS)))?;
        if half_hash(&text) != hash {
            return Err(self.changed(INTERACTIONS, nth));
        }
        Ok(text)
    }

    /// What a line says.
    pub(super) fn parsed<'a>(&self, nth: u32, text: &'a [u8]) -> Result<Line<'a>, CassetteError> {
        serde_json::from_slice(text).map_err(|error| self.wrong(nth, error.to_string()))
    }

    /// Whether it is known how long answers took.
    pub(crate) fn has_timings(&self) -> bool {
        self.timings.is_some()
    }

    /// The line about the timing of a line.
    pub(super) fn timing_text(&self, nth: u32) -> Result<Option<Vec<u8>>, CassetteError> {
        let Entry { timing_at, timing_length, timing_hash, .. } = self.entry(nth);
        let Some(timings) = self.timings.as_ref().filter(|_| timing_length > 0) else { return Ok(None) };
        let mut text = vec![0; timing_length as usize];
        let read = timings.read_exact_at(&mut text, timing_at);
        read.map_err(CassetteError::io("read", &self.dir.join(TIMINGS)))?;
        if half_hash(&text) != timing_hash {
            return Err(self.changed(TIMINGS, nth));
        }
        Ok(Some(text))
    }

    /// What it says.
    pub(super) fn parsed_timing<'a>(
        &self,
        nth: u32,
        text: &'a [u8],
    ) -> Result<TimingLine<'a>, CassetteError> {
        serde_json::from_slice(text).map_err(|_| self.changed(TIMINGS, nth))
    }

    /// What is wrong with a line of the interactions.
    pub(super) fn wrong(&self, nth: u32, what: String) -> CassetteError {
        CassetteError::line(&self.dir.join(INTERACTIONS), u64::from(nth) + 1, what)
    }

    fn changed(&self, name: &str, nth: u32) -> CassetteError {
        CassetteError::file(
            &self.dir.join(name),
            format!("it was changed while it was in use (interaction {nth})"),
        )
    }

    /// Timings are not sealed, but they must be about these interactions.
    fn read_timings(
        &mut self,
        taken: impl Fn(File, &Utf8Path) -> Result<File, CassetteError>,
    ) -> Result<(), CassetteError> {
        let path = self.dir.join(TIMINGS);
        if std::fs::symlink_metadata(&path).is_err() {
            return Ok(());
        }
        let file = taken(blobs::open(&path)?, &path)?;
        let (cases, entries, slots) = (&self.cases, &mut self.entries, &self.slots);
        let mut expected =
            slots.iter().flat_map(|slot| (0..slot.answers).map(move |ordinal| (slot, ordinal)));
        each_line(&file, &path, |number, at, text| {
            let wrong = |what: String| {
                CassetteError::line(
                    &path,
                    number,
                    format!("{what} (the file may be deleted: only timings are lost)"),
                )
            };
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            let line: TimingLine<'_> =
                serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
            let (slot, ordinal) = (expected.by_ref())
                .find(|(slot, ordinal)| {
                    slot.key == line.key && *ordinal == line.ordinal && cases[slot.case as usize] == line.case
                })
                .ok_or_else(|| wrong("it is about no interaction, or not in their order".to_owned()))?;
            let entry = &mut entries[(slot.first + ordinal) as usize];
            (entry.timing_at, entry.timing_length) = (at, text.len() as u32);
            // Sealed by nobody, but all sides of a run wait for the same times.
            entry.timing_hash = half_hash(text);
            Ok(())
        })?;
        self.timings = Some(file);
        Ok(())
    }
}

/// The manifest, and those of its bytes that are sealed.
fn read_manifest(dir: &Utf8Path) -> Result<(Manifest, Vec<u8>), CassetteError> {
    let path = dir.join(MANIFEST);
    if std::fs::symlink_metadata(&path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Err(CassetteError::Missing(dir.to_owned()));
    }
    let mut text = Vec::new();
    let file = blobs::open(&path)?;
    file.take(LARGEST_MANIFEST + 1).read_to_end(&mut text).map_err(CassetteError::io("read", &path))?;
    if text.len() as u64 > LARGEST_MANIFEST {
        return Err(CassetteError::file(&path, format!("it is larger than {LARGEST_MANIFEST} bytes")));
    }
    let (manifest, head) = Manifest::parse(&text).map_err(|error| match error {
        ManifestError::Version(found) => {
            CassetteError::Version { dir: dir.to_owned(), found, known: VERSION }
        }
        ManifestError::Wrong(what) => CassetteError::file(&path, what),
    })?;
    if manifest.classes.len() >= usize::from(NO_CLASS) - 1 {
        return Err(CassetteError::file(&path, "it has too many classes"));
    }
    let head = head.to_owned();
    Ok((manifest, head))
}

/// About what an answer takes in memory beyond its line.
fn size(answer: &Answer) -> usize {
    match answer {
        Answer::Http(http) => http.body.bytes.len() + 8 * http.body.chunks.len(),
        Answer::Postgres(postgres) => postgres.messages.len(),
        Answer::Redis(reply) => reply.len(),
        Answer::Tcp(tcp) => tcp.bytes.len() + tcp.next.len(),
    }
}
