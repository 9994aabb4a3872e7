//! Servers that are real, and what becomes of a client's questions to them: recorded, played, and missed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use camino::Utf8Path;
use sprag_contract::settings::replay::Replay;
use sprag_replay::{Closest, Listeners, Mode, Proxy, Scope, Trouble};

use crate::table::{Variables, variables};
use crate::way::Way;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// The servers of `upstream.py`, and the ways to them, by what they speak: `http`, `https`, `grpc`, `grpcs`.
pub(crate) struct Upstream {
    child: Child,
    ways: Vec<(String, Way)>,
}

/// A folder with a cassette in it, and the settings that name it.
pub(crate) struct Bench {
    pub(crate) upstream: Upstream,
    settings: Replay,
    folder: tempfile::TempDir,
}

/// A program that the tests need, or a word about it.
pub(crate) fn installed(program: &str) -> Option<&str> {
    let there = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_err() {
        eprintln!("skipped: {program} is not installed");
    }
    there.is_ok().then_some(program)
}

/// A file beside this one.
pub(crate) fn beside(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// The Python that has the client libraries.
pub(crate) fn python() -> Option<String> {
    let Some(venv) = std::env::var_os("SPRAG_CLIENTS_VENV") else {
        eprintln!("skipped: SPRAG_CLIENTS_VENV is not set: `cargo xtask test` makes it");
        return None;
    };
    Some(PathBuf::from(venv).join("bin/python").to_str().unwrap().to_owned())
}

impl Upstream {
    fn start(folder: &Utf8Path) -> Option<Self> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, key) = (folder.join("roots.pem"), folder.join("key.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut command = Command::new(python()?);
        command.arg(beside("upstream.py")).args([&certificate, &key]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
        let way = |(name, port): (String, serde_json::Value)| {
            (name, Way::to(port.as_u64().unwrap().try_into().unwrap()))
        };
        Some(Self { child, ways: ports.into_iter().map(way).collect() })
    }

    /// Where one of them is, such as `https://localhost:40000`.
    pub(crate) fn url(&self, scheme: &str) -> String {
        let (_, way) = self.ways.iter().find(|(name, _)| name == scheme).unwrap();
        format!("{scheme}://localhost:{}", way.port)
    }

    /// How many connections were made to them.
    pub(crate) fn reached(&self) -> usize {
        self.ways.iter().map(|(_, way)| way.times()).sum()
    }

    fn stop(&mut self) {
        self.ways.iter().for_each(|(_, way)| way.close());
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Bench {
    /// `None`, with a word about it, where the servers cannot be had. In `more`, settings, `{https}` is a server's URL.
    pub(crate) fn new(more: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let upstream = Upstream::start(folder.path().try_into().unwrap())?;
        let more = more.replace("{https}", &upstream.url("https"));
        let settings = format!("cassette = \"cassette\"\nroots = \"roots.pem\"\n{more}");
        Some(Self { upstream, settings: toml::from_str(&settings).unwrap(), folder })
    }

    fn root(&self) -> &Utf8Path {
        self.folder.path().try_into().unwrap()
    }

    /// Does something in a scope. A recording is finished afterwards.
    pub(crate) fn run<T>(&self, mode: Mode, act: impl FnOnce(&Scope) -> T) -> T {
        let proxy = Proxy::open(&self.settings, self.root(), mode, None).unwrap();
        let scope = proxy.scope(Listeners::bind(&self.settings).unwrap()).unwrap();
        let done = act(&scope);
        drop(scope);
        proxy.finish().unwrap();
        done
    }

    /// Every file of the cassette, blobs unpacked, but for what may differ from one recording to the next.
    pub(crate) fn sealed(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = self.written();
        files.retain(|(name, _)| name != "timings.jsonl");
        files
    }

    /// Every file of the cassette, blobs unpacked.
    pub(crate) fn written(&self) -> Vec<(String, Vec<u8>)> {
        let folder = self.root().join("cassette");
        let mut files = Vec::new();
        for folder in [folder.join("blobs"), folder] {
            for entry in folder.read_dir_utf8().into_iter().flatten().map(Result::unwrap) {
                let name = entry.file_name().to_owned();
                match fs::File::open(entry.path()) {
                    Ok(file) if name.ends_with(".zst") => files.push((name, zstd::decode_all(file).unwrap())),
                    _ if entry.file_type().unwrap().is_file() => {
                        files.push((name, fs::read(entry.path()).unwrap()));
                    }
                    _ => {}
                }
            }
        }
        files.sort();
        files
    }

    /// What a client prints, with the environment of a scope and no other.
    pub(crate) fn ask(&self, scope: &Scope, client: &[String], item: &str) -> Output {
        ask(client, scope.env(), item)
    }

    /// The whole of it. A client is recorded twice; played while its servers run, until nothing is left to play, and
    /// once more with a question that nobody knows; and played with its servers stopped, by nothing else than the
    /// variables that its row in the manual names. What it prints while it is recorded has all of `told` in it, and what
    /// it prints of a miss, `missed`.
    pub(crate) fn shows(mut self, row: &str, client: &[String], told: &[&str], missed: &str) {
        let record = || {
            self.run(Mode::Record, |scope| {
                let heard = said(&self.ask(scope, client, "1"));
                assert_eq!(scope.troubles(), [], "{heard}");
                (heard, scope.counts())
            })
        };
        let (heard, counts) = record();
        for told in told {
            assert!(heard.contains(told), "{told} is missing: {heard}");
        }
        let sealed = self.sealed();
        assert_eq!(record(), (heard.clone(), counts.clone()));
        assert_eq!(self.sealed(), sealed, "two recordings of the same questions are the same bytes");

        let reached = self.upstream.reached();
        assert!(reached > 0);
        self.run(Mode::Replay, |scope| {
            assert_eq!(said(&self.ask(scope, client, "1")), heard);
            assert_eq!(scope.troubles(), []);
            let output = self.ask(scope, client, "2");
            let heard = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(heard.contains(missed), "{heard}\n{}", String::from_utf8_lossy(&output.stderr));
            assert_missed(&scope.troubles());
        });
        assert_eq!(self.upstream.reached(), reached, "replay has reached the servers");

        self.upstream.stop();
        self.run(Mode::Replay, |scope| {
            assert_eq!(said(&self.ask(scope, client, "1")), heard);
            assert_eq!(scope.troubles(), []);
            assert_eq!(scope.counts(), counts);
        });
        let Variables { enough, not_enough } = variables(row);
        let alone = |variables: &[String]| {
            self.run(Mode::Replay, |scope| {
                let mut env = scope.env();
                env.retain(|name, _| variables.contains(name));
                assert_eq!(env.len(), variables.len(), "{variables:?}");
                ask(client, env, "1")
            })
        };
        for variables in enough {
            assert_eq!(said(&alone(&variables)), heard, "{variables:?}");
        }
        for variables in not_enough {
            assert_ne!(String::from_utf8_lossy(&alone(&variables).stdout), heard, "{variables:?}");
        }
    }
}

fn ask(client: &[String], env: BTreeMap<String, String>, item: &str) -> Output {
    // A client that waits forever is a failure, and not the end of all tests.
    let mut command = Command::new("timeout");
    command.arg("120").args(client).env_clear().envs(kept()).envs(env).env("ITEM", item);
    command.stdin(Stdio::null()).output().unwrap()
}

/// What of the test's own environment a client needs.
fn kept() -> impl Iterator<Item = (String, String)> {
    ["PATH", "HOME", "SPRAG_CLIENTS_NODE"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
}

/// What a program has printed that must have succeeded.
pub(crate) fn said(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Some were known once, and some never were.
fn assert_missed(troubles: &[Trouble]) {
    let closest: Vec<_> = troubles
        .iter()
        .map(|trouble| match trouble {
            Trouble::Miss(miss) => &miss.closest,
            other => panic!("{other}"),
        })
        .collect();
    let used_up = |closest: &&Option<Closest>| matches!(closest, Some(Closest::UsedUp { .. }));
    assert!(closest.iter().any(used_up), "{closest:?}");
    assert!(!closest.iter().all(used_up), "{closest:?}");
}
