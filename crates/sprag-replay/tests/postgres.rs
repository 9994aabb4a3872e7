//! PostgreSQL: recorded from a real server, then played without a way to it.

#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

#[path = "upstream/cluster.rs"]
mod cluster;
mod upstream;
#[path = "upstream/way.rs"]
mod way;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use bytes::BytesMut;
use cluster::{Cluster, USER};
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;
use sprag_replay::{Mode, Scope, Trouble};
use upstream::Bench;
use way::Way;

const PASSWORD: &str = "planted-password-4711";

/// A server of the test's own, and the way to it that is recorded and can be closed.
struct Database {
    cluster: Cluster,
    way: Way,
    /// Who has made its tables.
    python: Option<PathBuf>,
}

impl Database {
    /// `None`, with a word about it, where there is no server.
    fn new() -> Option<Self> {
        let cluster = Cluster::start(None)?;
        Some(Self { way: Way::to(cluster.port), cluster, python: None })
    }

    /// The same, with tables.
    fn with_tables() -> Option<Self> {
        let python = python()?;
        let mut database = Self::new()?;
        assert!(script(&python, "setup", database.cluster.port).status().unwrap().success());
        database.python = Some(python);
        Some(database)
    }

    fn bench(&self) -> Bench {
        Bench::new(&format!("postgres://127.0.0.1:{}", self.way.port))
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

fn script(python: &PathBuf, what: &str, port: u16) -> Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/postgres.py");
    let mut command = Command::new(python);
    command.arg(script).args([what, "127.0.0.1", &port.to_string(), USER]).stderr(Stdio::inherit());
    command
}

/// A client with one connection, which runs one case after the other.
struct Client(Child, BufReader<std::process::ChildStdout>);

impl Client {
    fn run(&mut self, case: &str) -> String {
        writeln!(self.0.stdin.as_mut().unwrap(), "{case}").unwrap();
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        assert!(!line.is_empty() && !line.contains("\"failed\""), "{case}: {line}");
        line
    }
}

/// What the client saw in each case, in the order of `cases`.
fn runs(database: &Database, client: &str, port: u16, scope: Option<&Scope>, cases: &[&str]) -> Vec<String> {
    let mut command = script(database.python.as_ref().unwrap(), client, port);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut client = Client(child, output);
    let run = |case: &&str| {
        scope.into_iter().for_each(|scope| scope.enter(case));
        client.run(case)
    };
    let seen = cases.iter().map(run).collect();
    drop(client.0.stdin.take());
    assert!(client.0.wait().unwrap().success());
    seen
}

fn a_client_sees_the_same(client: &str, cases: &[&str]) {
    let Some(database) = Database::with_tables() else { return };
    let bench = database.bench();
    let direct = runs(&database, client, database.cluster.port, None, cases);
    let record = || {
        bench.run(Mode::Record, |scope, port| {
            let seen = runs(&database, client, port, Some(scope), cases);
            assert_eq!(scope.troubles(), []);
            assert_eq!(seen, direct);
            scope.counts()
        })
    };
    let counts = record();
    let first = bench.sealed();
    assert_eq!(record(), counts);
    assert_eq!(bench.sealed(), first, "two recordings of the same statements are the same bytes");
    assert!(!first.contains(PASSWORD), "the password is in the cassette");
    bench.run(Mode::Verify, |scope, port| {
        assert_eq!(runs(&database, client, port, Some(scope), cases), direct);
        assert_eq!(scope.differences(), []);
    });

    database.way.close();
    // Statements are prepared at other times and under other names, according to the order.
    for turn in 0..cases.len() {
        let mut order: Vec<_> = (0..cases.len()).collect();
        order.rotate_left(turn);
        if turn % 2 == 1 {
            order.reverse();
        }
        let cases: Vec<&str> = order.iter().map(|&nth| cases[nth]).collect();
        bench.run(Mode::Replay, |scope, port| {
            let seen = runs(&database, client, port, Some(scope), &cases);
            assert_eq!(scope.troubles(), [], "{cases:?}");
            assert_eq!(seen, order.iter().map(|&nth| direct[nth].clone()).collect::<Vec<_>>());
            assert_eq!(scope.counts(), counts, "{cases:?}");
        });
    }
}

#[test]
fn psycopg_sees_the_same_from_the_cassette_as_from_the_server() {
    let cases = [
        "lookup",
        "binary",
        "lookup_again",
        "transaction",
        "errors",
        "pipeline",
        "many",
        "server_cursor",
        "stream",
        "session",
        "large",
    ];
    a_client_sees_the_same("psycopg", &cases);
}

#[test]
fn asyncpg_sees_the_same_from_the_cassette_as_from_the_server() {
    let cases = ["lookup", "moods", "one", "cursor", "transaction", "errors", "many", "reset"];
    a_client_sees_the_same("asyncpg", &cases);
}

#[test]
fn pg8000_sees_the_same_from_the_cassette_as_from_the_server() {
    a_client_sees_the_same("pg8000", &["lookup", "prepared", "transaction", "errors"]);
}

/// Connects, sends all of it at once and that it is all; gives back what comes after the welcome, each message as its
/// type and its text.
fn says(port: u16, write: impl FnOnce(&mut BytesMut)) -> Vec<(char, String)> {
    let mut all = BytesMut::new();
    frontend::startup_message([("user", "postgres"), ("database", "postgres")], &mut all).unwrap();
    write(&mut all);
    let heard = sends(port, &all);
    let mut messages = Vec::new();
    let mut rest = &heard[..];
    while let [tag, a, b, c, d, after @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize - 4;
        messages.push((char::from(*tag), String::from_utf8_lossy(&after[..length]).into_owned()));
        rest = &after[length..];
    }
    let welcome = messages.iter().position(|(tag, _)| *tag == 'Z').map_or(0, |at| at + 1);
    messages.split_off(welcome)
}

fn sends(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.write_all(bytes).unwrap();
    _ = stream.shutdown(Shutdown::Write);
    let mut heard = Vec::new();
    _ = stream.read_to_end(&mut heard);
    heard
}

fn query(sql: &str) -> impl FnOnce(&mut BytesMut) {
    move |all| frontend::query(sql, all).unwrap()
}

fn tags(messages: &[(char, String)]) -> String {
    messages.iter().map(|(tag, _)| *tag).collect()
}

/// Parse, and Bind with one parameter.
fn bound(all: &mut BytesMut, portal: &str, sql: &str, value: &str) {
    frontend::parse("", sql, [], all).unwrap();
    let write = |value: &str, buffer: &mut BytesMut| {
        buffer.extend_from_slice(value.as_bytes());
        Ok(IsNull::No)
    };
    frontend::bind(portal, "", [], [value], write, [], all).map_err(|_| "bind").unwrap();
}

const NUMBERS: &str = "SELECT n FROM generate_series(1, $1::int) n";

#[test]
fn a_portal_goes_on_where_it_stopped_and_a_flush_asks_for_answers() {
    let Some(database) = Database::new() else { return };
    let bench = database.bench();
    let talk = |all: &mut BytesMut| {
        bound(all, "p", NUMBERS, "5");
        frontend::describe(b'P', "p", all).unwrap();
        for _ in 0..2 {
            frontend::execute("p", 2, all).unwrap();
            frontend::flush(all);
        }
        frontend::execute("p", 0, all).unwrap();
        frontend::close(b'P', "p", all).unwrap();
        frontend::sync(all);
        // The second fails when it gets its parameter, and what follows is passed over.
        for value in ["1", "many", "1"] {
            bound(all, "", NUMBERS, value);
            frontend::execute("", 0, all).unwrap();
        }
        frontend::sync(all);
        // Without an execution.
        bound(all, "", NUMBERS, "some");
        frontend::sync(all);
        frontend::parse("", "SELEC", [], all).unwrap();
        frontend::flush(all);
        frontend::sync(all);
        frontend::query("", all).unwrap();
    };
    let heard = bench.run(Mode::Record, |scope, port| {
        let heard = says(port, talk);
        assert_eq!(scope.troubles(), []);
        heard
    });
    assert_eq!(tags(&heard), "12TDDsDDsDC3Z12DC1EZ1EZEZIZ");
    database.way.close();
    bench.run(Mode::Replay, |scope, port| {
        assert_eq!(says(port, talk), heard);
        assert_eq!(scope.troubles(), []);
    });
}

#[test]
fn once_the_answers_are_used_up_a_known_statement_is_a_miss_and_so_is_an_unknown_one() {
    let Some(database) = Database::new() else { return };
    let bench = database.bench();
    let known = |all: &mut BytesMut| {
        query("BEGIN")(all);
        bound(all, "", NUMBERS, "1");
        frontend::execute("", 0, all).unwrap();
        frontend::sync(all);
        query("COMMIT")(all);
    };
    bench.run(Mode::Record, |_, port| assert_eq!(tags(&says(port, known)), "CZ12DCZCZ"));
    let reached = database.way.times();
    // Still running, and yet not asked.
    bench.run(Mode::Replay, |scope, port| {
        assert_eq!(tags(&says(port, known)), "CZ12DCZCZ");
        assert_eq!(scope.troubles(), []);
        let heard = says(port, |all| {
            bound(all, "", NUMBERS, "1");
            frontend::execute("", 0, all).unwrap();
            frontend::execute("", 0, all).unwrap();
            frontend::sync(all);
            query("SELECT  'new'\n")(all);
        });
        assert_eq!(tags(&heard), "EZEZ");
        let (used_up, new) = (&heard[0].1, &heard[2].1);
        assert!(used_up.contains("C58000\0Msprag: no recorded answer for SELECT n FROM"), "{used_up}");
        assert!(used_up.contains("it was recorded 1 time(s)"), "{used_up}");
        assert!(new.contains("Msprag: no recorded answer for SELECT 'new' to postgres://"), "{new}");
        assert!(
            matches!(&scope.troubles()[..], [Trouble::Miss(_), Trouble::Miss(_)]),
            "{:?}",
            scope.troubles()
        );
        assert_eq!(scope.counts()["replay_misses"], 2.0);
        assert_eq!(scope.counts()["cache_calls"], 5.0);
    });
    assert_eq!(database.way.times(), reached);
}

#[test]
fn what_cannot_be_recorded_is_refused_and_latches() {
    let Some(database) = Database::new() else { return };
    let bench = database.bench();
    bench.run(Mode::Record, |_, port| says(port, query("SELECT 1")));
    for mode in [Mode::Record, Mode::Replay] {
        let refused = |write: &dyn Fn(u16) -> String, what: &str| {
            bench.run(mode, |scope, port| {
                let heard = write(port);
                assert!(heard.contains(what), "{heard}");
                let troubles = scope.troubles();
                assert!(matches!(&troubles[..], [Trouble::Denied { .. }]), "{what}: {troubles:?}");
            });
        };
        let told = |heard: Vec<(char, String)>| heard.into_iter().map(|(_, text)| text).collect();
        refused(&|port| told(says(port, query("copy t from stdin"))), "COPY cannot be recorded or replayed");
        refused(&|port| told(says(port, |all| bound(all, "", "LISTEN x", ""))), "poll a table");
        let huge = |all: &mut BytesMut| all.extend_from_slice(b"Q\x7f\xff\xff\xff");
        refused(&|port| told(says(port, huge)), "2147483648 bytes");
        refused(
            &|port| told(says(port, |all| all.extend_from_slice(b"*1\r\n$4\r\n"))),
            "no message of PostgreSQL",
        );
        let raw = |port, bytes: &[u8]| String::from_utf8_lossy(&sends(port, bytes)).into_owned();
        refused(&|port| raw(port, b"GET / HTTP/1.1\r\n\r\n"), "is no PostgreSQL");
        refused(&|port| raw(port, b"\0\0\0\x08\0\x02\0\0"), "there is no protocol 2.0");
        // The recording above is still the one that is played.
        if mode == Mode::Record {
            bench.run(Mode::Record, |_, port| says(port, query("SELECT 1")));
        }
    }
}

#[test]
fn an_answer_that_has_changed_is_shown_and_what_is_missing_is_added() {
    let Some(database) = Database::new() else { return };
    let bench = database.bench();
    let random = "SELECT random()";
    let heard = bench.run(Mode::Record, |_, port| says(port, query(random)));
    bench.run(Mode::Verify, |scope, port| {
        says(port, query(random));
        says(port, query("SELECT 'new'"));
        let differences = scope.differences();
        let [changed, unknown] = &differences[..] else { panic!("{differences:?}") };
        assert!(changed.label == random && changed.what.starts_with("the answers differ"), "{changed:?}");
        assert!(
            unknown.label == "SELECT 'new'" && unknown.what.contains("not in the cassette"),
            "{unknown:?}"
        );
    });
    bench.run(Mode::RecordMissing, |scope, port| {
        assert_eq!(says(port, query(random)), heard);
        says(port, query("SELECT 'new'"));
        assert_eq!(scope.troubles(), []);
    });
    database.way.close();
    bench.run(Mode::Replay, |scope, port| {
        assert_eq!(says(port, query(random)), heard);
        assert_eq!(tags(&says(port, query("SELECT 'new'"))), "TDCZ");
        assert_eq!(scope.troubles(), []);
    });
}

/// A server that asks for a password in the clear, lets one client in and answers one query.
fn asks_for_a_password(listener: TcpListener) {
    let (mut client, _) = listener.accept().unwrap();
    let mut take = |length: usize| {
        let mut bytes = vec![0; length];
        client.read_exact(&mut bytes).unwrap();
        bytes
    };
    let length = u32::from_be_bytes(take(4).try_into().unwrap());
    take(length as usize - 4);
    client.write_all(b"R\0\0\0\x08\0\0\0\x03").unwrap();
    let mut message = vec![0; 5 + PASSWORD.len() + 1];
    client.read_exact(&mut message).unwrap();
    assert!(message.starts_with(b"p") && message.ends_with(format!("{PASSWORD}\0").as_bytes()));
    client.write_all(b"R\0\0\0\x08\0\0\0\0S\0\0\0\x08a\0b\0Z\0\0\0\x05I").unwrap();
    client.read_exact(&mut [0; 5 + 9]).unwrap();
    client.write_all(b"C\0\0\0\x06A\0Z\0\0\0\x05I").unwrap();
    _ = client.read_to_end(&mut Vec::new());
}

#[test]
fn a_password_is_passed_on_and_not_kept() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let bench = Bench::new(&format!("postgres://127.0.0.1:{}", listener.local_addr().unwrap().port()));
    let server = thread::spawn(move || asks_for_a_password(listener));
    let heard = bench.run(Mode::Record, |scope, port| {
        let heard = says(port, |all| {
            frontend::password_message(PASSWORD.as_bytes(), all).unwrap();
            query("SELECT 1")(all);
        });
        assert_eq!(scope.troubles(), []);
        heard
    });
    server.join().unwrap();
    assert_eq!(tags(&heard), "CZ");
    assert!(!bench.sealed().contains("planted"), "{}", bench.sealed());
    bench.run(Mode::Replay, |_, port| assert_eq!(says(port, query("SELECT 1")), heard));
}

#[test]
fn a_server_that_is_not_there_latches_the_recording() {
    let Some(database) = Database::new() else { return };
    database.way.close();
    database.bench().run(Mode::Record, |scope, port| {
        assert_eq!(tags(&says(port, query("SELECT 1"))), "E");
        assert!(matches!(&scope.troubles()[..], [Trouble::Upstream { .. }]));
    });
}
