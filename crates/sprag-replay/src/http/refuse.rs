//! How a request is refused: so that a client fails, and says why.

use hyper::ext::ReasonPhrase;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::Outgoing;
use crate::trouble::Trouble;

/// Of no registered meaning, so that nothing is taken for the upstream's own error.
const REFUSED: u16 = 599;
/// gRPC's FAILED_PRECONDITION: clients do not try again by themselves.
const FAILED_PRECONDITION: HeaderValue = HeaderValue::from_static("9");
/// How much of the reason goes into a header, in bytes: clients limit heads to 8 KiB.
const LONGEST_MESSAGE: usize = 2_000;

/// Says what is wrong, in the manner that the client of these request headers understands.
pub(super) fn refuse(asked: &HeaderMap, trouble: &Trouble) -> Response<Outgoing> {
    let status = StatusCode::from_u16(REFUSED).expect("599 is a status");
    let mut response = refuse_with(status, asked, trouble);
    // Many clients show it, and not the body.
    response.extensions_mut().insert(ReasonPhrase::from_static(b"Refused by sprag"));
    response
}

/// The same with a status of HTTP's own. Of a call of gRPC the status is always 200.
pub(super) fn refuse_with(status: StatusCode, asked: &HeaderMap, trouble: &Trouble) -> Response<Outgoing> {
    let text = format!("sprag: {trouble}");
    if is_grpc(asked) {
        let mut response = Response::new(Outgoing::Empty);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", FAILED_PRECONDITION);
        headers.insert("grpc-message", percent_encoded(&text));
        return response;
    }
    let mut response = Response::new(Outgoing::whole(text + "\n"));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Whether a request is a call of gRPC.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// As gRPC wants its messages: printable ASCII but `%`.
fn percent_encoded(text: &str) -> HeaderValue {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if encoded.len() > LONGEST_MESSAGE {
            break;
        }
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(byte as char),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    HeaderValue::from_str(&encoded).expect("it is printable ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_grpc_is_refused_in_its_own_manner() {
        let trouble = Trouble::Denied { upstream: String::new(), what: "100 %\nü".to_owned() };
        let asked =
            [(CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"))].into_iter().collect();
        let response = refuse(&asked, &trouble);
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], "9");
        assert_eq!(response.headers()["grpc-message"], "sprag: 100 %25%0A%C3%BC");
        let response = refuse(&HeaderMap::new(), &trouble);
        assert_eq!(response.status(), 599);
        assert!(response.extensions().get::<ReasonPhrase>().is_some());
    }
}
