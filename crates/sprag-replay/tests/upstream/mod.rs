//! One upstream behind the proxy, with a cassette of its own.

#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use camino::Utf8Path;
use sprag_contract::settings::replay::{Class, Match, Pace, Part, Port, Replay};
use sprag_replay::{Listeners, Mode, Proxy, Scope};

/// Settings with one port, `cache`, and one class, `cache_calls`.
pub(crate) struct Bench {
    settings: Replay,
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new(upstream: &str) -> Self {
        let port = Port {
            name: "cache".to_owned(),
            upstream: upstream.to_owned(),
            listen: None,
            env: Default::default(),
        };
        let class = Class {
            name: "cache_calls".to_owned(),
            matches: Match { port: Some("cache".to_owned()), ..Default::default() },
            items: None,
            repeat: Default::default(),
            headers: Vec::new(),
        };
        let settings = Replay {
            cassette: "cassette".to_owned(),
            timing: Pace::Instant,
            roots: None,
            port: vec![port],
            class: vec![class],
            volatile: Vec::new(),
            redact: Vec::new(),
            pass: Vec::new(),
        };
        Self { settings, folder: tempfile::tempdir().unwrap() }
    }

    /// With an expression of what is secret.
    #[allow(dead_code, reason = "not every test has secrets")]
    pub(crate) fn redacting(mut self, body: &str) -> Self {
        self.settings.redact.push(Part { body: Some(body.to_owned()), ..Default::default() });
        self
    }

    /// Does something with the proxy's port in one scope; a recording is finished afterwards.
    pub(crate) fn run<T>(&self, mode: Mode, act: impl FnOnce(&Scope, u16) -> T) -> T {
        let proxy = Proxy::open(&self.settings, self.root(), mode, None).unwrap();
        let scope = proxy.scope(Listeners::bind(&self.settings).unwrap()).unwrap();
        let port = scope.env()["SPRAG_CACHE_PORT"].parse().unwrap();
        let done = act(&scope, port);
        drop(scope);
        proxy.finish().unwrap();
        done
    }

    /// The interactions of the cassette and its blobs, as they are on disk, unpacked.
    pub(crate) fn sealed(&self) -> String {
        let folder = self.root().join("cassette");
        let mut all = std::fs::read(folder.join("interactions.jsonl")).unwrap();
        let mut blobs: Vec<_> = std::fs::read_dir(folder.join("blobs"))
            .map(|blobs| blobs.map(|blob| blob.unwrap().path()).collect())
            .unwrap_or_default();
        blobs.sort();
        for blob in blobs {
            all.extend(zstd::decode_all(std::fs::File::open(blob).unwrap()).unwrap());
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    fn root(&self) -> &Utf8Path {
        self.folder.path().try_into().unwrap()
    }
}
