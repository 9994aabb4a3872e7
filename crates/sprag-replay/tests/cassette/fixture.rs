//! Version 1 as it was written once: it must stay readable, and as long as it is the version, nothing else is written.

use std::fs;

use bytes::Bytes;
use camino::Utf8Path;
use sprag_replay::cassette::{Cassette, Recorder, VERSION, verify};
use sprag_replay::{Answer, Asked, Body, HttpAnswer, PostgresAnswer, TcpAnswer, Timing};

use crate::support::{Folder, asked, rules};

const EMBED: &str = "POST https://api.example.com/v1/embeddings\ncontent-type: application/json\n\njson\n{\"input\":[\"tea\",\"café\"]}";
const SQL: &str = "postgres://127.0.0.1:5432\nSELECT name FROM users WHERE id = $1\n$1 23 text 7";
const MISSING: &str = "GET https://api.example.com/missing\n";

fn fixture() -> &'static Utf8Path {
    Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cassette-v1"))
}

fn exchanges() -> Vec<(&'static str, Asked, Answer, Timing)> {
    let of = |upstream: &str, label: &str, canonical: &str, class| Asked {
        upstream: upstream.to_owned(),
        label: label.to_owned(),
        class,
        ..asked(canonical)
    };
    let (api, db) = ("https://api.example.com", "postgres://127.0.0.1:5432");
    let embedding: Vec<String> = (0..1_000).map(|n| format!("0.{:04}", n * 7 % 10_000)).collect();
    let embedding = format!("{{\"data\":[[{}]]}}", embedding.join(","));
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    let large = HttpAnswer {
        status: 200,
        headers: headers.clone(),
        body: Body::whole(embedding),
        ..HttpAnswer::default()
    };
    let events = HttpAnswer {
        status: 200,
        headers,
        body: Body::of_chunks(&["data: 1\n\n".into(), "data: 2\n\n".into()]),
        trailers: vec![("grpc-status".to_owned(), "0".to_owned())],
    };
    let row = Bytes::from_static(b"D\0\0\0\x0f\0\x01\0\0\0\x05caf\xe9!C\0\0\0\rSELECT 1\0");
    let time = |first_us, last_us| Timing { first_us, last_us };
    vec![
        ("one", of(api, "POST /v1/embeddings", EMBED, Some(1)), Answer::Http(large), time(1_000, 2_000)),
        ("one", of(api, "POST /v1/embeddings", EMBED, Some(1)), Answer::Http(events), time(900, 1_900)),
        ("one", of(db, "SELECT name FROM users WHERE id = $1", SQL, Some(0)), postgres(row), time(70, 71)),
        (
            "two",
            of(api, "GET /missing", MISSING, None),
            Answer::Http(HttpAnswer { status: 404, ..HttpAnswer::default() }),
            time(5, 5),
        ),
        (
            "two",
            of("redis://127.0.0.1:6379", "GET a", "redis://127.0.0.1:6379\nGET a", None),
            Answer::Redis("$1\r\nb\r\n".into()),
            time(3, 3),
        ),
        ("two", of("tcp://127.0.0.1:25", "turn 1", "tcp://127.0.0.1:25\nEHLO", None), tcp(), time(4, 4)),
        (
            "two",
            Asked { aside: true, ..of(db, "connect", "postgres://127.0.0.1:5432\n-- connect", None) },
            postgres(Bytes::new()),
            time(1, 1),
        ),
    ]
}

fn postgres(messages: Bytes) -> Answer {
    Answer::Postgres(PostgresAnswer { messages, state: b'I' })
}

fn tcp() -> Answer {
    Answer::Tcp(TcpAnswer { bytes: "250 ok\r\n".into(), closes: true, next: Bytes::new() })
}

#[test]
fn version_1_is_read() {
    let cassette = Cassette::open(fixture()).unwrap();
    assert_eq!((cassette.manifest().version, cassette.manifest().interactions), (1, 7));
    let mut turns = std::collections::HashMap::new();
    for (case, asked, answer, timing) in exchanges() {
        let case = if asked.aside { "" } else { case };
        let slot = cassette.find(case, asked.key()).unwrap();
        let turn = turns.entry(slot.index()).or_insert(0);
        let played = cassette.answer(slot, *turn).unwrap();
        assert_eq!((&played.answer, played.timing), (&answer, Some(timing)));
        *turn += 1;
    }
    assert_eq!(verify(fixture()).unwrap().damaged, []);
}

#[test]
fn what_is_written_is_version_1() {
    assert_eq!(VERSION, 1, "keep this fixture, and write another for the new version");
    let folder = Folder::new();
    let recorder = Recorder::create(&folder.dir, rules(), None).unwrap();
    for (case, asked, answer, timing) in exchanges() {
        recorder.record(case, &asked, answer, timing);
    }
    recorder.finish().unwrap();
    for name in ["interactions.jsonl", "timings.jsonl"] {
        assert_eq!(folder.read(name), fs::read_to_string(fixture().join(name)).unwrap(), "{name}");
    }
}
