//! The rows of the table in `docs/clients.md`, a test for each.

use std::process::Command;

use sprag_replay::Mode;

use crate::ask;
use crate::bench::{Bench, beside, installed, python, said};

const MISSED: &str = "599";
/// What is heard of servers over HTTP, whatever the client.
const HEARD: &[&str] = &["data: three", "texts", "\\\"item\\\": \\\"1\\\""];

/// One client in Python, which is called as its row, with these servers.
fn python_client(client: &str, schemes: &[&str], told: &[&str], missed: &str) {
    let Some(bench) = Bench::new("") else { return };
    let command = command(&bench, [python().unwrap(), beside("ask.py"), client.to_owned()], schemes);
    bench.shows(client, &command, told, missed);
}

fn command(bench: &Bench, first: impl IntoIterator<Item = String>, schemes: &[&str]) -> Vec<String> {
    first.into_iter().chain(schemes.iter().map(|scheme| bench.upstream.url(scheme))).collect()
}

fn strings<const N: usize>(words: [&str; N]) -> [String; N] {
    words.map(str::to_owned)
}

#[test]
fn curl() {
    let (Some(_), Some(bench)) = (installed("curl"), Bench::new("")) else { return };
    let command = command(&bench, strings(["sh", &beside("ask.sh"), "--http1.1"]), &["http", "https"]);
    bench.shows(
        "curl",
        &command,
        &["data: three", "200 HTTP/1.1", "\"scheme\": \"https\"", "packed"],
        "599 HTTP/1.1",
    );
}

#[test]
fn curl_http2() {
    let (Some(_), Some(bench)) = (installed("curl"), Bench::new("")) else { return };
    let command = command(&bench, strings(["sh", &beside("ask.sh"), "--http2"]), &["https"]);
    bench.shows(
        "curl_http2",
        &command,
        &["data: three", "200 HTTP/2", "\"http\": \"2\"", "packed"],
        "599 HTTP/2",
    );
}

#[test]
fn urllib() {
    python_client("urllib", &["http", "https"], HEARD, MISSED);
}

#[test]
fn requests() {
    python_client("requests", &["http", "https"], HEARD, MISSED);
}

#[test]
fn httpx() {
    python_client("httpx", &["http", "https"], HEARD, MISSED);
}

#[test]
fn httpx_http2() {
    let told = [HEARD, &["\"HTTP/2\"", "\\\"http\\\": \\\"2\\\""]].concat();
    python_client("httpx_http2", &["https"], &told, MISSED);
}

#[test]
fn aiohttp_trust_env() {
    python_client("aiohttp_trust_env", &["http", "https"], HEARD, MISSED);
}

#[test]
fn aiohttp_without_trust_env_goes_around_the_proxy() {
    let Some(bench) = Bench::new("") else { return };
    let command = command(&bench, [python().unwrap(), beside("ask.py"), "aiohttp".to_owned()], &["http"]);
    goes_around(&bench, &command);
}

#[test]
fn grpcio() {
    let told =
        ["heard item 1", "x-check=7", "part 2", "one, two", "heard two", "NOT_FOUND", "no such thing: %"];
    python_client("grpcio", &["grpc", "grpcs"], &told, "FAILED_PRECONDITION");
}

#[test]
fn node_fetch_goes_around_the_proxy() {
    let Some(20..=21) = node() else {
        eprintln!("skipped: no Node 20; later ones obey NODE_USE_ENV_PROXY");
        return;
    };
    let Some(bench) = Bench::new("") else { return };
    let command = command(&bench, strings(["node", &beside("ask.mjs"), "node"]), &["http"]);
    goes_around(&bench, &command);
}

#[test]
fn node_fetch_to_a_port() {
    let (Some(20..), Some(bench)) = (node(), to_a_port()) else { return };
    let command = in_shell(&format!("exec node {} node $SPRAG_API_URL", beside("ask.mjs")));
    bench.shows("node_fetch_to_a_port", &command, HEARD, MISSED);
}

#[test]
fn node_undici_with_an_agent() {
    let Some(20..) = node() else { return };
    if std::env::var_os("SPRAG_CLIENTS_NODE").is_none() {
        eprintln!(
            "skipped: SPRAG_CLIENTS_NODE is not set: `cargo xtask test` installs undici where there is npm"
        );
        return;
    }
    let Some(bench) = Bench::new("") else { return };
    let command = command(&bench, strings(["node", &beside("ask.mjs"), "undici"]), &["http", "https"]);
    bench.shows("node_undici_with_an_agent", &command, HEARD, MISSED);
}

#[test]
fn java_http_client() {
    java("java_http_client", "http-client", &["data: three", "texts", "200 HTTP_2", "\"http\": \"2\""]);
}

#[test]
fn java_url_connection() {
    java("java_url_connection", "url-connection", &["data: three", "texts", "\"scheme\": \"https\""]);
}

#[test]
fn reqwest() {
    let Some(bench) = Bench::new("") else { return };
    let this = std::env::current_exe().unwrap();
    let program = format!("{} --exact {} --ignored --nocapture", this.display(), ask::PROGRAM);
    // What else it prints is about the test that it is to those who run it.
    let script = format!("{}=\"$*\" {program} | grep -o 'heard.*'", ask::URLS);
    let command = command(&bench, strings(["sh", "-c", &script, "sh"]), &["http", "https"]);
    bench.shows(
        "reqwest",
        &command,
        &[HEARD, &["200 HTTP/2", "\\\"http\\\": \\\"2\\\"", "200 HTTP/1.1"]].concat(),
        MISSED,
    );
}

#[test]
fn a_client_that_takes_a_base_url() {
    let Some(bench) = to_a_port() else { return };
    let command =
        in_shell(&format!("exec {} {} requests $SPRAG_API_URL", python().unwrap(), beside("ask.py")));
    bench.shows("a_client_that_takes_a_base_url", &command, HEARD, MISSED);
}

/// The version of Node, or a word about it.
fn node() -> Option<u32> {
    installed("node")?;
    let version = Command::new("node").arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let major = version.trim_start_matches('v').split('.').next().unwrap().parse().unwrap();
    if major < 20 {
        eprintln!("skipped: Node {major} is older than 20");
    }
    Some(major)
}

fn java(row: &str, client: &str, told: &[&str]) {
    let (Some(_), Some(bench)) = (installed("javac"), Bench::new("")) else { return };
    let classes = tempfile::tempdir().unwrap();
    let classes = classes.path().to_str().unwrap();
    let compiled = Command::new("javac").args(["-d", classes, &beside("Ask.java")]).output().unwrap();
    said(&compiled);
    // What a virtual machine costs is not what is shown here.
    let first = strings(["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", classes, "Ask", client]);
    let command = command(&bench, first, &["http", "https"]);
    bench.shows(row, &command, told, MISSED);
}

/// An upstream behind TLS with a port of its own, at `SPRAG_API_URL`.
fn to_a_port() -> Option<Bench> {
    Bench::new("[[port]]\nname = \"api\"\nupstream = \"{https}\"")
}

fn in_shell(script: &str) -> Vec<String> {
    strings(["sh", "-c", script]).into()
}

/// The client gets its answers, but not by the proxy: in a benchmark it has no route, and here nothing is recorded.
fn goes_around(bench: &Bench, client: &[String]) {
    bench.run(Mode::Record, |scope| {
        let heard = said(&bench.ask(scope, client, "1"));
        assert!(HEARD.iter().all(|told| heard.contains(told)), "{heard}");
        assert!(bench.upstream.reached() > 0);
        assert_eq!(scope.counts()["other_calls"], 0.0);
        assert_eq!(scope.counts()["other_connections"], 0.0);
    });
}
