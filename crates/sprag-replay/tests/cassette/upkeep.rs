//! Looking at cassettes, changing them, comparing them.

use bytes::Bytes;
use sprag_replay::cassette::{Cassette, Recorder, Which, ls, propose, redact, rm, show, verify};
use sprag_replay::{Answer, Asked, Body, CassetteError, HttpAnswer, Key, PostgresAnswer, Timing};

use crate::support::{Folder, asked, http, rules, rules_of};

#[test]
fn ls_counts_by_case_class_and_upstream() {
    let folder = Folder::new();
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    let embedder = |text: &str| Asked { class: Some(1), upstream: "https://e".to_owned(), ..asked(text) };
    for (case, asked) in
        [("a", asked("x")), ("a", asked("x")), ("a", asked("y")), ("a", embedder("z")), ("", asked("x"))]
    {
        recorder.record(case, &asked, http(200, ""), Timing::default());
    }
    recorder.finish().unwrap();
    let listed: Vec<_> = (ls(&Cassette::open(&folder.dir).unwrap()).unwrap().into_iter())
        .map(|l| (l.case, l.class, l.upstream, l.requests, l.answers))
        .collect();
    let of = |case: &str, class: Option<&str>, upstream: &str, requests, answers| {
        (case.to_owned(), class.map(str::to_owned), upstream.to_owned(), requests, answers)
    };
    assert_eq!(
        listed,
        [
            of("", None, "https://a", 1, 1),
            of("a", None, "https://a", 2, 3),
            of("a", Some("embedder_calls"), "https://e", 1, 1),
        ]
    );
}

#[test]
fn show_gives_exchanges_whole() {
    let folder = Folder::new();
    let large = "y".repeat(10_000);
    folder.record(&[("a", "x", "1"), ("a", "x", "2"), ("b", "x", &large)]);
    let cassette = Cassette::open(&folder.dir).unwrap();
    let lines = |which| show(&cassette, which).map(|shown| shown.unwrap().line).collect::<Vec<_>>();
    assert_eq!(lines(Which::Line(2)), [2]);
    assert!(lines(Which::Line(0)).is_empty());
    assert!(lines(Which::Line(u32::MAX)).is_empty());
    assert_eq!(lines(Which::Case("a".to_owned())), [1, 2]);
    assert_eq!(lines(Which::Key(Key::of(b"x"))), [1, 2, 3]);
    let shown = show(&cassette, Which::Line(3)).next().unwrap().unwrap();
    assert_eq!((&*shown.case, shown.ordinal, &shown.canonical[..]), ("b", 0, &b"x"[..]));
    assert_eq!(shown.played.answer, http(200, &large));
}

#[test]
fn rm_leaves_a_cassette_without_it() {
    let folder = Folder::new();
    let large = "y".repeat(10_000);
    folder.record(&[("a", "x", "1"), ("a", "x", "2"), ("a", "y", "3"), ("b", "x", &large)]);
    let cassette = Cassette::open(&folder.dir).unwrap();
    let first_x = show(&cassette, Which::Key(Key::of(b"x"))).next().unwrap().unwrap().line;
    let rest = |exchanges: &[(&str, &str, &str)]| {
        let folder = Folder::new();
        folder.record(exchanges);
        folder.sealed()
    };
    assert_eq!(rm(&folder.dir, &Which::Line(first_x)).unwrap().removed, 1);
    assert_eq!(folder.sealed(), rest(&[("a", "x", "2"), ("a", "y", "3"), ("b", "x", &large)]));
    assert_eq!(rm(&folder.dir, &Which::Case("b".to_owned())).unwrap().removed, 1);
    assert_eq!(folder.sealed(), rest(&[("a", "x", "2"), ("a", "y", "3")]));
    let removed = rm(&folder.dir, &Which::Key(Key::of(b"y"))).unwrap();
    assert_eq!((removed.removed, removed.manifest.interactions), (1, 1));
    let before = folder.sealed();
    assert_eq!(rm(&folder.dir, &Which::Case("nobody".to_owned())).unwrap().removed, 0);
    assert_eq!(folder.sealed(), before);
}

#[test]
fn redact_takes_a_secret_out_of_every_byte() {
    let folder = Folder::new();
    let secret = "s3cr3t-0042";
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    let long = format!("{{\"pad\":\"{}\",\"id\":\"{secret}\"}}", "x".repeat(10_000));
    let of_http = |body: &str| HttpAnswer {
        status: 200,
        headers: vec![
            ("Content-Length".to_owned(), body.len().to_string()),
            ("x-session".to_owned(), format!("id={secret}")),
        ],
        body: Body::of_chunks(&[
            Bytes::copy_from_slice(&body.as_bytes()[..5]),
            Bytes::copy_from_slice(&body.as_bytes()[5..]),
        ]),
        trailers: vec![("x-t".to_owned(), secret.to_owned())],
    };
    let message = [b"D\0\0\0\x11\0\x01\0\0\0\x0b".as_slice(), secret.as_bytes()].concat();
    let coded = HttpAnswer {
        headers: vec![("content-encoding".to_owned(), "zstd".to_owned())],
        body: sprag_replay::Body::whole(zstd::encode_all(&b"x"[..], 1).unwrap()),
        ..of_http("zstd bytes")
    };
    for (request, answer) in [
        ("a", Answer::Http(of_http(&long))),
        ("b", Answer::Postgres(PostgresAnswer { messages: message.into(), state: b'I' })),
        (&*format!("GET https://a/{secret}\n\n"), http(200, "")),
        ("c", Answer::Http(coded)),
    ] {
        recorder.record("a", &asked(request), answer, Timing::default());
    }
    recorder.finish().unwrap();

    let redacted = redact(&folder.dir, "s3cr3t-[0-9]+", None).unwrap();
    assert_eq!(
        (redacted.changed, redacted.keys_changed, &redacted.not_searched[..]),
        (4, 1, &["c".to_owned()][..])
    );
    for (name, bytes) in folder.sealed() {
        let bytes =
            if name.ends_with(".zst") { zstd::bulk::decompress(&bytes, 1 << 20).unwrap() } else { bytes };
        assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{name}");
    }
    assert!(!folder.read("timings.jsonl").contains(secret));
    assert!(verify(&folder.dir).unwrap().damaged.is_empty());
    let cassette = Cassette::open(&folder.dir).unwrap();
    let played =
        |request: &str| cassette.answer(cassette.find("a", asked(request).key()).unwrap(), 0).unwrap();
    let Answer::Http(http) = &played("a").answer else { panic!() };
    assert!(http.body.bytes.ends_with(b"\"id\":\"REDACTED\"}"));
    assert_eq!(http.headers[0].1, http.body.bytes.len().to_string());
    assert_eq!(http.headers[1].1, "id=REDACTED");
    let Answer::Postgres(postgres) = &played("b").answer else { panic!() };
    assert!(postgres.messages.ends_with(b"***********"), "its frame keeps its length");
    assert!(cassette.find("a", asked("GET https://a/REDACTED\n\n").key()).is_some());

    let again = redact(&folder.dir, "s3cr3t-[0-9]+", None).unwrap();
    assert_eq!((again.changed, again.manifest), (0, redacted.manifest));
}

#[test]
fn redacting_makes_requests_the_same_in_their_old_order() {
    let folder = Folder::new();
    folder.record(&[("a", "GET https://a/?n=1\n\n", "1"), ("a", "GET https://a/?n=2\n\n", "2")]);
    redact(&folder.dir, r"\?n=(\d)", Some(&rules_of(&["other_calls_too"]))).unwrap();
    let cassette = Cassette::open(&folder.dir).unwrap();
    let slot = cassette.find("a", asked("GET https://a/?n=REDACTED\n\n").key()).unwrap();
    assert_eq!(cassette.answers(slot), 2);
    assert_eq!(cassette.manifest().classes, ["other_calls_too"]);
}

#[test]
fn a_pattern_that_is_none_changes_nothing() {
    let folder = Folder::new();
    folder.record(&[("a", "x", "1")]);
    assert!(matches!(redact(&folder.dir, "(", None), Err(CassetteError::Pattern(_))));
}

#[test]
fn what_differs_between_recordings_is_proposed() {
    let recording = |id: [&str; 2], ts: &str| {
        let folder = Folder::new();
        let request = |n: usize, id: &str| {
            format!(
                "POST https://a/v1/embeddings\n?ts={ts}\ncontent-type: application/json\n\njson\n{{\"input\":[\"text {n}\"],\"request_id\":\"{id}\"}}"
            )
        };
        folder.record(&[
            ("a", &request(1, id[0]), "1"),
            ("a", &request(2, id[1]), "2"),
            ("a", "GET https://a/same\n\n", "3"),
            ("b", &format!("GET https://a/jobs/{}/state\n", id[0]), "4"),
        ]);
        folder
    };
    let (first, second) = (recording(["k1", "k2"], "17"), recording(["m1", "m2"], "23"));
    let opened = |folder: &Folder| Cassette::open(&folder.dir).unwrap();
    let comparison = propose(&opened(&first), &opened(&second)).unwrap();
    let parts: Vec<_> = (comparison.proposals.iter())
        .map(|proposal| (serde_json::to_string(&proposal.part).unwrap(), proposal.requests))
        .collect();
    assert_eq!(
        parts,
        [
            (r#"{"json":"$.request_id"}"#.to_owned(), 2),
            (r#"{"query":"ts"}"#.to_owned(), 2),
            (r#"{"path":"^/jobs/([^/]+)/state$"}"#.to_owned(), 1),
        ]
    );
    assert_eq!(comparison.unmatched, []);
    assert_eq!(propose(&opened(&first), &opened(&first)).unwrap(), Default::default());
}

#[test]
fn requests_without_a_like_are_named() {
    let (first, second) = (Folder::new(), Folder::new());
    first.record(&[("a", "GET https://a/x\n\n", "1")]);
    second.record(&[
        ("a", "GET https://a/x\n\n", "1"),
        ("a", "GET https://a/x\n\n", "1"),
        ("a", "PUT https://a/y/z\n\n", "1"),
    ]);
    let comparison =
        propose(&Cassette::open(&first.dir).unwrap(), &Cassette::open(&second.dir).unwrap()).unwrap();
    assert_eq!(comparison.proposals, []);
    let named: Vec<_> = comparison.unmatched.iter().map(|alone| (&*alone.label, alone.in_first)).collect();
    assert_eq!(named.len(), 2);
    assert!(named.iter().all(|(_, in_first)| !in_first), "{named:?}");
}
