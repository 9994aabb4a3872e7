//! What is missed, denied or too large: answered so, and latched.

use hyper::Version;
use sprag_replay::{Closest, LARGEST_BODY, Mode, Trouble};
use tokio::net::TcpStream;

use crate::client::{Client, connect, proxy, raw};
use crate::upstream::Upstream;
use crate::{Case, troubles};

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
    const MORE: usize = LARGEST_BODY + 1;
    let case = Case::new("");
    case.record(async |_| {}).await;
    let (_proxy, scope) = case.replay();
    let head = "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n";
    for rest in [
        format!("Content-Length: {MORE}\r\nExpect: 100-continue\r\n\r\n"),
        format!("Transfer-Encoding: chunked\r\n\r\n{MORE:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(MORE)),
    ] {
        let answer =
            raw(TcpStream::connect(proxy(&scope)).await.unwrap(), format!("{head}{rest}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
    let mut client = Client::direct(proxy(&scope), Version::HTTP_2).await;
    assert_eq!(client.ask("POST", "http://a.example/", &[], &"x".repeat(MORE)).await.status, 413);
    assert_eq!(scope.troubles().len(), 3);
    assert!(scope.troubles().iter().all(Trouble::is_the_applications));
    // One byte less is only unknown.
    let mut client = Client::direct(proxy(&scope), Version::HTTP_11).await;
    assert_eq!(client.ask("POST", "http://a.example/", &[], &"x".repeat(LARGEST_BODY)).await.status, 599);
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
