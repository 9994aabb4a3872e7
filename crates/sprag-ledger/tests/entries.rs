//! What is written reads back, whatever it is; what would not is refused.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod sample;

use proptest::prelude::*;
use sample::{Room, config, every_kind, evidence, run};
use serde_json::{Map, Value, json};
use sprag_judge::{Reason, Status};
use sprag_ledger::view::status_view;
use sprag_ledger::{Cheated, Entry, Fate, Ledger, LedgerError, RedTeam, Run, RunKind, UnixMs, Usage, read};

#[test]
fn every_kind_of_entry_reads_back() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    let mut ledger = Ledger::create(&home, None).unwrap();
    for entry in every_kind() {
        ledger.append(entry).unwrap();
    }
    let log = read(&home).unwrap();
    let entries: Vec<Entry> = log.records.iter().map(|record| record.entry.clone()).collect();
    assert_eq!(entries, every_kind());
    assert_eq!(log.bad_count, 0);
    assert_eq!(*ledger.log(), log);
    let stored = log.runs().nth(1).unwrap().evidence.as_ref().unwrap().get().unwrap().into_owned();
    assert_eq!(stored, evidence());
}

#[test]
fn a_missing_metric_is_zero_on_the_line_and_unknown_when_read() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    let mut ledger = Ledger::create(&home, None).unwrap();
    ledger.append(run(1, None, Some(Reason::Build), "no build")).unwrap();
    ledger.append(run(2, None, Some(Reason::Scope), "never measured")).unwrap();
    ledger.append(run(3, Some(0.0), Some(Reason::Improved), "a true zero")).unwrap();
    let text = std::fs::read_to_string(&home).unwrap();
    assert_eq!(text.matches("\"metric\":0.0").count(), 3);
    let metrics: Vec<_> = read(&home).unwrap().runs().map(|run| run.metric).collect();
    assert_eq!(metrics, [None, None, Some(0.0)]);
}

#[test]
fn a_number_that_is_not_finite_is_refused_and_nothing_is_written() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    let mut ledger = Ledger::create(&home, None).unwrap();
    let mut bad = run(1, Some(1.0), None, "Baseline");
    bad.metrics.insert("rate".into(), f64::INFINITY);
    assert!(matches!(ledger.append(bad), Err(LedgerError::Refused { .. })));
    let disguised = Entry::Unknown(json!({"run": 1, "metric": 2.0, "status": "keep"}));
    assert!(matches!(ledger.append(disguised), Err(LedgerError::Refused { .. })));
    assert_eq!(std::fs::metadata(&home).unwrap().len(), 0);
    assert_eq!(ledger.append(config()).unwrap().seq, 0);
}

#[test]
fn words_that_look_like_keys_of_the_line_stay_words() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    let mut ledger = Ledger::create(&home, None).unwrap();
    let trap = r#"},"evidence":{"x":1},"unmeasured":true,"hash":"b3:00"}"#;
    let mut row = run(1, Some(2.0), Some(Reason::NoGain), trap);
    row.asi.insert("evidence".into(), json!({"evidence": {"hash": trap}}));
    row.asi
        .insert("a,\"evidence\":{".into(), json!({"b": 1, "evidence": {"c": [1, {"d": 2, "evidence": {}}]}}));
    row.metrics.insert("evidence".into(), 3.0);
    row.evidence = Some(evidence().into());
    ledger.append(row.clone()).unwrap();
    assert_eq!(read(&home).unwrap().runs().next(), Some(&row));
}

#[test]
fn a_second_writer_is_kept_out() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    let first = Ledger::create(&home, None).unwrap();
    assert!(matches!(Ledger::open(&home, None), Err(LedgerError::Locked(_))));
    drop(first);
    assert!(Ledger::open(&home, None).is_ok());
    assert!(matches!(Ledger::create(&home, None), Err(LedgerError::Exists(_))));
    assert!(matches!(Ledger::open(&room.path("none"), None), Err(LedgerError::Missing(_))));
}

#[test]
fn a_home_that_was_changed_or_removed_is_not_written_to() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    let mut ledger = Ledger::create(&home, None).unwrap();
    ledger.append(config()).unwrap();
    std::fs::write(&home, "").unwrap();
    assert!(matches!(ledger.append(config()), Err(LedgerError::Moved(_))));
    drop(ledger);
    let home = room.path("other.jsonl");
    let mut ledger = Ledger::create(&home, None).unwrap();
    std::fs::remove_file(&home).unwrap();
    assert!(matches!(ledger.append(config()), Err(LedgerError::Moved(_))));
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>().prop_filter("finite", |n| n.is_finite()), (-1000i32..1000).prop_map(f64::from)]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

prop_compose! {
    fn any_run()(
        number in any::<u64>(),
        metric in prop::option::of(number()),
        metrics in prop::collection::btree_map("[a-z_µ]{1,8}", number(), 0..4),
        status in prop::sample::select(vec![Status::Keep, Status::Discard, Status::ChecksFailed, Status::Crash]),
        kind in prop::option::of(Just(RunKind::Confirm)),
        words in any::<[String; 3]>(),
        when in prop::option::of(any::<i64>()),
        asi in prop::collection::btree_map(any::<String>(), json_value(), 0..4),
        usd in prop::option::of(number()),
        with_evidence in any::<bool>(),
    ) -> Run {
        let [description, detail, commit] = words;
        Run {
            run: number,
            metric: metric.filter(|&metric| status != Status::Crash || metric != 0.0),
            metrics,
            status: status.into(),
            kind,
            description,
            detail,
            commit,
            timestamp: when.map(UnixMs),
            asi: asi.into_iter().collect(),
            usage: Usage { usd, ..Usage::default() },
            evidence: with_evidence.then(|| evidence().into()),
            ..Run::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_run_reads_back_to_the_bit(row in any_run()) {
        let room = Room::new();
        let home = room.path("ledger.jsonl");
        let mut ledger = Ledger::create(&home, None).unwrap();
        ledger.append(row.clone()).unwrap();
        let log = read(&home).unwrap();
        prop_assert_eq!(log.runs().next(), Some(&row));
    }

    #[test]
    fn no_bytes_upset_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let room = Room::new();
        let path = room.path("log.jsonl");
        std::fs::write(&path, bytes).unwrap();
        read(&path).unwrap();
    }

    #[test]
    fn no_json_upsets_the_reader(values in prop::collection::vec(json_value(), 9)) {
        let keys = ["type", "run", "metric", "status", "metrics", "asi", "usage", "timestamp", "hash"];
        let object: Map<String, Value> = keys.into_iter().map(str::to_owned).zip(values).collect();
        let mut config = object.clone();
        config.insert("type".into(), "config".into());
        let mut row = object.clone();
        row.shift_remove("type");
        row.insert("run".into(), 1.into());
        let text: String = [object, config, row].map(|map| format!("{}\n", Value::Object(map))).concat();
        let room = Room::new();
        let path = room.path("log.jsonl");
        std::fs::write(&path, text).unwrap();
        let log = read(&path).unwrap();
        prop_assert_eq!(log.records.len() as u64 + log.bad_count, 3);
    }
}

#[test]
fn what_became_of_planted_cheats_reads_back_and_is_shown_until_another_look() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    let mut ledger = Ledger::create(&home, None).unwrap();
    let cheated = |cheat: &str, fate: Fate, reason: Option<Reason>| Cheated {
        cheat: cheat.to_owned(),
        did: "`score` always gives what it gave first".to_owned(),
        fate,
        reason,
        detail: "why".to_owned(),
        remedy: None,
    };
    let mut tried = RedTeam { contract: Some("b3:another".to_owned()), ..RedTeam::default() };
    tried.cheats.push(cheated("constant-output", Fate::LetThrough, None));
    tried.cheats.push(cheated("by-heart", Fate::Caught, Some(Reason::Hidden)));
    tried.cheats.push(cheated("cached-result", Fate::BrokeIt, Some(Reason::Crash)));
    ledger.append(config()).unwrap();
    ledger.append(RedTeam::default()).unwrap();
    ledger.append(tried.clone()).unwrap();
    let log = read(&home).unwrap();
    assert_eq!(log.records[2].entry, Entry::RedTeam(tried));
    insta::assert_snapshot!(status_view(&log, &[]).to_text().lines().last().unwrap(), @"redteam: 1 of 2 caught, 1 let through (constant-output), 1 said nothing; the contract or the harness has changed since");
}
