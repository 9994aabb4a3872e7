//! Redis: recorded from a real server, then played with the server stopped.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod upstream;
#[path = "upstream/way.rs"]
mod way;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sprag_replay::{Mode, Trouble};
use upstream::Bench;
use way::Way;

const PASSWORD: &str = "a-planted-password";

/// A Redis of the test's own. Dropped, it is gone.
struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    /// `None`, with a word about it, where none is installed.
    fn start(password: Option<&str>) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new("redis-server");
        command.args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--port",
            &port.to_string(),
        ]);
        command.args(password.iter().flat_map(|password| ["--requirepass", password]));
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        let Ok(child) = command.spawn() else {
            eprintln!("skipped: redis-server is not installed");
            return None;
        };
        let server = Self { child, port, _folder: folder };
        let patience = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < patience, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The Python that has the client libraries.
fn python() -> Option<PathBuf> {
    match std::env::var_os("SPRAG_CLIENTS_VENV") {
        Some(venv) => Some(PathBuf::from(venv).join("bin/python")),
        None => {
            eprintln!("skipped: SPRAG_CLIENTS_VENV is not set");
            None
        }
    }
}

fn calls(port: u16, protocol: &str) -> Option<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/redis_calls.py");
    let mut command = Command::new(python()?);
    command.arg(script).args([&port.to_string(), protocol, PASSWORD]).stderr(Stdio::inherit());
    let output = command.output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Sends all of it at once and that it is all; gives back everything that comes.
fn says(port: u16, text: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    heard
}

#[test]
fn redis_py_hears_the_same_from_the_cassette_as_from_the_server() {
    for protocol in ["2", "3"] {
        let Some(server) = Server::start(Some(PASSWORD)) else { return };
        let Some(direct) = calls(server.port, protocol) else { return };
        let bench = Bench::new(&format!("redis://127.0.0.1:{}", server.port));
        let record = || {
            bench.run(Mode::Record, |scope, port| {
                let heard = calls(port, protocol).unwrap();
                assert_eq!(scope.troubles(), []);
                (heard, scope.counts())
            })
        };
        let (recorded, counts) = record();
        assert_eq!(recorded, direct);
        let first = bench.sealed();
        assert_eq!(record().1, counts);
        assert_eq!(bench.sealed(), first, "two recordings of the same calls are the same bytes");
        assert!(!first.contains(PASSWORD), "the password is in the cassette");

        drop(server);
        for _ in 0..2 {
            bench.run(Mode::Replay, |scope, port| {
                assert_eq!(calls(port, protocol).unwrap(), direct);
                assert_eq!(scope.troubles(), []);
                assert_eq!(scope.counts(), counts);
            });
        }
    }
}

#[test]
fn once_the_answers_are_used_up_a_known_command_is_a_miss_and_so_is_an_unknown_one() {
    let Some(server) = Server::start(None) else { return };
    let way = Way::to(server.port);
    let bench = Bench::new(&format!("redis://127.0.0.1:{}", way.port));
    let talk = "SET k v\r\nGET k\r\nMULTI\r\nINCR n\r\nEXEC\r\n";
    let heard = "+OK\r\n$1\r\nv\r\n+OK\r\n+QUEUED\r\n*1\r\n:1\r\n";
    bench.run(Mode::Record, |_, port| assert_eq!(says(port, talk), heard));
    let reached = way.times();
    // Still running, and yet not asked.
    bench.run(Mode::Replay, |scope, port| {
        assert_eq!(says(port, talk), heard);
        assert_eq!(scope.troubles(), []);
        for (line, what) in
            [("GET k", "recorded 1 time(s)"), ("GET other", "the closest that was recorded is GET k")]
        {
            let error = says(port, &format!("{line}\r\nPING\r\n"));
            assert!(
                error.starts_with(&format!("-ERR sprag: no recorded answer for {line} to redis://")),
                "{error}"
            );
            assert!(error.contains(what) && error.ends_with("\r\n+PONG\r\n"), "{error}");
        }
        assert!(matches!(&scope.troubles()[..], [Trouble::Miss(_), Trouble::Miss(_)]));
        assert_eq!(scope.counts()["replay_misses"], 2.0);
        assert_eq!(scope.counts()["cache_calls"], 5.0);
    });
    assert_eq!(way.times(), reached);
}

#[test]
fn the_database_and_the_protocol_are_part_of_a_request() {
    let Some(server) = Server::start(None) else { return };
    let bench = Bench::new(&format!("redis://127.0.0.1:{}", server.port));
    let talk = "SET k 0\r\nSELECT 5\r\nSET k 5\r\nGET k\r\nHELLO 3\r\nHGETALL h\r\nSELECT 0\r\nGET k\r\n";
    let heard = bench.run(Mode::Record, |_, port| says(port, talk));
    bench.run(Mode::Replay, |scope, port| {
        assert_eq!(says(port, talk), heard);
        assert!(
            says(port, "SELECT 4\r\nGET k\r\n")
                .starts_with("+OK\r\n-ERR sprag: no recorded answer for GET k")
        );
        assert_eq!(scope.troubles().len(), 1);
    });
    assert!(heard.contains("%0\r\n") && heard.ends_with("+OK\r\n$1\r\n0\r\n"), "{heard}");
}

#[test]
fn what_cannot_be_recorded_is_refused_and_latches() {
    let Some(server) = Server::start(None) else { return };
    let bench = Bench::new(&format!("redis://127.0.0.1:{}", server.port));
    bench.run(Mode::Record, |scope, port| {
        assert!(says(port, "SUBSCRIBE news\r\n").contains("tcp://"));
        assert!(says(port, "MULTI\r\nAUTH pw\r\n").contains("say it before MULTI"));
        assert!(says(port, "GET / HTTP/1.1\r\n\r\n").contains("the client speaks HTTP"));
        assert!(says(port, "\u{16}\u{3}\u{1}").contains("the client speaks TLS"));
        assert!(says(port, "*1\r\n$67108865\r\n").contains("longer than 64 MiB"));
        assert!(scope.troubles().iter().all(|trouble| matches!(trouble, Trouble::Denied { .. })));
        assert_eq!(scope.counts()["replay_denials"], 5.0);
    });
    assert!(!bench.sealed().contains("pw"));
}

#[test]
fn a_scope_that_is_held_does_what_it_was_asked_before_and_nothing_more() {
    // Nobody is there, and nobody is needed.
    let bench = Bench::new("redis://127.0.0.1:1");
    bench.run(Mode::Record, |scope, port| {
        let connect = || {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            stream
        };
        let hears = |mut stream: &TcpStream| stream.read_exact(&mut [0; 7]).is_ok();
        let mut known = connect();
        known.write_all(b"PING\r\n").unwrap();
        scope.settle();
        known.set_nonblocking(true).unwrap();
        assert!(hears(&known), "it was done before");
        known.set_nonblocking(false).unwrap();
        known.write_all(b"PING\r\n").unwrap();
        scope.freeze();
        assert!(hears(&known));
        let mut new = connect();
        new.write_all(b"PING\r\n").unwrap();
        known.write_all(b"PING\r\n").unwrap();
        assert!(!hears(&known) && !hears(&new));
        scope.thaw();
        assert!(hears(&known) && hears(&new));
        // It can be closed as it stands.
        scope.freeze();
    });
}

#[test]
fn an_upstream_that_is_down_is_said_so_and_nothing_is_recorded() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let bench = Bench::new(&format!("redis://127.0.0.1:{port}"));
    bench.run(Mode::Record, |scope, port| {
        assert!(says(port, "GET k\r\n").contains("did not answer"));
        assert!(matches!(&scope.troubles()[..], [Trouble::Upstream { .. }]));
    });
    assert!(!bench.sealed().contains("GET"));
}

#[test]
fn verifying_shows_where_the_server_answers_otherwise() {
    let Some(server) = Server::start(None) else { return };
    let bench = Bench::new(&format!("redis://127.0.0.1:{}", server.port));
    bench.run(Mode::Record, |_, port| says(port, "SET same 1\r\nGET same\r\nINCR n\r\n"));
    bench.run(Mode::Verify, |scope, port| {
        says(port, "SET same 1\r\nGET same\r\nINCR n\r\n");
        let differences = scope.differences();
        assert_eq!(differences.len(), 1, "{differences:?}");
        assert_eq!(differences[0].label, "INCR n");
        assert_eq!(scope.troubles(), []);
    });
}
