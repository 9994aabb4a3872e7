//! The cassette from outside: what is recorded comes back, the same traffic makes the same bytes, and what is damaged is
//! named.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod damage;
mod fixture;
mod support;
mod upkeep;

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use sprag_replay::cassette::{Cassette, Recorder, verify};
use sprag_replay::{Answer, Body, CassetteError, HttpAnswer, Key, PostgresAnswer, TcpAnswer, Timing};

use support::{Exchange, Folder, asked, http, rules, rules_of};

#[test]
fn what_was_recorded_is_played() {
    let folder = Folder::new();
    let gzip: Bytes = (0..100_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let chunked = Body::of_chunks(&["data: 1\n\n".into(), "data: 2\n\n".into()]);
    let trailers = vec![("grpc-status".to_owned(), "0".to_owned())];
    let headers = vec![("Content-Type".to_owned(), "text/event-stream".to_owned())];
    let answers = [
        Answer::Http(HttpAnswer { status: 200, headers, body: chunked, trailers }),
        http(204, ""),
        Answer::Http(HttpAnswer { status: 200, body: Body::whole(gzip), ..HttpAnswer::default() }),
        Answer::Postgres(PostgresAnswer {
            messages: Bytes::from_static(b"D\0\0\0\x0b\0\x01\xff\xfe\0"),
            state: b'T',
        }),
        Answer::Redis("$3\r\n\u{fc}x\r\n".into()),
        Answer::Tcp(TcpAnswer {
            bytes: "220 ready\r\n".into(),
            closes: true,
            next: Bytes::from_static(b"\xff"),
        }),
    ];
    let timing = Timing { first_us: 7, last_us: 9 };
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    for (n, answer) in answers.iter().enumerate() {
        recorder.record("one", &asked(&format!("GET https://a/{n}\n\n")), answer.clone(), timing);
    }
    let large = "x".repeat(100_000);
    recorder.record("one", &asked(&large), http(200, "large"), timing);
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.interactions, summary.added, summary.cases), (7, 7, 1));

    let cassette = Cassette::open(&folder.dir).unwrap();
    for (n, answer) in answers.iter().enumerate() {
        let slot = cassette.find("one", asked(&format!("GET https://a/{n}\n\n")).key()).unwrap();
        for _ in 0..2 {
            let played = cassette.answer(slot, 0).unwrap();
            assert_eq!((&played.answer, played.timing), (answer, Some(timing)));
        }
        assert!(cassette.answer(slot, 1).is_err());
    }
    assert!(cassette.find("one", asked(&large).key()).is_some());
    assert!(verify(&folder.dir).unwrap().damaged.is_empty());
    assert_eq!(cassette.manifest().blobs, 2, "the large request and the large answer");
}

#[test]
fn cases_have_answers_of_their_own() {
    let folder = Folder::new();
    let request = asked("GET https://a/\n\n");
    folder.record(&[
        ("b", "GET https://a/\n\n", "1"),
        ("b", "GET https://a/\n\n", "2"),
        ("a", "GET https://a/\n\n", "3"),
        ("a", "GET https://a/other\n\n", "4"),
    ]);
    let cassette = Cassette::open(&folder.dir).unwrap();
    let played = |case: &str, nth| match &cassette
        .answer(cassette.find(case, request.key()).unwrap(), nth)
        .unwrap()
        .answer
    {
        Answer::Http(http) => http.body.bytes.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!([played("b", 0), played("b", 1), played("a", 0)], ["1", "2", "3"]);
    assert_eq!(cassette.cases(), ["a", "b"]);
    assert_eq!(cassette.slots(), 3);
    assert!(cassette.find("c", request.key()).is_none());
    assert_eq!(cassette.case_of(cassette.find_in_any_case(request.key()).unwrap()), "a");
    assert!(cassette.find_in_any_case(Key::of(b"unknown")).is_none());
}

#[test]
fn requests_are_counted_by_case_and_class() {
    let folder = Folder::new();
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    let of_class = |text: &str, class| sprag_replay::Asked { class, ..asked(text) };
    let record = |case: &str, asked: &_| recorder.record(case, asked, http(200, ""), Timing::default());
    (0..3).for_each(|_| record("a", &of_class("x", Some(1))));
    record("a", &of_class("y", Some(0)));
    record("a", &of_class("z", None));
    record("b", &of_class("x", Some(1)));
    record("a", &sprag_replay::Asked { aside: true, ..of_class("describe", Some(1)) });
    recorder.finish().unwrap();
    let cassette = Cassette::open(&folder.dir).unwrap();
    let requests = |case: &str, class| cassette.requests(case, class).collect::<Vec<_>>();
    assert_eq!(requests("a", Some(1)), [(Key::of(b"x"), 3)]);
    assert_eq!(requests("a", Some(0)), [(Key::of(b"y"), 1)]);
    assert_eq!(requests("a", None), [(Key::of(b"z"), 1)]);
    assert_eq!(requests("b", Some(1)), [(Key::of(b"x"), 1)]);
    assert_eq!(requests("", Some(1)), [], "what is about the connection is not counted");
    assert_eq!(requests("c", None), []);
    assert_eq!(requests("a", Some(usize::MAX)), []);
}

#[test]
fn what_is_about_the_connection_is_kept_once() {
    let folder = Folder::new();
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    let aside = sprag_replay::Asked { aside: true, ..asked("describe") };
    for case in ["b", "a"] {
        recorder.record(case, &aside, http(200, "same"), Timing::default());
    }
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.interactions, summary.ambiguous.len()), (1, 0));
    let cassette = Cassette::open(&folder.dir).unwrap();
    assert!(cassette.find("", aside.key()).is_some());
}

#[test]
fn requests_with_several_answers_are_reported() {
    let folder = Folder::new();
    let summary =
        folder.record(&[("a", "x", "1"), ("a", "x", "2"), ("b", "x", "3"), ("a", "y", "1"), ("a", "y", "1")]);
    let [ambiguous] = &summary.ambiguous[..] else { panic!("{:?}", summary.ambiguous) };
    assert_eq!((&*ambiguous.case, &*ambiguous.label, ambiguous.times), ("a", "x", 2));
}

#[test]
fn requests_that_differ_in_what_is_masked_are_reported_though_they_are_answered_alike() {
    let folder = Folder::new();
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    for (text, masked) in [("x", 1), ("x", 1), ("y", 1), ("y", 2)] {
        let asked = sprag_replay::Asked { masked, ..asked(text) };
        recorder.record("a", &asked, http(200, "same"), Timing::default());
    }
    let summary = recorder.finish().unwrap();
    let labels: Vec<&str> = summary.ambiguous.iter().map(|one| &*one.label).collect();
    assert_eq!(labels, ["y"]);
}

#[test]
fn what_is_known_stays_and_what_was_missing_is_added() {
    let folder = Folder::new();
    let large = "z".repeat(10_000);
    folder.record(&[("b", "x", "1"), ("b", "y", &large)]);
    let known = Cassette::open(&folder.dir).unwrap();
    let recorder = Recorder::create(&folder.dir, rules(), Some(&known)).unwrap();
    recorder.record("a", &asked("x"), http(200, "2"), Timing::default());
    recorder.record("b", &asked("x"), http(200, "3"), Timing::default());
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.interactions, summary.added), (4, 2));

    let all = Folder::new();
    all.record(&[("a", "x", "2"), ("b", "x", "1"), ("b", "x", "3"), ("b", "y", &large)]);
    assert_eq!(folder.sealed(), all.sealed(), "as if it had been recorded at once");
    assert!(verify(&folder.dir).unwrap().damaged.is_empty());

    let other = Recorder::create(&folder.dir, rules_of(&["another_calls"]), Some(&known));
    assert_eq!(other.unwrap_err(), CassetteError::Rules(folder.dir.clone()));
}

#[test]
fn a_recording_that_is_cut_short_leaves_what_was_there() {
    let folder = Folder::new();
    folder.record(&[("a", "x", "1")]);
    let before = folder.sealed();
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    recorder.record("a", &asked("y"), http(200, &"2".repeat(10_000)), Timing::default());
    // Killed: nothing is dropped, and the lock goes with the process.
    let left = folder.dir.parent().unwrap().join(".cassette.recording");
    assert!(left.join("blobs").exists());
    assert!(matches!(Recorder::create(&folder.dir, rules(), None), Err(CassetteError::Locked(_))));
    drop(recorder);
    assert!(!left.exists());
    assert_eq!(folder.sealed(), before);

    fs::create_dir_all(left.join("blobs")).unwrap();
    fs::write(left.join("spool"), "rest of a process that was killed").unwrap();
    folder.record(&[("a", "z", "3")]);
    assert!(verify(&folder.dir).unwrap().damaged.is_empty());
    assert!(!left.exists());
}

#[test]
fn what_cannot_be_kept_fails_the_recording_and_not_the_cassette() {
    let folder = Folder::new();
    folder.record(&[("a", "x", "1")]);
    let before = folder.sealed();
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    let bomb = HttpAnswer {
        status: 200,
        headers: vec![("x".to_owned(), "y".repeat(2 << 20))],
        ..HttpAnswer::default()
    };
    recorder.record("a", &asked("bomb"), Answer::Http(bomb), Timing::default());
    recorder.record("a", &asked("x"), http(200, "2"), Timing::default());
    let error = recorder.finish().unwrap_err();
    assert!(matches!(&error, CassetteError::Refused { label, .. } if label == "bomb"), "{error}");
    assert_eq!(recorder.finish().unwrap_err(), error);
    recorder.record("a", &asked("late"), http(200, ""), Timing::default());
    assert_eq!(folder.sealed(), before);
}

#[test]
fn an_answer_that_cannot_be_searched_for_secrets_fails_the_recording() {
    let encoded = |coding: &str, body: &'static [u8]| {
        Answer::Http(HttpAnswer {
            status: 200,
            headers: vec![("Content-Encoding".to_owned(), coding.to_owned())],
            body: sprag_replay::Body::whole(body),
            ..HttpAnswer::default()
        })
    };
    for (coding, body, is_kept) in
        [("br", &b"x"[..], false), ("gzip", b"no gzip", false), ("br", b"", true), ("identity", b"x", true)]
    {
        let folder = Folder::new();
        let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
        recorder.record("a", &asked("GET /x"), encoded(coding, body), Timing::default());
        match recorder.finish() {
            Ok(_) => assert!(is_kept, "{coding}"),
            Err(error) => {
                assert!(!is_kept, "{error}");
                let told = error.to_string();
                assert!(
                    told.contains("GET /x") && told.contains(coding) && told.contains("unencoded"),
                    "{told}"
                );
                assert!(!folder.dir.exists(), "nothing is sealed");
            }
        }
    }
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let folder = Folder::new();
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    recorder.record("a", &asked("x"), Answer::Postgres(PostgresAnswer::default()), Timing::default());
    assert!(matches!(recorder.finish(), Err(CassetteError::Refused { .. })));
}

#[test]
fn secrets_in_answers_reach_no_file() {
    let folder = Folder::new();
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    let secret = "pl4nted-s3cret";
    for padding in [0, 10_000] {
        let body = format!("{{\"pad\":\"{}\",\"access_token\":\"{secret}\"}}", "x".repeat(padding));
        let headers =
            [("Set-Cookie", format!("id={secret}")), ("Content-Type", "application/json".to_owned())];
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let answer = HttpAnswer { status: 200, headers, body: Body::whole(body), trailers: Vec::new() };
        recorder.record("a", &asked("x"), Answer::Http(answer), Timing::default());
    }
    recorder.finish().unwrap();
    for (name, bytes) in folder.sealed() {
        let bytes =
            if name.ends_with(".zst") { zstd::bulk::decompress(&bytes, 1 << 20).unwrap() } else { bytes };
        assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{name}");
    }
}

#[test]
fn a_folder_with_other_files_is_not_replaced() {
    let folder = Folder::new();
    fs::create_dir_all(&folder.dir).unwrap();
    fs::write(folder.dir.join("notes.txt"), "mine").unwrap();
    let error = Recorder::create(&folder.dir, rules(), None).unwrap_err();
    assert_eq!(error, CassetteError::Foreign(folder.dir.join("notes.txt")));
}

#[test]
fn a_link_to_a_cassette_stays_one() {
    let folder = Folder::new();
    folder.record(&[("a", "x", "1")]);
    let link = folder.dir.parent().unwrap().join("link");
    std::os::unix::fs::symlink(&folder.dir, &link).unwrap();
    let recorder = Recorder::create(&link, rules(), None).unwrap();
    recorder.record("a", &asked("y"), http(200, "2"), Timing::default());
    recorder.finish().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(Cassette::open(&folder.dir).unwrap().find("a", asked("y").key()).is_some());
}

#[test]
fn how_the_network_cut_a_body_is_not_sealed() {
    let recorded = |pieces: &[Bytes]| {
        let folder = Folder::new();
        let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
        let answer = HttpAnswer { status: 200, body: Body::of_chunks(pieces), ..HttpAnswer::default() };
        recorder.record(
            "a",
            &asked("x"),
            Answer::Http(answer),
            Timing { first_us: pieces.len() as u64, last_us: 0 },
        );
        recorder.finish().unwrap();
        folder
    };
    let (cut, whole) = (recorded(&["a".into(), "b".into()]), recorded(&["ab".into()]));
    assert_eq!(cut.sealed(), whole.sealed());
    fs::remove_file(cut.dir.join("timings.jsonl")).unwrap();
    let cassette = Cassette::open(&cut.dir).unwrap();
    let played = cassette.answer(cassette.find("a", asked("x").key()).unwrap(), 0).unwrap();
    assert_eq!((&played.answer, played.timing), (&http(200, "ab"), None));
}

#[test]
fn a_cassette_of_nothing_is_one() {
    let folder = Folder::new();
    folder.record(&[]);
    let cassette = Cassette::open(&folder.dir).unwrap();
    assert_eq!((cassette.slots(), cassette.cases().len()), (0, 0));
    assert!(verify(&folder.dir).unwrap().damaged.is_empty());
}

#[test]
fn the_rules_must_be_those_of_the_recording() {
    let folder = Folder::new();
    folder.record(&[("a", "x", "1")]);
    let cassette = Cassette::open(&folder.dir).unwrap();
    assert_eq!(cassette.check_rules(&rules()), Ok(()));
    assert!(cassette.check_rules(&rules_of(&[])).is_err());
}

/// How much of this process is in memory, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn very_many_answers_stay_on_disk() {
    let count = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    let folder = Folder::new();
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    let body = |n: u32| format!("{n:01024}");
    let request = |n: u32| asked(&format!("POST https://a/\n\ntext\n{}", body(n)));
    for n in 0..count {
        recorder.record("a", &request(n), http(200, &body(n)), Timing::default());
    }
    recorder.finish().unwrap();
    drop(recorder);
    let cassette = Cassette::open(&folder.dir).unwrap();
    for n in (0..count).step_by(2) {
        let slot = cassette.find("a", request(n).key()).unwrap();
        assert_eq!(cassette.answer(slot, 0).unwrap().answer, http(200, &body(n)));
    }
    let resident = resident();
    assert!(resident < 90_000_000, "{resident} bytes");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_exchange_comes_back(exchanges in proptest::collection::vec(support::exchange(), 0..12)) {
        let folder = Folder::new();
        let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
        for Exchange { case, asked, answer, timing } in &exchanges {
            recorder.record(case, asked, answer.clone(), *timing);
        }
        recorder.finish().unwrap();
        let cassette = Cassette::open(&folder.dir).unwrap();
        let mut turns = std::collections::HashMap::new();
        for Exchange { case, asked, answer, timing } in &exchanges {
            let slot = cassette.find(case, asked.key()).unwrap();
            let turn = turns.entry(slot.index()).or_insert(0);
            let played = cassette.answer(slot, *turn).unwrap();
            prop_assert_eq!((&played.answer, played.timing), (answer, Some(*timing)));
            *turn += 1;
        }
        prop_assert!(verify(&folder.dir).unwrap().damaged.is_empty());
    }

    #[test]
    fn concurrency_makes_no_difference_to_the_bytes(
        exchanges in proptest::collection::vec(support::exchange(), 1..40),
    ) {
        // Each request has one label and one answer here: which of several comes first is what concurrency does decide.
        let mut of_request = std::collections::HashMap::new();
        for Exchange { case, asked, answer, .. } in &exchanges {
            of_request.entry((case.clone(), asked.key())).or_insert((asked.clone(), answer.clone()));
        }
        let recorded = |threads: usize| {
            let folder = Folder::new();
            let recorder = Arc::new(Recorder::create(&folder.dir, rules(), None).unwrap());
            std::thread::scope(|scope| {
                for thread in 0..threads {
                    let (recorder, exchanges, of_request) = (&recorder, &exchanges, &of_request);
                    scope.spawn(move || {
                        for Exchange { case, asked, timing, .. } in exchanges.iter().skip(thread).step_by(threads) {
                            let (asked, answer) = &of_request[&(case.clone(), asked.key())];
                            recorder.record(case, asked, answer.clone(), *timing);
                        }
                    });
                }
            });
            recorder.finish().unwrap();
            folder
        };
        prop_assert_eq!(recorded(1).sealed(), recorded(4).sealed());
    }
}
