//! Reads a whole file at once, on all processors where it is large: `status` and `log` are asked often, and a ledger
//! of ten thousand runs has tens of megabytes.

use std::{
    fs::File,
    io::{self, Read},
    num::NonZero,
    sync::Arc,
};

use camino::Utf8Path;

use super::{Log, Mark, Record};
use crate::{
    Entry, Stamp, chain,
    entry::decode,
    lines::{LONGEST_LINE, Line},
    verify::{Facts, Verifier},
};

/// The largest file that is read, in bytes. A ledger of a million runs stays below.
const LARGEST: u64 = 4 << 30;

/// Below this many bytes for each of them, threads cost more than they bring.
const WORTH_A_THREAD: usize = 128 << 10;

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
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 4 GiB, which is no log"));
    }
    Ok(bytes)
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
        let mut log =
            Log { records: Vec::with_capacity(parsed.iter().map(Vec::len).sum()), ..Log::default() };
        let mut verifier = Verifier::new(home);
        let (mut number, mut offset) = (0, 0);
        for (block, items) in blocks.iter().zip(parsed) {
            let count = items.len() as u64;
            for mut item in items {
                item.facts.number += number;
                item.facts.offset += offset;
                log.take(item, &mut verifier, home);
            }
            number += count;
            offset += block.len() as u64;
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
    let mut items = Vec::new();
    let mut at = 0;
    while at < block.len() {
        let end = memchr::memchr(b'\n', &block[at..]).map_or(block.len(), |length| at + length);
        let next = (end + 1).min(block.len());
        let line = Line {
            number: items.len() as u64 + 1,
            offset: at as u64,
            bytes: &block[at..end],
            ended: end < block.len(),
            last: last && next == block.len(),
            too_long: (end - at) as u64 > LONGEST_LINE,
        };
        let sealed = chain::unseal(line.bytes);
        let facts = Facts::of(&line, sealed.map(|(_, stamp)| stamp));
        let parsed = if line.too_long {
            Err("longer than 16 MiB".to_owned())
        } else {
            decode(line.bytes, sealed, Some(file)).map_err(|error| error.to_string())
        };
        items.push(Item { facts, parsed });
        at = next;
    }
    items
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
