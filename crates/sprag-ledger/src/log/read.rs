//! Reads a whole file at once, on all processors where it is large: `status` and `log` are asked often, and a ledger
//! of ten thousand runs has tens of megabytes.

use std::{
    fs::File,
    io::{self, Read},
    num::NonZero,
    ops::Range,
    os::unix::fs::FileExt,
    sync::Arc,
};

use camino::Utf8Path;

use super::{Log, Mark, Record};
use crate::{
    Entry, Stamp, chain,
    entry::{Keeping, decode},
    lines::{LONGEST_LINE, Line},
    verify::{Facts, Verifier},
};

/// The largest file that is read, in bytes. A ledger of a million runs stays below.
const LARGEST: u64 = 4 << 30;

/// Below this many bytes for each of them, threads cost more than they bring.
const WORTH_A_THREAD: usize = 128 << 10;

/// So much is looked at in one go when evidence is left out: it should stay in the processor's cache.
const SKIMMED: usize = 512 << 10;

/// Reads a log of pi's family of dialects, with patience for what other tools wrote. See [`crate::import`] for tables.
///
/// # Errors
/// Only what the file system says, or that the file is larger than 4 GiB; what it contains is never an error.
pub fn read(path: &Utf8Path) -> io::Result<Log> {
    Ok(Log::parse(Arc::new(read_whole(&open_regular(path)?)?), false))
}

pub(crate) fn read_whole(file: &File) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(length.min(LARGEST) as usize + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large());
    }
    Ok(bytes)
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 4 GiB, which is no log")
}

/// Opens a file for reading, but no pipe, device or folder: reading those might never end.
pub(crate) fn open_regular(path: &Utf8Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{path} is no regular file")));
    }
    File::open(path)
}

/// One line, as far as it can be understood without the lines before it.
struct Item {
    facts: Facts,
    parsed: Result<(Entry, Option<Stamp>), String>,
}

impl Log {
    /// `home`: exactly one session and nothing else is expected.
    pub(crate) fn parse(file: Arc<Vec<u8>>, home: bool) -> Self {
        let (file, bytes) = (&file, file.as_slice());
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let blocks = blocks(bytes, threads.min(bytes.len() / WORTH_A_THREAD).max(1));
        let parsed: Vec<Vec<Item>> = match blocks.as_slice() {
            [] => Vec::new(),
            [whole] => vec![items(whole, true, file)],
            [blocks @ .., last] => std::thread::scope(|scope| {
                let others: Vec<_> =
                    blocks.iter().map(|block| scope.spawn(|| items(block, false, file))).collect();
                let last = items(last, true, file);
                let mut all: Vec<_> = others
                    .into_iter()
                    .map(|thread| thread.join().expect("reading lines never panics"))
                    .collect();
                all.push(last);
                all
            }),
        };
        Self::of_blocks(blocks.iter().map(|block| block.len() as u64).zip(parsed).collect(), home)
    }

    /// Puts together what was read in blocks, each with its length in bytes.
    fn of_blocks(blocks: Vec<(u64, Vec<Item>)>, home: bool) -> Self {
        let records = Vec::with_capacity(blocks.iter().map(|(_, items)| items.len()).sum());
        let mut log = Log { records, ..Log::default() };
        let mut verifier = Verifier::new(home);
        let (mut number, mut offset) = (0, 0);
        for (length, items) in blocks {
            let count = items.len() as u64;
            for mut item in items {
                item.facts.number += number;
                item.facts.offset += offset;
                log.take(item, &mut verifier, home);
            }
            number += count;
            offset += length;
        }
        log.chain = verifier.report;
        log
    }

    fn take(&mut self, item: Item, verifier: &mut Verifier, home: bool) {
        let Item { facts, parsed } = item;
        let mark = verifier.feed(&facts);
        let line = facts.number;
        match parsed {
            _ if facts.blank => {}
            // A file of another tool may lack its last newline.
            Ok((entry, None)) if facts.unfinished && verifier.report.sessions.is_empty() && !home => {
                verifier.report.torn = None;
                verifier.report.unverified += 1;
                self.records.push(Record { line, entry, stamp: None, mark: Mark::Unverified });
            }
            _ if facts.unfinished => {}
            Ok((entry, stamp)) => self.records.push(Record { line, entry, stamp, mark }),
            Err(why) => self.note_bad(line, why),
        }
    }
}

/// Cuts into about `count` blocks of whole lines.
fn blocks(bytes: &[u8], count: usize) -> Vec<&[u8]> {
    let size = bytes.len().div_ceil(count).max(1);
    let mut rest = bytes;
    let mut blocks = Vec::with_capacity(count);
    while !rest.is_empty() {
        let from = size.min(rest.len());
        let end = rest[from..].iter().position(|&b| b == b'\n').map_or(rest.len(), |at| from + at + 1);
        let (block, after) = rest.split_at(end);
        blocks.push(block);
        rest = after;
    }
    blocks
}

/// The lines of a block, numbered from 1 in it. `last`: nothing comes after the block.
fn items(block: &[u8], last: bool, file: &Arc<Vec<u8>>) -> Vec<Item> {
    let mut found = Found { items: Vec::new(), offset: 0 };
    found.lines(block, true, last, Keeping::Shared(file));
    found.items
}

/// What was found in a block so far.
struct Found {
    items: Vec<Item>,
    /// Where in the block the next line begins.
    offset: u64,
}

impl Found {
    /// Takes the lines of the next part of the block, and answers how many bytes they have. `end`: the block ends with
    /// the part, so that a line without a newline at its end is one, too.
    fn lines(&mut self, part: &[u8], end: bool, last: bool, keeping: Keeping<'_>) -> usize {
        let mut at = 0;
        while at < part.len() {
            let newline = memchr::memchr(b'\n', &part[at..]).map(|length| at + length);
            if newline.is_none() && !end {
                break;
            }
            let stop = newline.unwrap_or(part.len());
            let next = (stop + 1).min(part.len());
            let line = Line {
                number: self.items.len() as u64 + 1,
                offset: self.offset,
                bytes: &part[at..stop],
                ended: newline.is_some(),
                last: last && end && next == part.len(),
                too_long: (stop - at) as u64 > LONGEST_LINE,
            };
            let sealed = chain::unseal(line.bytes);
            let facts = Facts::of(&line, sealed.map(|(_, stamp)| stamp));
            let parsed = if line.too_long {
                Err("longer than 16 MiB".to_owned())
            } else {
                decode(line.bytes, sealed, keeping).map_err(|error| error.to_string())
            };
            self.items.push(Item { facts, parsed });
            self.offset += (next - at) as u64;
            at = next;
        }
        at
    }
}

/// Reads a log for its table and its sums, as [`crate::view::log_view`] and [`crate::view::status_view`] show them:
/// every line is checked as [`read`] checks it, but of the runs in a chain the evidence, the metrics besides the primary
/// one and the hashes are left out, and are never in memory.
///
/// # Errors
/// As [`read`].
pub fn skim(path: &Utf8Path) -> io::Result<Log> {
    let file = open_regular(path)?;
    let length = file.metadata()?.len();
    if length > LARGEST {
        return Err(too_large());
    }
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let ranges = ranges(&file, length, threads.min(length / WORTH_A_THREAD as u64).max(1))?;
    let (file, count) = (&file, ranges.len());
    let parsed = std::thread::scope(|scope| {
        let skimmed = |nth: usize, range: &Range<u64>| skim_range(file, range.clone(), nth + 1 == count);
        // One of them on this thread.
        let others: Vec<_> = ranges
            .iter()
            .enumerate()
            .skip(1)
            .map(|(nth, range)| scope.spawn(move || skimmed(nth, range)))
            .collect();
        let first = ranges.first().map(|range| skimmed(0, range));
        let others = others.into_iter().map(|thread| thread.join().expect("reading lines never panics"));
        first.into_iter().chain(others).collect::<io::Result<Vec<Vec<Item>>>>()
    })?;
    Ok(Log::of_blocks(ranges.iter().map(|range| range.end - range.start).zip(parsed).collect(), false))
}

/// Cuts a file into about `count` ranges of whole lines.
fn ranges(file: &File, length: u64, count: u64) -> io::Result<Vec<Range<u64>>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for nth in 1..=count {
        let mut end = if nth == count { length } else { (length / count * nth).max(start) };
        let mut buffer = vec![0; 64 << 10];
        while end < length {
            let read = file.read_at(&mut buffer, end)?;
            match memchr::memchr(b'\n', &buffer[..read]) {
                Some(at) => {
                    end += at as u64 + 1;
                    break;
                }
                // Somebody has made the file shorter.
                None if read == 0 => break,
                None => end += read as u64,
            }
        }
        if end > start {
            ranges.push(start..end);
        }
        start = end;
    }
    Ok(ranges)
}

fn skim_range(file: &File, range: Range<u64>, last: bool) -> io::Result<Vec<Item>> {
    let mut found = Found { items: Vec::new(), offset: 0 };
    let mut buffer = vec![0; SKIMMED];
    let (mut filled, mut at) = (0, range.start);
    loop {
        if filled == buffer.len() {
            // A line that is longer than the buffer.
            buffer.resize(2 * buffer.len(), 0);
        }
        let room = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(buffer.len() - filled);
        let read = file.read_at(&mut buffer[filled..filled + room], at)?;
        filled += read;
        at += read as u64;
        let end = read == 0 || at == range.end;
        let taken = found.lines(&buffer[..filled], end, last, Keeping::Nothing);
        if end {
            return Ok(found.items);
        }
        buffer.copy_within(taken..filled, 0);
        filled -= taken;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_keep_their_numbers_when_many_threads_read_them() {
        let mut text = String::new();
        for run in 1..=20_000 {
            let end = if run % 5_000 == 0 { "oops" } else { "\"status\":\"keep\"}" };
            text += &format!(
                "{{\"run\":{run},\"metric\":{run},\"description\":\"a line of some length\",{end}\n"
            );
        }
        let log = Log::parse(Arc::new(text.into_bytes()), false);
        let bad: Vec<u64> = log.bad.iter().map(|bad| bad.line).collect();
        assert_eq!(bad, [5_000, 10_000, 15_000, 20_000]);
        assert!(
            log.records.iter().all(|record| record.entry.as_run().is_some_and(|run| run.run == record.line))
        );
    }

    #[test]
    fn what_is_skimmed_is_what_is_read_but_for_the_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("log.jsonl");
        let mut text = String::new();
        for run in 1..=3_000 {
            let end = if run % 500 == 0 { "oops" } else { "\"status\":\"keep\"}" };
            let long = "x".repeat(if run == 7 { 2 * SKIMMED } else { run % 300 });
            text += &format!("{{\"run\":{run},\"metric\":{run},\"description\":\"{long}\",{end}\n");
        }
        for end in ["", "{\"run\":3001", "\n\n", "{\"run\":3001,\"metric\":1}"] {
            std::fs::write(&path, format!("{text}{end}")).unwrap();
            assert_eq!(skim(&path).unwrap(), read(&path).unwrap(), "{end}");
        }
        std::fs::write(&path, "").unwrap();
        assert_eq!(skim(&path).unwrap(), read(&path).unwrap());
    }

    proptest! {
        #[test]
        fn blocks_are_whole_lines_and_leave_nothing_out(text in "[a\n]{0,60}", count in 1usize..9) {
            let blocks = blocks(text.as_bytes(), count);
            prop_assert_eq!(blocks.concat(), text.as_bytes());
            for block in blocks.iter().rev().skip(1) {
                prop_assert_eq!(block.last(), Some(&b'\n'));
            }
        }
    }
}
