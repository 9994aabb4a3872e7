//! Requests that are the same have one key, those that are not have two, and hostile ones cost little.

mod secrets;

use std::borrow::Cow;

use bytes::Bytes;
use proptest::prelude::*;
use sprag_contract::settings::replay::Replay;

use super::coding::tests::gzip;
use super::*;
use crate::exchange::{Body, HttpAnswer, LARGEST_BODY, PostgresAnswer, TcpAnswer};

fn rules(settings: serde_json::Value) -> Rules {
    let mut whole = serde_json::json!({ "cassette": "x" });
    whole.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    Rules::compile(&serde_json::from_value::<Replay>(whole).unwrap()).unwrap()
}

fn plain() -> Rules {
    rules(serde_json::json!({}))
}

fn request(target: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> HttpRequest<'static> {
    let owned = |text: &str| Cow::Owned(text.to_owned());
    HttpRequest {
        upstream: "https://api.example.com",
        method: "POST",
        target: owned(target),
        headers: headers.iter().map(|(name, value)| (owned(name), owned(value))).collect(),
        body: body.into(),
    }
}

fn canonical(rules: &Rules, request: &HttpRequest<'_>) -> String {
    String::from_utf8(rules.http(request).canonical.to_vec()).unwrap()
}

const JSON: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");

#[test]
fn a_request_has_a_form_that_people_can_compare() {
    let rules = rules(serde_json::json!({
        "class": [{
            "name": "embedder_calls",
            "match": { "host": "*.example.com", "path": "/v1/users/*/embeddings", "method": "post" },
            "items": "$.input.length()",
            "headers": ["X-Model", "x-request-id", "grpc-timeout"],
        }],
        "volatile": [
            { "json": "$.request_id" },
            { "json": "$..at", "class": "embedder_calls" },
            { "header": "X-Request-Id" },
            { "query": "ts" },
            { "path": "^/v1/users/([^/]+)" },
            { "body": "nonce-[0-9]+" },
        ],
        "redact": [{ "json": "$.customer.name" }],
    }));
    let body = r#"{"model":"m","input":["a","b"],"request_id":"r1","meta":{"at":[1,2],"n":"nonce-77"},
        "customer":{"name":{"first":"Ann"},"id":7},"api_key":"k","token":null}"#;
    let headers =
        [JSON, ("X-Request-Id", "1"), ("x-model", " m2 "), ("Grpc-Timeout", "1S"), ("accept", "*/*")];
    let asked = rules.http(&request("/v1/users/u%2d1/embeddings?ts=1&b=%2f&Sig=xyz&a=1", &headers, body));
    insta::assert_snapshot!(String::from_utf8_lossy(&asked.canonical), @r#"
        POST https://api.example.com/v1/users/*/embeddings
        ?Sig=REDACTED
        ?a=1
        ?b=%2F
        ?ts=*
        content-type: application/json
        x-model: m2
        x-request-id: *

        json
        {
          "api_key": "REDACTED",
          "customer": {
            "id": 7,
            "name": "REDACTED"
          },
          "input": [
            "a",
            "b"
          ],
          "meta": {
            "at": *,
            "n": "*"
          },
          "model": "m",
          "request_id": *,
          "token": null
        }
        "#);
    assert_eq!(asked.label, "POST /v1/users/*/embeddings?Sig=REDACTED&a=1&b=%2F&ts=*");
    assert_eq!((asked.class, asked.items, asked.bytes), (Some(0), 2, body.len() as u64));
}

#[test]
fn each_kind_of_body_has_a_form_of_its_own() {
    let form =
        |headers: &[(&str, &str)], body: &[u8]| canonical(&plain(), &request("/", headers, body.to_vec()));
    let kinds = [
        form(&[], b""),
        form(&[("content-type", "application/x-www-form-urlencoded")], b"b=2&client_secret=s&a=%7e+x&b=1"),
        form(&[("content-type", "application/x-www-form-urlencoded")], br#"{"curl":"says so"}"#),
        form(&[("content-type", "text/plain")], "héllo {\"token\": \"s3\", \"x\":1".as_bytes()),
        form(&[("content-type", "application/octet-stream")], b"\xff\x00"),
        form(&[("content-type", "application/json")], b"{\"a\":1,}"),
        form(&[("content-type", "application/json")], b"7"),
        form(&[("content-encoding", "gzip")], &gzip(b"{\"a\":1}")),
        form(&[("content-encoding", "br")], b"abc"),
        form(&[("content-type", "application/grpc"), ("grpc-timeout", "1S")], b"\0\0\0\0\x04\n\x02hi\0\0\0\0\0"),
        form(&[("content-type", "application/grpc"), ("grpc-encoding", "gzip")], &{
            let message = gzip(b"\n\x02hi");
            [&[1, 0, 0, 0, message.len() as u8][..], &message].concat()
        }),
        form(
            &[("content-type", "multipart/form-data; boundary=\"xyz\"")],
            b"--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.json\"\r\nContent-Type: application/json\r\n\r\n{\"b\":1,\"a\":2}\r\n--xyz\r\ncontent-disposition: form-data; name=\"password\"\r\n\r\nhunter2\r\n--xyz\r\n\r\nbare\r\n--xyz--\r\n",
        ),
    ];
    insta::assert_snapshot!(kinds.join("\n======\n"), @r#"
        POST https://api.example.com/

        ======
        POST https://api.example.com/
        content-type: application/x-www-form-urlencoded

        form
        a=~+x
        b=2
        b=1
        client_secret=REDACTED

        ======
        POST https://api.example.com/
        content-type: application/x-www-form-urlencoded

        json
        {
          "curl": "says so"
        }
        ======
        POST https://api.example.com/
        content-type: text/plain

        text
        héllo {"token": "REDACTED", "x":1
        ======
        POST https://api.example.com/
        content-type: application/octet-stream

        bytes
        blake3 e7645220473c8ae27d6c36c8993d8409784c1aab90d22e3da4971c93ff352ce7, 2 bytes
        ======
        POST https://api.example.com/
        content-type: application/json

        text
        {"a":1,}
        ======
        POST https://api.example.com/
        content-type: application/json

        json
        7
        ======
        POST https://api.example.com/

        json
        {
          "a": 1
        }
        ======
        POST https://api.example.com/

        encoded br
        blake3 6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85, 3 bytes
        ======
        POST https://api.example.com/
        content-type: application/grpc

        grpc
        message 0, 4 bytes: \n\x02hi
        message 0, 0 bytes: 

        ======
        POST https://api.example.com/
        content-type: application/grpc

        grpc
        message 0, 4 bytes: \n\x02hi

        ======
        POST https://api.example.com/
        content-type: multipart/form-data

        multipart
        part
        content-disposition: form-data; name="file"; filename="a.json"
        content-type: application/json
        json, 22 bytes
        {
          "a": 2,
          "b": 1
        }
        part
        content-disposition: form-data; name="password"
        text, 8 bytes
        REDACTED
        part
        text, 4 bytes
        bare
        "#);
}

#[test]
fn the_boundary_of_parts_does_not_matter_and_their_content_does() {
    let form = |boundary: &str, value: &str| {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{value}\r\n--{boundary}--\r\n"
        );
        let content_type = format!("multipart/form-data; boundary={boundary}");
        canonical(&plain(), &request("/", &[("content-type", &content_type)], body))
    };
    assert_eq!(form("one", "x"), form("two", "x"));
    assert_ne!(form("one", "x"), form("one", "y"));
}

#[test]
fn a_statement_is_classed_by_its_port_and_its_words() {
    let rules = rules(serde_json::json!({
        "port": [
            { "name": "db", "upstream": "postgres://127.0.0.1" },
            { "name": "web", "upstream": "https://API.example.com:443" },
        ],
        "class": [
            { "name": "read_calls", "match": { "port": "db", "statement": "select *  from *" }, "repeat": "sticky" },
            { "name": "web_calls", "match": { "port": "web" } },
            { "name": "db_calls", "match": { "host": "127.*" } },
        ],
        "redact": [{ "body": "ssn=([0-9]+)" }],
        "volatile": [{ "body": "trace=[0-9]+", "class": "db_calls" }],
        "pass": [{ "host": "*.telemetry.example.com" }],
    }));
    let db = "postgres://127.0.0.1:5432";
    let asked = rules.statement(db, "db", "SELECT a\n  FROM b WHERE ssn=12 AND trace=7", "ssn=12 trace=7", 9);
    assert_eq!(asked.label, "SELECT a FROM b WHERE ssn=REDACTED AND trace=7");
    assert_eq!(&asked.canonical[..], b"ssn=REDACTED trace=7");
    assert_eq!((asked.class, asked.items, asked.bytes), (Some(0), 1, 9));
    assert_eq!(rules.repeat(asked.class), Repeat::Sticky);
    let other = rules.statement(db, "db", "ALTER ROLE x PASSWORD 'it''s' -- trace=7", "trace=7", 1);
    assert_eq!((other.label.as_str(), other.class), ("ALTER ROLE x PASSWORD 'REDACTED' -- *", Some(2)));
    assert_eq!(rules.http(&request("/", &[], "")).class, Some(1));
    assert_eq!(rules.statement("redis://x:1", "r", "GET a", "", 1).class, None);
    assert_eq!(rules.repeat(None), Repeat::SequenceThenFail);
    assert!(rules.is_passed("a.Telemetry.example.com"));
    assert!(!rules.is_passed("telemetry.example.com"));
}

#[test]
fn the_digest_is_of_what_a_key_depends_on_and_of_nothing_else() {
    let digest = |settings| rules(settings).digest().to_owned();
    assert_eq!(
        digest(serde_json::json!({})),
        digest(serde_json::json!({ "cassette": "y", "timing": "recorded" }))
    );
    assert_ne!(digest(serde_json::json!({})), digest(serde_json::json!({ "volatile": [{ "json": "$.a" }] })));
    assert!(digest(serde_json::json!({})).starts_with("b3:"));
}

#[test]
fn rules_that_cannot_be_read_are_refused_with_their_place() {
    let refused = |settings: serde_json::Value| {
        let mut whole = serde_json::json!({ "cassette": "x" });
        whole.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        Rules::compile(&serde_json::from_value(whole).unwrap()).unwrap_err().to_string()
    };
    for (settings, place) in [
        (serde_json::json!({ "volatile": [{ "path": "(a" }] }), "path"),
        (serde_json::json!({ "volatile": [{ "path": "a" }] }), "one group"),
        (serde_json::json!({ "redact": [{ "json": "a" }] }), "json"),
        (serde_json::json!({ "redact": [{}] }), "one place"),
        (serde_json::json!({ "redact": [{ "query": "a", "class": "b" }] }), "class"),
        (serde_json::json!({ "class": [{ "name": "a", "match": { "port": "b" } }] }), "class.match.port"),
        (
            serde_json::json!({ "class": [{ "name": "a", "match": { "host": "*".repeat(1 << 17) } }] }),
            "class.match.host",
        ),
    ] {
        assert!(refused(settings).contains(place), "{place}");
    }
}

fn answer(headers: &[(&str, &str)], body: impl Into<Bytes>) -> HttpAnswer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    HttpAnswer { status: 200, headers, body: Body::whole(body), trailers: Vec::new() }
}

fn redacted(rules: &Rules, answer: HttpAnswer) -> HttpAnswer {
    match rules.redact_answer(None, Answer::Http(answer)) {
        Answer::Http(answer) => answer,
        other => panic!("{other:?}"),
    }
}

const FORM_TYPE: &str = "application/x-www-form-urlencoded";

#[test]
fn hostile_bodies_stay_bounded() {
    let rules = rules(serde_json::json!({ "redact": [{ "json": "$..a" }, { "body": "x+" }] }));
    let size = LARGEST_BODY / 32;
    for (content_type, body) in [
        ("application/json", "[".repeat(size)),
        ("application/json", "{\"a\":".repeat(size / 5)),
        ("application/json", format!("[{}1]", "1,".repeat(size / 2))),
        ("application/json", format!("{{{}\"a\":1}}", "\"a\":1,".repeat(size / 6))),
        (FORM_TYPE, "a&".repeat(size / 2)),
        ("application/grpc", "\0".repeat(size / 5 * 5)),
        ("multipart/form-data; boundary=b", format!("--b{}--", "\r\n\r\n--b".repeat(size / 7))),
        ("text/plain", "\"token\":\"".repeat(size / 9)),
    ] {
        let asked = rules.http(&request("/", &[("content-type", content_type)], body.clone()));
        // An empty message of gRPC, of 5 bytes, is written in 21.
        assert!(asked.canonical.len() < 5 * size, "{content_type}: {}", asked.canonical.len());
        let kept = redacted(&rules, answer(&[("content-type", content_type)], body));
        assert!(kept.body.bytes.len() < 4 * size);
    }
    let bomb = gzip(&vec![b' '; LARGEST_BODY + 1]);
    let asked = rules.http(&request("/", &[("content-encoding", "gzip")], bomb));
    assert!(asked.canonical.len() < 500);
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "[\\[\\]{}\",:a0\\\\=&%\r\n -]{0,80}".prop_map(String::into_bytes),
        "(--b|\r\n|name=\"a\"|: |x){0,20}".prop_map(String::into_bytes),
        "[\\x00-\\x05a]{0,40}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn the_order_of_parameters_and_the_spelling_of_headers_do_not_matter(
        pairs in proptest::collection::btree_map("[a-z]{1,4}", "[a-z0-9%]{0,4}", 0..6),
        upper in any::<bool>(),
    ) {
        let rules = rules(serde_json::json!({
            "class": [{ "name": "a_calls", "match": { "host": "*" }, "headers": ["x-b", "x-a"] }],
        }));
        let spelled = |name: &str| if upper { name.to_uppercase() } else { name.to_owned() };
        let joined = |pairs: Vec<(&String, &String)>| {
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        let (a, b, content_type) = (spelled("x-a"), spelled("x-b"), spelled("content-type"));
        let one = request(
            &format!("/p?{}", joined(pairs.iter().collect())),
            &[("x-a", "1"), ("x-b", "2"), ("content-type", "application/json")],
            r#"{"a":1,"b":[{"c":2,"d":3}]}"#,
        );
        let other = request(
            &format!("/%70?{}", joined(pairs.iter().rev().collect())),
            &[(&content_type, "Application/JSON; charset=x"), (&b, "2"), (&a, "1")],
            r#"{ "b": [ {"d": 3, "c": 2} ], "a": 1 }"#,
        );
        prop_assert_eq!(canonical(&rules, &one), canonical(&rules, &other));
    }

    #[test]
    fn any_request_and_any_answer_are_read_without_a_panic(
        body in any_body(), target in "\\PC{0,20}", value in "\\PC{0,20}", kind in 0usize..8, coding in 0usize..4,
    ) {
        let rules = rules(serde_json::json!({
            "class": [{ "name": "a_calls", "match": { "host": "*" }, "items": "$..a.length()", "headers": ["x"] }],
            "volatile": [{ "json": "$..a" }, { "body": "a|(b)" }, { "path": "(a)" }],
            "redact": [{ "json": "$.b[*]" }, { "body": "0+" }, { "query": "a" }],
        }));
        let kinds = [
            "application/json", FORM_TYPE, "multipart/form-data; boundary=b", "application/grpc", "text/event-stream",
            "text/plain", "multipart/x; a=\"", value.as_str(),
        ];
        let codings = ["", "gzip", "deflate", "zstd"];
        let headers = [("content-type", kinds[kind]), ("content-encoding", codings[coding]), ("x", value.as_str()),
            ("set-cookie", value.as_str()), ("location", value.as_str()), ("grpc-encoding", codings[coding])];
        let request = request(&target, &headers, body.clone());
        prop_assert_eq!(rules.http(&request), rules.http(&request));
        let text = String::from_utf8_lossy(&body).into_owned();
        rules.statement("postgres://x:1", "x", &text, body.clone(), 1);
        for answer in [
            Answer::Http(answer(&headers, body.clone())),
            Answer::Postgres(PostgresAnswer { messages: body.clone().into(), state: b'I' }),
            Answer::Redis(body.clone().into()),
            Answer::Tcp(TcpAnswer { bytes: body.clone().into(), ..TcpAnswer::default() }),
        ] {
            let once = rules.redact_answer(Some(0), answer);
            // What is redacted has nothing left to redact.
            prop_assert_eq!(rules.redact_answer(Some(0), once.clone()), once);
        }
    }
}
