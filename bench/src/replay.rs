//! Fixtures of the replay harness, recorded from a server of the bench's own.

mod peers;
mod upstream;

use std::net::SocketAddr;
use std::sync::Arc;

use camino::Utf8Path;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use sprag_contract::settings::replay::Replay;
use sprag_replay::{Listeners, Mode, Proxy, Scope};

pub use peers::{Peer, mitmdump, nginx};
pub use upstream::Upstream;

use crate::Result;
use crate::load::{Talk, Target, Until, run};

/// The path of all requests.
const PATH: &str = "/v1/embeddings";
/// How many connections record.
const RECORDING: usize = 8;

/// A request over HTTP: its body alone tells which.
fn question(nth: usize) -> String {
    json!({
        "model": "embed-small", "encoding_format": "float", "dimensions": 64,
        "input": [format!("What is said in document {nth}?"), "And in the one after it?"], "nth": nth,
    })
    .to_string()
}

/// What it is answered: 1.1 KB of JSON.
fn answer(nth: usize) -> String {
    let values: Vec<f64> = (0..104).map(|at| ((nth * 131 + at * 7919) % 99_991) as f64 / 1e5).collect();
    let body = json!({ "data": [{ "embedding": values, "index": 0 }], "model": "embed-small", "nth": nth });
    format!("{body:<1126}")
}

/// The same of a statement, which answers a text of 1 KB.
fn statement(nth: usize) -> String {
    format!("SELECT payload FROM documents WHERE id = {nth}")
}

fn row(nth: usize) -> String {
    format!("document {nth}: {}", "lorem ipsum ".repeat(84))
}

/// A part of an answer that no other has.
fn mark(talk: Talk, nth: usize) -> Vec<u8> {
    match talk {
        Talk::Postgres => format!("document {nth}:"),
        Talk::Http1 | Talk::Http2 => format!("\"nth\":{nth}}}"),
    }
    .into()
}

/// Asks for fixtures by what their bodies hold.
pub fn target(at: SocketAddr, talk: Talk, fixtures: impl Iterator<Item = usize> + Clone) -> Target {
    let text = if talk == Talk::Postgres { statement } else { question };
    let request = |nth| talk.request("api.example.com", PATH, &text(nth));
    Target {
        at,
        talk,
        tls: None,
        requests: fixtures.clone().map(request).collect(),
        answers: fixtures.map(|nth| mark(talk, nth)).collect(),
    }
}

/// The settings: an upstream for each protocol, and answers that are given as often as they are asked for.
fn settings(upstream: &Upstream) -> Result<Replay> {
    Ok(serde_json::from_value(json!({
        "cassette": "cassette",
        "port": [
            { "name": "api", "upstream": format!("http://{}", upstream.http) },
            { "name": "db", "upstream": format!("postgres://{}", upstream.postgres) },
        ],
        "class": [
            { "name": "api_calls", "match": { "port": "api" }, "repeat": "sticky" },
            { "name": "db_calls", "match": { "port": "db" }, "repeat": "sticky" },
        ],
    }))?)
}

/// Records so many exchanges of a protocol, and adds them to those of `dir`.
///
/// # Errors
/// What cannot be recorded.
pub fn record(dir: &Utf8Path, upstream: &Upstream, talk: Talk, fixtures: usize) -> Result<()> {
    let served = Served::open(dir, upstream, Mode::RecordMissing, None)?;
    run(&target(served.at(talk)?, talk, 0..fixtures), RECORDING, Until::Each)?;
    let Served { scope, proxy } = served;
    check(&scope)?;
    drop(scope);
    proxy.finish()?;
    Ok(())
}

/// The proxy with one scope.
pub struct Served {
    // Dropped before the proxy.
    scope: Scope,
    proxy: Proxy,
}

impl Served {
    /// On a CPU, where one is given.
    ///
    /// # Errors
    /// A cassette that is none.
    pub fn open(dir: &Utf8Path, upstream: &Upstream, mode: Mode, cpu: Option<usize>) -> Result<Self> {
        let settings = settings(upstream)?;
        let cpus = cpu.map(|cpu| [cpu]);
        let proxy = Proxy::open(&settings, dir, mode, cpus.as_ref().map(<[usize; 1]>::as_slice))?;
        let scope = proxy.scope(Listeners::bind(&settings)?)?;
        Ok(Self { scope, proxy })
    }

    /// Where it stands for the upstream.
    ///
    /// # Errors
    /// It does not say.
    pub fn at(&self, talk: Talk) -> Result<SocketAddr> {
        let name = if talk == Talk::Postgres { "SPRAG_DB_PORT" } else { "SPRAG_API_PORT" };
        let port = self.scope.env().get(name).ok_or("a scope without its port")?.parse::<u16>()?;
        Ok(([127, 0, 0, 1], port).into())
    }

    /// How a client trusts it.
    ///
    /// # Errors
    /// Its certificate cannot be read.
    pub fn tls(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.scope.trust().ca)?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }

    /// That nothing went wrong.
    ///
    /// # Errors
    /// The first that did.
    pub fn check(&self) -> Result<()> {
        check(&self.scope)
    }
}

fn check(scope: &Scope) -> Result<()> {
    match scope.troubles().first() {
        Some(trouble) => Err(trouble.to_string().into()),
        None => Ok(()),
    }
}
