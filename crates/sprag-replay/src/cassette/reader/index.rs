//! What is kept in memory of each line, and how it is read and checked.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use camino::Utf8Path;

use crate::cassette::CassetteError;
use crate::cassette::format::{LONGEST_LINE, Line, Manifest};
use crate::exchange::Key;

/// The class of what has none.
pub(super) const NO_CLASS: u16 = u16::MAX;

/// Where a line is, and what is looked at without reading it.
#[derive(Debug, Clone, Copy)]
pub(in crate::cassette) struct Entry {
    pub(super) at: u64,
    pub(super) length: u32,
    /// The first half of the line's hash.
    pub(super) hash: [u8; 16],
    /// Into the upstreams.
    pub(in crate::cassette) upstream: u32,
    pub(super) class: u16,
    pub(in crate::cassette) aside: bool,
    /// In the timings; of length 0 where there is none.
    pub(super) timing_at: u64,
    pub(super) timing_length: u32,
    pub(super) timing_hash: [u8; 16],
}

/// The answers to one request in one case: lines that follow one another.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotEntry {
    pub(super) case: u32,
    pub(super) key: Key,
    pub(super) first: u32,
    pub(super) answers: u32,
}

/// The index while it is read.
pub(super) struct Index<'a> {
    classes: HashMap<&'a str, u16>,
    pub(super) cases: Vec<String>,
    pub(super) upstreams: Vec<String>,
    upstream_numbers: HashMap<String, u32>,
    pub(super) entries: Vec<Entry>,
    pub(super) slots: Vec<SlotEntry>,
}

impl<'a> Index<'a> {
    pub(super) fn new(manifest: &'a Manifest) -> Self {
        let classes = manifest.classes.iter().map(String::as_str).zip(0..NO_CLASS).collect();
        Self {
            classes,
            cases: Vec::new(),
            upstreams: Vec::new(),
            upstream_numbers: HashMap::new(),
            entries: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// Takes a line, or says what is wrong with it.
    pub(super) fn add(&mut self, at: u64, text: &[u8]) -> Result<(), String> {
        let text = text.strip_suffix(b"\n").ok_or("the last line has no end")?;
        let line: Line<'_> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        line.answer.check()?;
        if line.request.canonical.inline()?.is_some_and(|canonical| Key::of(&canonical) != line.key) {
            return Err("the key is not that of the request".to_owned());
        }
        let class = match &line.class {
            None => NO_CLASS,
            Some(name) => *self.classes.get(name.as_str()).ok_or("its class is none of the manifest's")?,
        };
        let nth = u32::try_from(self.entries.len()).map_err(|_| "there are too many lines")?;
        self.place(&line, nth)?;
        let upstream = match self.upstream_numbers.get(&*line.upstream) {
            Some(number) => *number,
            None => {
                let number = self.upstreams.len() as u32;
                self.upstreams.push(line.upstream.to_string());
                self.upstream_numbers.insert(line.upstream.to_string(), number);
                number
            }
        };
        let (length, hash, aside) = (text.len() as u32, half_hash(text), line.aside);
        let (timing_at, timing_length, timing_hash) = (0, 0, [0; 16]);
        self.entries.push(Entry {
            at,
            length,
            hash,
            upstream,
            class,
            aside,
            timing_at,
            timing_length,
            timing_hash,
        });
        Ok(())
    }

    /// Its case and its slot. Lines are sorted, and the ordinals of a slot count from 0.
    fn place(&mut self, line: &Line<'_>, nth: u32) -> Result<(), String> {
        let last_case = self.cases.last().map(String::as_str);
        if last_case.is_some_and(|last| *line.case < *last) {
            return Err("it is not in the order of the cases".to_owned());
        }
        if last_case != Some(&*line.case) {
            self.cases.push(line.case.to_string());
        }
        let case = self.cases.len() as u32 - 1;
        let same_case = self.slots.last_mut().filter(|slot| slot.case == case);
        let expected = match same_case {
            Some(slot) if slot.key > line.key => return Err("it is not in the order of the keys".to_owned()),
            Some(slot) if slot.key == line.key => {
                slot.answers += 1;
                slot.answers - 1
            }
            _ => {
                self.slots.push(SlotEntry { case, key: line.key, first: nth, answers: 1 });
                0
            }
        };
        if line.ordinal != expected {
            return Err(format!("its ordinal is {} instead of {expected}", line.ordinal));
        }
        Ok(())
    }
}

/// Gives each line with its number from 1, its place and its newline. What is longer than a line may be is an error.
pub(super) fn each_line(
    file: &File,
    path: &Utf8Path,
    mut take: impl FnMut(u64, u64, &[u8]) -> Result<(), CassetteError>,
) -> Result<(), CassetteError> {
    let mut reader = BufReader::with_capacity(1 << 17, file);
    let (mut number, mut at, mut text) = (1, 0, Vec::new());
    loop {
        text.clear();
        let mut limited = (&mut reader).take(LONGEST_LINE as u64 + 2);
        let read = limited.read_until(b'\n', &mut text).map_err(CassetteError::io("read", path))?;
        if read == 0 {
            return Ok(());
        }
        if read > LONGEST_LINE + 1 {
            return Err(CassetteError::line(path, number, format!("it is longer than {LONGEST_LINE} bytes")));
        }
        take(number, at, &text)?;
        number += 1;
        at += read as u64;
    }
}

/// Enough of a line's hash to tell that it is the one that was sealed.
pub(super) fn half_hash(text: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(text).as_bytes()[..16]);
    half
}
