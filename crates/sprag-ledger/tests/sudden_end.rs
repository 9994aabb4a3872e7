//! A writer that is killed, or whose disk is full, loses nothing that it acknowledged.
//!
//! The test binary starts itself again as the writer: `writer` does nothing unless it is told to by the environment.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]
#![cfg(unix)]

mod sample;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Duration,
};

use sample::{Room, config, every_kind, run};
use sprag_judge::Reason;
use sprag_ledger::{Entry, Ledger, read};

const HOME: &str = "SPRAG_LEDGER_TEST_HOME";

/// Entries of changing length, some longer than a page.
fn entry(seq: u64) -> Entry {
    if seq == 0 {
        return config().into();
    }
    let mut row = run(seq, Some(seq as f64), Some(Reason::NoGain), &"x".repeat((seq as usize * 977) % 9000));
    row.evidence = every_kind().iter().find_map(|entry| entry.as_run()?.evidence.clone());
    row.into()
}

#[test]
fn writer() {
    let Ok(home) = std::env::var(HOME) else { return };
    let home = camino::Utf8PathBuf::from(home);
    let mirror = home.with_extension("mirror");
    let mut ledger = if home.exists() {
        Ledger::open(&home, Some(&mirror)).unwrap().0
    } else {
        Ledger::create(&home, Some(&mirror)).unwrap()
    };
    let mut tell = std::io::stderr();
    loop {
        let seq = ledger.log().records.len() as u64;
        let before = std::fs::metadata(&home).unwrap().len();
        match ledger.append(entry(seq)) {
            Ok(done) => writeln!(tell, "ack {}", done.seq).unwrap(),
            Err(error) => {
                assert_eq!(std::fs::metadata(&home).unwrap().len(), before);
                // A second try is refused the same way, not taken for a changed file.
                assert_eq!(ledger.append(entry(seq)).unwrap_err().to_string(), error.to_string());
                writeln!(tell, "full {error}").unwrap();
                return;
            }
        }
    }
}

#[test]
fn fifty_kills_lose_nothing_that_was_acknowledged() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut torn = 0;
    for round in 0..60 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer", "--nocapture"])
            .env(HOME, home.as_str())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut heard = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        heard.read_line(&mut first).unwrap();
        let listener = std::thread::spawn(move || {
            heard.lines().map_while(Result::ok).filter_map(|line| last_ack(&line)).last()
        });
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round);
        std::thread::sleep(Duration::from_micros((chance >> 33) % 6000));
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = listener.join().unwrap().or(last_ack(&first)).expect("the writer got to write");

        let (ledger, opened) = Ledger::open(&home, Some(&home.with_extension("mirror"))).unwrap();
        assert!(opened.entries > acknowledged, "round {round}: {acknowledged} was acknowledged, {opened:?}");
        assert!(opened.entries <= acknowledged + 2, "round {round}: more than the entry under way");
        torn += u64::from(opened.torn.is_some());
        let (seq, last) = (opened.entries - 1, &ledger.log().records[opened.entries as usize - 1]);
        assert_eq!(last.entry, entry(seq));
        drop(ledger);
        assert!(read(&home).unwrap().chain.is_intact());
        assert_eq!(std::fs::read(&home).unwrap(), std::fs::read(home.with_extension("mirror")).unwrap());
    }
    println!("{torn} unfinished lines were cut");
}

fn last_ack(line: &str) -> Option<u64> {
    line.strip_prefix("ack ")?.trim().parse().ok()
}

#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    // A limit on file sizes fails in the middle of a write, as a full disk does.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 40; exec \"$0\" --exact writer --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(HOME, home.as_str())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let acknowledged = said.lines().filter_map(last_ack).next_back().unwrap();
    let full = said.lines().find(|line| line.starts_with("full ")).unwrap();
    assert!(full.contains("failed to append") && full.contains("nothing was lost"), "{full}");

    let (mut ledger, opened) = Ledger::open(&home, None).unwrap();
    assert_eq!((opened.entries, opened.torn), (acknowledged + 1, None));
    ledger.append(entry(opened.entries)).unwrap();
    drop(ledger);
    assert!(read(&home).unwrap().chain.is_intact());
}
