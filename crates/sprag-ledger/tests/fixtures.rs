//! Files of every version, and of other tools' shapes, read as they always did.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod sample;

use camino::Utf8PathBuf;
use sample::{every_kind, written};
use sprag_ledger::{Entry, Log, Mark, read};

fn fixture(name: &str) -> Utf8PathBuf {
    Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn load(name: &str) -> Log {
    read(&fixture(name)).unwrap()
}

#[test]
fn a_ledger_of_version_1_is_intact_and_says_what_it_said() {
    let log = load("v1.jsonl");
    assert!(log.chain.is_intact());
    assert!(log.records.iter().all(|record| record.mark == Mark::Verified));
    let entries: Vec<Entry> = log.records.into_iter().map(|record| record.entry).collect();
    assert_eq!(entries, every_kind());
}

/// When the format changes, version 1's fixture stays and this test moves on to the new one: set `SPRAG_BLESS` once.
#[test]
fn what_is_written_today_is_version_1_to_the_byte() {
    let bytes = written(every_kind());
    if std::env::var_os("SPRAG_BLESS").is_some() {
        std::fs::write(fixture("v1.jsonl"), &bytes).unwrap();
    }
    assert!(bytes == std::fs::read(fixture("v1.jsonl")).unwrap(), "the written format changed");
}

/// Each run as a line of its own: number, status, metric, description.
fn rows(log: &Log) -> String {
    let mut text = String::new();
    for (index, segment) in log.session().segments().into_iter().enumerate() {
        let metric = segment.config.map_or("no config", |config| config.metric_name.as_str());
        text += &format!("segment {index}: {metric}, best {:?}\n", segment.best().map(|best| best.run));
        for run in segment.runs() {
            text += &format!("  {} {:?} {:?} {}\n", run.run, run.status.word(), run.metric, run.description);
        }
    }
    for bad in &log.bad {
        text += &format!("line {}: {}\n", bad.line, bad.why);
    }
    text
}

#[test]
fn segments_follow_the_config_lines_and_a_row_may_lack_most_fields() {
    insta::assert_snapshot!(rows(&load("pi-segments.jsonl")), @r#"
    segment 0: render_µs, best Some(3)
      1 "keep" Some(5210.0) Baseline: 5,210µs
      2 "crash" None REVERTED: the loop never ended
      3 "keep" Some(4105.0) One pass instead of two — 21 % less
    segment 1: requests_s, best None
    segment 2: requests_s, best Some(5)
      4 "keep" Some(910.0) Baseline
      5 "keep" Some(1180.0) Answer from one buffer
      6 "checks_failed" Some(1175.0) Skip the length check
    "#);
}

#[test]
fn rows_without_config_have_no_direction_and_so_no_best() {
    insta::assert_snapshot!(rows(&load("pi-no-config.jsonl")), @r#"
    segment 0: no config, best None
      2 "keep" Some(640.0) Half precision in the frozen part
      3 "crash" None Out of memory without checkpoints
      4 "keep" Some(655.0) Again, to be sure
    "#);
}

#[test]
fn bad_lines_are_counted_and_named_and_the_rest_is_read() {
    let log = load("pi-damaged.jsonl");
    insta::assert_snapshot!(rows(&log), @r#"
    segment 0: ms, best Some(4)
      1 "keep" Some(12.5) a number written as text
      2 "merged" Some(11.0) a status of another world
      3 "discard" None 
      4 "keep" Some(10.0) bytes that are no UTF-8: ��
      5 "7" Some(9.0) 
      9 "discard" Some(7.0) said twice
    line 4: not JSON: expected ident at line 1 column 2
    line 5: JSON, but no object
    line 10: not JSON: EOF while parsing an object at line 1 column 19
    line 13: not JSON: number out of range at line 1 column 23
    "#);
    assert_eq!(log.bad_count, 4);
    assert_eq!(log.chain.torn.unwrap().line, 16);
}
