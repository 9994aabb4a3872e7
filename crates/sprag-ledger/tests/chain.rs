//! The chain finds every change; opening cuts an unfinished last line and nothing else.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod sample;

use std::sync::LazyLock;

use proptest::prelude::*;
use sample::{Room, every_kind, written};
use sprag_ledger::{Hash, Ledger, LedgerError, Problem, read, repair};

static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| written(every_kind()));

fn lines() -> Vec<Vec<u8>> {
    BYTES.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect()
}

fn check(bytes: &[u8]) -> sprag_ledger::ChainReport {
    let room = Room::new();
    let path = room.path("ledger.jsonl");
    std::fs::write(&path, bytes).unwrap();
    read(&path).unwrap().chain
}

/// The line where the check stopped, whether broken or unfinished.
fn first_bad(bytes: &[u8]) -> Option<u64> {
    let report = check(bytes);
    report.broken.map(|broken| broken.line).or(report.torn.map(|torn| torn.line))
}

#[test]
fn an_untouched_ledger_is_intact_and_has_a_head() {
    let report = check(&BYTES);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.sessions.len(), 1);
    assert_eq!(report.sessions[0].entries, every_kind().len() as u64);
    assert_ne!(report.head(), Some(Hash::ZERO));
}

#[test]
fn a_ledger_cut_short_at_a_line_shows_in_its_head_alone() {
    let all = lines();
    let report = check(&all[..all.len() - 1].concat());
    assert!(report.is_intact());
    assert_ne!(report.head(), check(&BYTES).head());
}

#[test]
fn a_removed_digit_a_removed_line_and_an_added_line_are_named() {
    let text = String::from_utf8(BYTES.clone()).unwrap();
    assert_eq!(first_bad(text.replacen("102.57", "102.5", 1).as_bytes()), Some(7));
    let all = lines();
    for i in 0..all.len() - 1 {
        let mut fewer = all.clone();
        fewer.remove(i);
        assert_eq!(first_bad(&fewer.concat()), Some(i as u64 + 1));
        let mut more = all.clone();
        more.insert(i + 1, b"{\"run\":99,\"metric\":1,\"status\":\"keep\"}\n".to_vec());
        assert_eq!(first_bad(&more.concat()), Some(i as u64 + 2));
    }
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let line = String::from_utf8(lines()[0].clone()).unwrap();
    let open = line.split_once(",\"hash\":\"b3:").unwrap().0.replace("\"v\":1,", "\"v\":2,");
    let newer = format!("{open},\"hash\":\"{}\"}}\n", Hash::of(open.as_bytes()));
    assert_eq!(check(newer.as_bytes()).broken.unwrap().problem, Problem::Newer(2));
}

#[test]
fn a_broken_ledger_stops_a_session_and_repair_leaves_it_as_it_is() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    let changed = String::from_utf8(BYTES.clone()).unwrap().replacen("338.57", "998.57", 1);
    std::fs::write(&home, &changed).unwrap();
    let error = Ledger::open(&home, None).unwrap_err();
    let LedgerError::Broken { broken, .. } = &error else { panic!("{error}") };
    assert_eq!(broken.line, 2);
    assert_eq!(repair(&home).unwrap(), None);
    assert_eq!(std::fs::read_to_string(&home).unwrap(), changed);
}

#[test]
fn a_home_holds_one_session_and_no_other_lines() {
    let room = Room::new();
    for (name, bytes) in [
        ("two", [&BYTES[..], &BYTES[..]].concat()),
        ("foreign", [b"{\"run\":1,\"metric\":2,\"status\":\"keep\"}\n", &BYTES[..]].concat()),
        ("blank", [b"\n", &BYTES[..]].concat()),
    ] {
        let home = room.path(name);
        std::fs::write(&home, bytes).unwrap();
        assert!(matches!(Ledger::open(&home, None), Err(LedgerError::Broken { .. })), "{name}");
    }
}

#[test]
fn zeros_after_a_power_cut_count_as_unfinished() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    std::fs::write(&home, [&BYTES[..], &[0; 300]].concat()).unwrap();
    let (ledger, opened) = Ledger::open(&home, None).unwrap();
    assert_eq!(opened.torn.unwrap().bytes, 300);
    drop(ledger);
    assert_eq!(std::fs::read(&home).unwrap(), *BYTES);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_changed_byte_is_found_and_its_line_is_named(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let at = at.index(BYTES.len());
        let mut bytes = BYTES.clone();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let line = BYTES[..at].iter().filter(|&&b| b == b'\n').count() as u64 + 1;
        // One that ends a line before its first byte leaves an empty one, and what is broken stands on the next.
        let begins = byte == b'\n' && (at == 0 || BYTES[at - 1] == b'\n');
        prop_assert_eq!(first_bad(&bytes), Some(line + u64::from(begins)));
    }

    #[test]
    fn any_two_lines_swapped_are_found(a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let mut all = lines();
        let (a, b) = (a.index(all.len()), b.index(all.len()));
        prop_assume!(a != b);
        all.swap(a, b);
        prop_assert_eq!(first_bad(&all.concat()), Some(a.min(b) as u64 + 1));
    }

    #[test]
    fn any_unfinished_line_is_cut_and_only_that(at in any::<prop::sample::Index>()) {
        let at = at.index(BYTES.len() + 1);
        let whole = BYTES[..at].iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        let room = Room::new();
        let home = room.path("ledger.jsonl");
        std::fs::write(&home, &BYTES[..at]).unwrap();
        let (mut ledger, opened) = Ledger::open(&home, None).unwrap();
        prop_assert_eq!(opened.torn.map(|torn| torn.bytes), (at > whole).then_some((at - whole) as u64));
        prop_assert_eq!(std::fs::read(&home).unwrap(), &BYTES[..whole]);
        // What comes next continues the chain as if nothing had happened.
        let next = every_kind().remove(opened.entries as usize % every_kind().len());
        ledger.append(next).unwrap();
        drop(ledger);
        prop_assert!(read(&home).unwrap().chain.is_intact());
    }
}
