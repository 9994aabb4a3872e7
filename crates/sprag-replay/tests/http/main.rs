//! The proxy over HTTP, from outside: recorded against a server, then played without it.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod client;
mod live;
mod play;
mod refuse;
mod upstream;

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use hyper::Version;
use sprag_contract::settings::replay::Replay;
use sprag_replay::{Listeners, Mode, Proxy, Scope, Trouble};
use tempfile::TempDir;

const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// A folder with a cassette in it, and the settings that name it.
struct Case {
    _dir: TempDir,
    root: Utf8PathBuf,
    settings: Replay,
}

impl Case {
    fn new(settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap().to_owned();
        let settings = toml::from_str(&format!("cassette = \"cassette\"\n{settings}")).unwrap();
        Self { _dir: dir, root, settings }
    }

    fn open(&self, mode: Mode) -> (Proxy, Scope) {
        let proxy = Proxy::open(&self.settings, &self.root, mode, None).unwrap();
        let scope = proxy.scope(Listeners::bind(&self.settings).unwrap()).unwrap();
        (proxy, scope)
    }

    fn replay(&self) -> (Proxy, Scope) {
        self.open(Mode::Replay)
    }

    /// Records what is done in a scope.
    async fn record(&self, act: impl AsyncFnOnce(&Scope)) {
        let (proxy, scope) = self.open(Mode::Record);
        act(&scope).await;
        assert_eq!(scope.troubles(), []);
        drop(scope);
        proxy.finish().unwrap();
    }
}

/// A scope's troubles, so many at least: what a connection ended with is noted a moment after it has ended.
async fn troubles(scope: &Scope, at_least: usize) -> Vec<Trouble> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while scope.troubles().len() < at_least && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    scope.troubles()
}
