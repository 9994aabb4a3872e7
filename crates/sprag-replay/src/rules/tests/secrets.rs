//! What is secret is in nothing that is written, and in no key.

use super::*;

#[test]
fn an_answer_without_secrets_stays_as_it_came() {
    let whole =
        answer(&[("Content-Encoding", "gzip"), ("Content-Type", "application/json")], gzip(b"{\"a\":1}"));
    assert_eq!(redacted(&plain(), whole.clone()), whole);
    let unreadable = answer(&[("content-encoding", "gzip")], "no gzip");
    assert_eq!(redacted(&plain(), unreadable.clone()), unreadable);
}

#[test]
fn secrets_in_an_answer_are_replaced_and_the_rest_stays() {
    let rules = rules(serde_json::json!({ "redact": [{ "json": "$..name" }, { "header": "x-customer" }] }));
    let json = br#"{ "access_token" : "s1", "expires": 3600, "rows":[{"name":{"a":"s2"}},{"name":"s3"}],"token":true }"#;
    let headers = [
        ("content-type", "application/json"),
        ("Content-Encoding", "gzip"),
        ("content-length", "99"),
        ("Digest", "x"),
        ("set-cookie", "sid=s4; Path=/; HttpOnly"),
        ("X-Customer", "s5"),
        ("location", "https://x/cb?code=1&access_token=s6#id_token=s7"),
        ("x-ratelimit-limit-tokens", "10000"),
    ];
    let kept = redacted(&rules, answer(&headers, gzip(json)));
    let shown: String = kept.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    insta::assert_snapshot!(format!("{shown}{}", String::from_utf8_lossy(&kept.body.bytes)), @r#"
        content-type: application/json
        content-length: 111
        set-cookie: sid=REDACTED; Path=/; HttpOnly
        X-Customer: REDACTED
        location: https://x/cb?code=1&access_token=REDACTED#id_token=REDACTED
        x-ratelimit-limit-tokens: 10000
        { "access_token" : "REDACTED", "expires": 3600, "rows":[{"name":"REDACTED"},{"name":"REDACTED"}],"token":true }
        "#);
}

#[test]
fn secrets_in_the_parts_of_an_answer_are_replaced_and_the_rest_stays() {
    let rules = rules(serde_json::json!({ "redact": [{ "json": "$..name" }, { "body": "sk-[a-z]+" }] }));
    let parts = |secret: &str, in_json: &str, key: &str| {
        let parts = [
            format!("Content-Disposition: form-data; name=\"token\"\r\n\r\n{secret}"),
            format!(
                "X-Api-Key:  {secret} \r\nContent-Type: application/json\r\n\r\n{{\"name\":{in_json},\"n\":1}}"
            ),
            format!(
                "Content-Type: text/plain\r\n\r\nso: {{\"password\": {in_json}}}\n{{\"name\":{in_json}}}"
            ),
            format!("\r\n{key} and \"token\": {in_json}"),
            "Content-Type: application/x-www-form-urlencoded\r\n\r\na=1&password=".to_owned() + secret,
        ];
        let mut bytes = b"before".to_vec();
        for part in parts {
            bytes.extend_from_slice(format!("\r\n--b\r\n{part}").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n--b\r\nContent-Type: image/png\r\n\r\n\x89PNG\xff\r\n--b--\r\n");
        bytes
    };
    let headers = [("content-type", "multipart/mixed; boundary=\"b\"")];
    let kept = redacted(&rules, answer(&headers, parts("s1", "\"s2\"", "sk-abc"))).body.bytes;
    let expected = parts("REDACTED", "\"REDACTED\"", "REDACTED");
    assert_eq!(String::from_utf8_lossy(&kept), String::from_utf8_lossy(&expected));
    let clean = answer(&headers, b"--b\r\n\r\nnothing\r\n--b--".to_vec());
    assert_eq!(redacted(&rules, clean.clone()), clean);
}

#[test]
fn secrets_in_events_are_replaced_and_the_pieces_stay() {
    let rules = rules(serde_json::json!({ "redact": [{ "json": "$.user" }] }));
    let pieces = ["data: {\"user\":\"s1\",\"n\":1}\n\n", "data: {\"tok", "en\":\"s2\"}\n\ndata: [DONE]\n\n"];
    let pieces = pieces.map(Bytes::from);
    let mut events = answer(&[("content-type", "text/event-stream")], "");
    events.body = Body::of_chunks(&pieces);
    let kept = redacted(&rules, events).body;
    let shown: Vec<String> =
        kept.pieces().iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect();
    assert_eq!(
        shown,
        [
            "data: {\"user\":\"REDACTED\",\"n\":1}\n\n",
            "data: {\"tok",
            "en\":\"REDACTED\"}\n\ndata: [DONE]\n\n"
        ]
    );
}

#[test]
fn rows_and_replies_keep_their_framing() {
    let rules = rules(serde_json::json!({ "redact": [{ "body": "sk-[a-z]+" }] }));
    let message =
        |kind: u8, body: &[u8]| [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat();
    let value = |text: &[u8]| [&(text.len() as u32).to_be_bytes()[..], text].concat();
    let row = |text: &[u8]| [&[0, 3][..], &value(b"1"), &(-1i32).to_be_bytes(), &value(text)].concat();
    let messages = |secret: &str| {
        [
            message(b'D', &row(format!("a {secret} b").as_bytes())),
            message(b'C', b"SELECT 1\0"),
            message(b'E', format!("SERROR\0Mno {secret}\0\0").as_bytes()),
            b"tail".to_vec(),
        ]
        .concat()
    };
    let kept = rules.redact_answer(
        None,
        Answer::Postgres(PostgresAnswer { messages: messages("sk-abc").into(), state: b'I' }),
    );
    assert_eq!(kept, Answer::Postgres(PostgresAnswer { messages: messages("REDACTED").into(), state: b'I' }));
    let replies = |secret: &str| {
        let bulk = format!("x{secret}\r\ny");
        format!("*3\r\n${}\r\n{bulk}\r\n+{secret}\r\n$-1\r\n-ERR {secret}\r\n:5\r\n", bulk.len())
    };
    let kept = rules.redact_answer(None, Answer::Redis(replies("sk-abc").into()));
    assert_eq!(kept, Answer::Redis(replies("REDACTED").into()));
    let turn = |secret: &str| TcpAnswer {
        bytes: secret.to_owned().into(),
        closes: false,
        next: secret.to_owned().into(),
    };
    assert_eq!(rules.redact_answer(None, Answer::Tcp(turn("sk-abc"))), Answer::Tcp(turn("REDACTED")));
    let grpc = answer(&[("content-type", "application/grpc+proto")], b"\0\0\0\0\x08\n\x06sk-abc".to_vec());
    assert_eq!(&redacted(&rules, grpc).body.bytes[..], b"\0\0\0\0\x08\n\x06REDACT");
}

/// A value that is found nowhere by chance.
const SECRET: &str = "S3CR3TxVALUE";

fn planted() -> Vec<HttpRequest<'static>> {
    let json = format!(
        r#"{{"password":"{SECRET}","a":[{{"apiKey":["{SECRET}"]}}],"pass\u0077d":"{SECRET}","clientSecret":"{SECRET}"}}"#
    );
    let bearer = format!("Bearer {SECRET}");
    let query = format!("/x?api_key={SECRET}&X-Amz-Signature={SECRET}&%74oken={SECRET}&key={SECRET}");
    let form = format!("grant_type=password&password={SECRET}&client%5Fsecret={SECRET}");
    let parts = format!("--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{SECRET}\r\n--b--\r\n");
    let headers = [("Authorization", bearer.as_str()), ("X-API-Key", SECRET), ("Cookie", SECRET), JSON];
    vec![
        request(&query, &headers, json.clone()),
        request("/", &headers, gzip(json.as_bytes())),
        request("/", &[&headers[..], &[("content-encoding", "gzip")]].concat(), gzip(json.as_bytes())),
        // Too deep to be read as JSON, cut short, and many in a row.
        request("/", &headers, format!("{}{json}", "[".repeat(300))),
        request("/", &headers, json[..json.len() - 2].replace("\\u0077", "w")),
        request("/", &headers, format!("{{\"token\":\"{SECRET}\"}}\n{{\"token\" : \"{SECRET}\"}}\n")),
        request("/", &[("content-type", FORM_TYPE)], form),
        request("/", &[("content-type", "multipart/form-data; boundary=b")], parts),
    ]
}

fn holds_secret(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, SECRET.as_bytes()).is_some()
}

#[test]
fn planted_secrets_are_in_no_byte_of_what_is_written() {
    let rules = rules(serde_json::json!({
        "class": [{ "name": "all_calls", "match": { "host": "*" }, "headers": ["authorization", "x-api-key", "cookie"] }],
    }));
    for (at, request) in planted().iter().enumerate() {
        // What is compressed and does not say so cannot be looked into, nor read by anybody who greps for it.
        let asked = rules.http(request);
        assert!(
            !holds_secret(&asked.canonical),
            "request {at}: {}",
            String::from_utf8_lossy(&asked.canonical)
        );
        assert!(!holds_secret(asked.label.as_bytes()), "label {at}: {}", asked.label);
        let HttpRequest { headers, body, .. } = request;
        let answer = HttpAnswer {
            status: 200,
            headers: headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            body: Body::whole(body.clone()),
            trailers: vec![("set-cookie".to_owned(), format!("sid={SECRET}"))],
        };
        let kept = redacted(&rules, answer);
        assert!(!holds_secret(format!("{kept:?}").as_bytes()), "answer {at}: {kept:?}");
    }
}

#[test]
fn keys_do_not_depend_on_secrets() {
    let rules = plain();
    let with = |secret: &str| -> Vec<Bytes> {
        let swapped = |text: &str| text.replace(SECRET, secret);
        let each = planted().into_iter().filter(|request| std::str::from_utf8(&request.body).is_ok());
        each.map(|mut request| {
            request.target = swapped(&request.target).into();
            request.body = swapped(std::str::from_utf8(&request.body).unwrap()).into();
            request.headers.iter_mut().for_each(|(_, value)| *value = swapped(value).into());
            rules.http(&request).canonical
        })
        .collect()
    };
    assert_eq!(with("one"), with("another"));
}

#[test]
fn passwords_in_sql_are_replaced_however_they_are_quoted() {
    let (rules, db) = (plain(), "postgres://db:5432");
    let kept = |sql: &str| {
        let asked = rules.statement(db, "db", sql, sql.to_owned(), 1);
        String::from_utf8(asked.canonical.to_vec()).unwrap()
    };
    for (sql, expected) in [
        ("ALTER ROLE x PASSWORD $$s3$$ LOGIN", "ALTER ROLE x PASSWORD $$REDACTED$$ LOGIN"),
        ("CREATE ROLE x PASSWORD $a$s3 $b$ $$ s3$a$", "CREATE ROLE x PASSWORD $a$REDACTED$a$"),
        ("PASSWORD $$s3 password $$; PASSWORD $$s3$$", "PASSWORD $$REDACTED$$; PASSWORD $$REDACTED$$"),
        ("ALTER ROLE x PASSWORD $$s3", "ALTER ROLE x PASSWORD $$REDACTED"),
        ("WHERE password = 's3' AND a = 'b'", "WHERE password = 'REDACTED' AND a = 'b'"),
        ("SET password='s3\\'", "SET password='REDACTED'"),
        ("WHERE password=$1,b=$2", "WHERE password=$1,b=$2"),
        ("WHERE a = 'password' AND b = 'c'", "WHERE a = 'password' AND b = 'c'"),
    ] {
        assert_eq!(kept(sql), expected);
    }
}

#[test]
fn requests_that_differ_in_a_masked_key_alone_are_told_apart_while_recording() {
    let rules = plain();
    let of = |target: &str| rules.http(&request(target, &[], ""));
    let (one, other) = (of("/x?key=1&a=2"), of("/x?a=2&key=2"));
    assert_eq!(one.key(), other.key());
    assert_ne!(one.masked, other.masked);
    assert_eq!(one.masked, of("/x?key=%31&a=2").masked);
    assert_eq!((of("/x?a=2").masked, of("/x?sig=1").masked), (0, 0));
}
