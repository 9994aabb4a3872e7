//! Rules, requests and answers for the tests.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use proptest::prelude::*;
use serde_json::json;
use sprag_replay::cassette::{Recorder, Summary};
use sprag_replay::{Answer, Asked, Body, HttpAnswer, PostgresAnswer, Rules, TcpAnswer, Timing};

/// A cassette in a folder that goes with it.
pub(crate) struct Folder {
    pub(crate) dir: Utf8PathBuf,
    _temporary: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir =
            Utf8Path::from_path(temporary.path()).unwrap().canonicalize_utf8().unwrap().join("cassette");
        Self { dir, _temporary: temporary }
    }

    /// Records exchanges: case, canonical form, body of the answer.
    pub(crate) fn record(&self, exchanges: &[(&str, &str, &str)]) -> Summary {
        let recorder = Recorder::create(&self.dir, rules(), None).unwrap();
        for (case, canonical, body) in exchanges {
            recorder.record(case, &asked(canonical), http(200, body), Timing::default());
        }
        recorder.finish().unwrap()
    }

    /// Every byte that should be the same after the same traffic.
    pub(crate) fn sealed(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = vec!["manifest.json".to_owned(), "interactions.jsonl".to_owned()];
        let blobs = self.dir.join("blobs").read_dir_utf8().unwrap();
        files.extend(blobs.map(|blob| format!("blobs/{}", blob.unwrap().file_name())));
        files.sort();
        files.into_iter().map(|name| (name.clone(), fs::read(self.dir.join(name)).unwrap())).collect()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.dir.join(name), bytes).unwrap();
    }
}

pub(crate) fn rules() -> Arc<Rules> {
    rules_of(&["reader_calls", "embedder_calls"])
}

pub(crate) fn rules_of(classes: &[&str]) -> Arc<Rules> {
    let class = |name: &&str| json!({ "name": name, "match": { "path": format!("/{name}") } });
    let settings = json!({ "cassette": "fixtures", "class": classes.iter().map(class).collect::<Vec<_>>() });
    Arc::new(Rules::compile(&serde_json::from_value(settings).unwrap()).unwrap())
}

pub(crate) fn asked(canonical: &str) -> Asked {
    Asked {
        upstream: "https://a".to_owned(),
        label: canonical.to_owned(),
        canonical: Bytes::copy_from_slice(canonical.as_bytes()),
        class: None,
        items: 1,
        bytes: canonical.len() as u64,
        aside: false,
        masked: 0,
    }
}

pub(crate) fn http(status: u16, body: &str) -> Answer {
    let body = Body::whole(Bytes::copy_from_slice(body.as_bytes()));
    Answer::Http(HttpAnswer { status, body, ..HttpAnswer::default() })
}

#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) case: String,
    pub(crate) asked: Asked,
    pub(crate) answer: Answer,
    pub(crate) timing: Timing,
}

/// Bytes of any kind around the limits that matter.
fn bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from),
        "\\PC{0,40}".prop_map(Bytes::from),
        (4_000usize..4_200, any::<u8>()).prop_map(|(length, byte)| Bytes::from(vec![byte; length])),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec(("[a-z-]{1,8}", "\\PC{0,12}"), 0..3)
}

fn answer() -> impl Strategy<Value = Answer> {
    let http = (100u16..1_000, headers(), proptest::collection::vec(bytes(), 0..4), headers());
    prop_oneof![
        http.prop_map(|(status, headers, pieces, trailers)| {
            let body = Body::of_chunks(&pieces);
            Answer::Http(HttpAnswer { status, headers, body, trailers })
        }),
        (bytes(), proptest::sample::select(&b"ITE"[..]))
            .prop_map(|(messages, state)| Answer::Postgres(PostgresAnswer { messages, state })),
        bytes().prop_map(Answer::Redis),
        (bytes(), any::<bool>(), bytes()).prop_map(|(bytes, closes, next)| Answer::Tcp(TcpAnswer {
            bytes,
            closes,
            next
        })),
    ]
}

pub(crate) fn exchange() -> impl Strategy<Value = Exchange> {
    let request = ("[ab]?", proptest::sample::select(&["x", "y", "z\n\"\u{0}é"][..]), bytes(), 0usize..3);
    (request, answer(), any::<(u64, u64)>()).prop_map(|((case, label, canonical, class), answer, times)| {
        let class = (class < 2).then_some(class);
        let asked = Asked { label: label.to_owned(), canonical, class, ..asked("") };
        Exchange { case, asked, answer, timing: Timing { first_us: times.0, last_us: times.1 } }
    })
}
