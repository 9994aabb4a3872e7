//! The request that a case's input describes, as the bytes that are sent. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

/// Headers that say how the message is framed, which is Sprag's to write.
const OURS: [&str; 6] = ["content-length", "transfer-encoding", "connection", "upgrade", "te", "expect"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: Option<String>,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
}

/// The request of `{"method":…,"path":…,"headers":{…},"body":…}`. The host is `localhost` without the port, which is
/// another one each time: an answer with the host in it stays the same.
///
/// # Errors
/// What is wrong with the input.
pub(in crate::drivers::cases) fn request_of(input: &Value) -> Result<Vec<u8>, String> {
    let request = Request::deserialize(input).map_err(|error| error.to_string())?;
    let method =
        request.method.unwrap_or_else(|| if request.body.is_some() { "POST" } else { "GET" }.to_owned());
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) || method == "CONNECT" {
        return Err(format!("{method:?} is no method such as GET or POST"));
    }
    if !request.path.starts_with('/')
        || !request.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
    {
        return Err(format!("{:?} is no path: write it from the first `/`, encoded", request.path));
    }
    let (body, kind) = match request.body {
        None => (String::new(), None),
        Some(Value::String(text)) => (text, Some("text/plain; charset=utf-8")),
        Some(json) => (json.to_string(), Some("application/json")),
    };
    let mut head = format!("{method} {} HTTP/1.1\r\n", request.path);
    let given = |name: &str| request.headers.keys().any(|key| key.eq_ignore_ascii_case(name));
    if !given("host") {
        head.push_str("Host: localhost\r\n");
    }
    if let Some(kind) = kind.filter(|_| !given("content-type")) {
        let _ = write!(head, "Content-Type: {kind}\r\n");
    }
    for (name, value) in &request.headers {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) || value.chars().any(char::is_control) {
            return Err(format!("the header {name:?} cannot be sent"));
        }
        if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            return Err(format!("the header {name:?} is written by Sprag itself"));
        }
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if kind.is_some() || matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    head.push_str(&body);
    Ok(head.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent(input: Value) -> String {
        match request_of(&input) {
            Ok(bytes) => String::from_utf8(bytes).unwrap().replace('\r', "~"),
            Err(what) => what,
        }
    }

    #[test]
    fn an_input_becomes_the_bytes_of_a_request() {
        insta::assert_snapshot!(sent(json!({ "path": "/a?b=1" })), @"
        GET /a?b=1 HTTP/1.1~
        Host: localhost~
        ~
        ");
        insta::assert_snapshot!(sent(json!({ "path": "/", "body": { "q": [1.0] }, "headers": { "X-Y": "z" } })), @r#"
        POST / HTTP/1.1~
        Host: localhost~
        Content-Type: application/json~
        X-Y: z~
        Content-Length: 11~
        ~
        {"q":[1.0]}
        "#);
        insta::assert_snapshot!(
            sent(json!({ "method": "PUT", "path": "/", "body": "é", "headers": { "host": "a.b", "content-type": "text/csv" } })), @"
        PUT / HTTP/1.1~
        content-type: text/csv~
        host: a.b~
        Content-Length: 2~
        ~
        é
        ");
    }

    #[test]
    fn an_input_that_describes_no_request_is_refused() {
        let told = [
            json!("text"),
            json!({}),
            json!({ "path": "/", "query": "a" }),
            json!({ "path": "http://example.com/" }),
            json!({ "path": "/a b" }),
            json!({ "path": "/\r\nX: y" }),
            json!({ "path": "/", "method": "get" }),
            json!({ "path": "/", "headers": { "a b": "c" } }),
            json!({ "path": "/", "headers": { "a": "c\r\nd: e" } }),
            json!({ "path": "/", "headers": { "content-length": "3" } }),
        ];
        insta::assert_snapshot!(told.map(sent).join("\n"), @r#"
        invalid type: string "text", expected struct Request
        missing field `path`
        unknown field `query`, expected one of `method`, `path`, `headers`, `body`
        "http://example.com/" is no path: write it from the first `/`, encoded
        "/a b" is no path: write it from the first `/`, encoded
        "/\r\nX: y" is no path: write it from the first `/`, encoded
        "get" is no method such as GET or POST
        the header "a b" cannot be sent
        the header "a" cannot be sent
        the header "content-length" is written by Sprag itself
        "#);
    }
}
