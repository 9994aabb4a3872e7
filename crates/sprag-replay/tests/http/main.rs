//! The proxy over HTTP, from outside: recorded against a server, then played without it.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod client;
mod upstream;

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use client::{Client, connect, proxy, raw};
use hyper::Version;
use sprag_contract::settings::replay::Replay;
use sprag_replay::{Closest, Listeners, Mode, Proxy, Scope, Trouble};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use upstream::Upstream;

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

#[tokio::test]
async fn what_was_recorded_is_played_with_the_server_stopped() {
    let upstream = Upstream::start().await;
    let url = format!("http://{}", upstream.at);
    let case = Case::new("");
    let session = async |scope: &Scope| {
        let mut client = Client::direct(proxy(scope), Version::HTTP_11).await;
        let json = &[("content-type", "application/json")];
        [
            client.get(&format!("{url}/nth")).await,
            client.ask("POST", &format!("{url}/echo"), json, r#"{"a": 1}"#).await,
            client.ask("POST", &format!("{url}/echo"), json, r#"{"a": 2}"#).await,
            client.ask("HEAD", &format!("{url}/nth"), &[], "").await,
            client.get(&format!("{url}/nothing")).await,
            client.get(&format!("{url}/large")).await,
        ]
        .map(|mut answered| {
            // How the network cut it is another matter.
            answered.pieces = vec![answered.pieces.concat().into()];
            answered
        })
    };
    let mut recorded = None;
    case.record(async |scope| recorded = Some(session(scope).await)).await;
    let recorded = recorded.unwrap();
    assert_eq!(recorded[0].text(), "1");
    assert_eq!(recorded[0].headers["x-kind"], "upstream");
    assert_eq!(recorded[1].text(), r#"{"a": 1}"#);
    assert_eq!(
        (&recorded[3].headers["content-length"], recorded[3].text().as_str()),
        (&"1".parse().unwrap(), "")
    );
    assert_eq!(recorded[4].status, 204);
    upstream.stop().await;

    let (_proxy, scope) = case.replay();
    assert_eq!(session(&scope).await, recorded);
    assert_eq!(scope.troubles(), []);
    assert_eq!(scope.counts()["other_calls"], 6.0);
    assert_eq!(scope.counts()["other_connections"], 1.0);
    assert_eq!(scope.counts()["other_requests_changed"], 0.0);
}

#[tokio::test]
async fn both_versions_come_through_a_tunnel_in_the_clear_and_under_tls() {
    let case = Case::new("roots = \"roots.pem\"");
    let plain = Upstream::start().await;
    let secret = Upstream::start_tls(&case.root.join("roots.pem")).await;
    let (plain_host, secret_host) = (plain.at.to_string(), format!("localhost:{}", secret.at.port()));
    let session = async |scope: &Scope| {
        let mut answers = Vec::new();
        for version in BOTH {
            let path = if version == Version::HTTP_2 { "/echo?2" } else { "/echo?1" };
            let mut client = Client::tls(scope, &secret_host, version).await;
            answers.push(client.ask("POST", &format!("https://{secret_host}{path}"), &[], "tls").await);
            let mut client = Client::tunnel(scope, &plain_host, version).await;
            answers.push(client.ask("POST", &format!("http://{plain_host}{path}"), &[], "clear").await);
        }
        answers
    };
    let mut recorded = Vec::new();
    case.record(async |scope| recorded = session(scope).await).await;
    assert_eq!(
        recorded.iter().map(|answer| answer.text()).collect::<Vec<_>>(),
        ["tls", "clear", "tls", "clear"]
    );
    plain.stop().await;
    secret.stop().await;
    let (_proxy, scope) = case.replay();
    assert_eq!(session(&scope).await, recorded);
    assert_eq!(scope.troubles(), []);
    assert_eq!(scope.counts()["other_connections"], 4.0);
}

#[tokio::test]
async fn pieces_and_trailers_come_back_as_they_were() {
    let upstream = Upstream::start().await;
    let host = upstream.at.to_string();
    let case = Case::new("");
    let session = async |scope: &Scope| {
        let mut answers = Vec::new();
        for version in BOTH {
            let mut client = Client::tunnel(scope, &host, version).await;
            for path in ["/chunks", "/trailers"] {
                let query = if version == Version::HTTP_2 { "2" } else { "1" };
                answers.push(
                    client
                        .ask("GET", &format!("http://{host}{path}?{query}"), &[("te", "trailers")], "")
                        .await,
                );
            }
        }
        answers
    };
    let mut recorded = Vec::new();
    case.record(async |scope| recorded = session(scope).await).await;
    upstream.stop().await;
    let (_proxy, scope) = case.replay();
    let played = session(&scope).await;
    assert_eq!(scope.troubles(), []);
    for answers in [&recorded, &played] {
        for answer in answers.iter().step_by(2) {
            assert_eq!(answer.text(), "one two three");
        }
        for answer in answers.iter().skip(1).step_by(2) {
            assert_eq!(answer.text(), "body");
            assert_eq!(answer.trailers.as_ref().unwrap()["x-check"], "7");
        }
        // HTTP/1 with its chunks, HTTP/2 with its frames.
        assert_eq!(answers[2].pieces, ["one ", "two ", "three"]);
        assert!(!answers[0].headers.contains_key("content-length"));
    }
}

#[tokio::test]
async fn only_codings_that_can_be_searched_for_secrets_are_asked_for() {
    let upstream = Upstream::start().await;
    let case = Case::new("");
    case.record(async |scope| {
        let mut client = Client::direct(proxy(scope), Version::HTTP_11).await;
        let url = format!("http://{}/codings", upstream.at);
        for (accepted, asked) in [("gzip, br;q=1.0, zstd", "gzip, zstd"), ("br, *", "identity")] {
            assert_eq!(client.ask("GET", &url, &[("accept-encoding", accepted)], "").await.text(), asked);
        }
        assert_eq!(client.get(&url).await.text(), "none");
    })
    .await;
}

#[tokio::test]
async fn a_stream_reaches_the_client_while_it_is_recorded() {
    let upstream = Upstream::start().await;
    let url = format!("http://{}/chunks", upstream.at);
    let case = Case::new("");
    case.record(async |scope| {
        let mut client = Client::direct(proxy(scope), Version::HTTP_11).await;
        let answered = client.get(&url).await;
        assert_eq!(answered.pieces, ["one ", "two ", "three"]);
    })
    .await;
}

#[tokio::test]
async fn after_the_fixtures_are_used_up_known_and_unknown_requests_are_missed() {
    let upstream = Upstream::start().await;
    let url = format!("http://{}/nth", upstream.at);
    let case = Case::new("");
    case.record(async |scope| {
        let mut client = Client::direct(proxy(scope), Version::HTTP_11).await;
        client.get(&url).await;
    })
    .await;
    // It is still there, and must not hear of anything.
    let (_proxy, scope) = case.replay();
    let mut client = Client::direct(proxy(&scope), Version::HTTP_11).await;
    assert_eq!(client.get(&url).await.text(), "1");
    assert_eq!(scope.troubles(), []);
    let missed = client.get(&url).await;
    assert_eq!(missed.status, 599);
    assert!(
        missed.text().starts_with("sprag: no recorded answer for GET /nth to http://127.0.0.1"),
        "{}",
        missed.text()
    );
    assert_eq!(client.ask("DELETE", &url, &[], "").await.status, 599);
    let troubles = scope.troubles();
    let closest = troubles.iter().map(|trouble| match trouble {
        Trouble::Miss(miss) => miss.closest.clone(),
        other => panic!("{other}"),
    });
    let closest: Vec<_> = closest.collect();
    assert_eq!(closest[0], Some(Closest::UsedUp { answers: 1 }));
    assert!(matches!(closest[1], Some(Closest::Alike { .. })), "{closest:?}");
    assert_eq!(scope.counts()["replay_misses"], 2.0);
    assert_eq!(upstream.reached(), 1);
}

#[tokio::test]
async fn a_missed_call_of_grpc_fails_in_its_own_manner_and_a_known_one_has_its_trailers() {
    let case = Case::new("roots = \"roots.pem\"");
    let upstream = Upstream::start_tls(&case.root.join("roots.pem")).await;
    let host = format!("localhost:{}", upstream.at.port());
    let url = format!("https://{host}/test.Echo/Say");
    let headers = &[("content-type", "application/grpc"), ("te", "trailers")];
    case.record(async |scope| {
        let mut client = Client::tls(scope, &host, Version::HTTP_2).await;
        client.ask("POST", &url, headers, "\0\0\0\0\u{2}hi").await;
    })
    .await;
    upstream.stop().await;
    let (_proxy, scope) = case.replay();
    let mut client = Client::tls(&scope, &host, Version::HTTP_2).await;
    let played = client.ask("POST", &url, headers, "\0\0\0\0\u{2}hi").await;
    assert_eq!(played.pieces, ["\0\0\0\0\u{2}hi", "\0\0\0\0\u{2}ho"]);
    assert_eq!(played.trailers.unwrap()["grpc-status"], "0");
    let missed = client.ask("POST", &url, headers, "\0\0\0\0\u{2}no").await;
    assert_eq!((missed.status, &missed.headers["grpc-status"]), (200, &"9".parse().unwrap()));
    assert!(missed.headers["grpc-message"].to_str().unwrap().starts_with("sprag: no recorded answer"));
    assert_eq!(scope.troubles().len(), 1);
}

#[tokio::test]
async fn another_protocol_in_a_tunnel_is_denied_in_every_mode() {
    let upstream = Upstream::start().await;
    let case = Case::new("");
    case.record(async |_| {}).await;
    for mode in [Mode::Replay, Mode::Verify, Mode::RecordMissing] {
        let (_proxy, scope) = case.open(mode);
        for sent in [
            &b"\0\0\0\x08\x04\xd2\x16\x2f"[..],
            b"*1\r\n$4\r\nPING\r\n",
            b"SSH-2.0-x\r\n\r\n",
            b"\x16\x05 no TLS",
        ] {
            let before = scope.troubles().len();
            let stream = connect(&scope, &upstream.at.to_string()).await;
            let answer = raw(stream, sent).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
            let troubles = troubles(&scope, before + 1).await;
            assert_eq!(troubles.len(), before + 1, "{sent:?}: {troubles:?}");
            assert!(matches!(troubles.last(), Some(Trouble::Denied { .. })));
        }
        assert_eq!(scope.counts()["replay_denials"], 4.0);
    }
    assert_eq!(upstream.reached(), 0);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_denied() {
    let case = Case::new("");
    case.record(async |_| {}).await;
    let (_proxy, scope) = case.replay();
    let ask = async |text: &str| raw(TcpStream::connect(proxy(&scope)).await.unwrap(), text.as_bytes()).await;
    let chat = "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n";
    assert!(ask(chat).await.contains("an upgrade to websocket is asked for"));
    let direct = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    assert!(ask(direct).await.contains("is no request to a proxy"));
    let nowhere = "CONNECT nowhere HTTP/1.1\r\nHost: nowhere\r\nConnection: close\r\n\r\n";
    assert!(ask(nowhere).await.contains("599"));
    let cut = "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    ask(cut).await;
    assert_eq!(troubles(&scope, 4).await.len(), 4, "{:?}", scope.troubles());
    // An offer of HTTP/2 is not taken up, and no reason to refuse.
    let offer = "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n";
    assert!(ask(offer).await.contains("no recorded answer"));
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_and_latches() {
    let case = Case::new("");
    case.record(async |_| {}).await;
    let mut replay = Proxy::open(&case.settings, &case.root, Mode::Replay, None).unwrap();
    replay.limit_bodies(1_000);
    let scope = replay.scope(Listeners::bind(&case.settings).unwrap()).unwrap();
    let head = "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n";
    for rest in [
        "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n".to_owned(),
        format!("Transfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001)),
    ] {
        let answer =
            raw(TcpStream::connect(proxy(&scope)).await.unwrap(), format!("{head}{rest}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
    let mut client = Client::direct(proxy(&scope), Version::HTTP_2).await;
    assert_eq!(client.ask("POST", "http://a.example/", &[], &"x".repeat(1001)).await.status, 413);
    assert_eq!(scope.troubles().len(), 3);
    assert!(scope.troubles().iter().all(Trouble::is_the_applications));
    // One byte less is only unknown.
    assert_eq!(client.ask("POST", "http://a.example/", &[], &"x".repeat(1000)).await.status, 599);
}

#[tokio::test]
async fn a_head_above_the_limit_is_refused_and_latches() {
    let case = Case::new("");
    case.record(async |_| {}).await;
    let (_proxy, scope) = case.replay();
    let bomb = "x".repeat(70_000);
    let head = format!("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX-Bomb: {bomb}\r\n\r\n");
    let answer = raw(TcpStream::connect(proxy(&scope)).await.unwrap(), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let mut client = Client::direct(proxy(&scope), Version::HTTP_2).await;
    assert_eq!(client.ask("GET", "http://a.example/", &[("x-bomb", &bomb)], "").await.status, 431);
    troubles(&scope, 2).await;
    assert_eq!(scope.counts()["replay_denials"], 2.0, "{:?}", scope.troubles());
}

#[tokio::test]
async fn a_body_that_waits_for_leave_gets_it() {
    let upstream = Upstream::start().await;
    let url = format!("http://{}/echo", upstream.at);
    let case = Case::new("");
    let session = async |scope: &Scope| {
        let mut client = Client::direct(proxy(scope), Version::HTTP_11).await;
        client.ask("POST", &url, &[("expect", "100-continue")], "after a moment").await.text()
    };
    case.record(async |scope| assert_eq!(session(scope).await, "after a moment")).await;
    upstream.stop().await;
    let (_proxy, scope) = case.replay();
    assert_eq!(session(&scope).await, "after a moment");
}

#[tokio::test]
async fn a_port_stands_for_its_upstream() {
    let upstream = Upstream::start().await;
    let case = Case::new(&format!(
        "[[port]]\nname = \"api\"\nupstream = \"http://{}\"\nenv = {{ BASE = \"http://{{host}}:{{port}}/v1\" }}",
        upstream.at
    ));
    let session = async |scope: &Scope| {
        let env = scope.env();
        let url = env["SPRAG_API_URL"].clone();
        let at = url.strip_prefix("http://").unwrap().parse().unwrap();
        assert_eq!(env["BASE"], format!("{url}/v1"));
        let mut direct = Client::direct(at, Version::HTTP_11).await;
        let stream = TcpStream::connect(at).await.unwrap();
        let mut tls = Client::tls_over(scope, stream, "127.0.0.1", Version::HTTP_2).await;
        // Some clients send to the proxy whatever they send.
        let mut proxied = Client::direct(proxy(scope), Version::HTTP_11).await;
        let mut tunnel = Client::tunnel(scope, &at.to_string(), Version::HTTP_11).await;
        [
            direct.get(&format!("{url}/host?1")).await.text(),
            tls.get(&format!("{url}/host?2")).await.text(),
            proxied.get(&format!("{url}/host?3")).await.text(),
            tunnel.get(&format!("{url}/host?4")).await.text(),
        ]
    };
    let host = upstream.at.to_string();
    // Over HTTP/2 there is no such header.
    let expected = [host.as_str(), "", &host, &host].map(str::to_owned);
    case.record(async |scope| assert_eq!(session(scope).await, expected)).await;
    upstream.stop().await;
    let (_proxy, scope) = case.replay();
    assert_eq!(session(&scope).await, expected);
    assert_eq!(scope.troubles(), []);
}

#[tokio::test]
async fn what_is_passed_is_let_through_unrecorded_but_not_in_replay() {
    let upstream = Upstream::start().await;
    let host = upstream.at.to_string();
    let url = format!("http://{host}/nth");
    let case = Case::new("[[pass]]\nhost = \"127.0.0.*\"");
    case.record(async |scope| {
        let mut client = Client::direct(proxy(scope), Version::HTTP_11).await;
        assert_eq!(client.get(&url).await.text(), "1");
        let mut client = Client::tunnel(scope, &host, Version::HTTP_11).await;
        assert_eq!(client.get(&url).await.text(), "2");
        assert_eq!(scope.counts()["other_calls"], 0.0);
    })
    .await;
    let (_proxy, scope) = case.replay();
    let mut client = Client::direct(proxy(&scope), Version::HTTP_11).await;
    assert_eq!(client.get(&url).await.status, 599);
    let stream = TcpStream::connect(proxy(&scope)).await.unwrap();
    let refused = raw(
        stream,
        format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes(),
    )
    .await;
    assert!(refused.starts_with("HTTP/1.1 599"), "{refused}");
    assert_eq!(scope.counts()["replay_denials"], 2.0);
    assert_eq!(upstream.reached(), 2);
}

#[tokio::test]
async fn what_is_missing_is_added_and_what_has_changed_is_seen() {
    let upstream = Upstream::start().await;
    let url = format!("http://{}", upstream.at);
    let case = Case::new("");
    let ask = async |scope: &Scope, path: &str| {
        Client::direct(proxy(scope), Version::HTTP_11).await.get(&format!("{url}{path}")).await.text()
    };
    case.record(async |scope| assert_eq!(ask(scope, "/nth").await, "1")).await;
    let (recording, scope) = case.open(Mode::RecordMissing);
    assert_eq!(ask(&scope, "/nth").await, "1");
    assert_eq!(ask(&scope, "/nth?more").await, "2");
    assert_eq!(scope.troubles(), []);
    drop(scope);
    recording.finish().unwrap();
    assert_eq!(upstream.reached(), 2);

    let (_proxy, scope) = case.replay();
    assert_eq!((ask(&scope, "/nth?more").await.as_str(), ask(&scope, "/nth").await.as_str()), ("2", "1"));

    let (_proxy, scope) = case.open(Mode::Verify);
    assert_eq!(ask(&scope, "/nth").await, "3");
    assert_eq!(ask(&scope, "/echo").await, "");
    let differences = scope.differences();
    assert_eq!(differences.len(), 2, "{differences:?}");
    assert!(differences[0].what.contains("differ"), "{differences:?}");
    assert_eq!(scope.troubles(), []);
}

#[tokio::test]
async fn an_upstream_that_is_down_is_no_recording() {
    let upstream = Upstream::start().await;
    let url = format!("http://{}/nth", upstream.at);
    upstream.stop().await;
    let case = Case::new("");
    let (_proxy, scope) = case.open(Mode::Record);
    let failed = Client::direct(proxy(&scope), Version::HTTP_11).await.get(&url).await;
    assert_eq!(failed.status, 599);
    assert!(failed.text().contains("did not answer: Connection refused"), "{}", failed.text());
    assert!(matches!(&scope.troubles()[..], [Trouble::Upstream { .. }]));
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_no_way_to_the_outside() {
    let elsewhere = Case::new("");
    let upstream = Upstream::start_tls(&elsewhere.root.join("roots.pem")).await;
    let host = format!("localhost:{}", upstream.at.port());
    let case = Case::new("");
    let (_proxy, scope) = case.open(Mode::Record);
    let mut client = Client::tls(&scope, &host, Version::HTTP_11).await;
    assert_eq!(client.get(&format!("https://{host}/nth")).await.status, 599);
    assert!(scope.troubles()[0].to_string().contains("certificate"), "{}", scope.troubles()[0]);
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_proxy_is_told_what_to_do() {
    let case = Case::new("");
    case.record(async |_| {}).await;
    let (_proxy, scope) = case.replay();
    let mut config = rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(rustls::RootCertStore::empty())
    .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = connect(&scope, "a.example:443").await;
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    assert!(connector.connect("a.example".try_into().unwrap(), stream).await.is_err());
    let troubles = troubles(&scope, 1).await;
    assert!(troubles[0].to_string().contains("does not trust"), "{troubles:?}");
}

#[tokio::test]
async fn an_answer_takes_as_long_as_it_is_told() {
    let upstream = Upstream::start().await;
    let url = format!("http://{}/chunks", upstream.at);
    let mut case = Case::new("");
    case.record(async |scope| {
        Client::direct(proxy(scope), Version::HTTP_11).await.get(&url).await;
    })
    .await;
    upstream.stop().await;
    for (timing, at_least) in
        [("\"recorded\"", 40), ("{ fixed = \"60ms\" }", 60), ("{ uniform = [\"30ms\", \"50ms\"] }", 30)]
    {
        case.settings.timing =
            toml::from_str::<toml::Table>(&format!("t = {timing}")).unwrap()["t"].clone().try_into().unwrap();
        let (_proxy, scope) = case.replay();
        let mut client = Client::direct(proxy(&scope), Version::HTTP_11).await;
        let start = Instant::now();
        assert_eq!(client.get(&url).await.text(), "one two three");
        assert!(start.elapsed() >= Duration::from_millis(at_least), "{timing}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_closed_scope_answers_nobody() {
    let case = Case::new("");
    case.record(async |_| {}).await;
    let (_proxy, scope) = case.replay();
    let at = proxy(&scope);
    let mut idle = Client::direct(at, Version::HTTP_11).await;
    assert_eq!(idle.get("http://a.example/").await.status, 599);
    let half_open = TcpStream::connect(at).await.unwrap();
    drop(scope);
    assert!(idle.begin("GET", "http://a.example/", &[], "").await.is_err());
    assert_eq!(raw(half_open, b"GET http://a.example/ HTTP/1.1\r\n\r\n").await, "");
    assert!(TcpStream::connect(at).await.is_err());
}

#[tokio::test]
async fn who_says_half_or_reads_nothing_holds_up_nobody() {
    let upstream = Upstream::start().await;
    let url = format!("http://{}/large", upstream.at);
    let case = Case::new("[[class]]\nname = \"all_calls\"\nmatch = {}\nrepeat = \"sticky\"");
    case.record(async |scope| {
        assert_eq!(
            Client::direct(proxy(scope), Version::HTTP_11).await.get(&url).await.text().len(),
            3 << 20
        );
    })
    .await;
    let (_proxy, scope) = case.replay();
    let mut held = Vec::new();
    for n in 0..200 {
        let mut stream = TcpStream::connect(proxy(&scope)).await.unwrap();
        let said = match n % 4 {
            0 => "",
            1 => "GET http://a.exam",
            2 => "POST http://a.example/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
            _ => &format!("GET {url} HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        };
        stream.write_all(said.as_bytes()).await.unwrap();
        held.push(stream);
    }
    for version in BOTH {
        let mut client = Client::direct(proxy(&scope), version).await;
        assert_eq!(client.get(&url).await.text().len(), 3 << 20);
    }
    drop(held);
    assert_eq!(scope.troubles(), []);
}

#[tokio::test]
async fn a_stream_that_the_client_left_is_recorded_as_far_as_it_was_read_and_other_answers_are_not() {
    let upstream = Upstream::start().await;
    let url = format!("http://{}", upstream.at);
    let case = Case::new("");
    let leave = async |scope: &Scope, path: &str| {
        let mut client = Client::direct(proxy(scope), Version::HTTP_11).await;
        let response = client.begin("GET", &format!("{url}/{path}"), &[], "").await.unwrap();
        let mut body = response.into_body();
        http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
        drop((body, client));
    };
    case.record(async |scope| leave(scope, "events").await).await;
    let (_proxy, scope) = case.replay();
    let mut client = Client::direct(proxy(&scope), Version::HTTP_11).await;
    assert!(client.get(&format!("{url}/events")).await.text().starts_with("data: 1"));

    let (_proxy, scope) = case.open(Mode::Record);
    leave(&scope, "chunks").await;
    let told = troubles(&scope, 1).await[0].to_string();
    assert!(
        told.contains("the application left after") && told.contains("an answer that had more"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_connections_count_the_same_a_hundred_times() {
    let upstream = Upstream::start().await;
    let url = format!("http://{}/echo", upstream.at);
    let case = Case::new("[[class]]\nname = \"echo_calls\"\nmatch = { path = \"/echo\" }");
    let session = async |scope: &Scope| {
        scope.enter("a case");
        scope.start_counting();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..16 {
            let (at, url) = (proxy(scope), url.clone());
            tasks.spawn(async move {
                let mut client = Client::direct(at, Version::HTTP_11).await;
                for m in 0..4 {
                    // Two of the four are what the others ask as well.
                    let body = format!(r#"{{"n": {}}}"#, if m < 2 { n * 4 + m } else { m });
                    let json = &[("content-type", "application/json")];
                    assert_eq!(client.ask("POST", &url, json, &body).await.text(), body);
                }
            });
        }
        tasks.join_all().await;
        (scope.counts(), scope.troubles())
    };
    let mut recordings = Vec::new();
    for _ in 0..2 {
        case.record(async |scope| {
            session(scope).await;
        })
        .await;
        let sealed =
            ["manifest.json", "interactions.jsonl"].map(|file| case.root.join("cassette").join(file));
        recordings.push(sealed.map(|file| std::fs::read_to_string(file).unwrap()));
    }
    assert_eq!(recordings[0], recordings[1]);
    upstream.stop().await;
    let replay = Proxy::open(&case.settings, &case.root, Mode::Replay, Some(&[0])).unwrap();
    let mut first = None;
    for _ in 0..100 {
        let scope = replay.scope(Listeners::bind(&case.settings).unwrap()).unwrap();
        let (counts, troubles) = session(&scope).await;
        assert_eq!(troubles, []);
        assert_eq!(*first.get_or_insert_with(|| counts.clone()), counts);
    }
    let counts = first.unwrap();
    assert_eq!((counts["echo_calls"], counts["echo_connections"]), (64.0, 16.0));
    assert_eq!(counts["echo_requests_changed"], 0.0);
}
