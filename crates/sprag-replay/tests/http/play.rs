//! What was recorded is played, to whatever client, without the server.

use std::time::{Duration, Instant};

use hyper::Version;
use sprag_replay::{Listeners, Mode, Proxy, Scope};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{Client, proxy, raw};
use crate::upstream::Upstream;
use crate::{BOTH, Case};

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
