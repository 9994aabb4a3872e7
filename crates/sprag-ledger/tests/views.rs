//! What people are shown.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod sample;

use camino::Utf8PathBuf;
use sample::{Room, config, run};
use sprag_judge::Reason;
use sprag_ledger::{
    Ledger, Log, Usage, read,
    view::{log_view, run_view, status_view},
};

fn load(name: &str) -> Log {
    read(&Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

#[test]
fn the_table_of_a_session() {
    insta::assert_snapshot!(log_view(&load("v1.jsonl")).to_text(96), @r"
    Faster scoring · p95_ms (ms, lower is better)
    run  p95_ms  change  status         reason     cost  description
      1  338.57          keep           baseline         Baseline
     *2  101.13  -70.1%  keep           improved  $0.50  Map a column instead of walking its rows
      3  102.57  -69.7%  checks_failed  control          Remember the embeddings of past queries
      4       ?          checks_failed  scope            Edited the benchmark \u{1b}[31m by mistake
      5       ?          crash          build            A typo
    ");
}

#[test]
fn the_table_of_another_tools_segments_and_of_a_damaged_file() {
    insta::assert_snapshot!(log_view(&load("pi-segments.jsonl")).to_text(80), @"
    segment 1: Render the feed faster · render_µs (µs, lower is better)
    run  render_µs  change  status  reason    description
      1       5210          keep    baseline  Baseline: 5,210µs
      2          ?          crash             REVERTED: the loop never ended
     *3       4105  -21.2%  keep              One pass instead of two — 21 % less

    segment 2: Serve more at once · requests_s (higher is better)
    no runs yet

    segment 3: Serve more at once, without the log · requests_s (higher is better)
    run  requests_s  change  status         reason    description
      4         910          keep           baseline  Baseline
     *5        1180  +29.7%  keep                     Answer from one buffer
      6        1175  +29.1%  checks_failed            Skip the length check
    ");
    insta::assert_snapshot!(log_view(&load("pi-damaged.jsonl")).to_text(70), @"
    Odd · ms (lower is better)
    run    ms  change  status   reason    description
      1  12.5          keep     baseline  a number written as text
      2    11  -12.0%  merged             a status of another world
      3     ?          discard
     *4    10  -20.0%  keep               bytes that are no UTF-8: ��
      5     9  -28.0%  7
      9     7  -44.0%  discard            said twice
    4 lines were not understood: 4, 5, 10, 13
    ");
}

#[test]
fn one_run_in_full() {
    let log = load("v1.jsonl");
    insta::assert_snapshot!(run_view(&log.session(), 2).unwrap().to_text(), @r#"
    run 2: keep (improved)
      what       Map a column instead of walking its rows
      why        70.1 % less, E = 412 after 3 pairs
      p95_ms     101.13 ms (-70.1% against the baseline's 338.57)
      metrics    db_calls 28, embedder_calls 7
      judged     3 pairs, E = 412.5 (a keep needs 50), noise 2.1%, looking for 2.0%
      trees      0002 after 0001
      commit     c0ffee2
      diff       b3:44a0ab9468ec7f279b75bc2bb5e4493badafecff3eeea3c1627ef2870b542d9a
      output     b3:96e754fa8b2ab9d1f3f8f2d2bb4ec79a18016b212cf44f8fd2f7441e6e97a48b
      agent      claude 2.1
      cost       $0.50, 48k in, 3600 out, 31k cached
      time       propose 41.0 s, build 2.0 s, measure 33.0 s, check 4.5 s
      when       2026-11-24 06:02:00Z
      grade      observed/enforced
      chain      verified, line 5, b3:6d0227d9e4d181aa2dffc28fa3072be0d6fbf16b38372ff329966070f30bf77b
      hypothesis  row-wise calls dominate
      next       ["look at the copies",2]
    "#);
    insta::assert_snapshot!(run_view(&log.session(), 3).unwrap().to_text(), @"
    run 3: checks_failed (control)
      what       Remember the embeddings of past queries
      why        embedder_calls must stay 7, but was 0
      p95_ms     102.57 ms (-69.7% against the baseline's 338.57)
      metrics    db_calls 28, embedder_calls 0
      judged     0 pairs, noise 2.1%, looking for 2.0%
      finding    control: embedder_calls must stay 7, but was 0
      caveat     layout luck is not controlled
      trees      0003 after ?
      commit     c0ffee3
      time       measure 12.5 s
      when       2026-11-24 06:03:00Z
      grade      observed/enforced
      chain      verified, line 7, b3:8293dd9f1e54ac11f1dacf75657945713b4829d77cfa390800f876f93c51f3e0
      rollback_reason  counts must not change in this phase
    ");
    assert!(run_view(&log.session(), 99).is_none());
}

#[test]
fn the_state_of_a_session() {
    insta::assert_snapshot!(status_view(&load("v1.jsonl"), &[]).to_text(), @"
    Faster scoring, phase 1  p95_ms (ms, lower is better)  observed/enforced
    baseline 338.57  best 101.13 (run 2, -70.1%)
    4 experiments: 1 kept, 2 failed checks, 1 crashed; 3 in a row without a keep
    2 min 11 s; 48k tokens in or more (4 unknown); 31k cached or more (4 unknown); 3600 out or more (4 unknown)
    cost: $0.62 or more: 3 of 5 tries told no cost; per percent gained: unknown
    last: run 5 crash (build) A typo
    result: p95_ms 338.2 to 101.4, -70.0% (-69.6% to -70.5%)
    stopped: after 4 experiments
    ");
    insta::assert_snapshot!(status_view(&load("pi-segments.jsonl"), &[]).to_text(), @"
    Render the feed faster  requests_s (higher is better)
    baseline 910  best 1180 (run 5, +29.7%)
    4 experiments: 2 kept, 1 failed checks, 1 crashed
    input tokens unknown; cached tokens unknown; output tokens unknown
    cost: unknown: 4 of 4 tries told no cost
    last: run 6 checks_failed Skip the length check
    unverified: another tool's log, without a chain
    ");
    insta::assert_snapshot!(status_view(&load("pi-no-config.jsonl"), &[]).to_text(), @"
    unnamed  metric (direction unknown)
    baseline 640
    2 experiments: 1 kept, 1 crashed
    input tokens unknown; cached tokens unknown; output tokens unknown
    cost: unknown: 2 of 2 tries told no cost
    last: run 4 keep Again, to be sure
    unverified: another tool's log, without a chain
    ");
    insta::assert_snapshot!(status_view(&Log::default(), &[]).to_text(), @"no session yet");
    insta::assert_snapshot!(log_view(&Log::default()).to_text(80), @"no runs yet");
}

#[test]
fn the_json_of_the_table_and_the_state() {
    let log = load("v1.jsonl");
    insta::assert_snapshot!(serde_json::to_string_pretty(&log_view(&log).segments[0].runs[2]).unwrap(), @r#"
    {
      "run": 3,
      "kind": "experiment",
      "metric": 102.57,
      "delta": -0.6970493546386272,
      "status": "checks_failed",
      "reason": "control",
      "description": "Remember the embeddings of past queries",
      "usage": {},
      "commit": "c0ffee3",
      "timestamp": 1795500180000,
      "chain": "verified"
    }
    "#);
    insta::assert_snapshot!(serde_json::to_string_pretty(&status_view(&log, &[])).unwrap(), @r#"
    {
      "v": 1,
      "session": {
        "name": "Faster scoring",
        "id": "01KDZSAMPLE000000000000000",
        "grade": "observed/enforced",
        "chain": "verified",
        "head": "b3:bad9efb9391c4e002f8247515172202505fbb230de0a298189e49a2c0308bbc6"
      },
      "phase": 1,
      "segments": 1,
      "metric": {
        "name": "p95_ms",
        "unit": "ms",
        "direction": "lower"
      },
      "baseline": 338.57,
      "best": {
        "run": 2,
        "metric": 101.13
      },
      "delta": -0.7013025371415069,
      "last": {
        "run": 5,
        "kind": "experiment",
        "metric": null,
        "delta": null,
        "status": "crash",
        "reason": "build",
        "description": "A typo",
        "usage": {},
        "commit": "c0ffee5",
        "timestamp": 1795500300000,
        "chain": "verified"
      },
      "totals": {
        "runs": 5,
        "experiments": 4,
        "keep": 1,
        "discard": 0,
        "checks_failed": 2,
        "crash": 1,
        "unknown": 0,
        "consecutive_discards": 3,
        "events_without_row": 1,
        "seconds": {
          "propose": 41.0,
          "build": 2.0,
          "measure": 83.0,
          "check": 4.5
        },
        "usd": {
          "known": 0.625,
          "unknown": 3
        },
        "input": {
          "known": 48000.0,
          "unknown": 4
        },
        "output": {
          "known": 3600.0,
          "unknown": 4
        },
        "cached": {
          "known": 31000.0,
          "unknown": 4
        },
        "reasoning": {
          "known": 0.0,
          "unknown": 5
        }
      },
      "bill": {
        "tries": 5,
        "usd": {
          "total": null,
          "known": 0.625,
          "unknown": 3,
          "per_try": 0.3125,
          "per_keep": null,
          "not_kept": null
        },
        "tokens": {
          "total": null,
          "known": 82600.0,
          "unknown": 4,
          "per_try": 82600.0,
          "per_keep": null,
          "not_kept": null
        },
        "computed": 0.0,
        "prices": [],
        "percent": 70.01581170192527,
        "per_percent": null,
        "budgets": []
      },
      "result": {
        "metric": "p95_ms",
        "direction": "lower",
        "baseline": 338.2,
        "final": 101.4,
        "interval": {
          "effect": 1.2045,
          "low": 1.19,
          "high": 1.22,
          "coverage": 0.95
        },
        "demonstrated": true,
        "controls": {
          "p50_ms": [
            201.0,
            88.0
          ]
        },
        "pairs": [
          {
            "order": "ab",
            "db_calls": [
              28.0,
              28.0
            ],
            "p95_ms": [
              338.2,
              101.4
            ]
          }
        ],
        "experiments": 4,
        "keeps": 1,
        "false_keeps": 0.08,
        "grade": "observed/enforced",
        "parent": "0001",
        "tree": "0002",
        "timestamp": 1795500600000
      },
      "stop": {
        "reason": "experiments",
        "detail": "after 4 experiments",
        "timestamp": 1795500601000
      },
      "bad_count": 0
    }
    "#);
    let shown = serde_json::to_value(run_view(&log.session(), 4).unwrap()).unwrap();
    assert!(shown["run"]["metric"].is_null());
    assert_eq!(shown["run"]["reason"], "scope");
}

#[test]
fn rows_in_a_row_are_counted_from_the_last_keep_of_the_segment_and_unknown_costs_stand_apart() {
    let room = Room::new();
    let mut ledger = Ledger::create(&room.path("ledger.jsonl"), None).unwrap();
    ledger.append(config()).unwrap();
    ledger.append(run(1, Some(9.0), None, "Baseline")).unwrap();
    for (number, reason, usd) in [
        (2, Reason::NoGain, Some(0.5)),
        (3, Reason::Improved, None),
        (4, Reason::Build, Some(0.25)),
        (5, Reason::Control, Some(0.25)),
    ] {
        let mut row = run(number, Some(8.0), Some(reason), "a try");
        row.usage = Usage { usd, ..Usage::default() };
        ledger.append(row).unwrap();
    }
    let totals = ledger.log().session().totals();
    assert_eq!((totals.experiments, totals.keep, totals.consecutive_discards), (4, 1, 2));
    assert_eq!((totals.usd.known, totals.usd.unknown), (1.0, 1));
    assert_eq!(ledger.log().session().segment().incumbent().unwrap().run, 3);
    ledger.append(config()).unwrap();
    assert_eq!(ledger.log().session().totals().consecutive_discards, 0);
    assert_eq!(ledger.log().session().segments().len(), 2);
}

#[test]
fn a_skimmed_log_shows_what_the_whole_one_shows() {
    let path = camino::Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1.jsonl"));
    let (whole, skimmed) = (sprag_ledger::read(path).unwrap(), sprag_ledger::skim(path).unwrap());
    assert_eq!(sprag_ledger::view::log_view(&skimmed), sprag_ledger::view::log_view(&whole));
    assert_eq!(sprag_ledger::view::status_view(&skimmed, &[]), sprag_ledger::view::status_view(&whole, &[]));
    assert!(
        whole.runs().any(|run| run.evidence.is_some()) && skimmed.runs().all(|run| run.evidence.is_none())
    );
}
