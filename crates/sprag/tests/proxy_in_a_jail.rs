//! The proxy and the jail together: an application in an empty network hears what was recorded, and nobody else.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use sprag_contract::settings::replay::Replay;
use sprag_replay::{Listeners, Mode, Proxy, Scope};
use sprag_sandbox::Jail;

const SPRAG: &str = env!("CARGO_BIN_EXE_sprag");
/// Asks by the proxy, by a port, and then past both: by TCP and UDP, on this machine and far away.
const APPLICATION: &str = r#"
import os, socket, sys, urllib.request
url = sys.argv[1]
print(urllib.request.urlopen(url + "/proxy").read().decode())
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(direct.open(os.environ["SPRAG_API_URL"] + "/port").read().decode())
upstream = int(url.rsplit(":", 1)[1])
for kind, address in [
    (socket.SOCK_STREAM, ("127.0.0.1", upstream)),
    (socket.SOCK_STREAM, ("192.0.2.1", 80)),
    (socket.SOCK_DGRAM, ("192.0.2.1", 53)),
]:
    try:
        socket.socket(socket.AF_INET, kind).connect(address)
        print("connected")
    except OSError as error:
        print(error.strerror)
"#;

/// A server that answers each request with its path, one for each connection, and counts them.
fn upstream() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let reached = Arc::new(AtomicUsize::new(0));
    let count = reached.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(first)) = lines.next() else { continue };
            lines.find(|line| line.as_ref().map_or(true, String::is_empty));
            let path = first.split(' ').nth(1).unwrap();
            let length = path.len();
            _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{path}"
            );
        }
    });
    (port, reached)
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn an_application_hears_the_recording_and_gets_no_route_past_it() {
    if let Err(why) = sprag_sandbox::network(&[SPRAG, sprag_sandbox::COMMAND]) {
        eprintln!("skipped: no empty network on this machine: {why}");
        return;
    }
    let (upstream, reached) = upstream();
    let url = format!("http://127.0.0.1:{upstream}");
    let settings: Replay = toml::from_str(&format!(
        "cassette = \"cassette\"\n[[port]]\nname = \"api\"\nlisten = 80\nupstream = \"{url}\""
    ))
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().try_into().unwrap();
    let application = ["python3", "-c", APPLICATION, &url];

    let proxy = Proxy::open(&settings, root, Mode::Record, None).unwrap();
    let scope = proxy.scope(Listeners::bind(&settings).unwrap()).unwrap();
    let mut command = Command::new(application[0]);
    let output = command.args(&application[1..]).envs(scope.env()).stdin(Stdio::null()).output().unwrap();
    let heard = said(&output);
    // Outside of a jail there is a way around.
    assert!(heard.starts_with("/proxy\n/port\nconnected\n"), "{heard}");
    drop(scope);
    proxy.finish().unwrap();

    let before = reached.load(Ordering::SeqCst);
    let proxy = Proxy::open(&settings, root, Mode::Replay, None).unwrap();
    let mut jail = Jail::new([SPRAG, sprag_sandbox::COMMAND]);
    for (name, port) in Listeners::inside(&settings) {
        jail = jail.listen(name, port);
    }
    let (command, door) = jail.prepare(&application).unwrap();
    let child = Command::new(&command[0])
        .args(&command[1..])
        .envs(proxy.env_inside().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = door.open(&child, Duration::from_secs(30)).unwrap();
    let scope: Scope = proxy.scope(Listeners::from_sockets(ready.take_listeners())).unwrap();
    ready.go().unwrap();
    let heard = said(&child.wait_with_output().unwrap());
    assert_eq!(heard, "/proxy\n/port\nConnection refused\nNetwork is unreachable\nNetwork is unreachable\n");
    assert_eq!(scope.troubles(), []);
    assert_eq!(scope.counts()["other_calls"], 2.0);
    assert_eq!(reached.load(Ordering::SeqCst), before, "the server was reached");
}
