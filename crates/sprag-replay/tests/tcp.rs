//! Any protocol over TCP, as a strict script: recorded from a server of the test's own, then played without it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod upstream;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};

use sprag_replay::{Mode, Scope, Trouble};
use upstream::Bench;

/// Serves every connection by a thread, until the test ends.
fn server(serve: fn(TcpStream)) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let upstream = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || serve(stream.unwrap()));
        }
    });
    upstream
}

/// Speaks first, then answers every line in upper case; `quit` ends the connection.
fn shouts(mut stream: TcpStream) {
    stream.write_all(b"hello\n").unwrap();
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        match line.unwrap().as_str() {
            "quit" => return,
            line => stream.write_all(format!("{}!\n", line.to_uppercase()).as_bytes()).unwrap(),
        }
    }
}

fn connect(port: u16) -> (TcpStream, BufReader<TcpStream>) {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_nodelay(true).unwrap();
    (stream.try_clone().unwrap(), BufReader::new(stream))
}

fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}

/// Says lines, one after the answer to the other, in pieces of so many bytes.
fn talks(port: u16, lines: &[&str], piece: usize) -> Vec<String> {
    let (mut out, mut reader) = connect(port);
    let mut heard = vec![line(&mut reader)];
    for said in lines {
        for piece in format!("{said}\n").as_bytes().chunks(piece) {
            out.write_all(piece).unwrap();
        }
        heard.push(line(&mut reader));
    }
    heard
}

/// Whether the scope saw misses and nothing else, and how many.
fn misses(scope: &Scope) -> usize {
    let troubles = scope.troubles();
    assert!(troubles.iter().all(|trouble| matches!(trouble, Trouble::Miss(_))), "{troubles:?}");
    troubles.len()
}

#[test]
fn a_conversation_is_played_however_the_network_cuts_it() {
    let bench = Bench::new(&server(shouts));
    let lines = ["one", "two", "two", "quit"];
    let heard = bench.run(Mode::Record, |_, port| talks(port, &lines, 100));
    assert_eq!(heard, ["hello\n", "ONE!\n", "TWO!\n", "TWO!\n", ""]);
    for piece in [1, 2, 100] {
        bench.run(Mode::Replay, |scope, port| {
            assert_eq!(talks(port, &lines, piece), heard);
            assert_eq!(misses(scope), 0);
            let counts = scope.counts();
            assert_eq!(
                (counts["cache_items"], counts["cache_calls"], counts["cache_connections"]),
                (4.0, 5.0, 1.0)
            );
            assert_eq!(counts["cache_requests_changed"], 0.0);
        });
    }
}

#[test]
fn the_first_byte_that_differs_is_a_miss_and_the_end() {
    let bench = Bench::new(&server(shouts));
    bench.run(Mode::Record, |_, port| talks(port, &["one", "two"], 100));
    bench.run(Mode::Replay, |scope, port| {
        let (mut out, mut reader) = connect(port);
        line(&mut reader);
        // A part of it only, and no end of line: it is known by then that it is wrong.
        out.write_all(b"onx").unwrap();
        assert_eq!(reader.read(&mut [0; 9]).unwrap_or(0), 0);
        assert_eq!(misses(scope), 1);
        let shown = scope.troubles()[0].to_string();
        assert!(shown.contains("onx") && shown.contains("instead of\none\\n"), "{shown}");
    });
}

#[test]
fn what_was_not_said_in_the_recording_is_a_miss() {
    let bench = Bench::new(&server(shouts));
    bench.run(Mode::Record, |_, port| talks(port, &["one"], 100));
    bench.run(Mode::Replay, |scope, port| {
        assert_eq!(talks(port, &["one", "more"], 100), ["hello\n", "ONE!\n", ""]);
        assert_eq!(misses(scope), 1);
        // A second connection was never made.
        assert_eq!(line(&mut connect(port).1), "");
        assert_eq!(misses(scope), 2);
    });
    bench.run(Mode::Replay, |scope, port| {
        assert_eq!(talks(port, &[], 1), ["hello\n"]);
        assert_eq!(misses(scope), 0);
        assert_eq!(scope.counts()["cache_requests_changed"], 1.0, "a turn that is dropped is seen");
    });
}

#[test]
fn a_client_that_stops_in_the_middle_of_its_turn_is_a_miss() {
    let bench = Bench::new(&server(shouts));
    bench.run(Mode::Record, |_, port| talks(port, &["one"], 100));
    bench.run(Mode::Replay, |scope, port| {
        let (mut out, mut reader) = connect(port);
        line(&mut reader);
        out.write_all(b"on").unwrap();
        out.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reader.read(&mut [0; 9]).unwrap_or(0), 0);
        assert_eq!(misses(scope), 1);
    });
}

#[test]
fn a_client_that_has_said_all_may_still_listen() {
    // Answers once the client has ended.
    let bench = Bench::new(&server(|mut stream| {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        stream.write_all(format!("{} bytes", said.len()).as_bytes()).unwrap();
    }));
    let ask = |_: &Scope, port| {
        let (mut out, mut reader) = connect(port);
        out.write_all(&[b'x'; 3_000]).unwrap();
        out.shutdown(Shutdown::Write).unwrap();
        let mut heard = String::new();
        reader.read_to_string(&mut heard).unwrap();
        heard
    };
    assert_eq!(bench.run(Mode::Record, ask), "3000 bytes");
    assert_eq!(bench.run(Mode::Replay, ask), "3000 bytes");
}

#[test]
fn connections_that_overlap_are_told_by_their_order() {
    let bench = Bench::new(&server(shouts));
    let both = |scope: &Scope, port| {
        let (mut first, mut first_reader) = connect(port);
        let hello = line(&mut first_reader);
        let (mut second, mut second_reader) = connect(port);
        assert_eq!(line(&mut second_reader), hello);
        // The second speaks first.
        second.write_all(b"second\n").unwrap();
        let second = line(&mut second_reader);
        first.write_all(b"first\n").unwrap();
        assert_eq!((line(&mut first_reader).as_str(), second.as_str()), ("FIRST!\n", "SECOND!\n"));
        assert_eq!(misses(scope), 0);
    };
    bench.run(Mode::Record, both);
    bench.run(Mode::Replay, both);
}

#[test]
fn much_may_go_both_ways_at_once() {
    const MUCH: usize = 8 << 20;
    let bench = Bench::new(&server(|stream| {
        let (mut from, mut to) = (stream.try_clone().unwrap(), stream);
        std::io::copy(&mut from, &mut to).unwrap();
    }));
    let echo = |scope: &Scope, port| {
        let (mut out, mut reader) = connect(port);
        let said: Vec<u8> = (0..MUCH).map(|n| (n / 7) as u8).collect();
        let saying = {
            let said = said.clone();
            std::thread::spawn(move || out.write_all(&said).and_then(|()| out.shutdown(Shutdown::Write)))
        };
        let mut heard = Vec::new();
        reader.read_to_end(&mut heard).unwrap();
        saying.join().unwrap().unwrap();
        assert!(heard == said);
        assert_eq!(misses(scope), 0);
    };
    bench.run(Mode::Record, echo);
    bench.run(Mode::Replay, echo);
}

#[test]
fn two_recordings_of_the_same_talk_are_the_same_bytes() {
    let bench = Bench::new(&server(shouts));
    let sealed = || {
        bench.run(Mode::Record, |scope, port| {
            for case in ["b", "a"] {
                scope.enter(case);
                talks(port, &["one", "two"], 100);
            }
        });
        bench.sealed()
    };
    assert_eq!(sealed(), sealed());
    // In another order of the cases, too.
    bench.run(Mode::Replay, |scope, port| {
        for case in ["a", "b"] {
            scope.enter(case);
            assert_eq!(talks(port, &["one", "two"], 3).len(), 3);
        }
        assert_eq!(misses(scope), 0);
    });
}

#[test]
fn a_server_that_is_not_there_latches() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let bench = Bench::new(&format!("tcp://{gone}"));
    bench.run(Mode::Record, |scope, port| {
        assert_eq!(line(&mut connect(port).1), "");
        assert!(matches!(&scope.troubles()[..], [Trouble::Upstream { .. }]));
    });
}

#[test]
fn a_secret_that_an_expression_finds_is_not_written_and_not_compared() {
    let bench = Bench::new(&server(shouts)).redacting("(?i)token ([a-z0-9]+)[\n!]");
    bench.run(Mode::Record, |_, port| talks(port, &["token s3cr3t", "two"], 100));
    assert!(!bench.sealed().to_lowercase().contains("s3cr3t"));
    for (token, piece) in [("s3cr3t", 100), ("another1", 1), ("R", 2)] {
        bench.run(Mode::Replay, |scope, port| {
            let heard = talks(port, &[&format!("token {token}"), "two"], piece);
            assert_eq!((heard[1].as_str(), heard[2].as_str()), ("TOKEN REDACTED!\n", "TWO!\n"));
            assert_eq!(misses(scope), 0);
            assert_eq!(scope.counts()["cache_requests_changed"], 0.0);
        });
    }
}
