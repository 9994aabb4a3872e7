//! While the outside is asked: recorded, added to, compared, passed on.

use hyper::Version;
use sprag_replay::{Mode, Scope, Trouble};
use tokio::net::TcpStream;

use crate::client::{Client, proxy, raw};
use crate::upstream::Upstream;
use crate::{Case, troubles};

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
