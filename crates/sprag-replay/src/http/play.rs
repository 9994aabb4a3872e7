//! A recorded answer, played.

use std::time::Duration;

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::body::Outgoing;
use super::connection::Front;
use super::refuse::refuse;
use crate::cassette::Played;
use crate::exchange::{Answer, HttpAnswer, Timing};

/// Bodies below this, in bytes, are not worth a place of their own in memory.
const SMALL: usize = 1 << 20;

/// Answers with what was recorded.
pub(super) async fn play(front: &Front, asked: &Parts, played: &Played) -> Response<Outgoing> {
    let Answer::Http(answer) = &played.answer else {
        return refuse(&asked.headers, &front.deny("the cassette answers HTTP in another protocol"));
    };
    let Timing { first_us, last_us } = front.context.desk.timing(played);
    if first_us > 0 {
        tokio::time::sleep(Duration::from_micros(first_us)).await;
    }
    let over = Duration::from_micros(last_us.saturating_sub(first_us));
    match response(front, &asked.method, answer, over) {
        Ok(response) => response,
        Err(what) => refuse(&asked.headers, &front.deny(what)),
    }
}

fn response(
    front: &Front,
    method: &Method,
    answer: &HttpAnswer,
    over: Duration,
) -> Result<Response<Outgoing>, &'static str> {
    const NO_HTTP: &str = "the cassette's answer is no HTTP: record it again";
    let status = StatusCode::from_u16(answer.status).map_err(|_| NO_HTTP)?;
    let mut headers = header_map(&answer.headers).ok_or(NO_HTTP)?;
    // They belong to a connection, not to an answer.
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    let sized = headers.contains_key(CONTENT_LENGTH);
    let bodiless = method == Method::HEAD || status == StatusCode::NOT_MODIFIED;
    let body = if bodiless || status == StatusCode::NO_CONTENT {
        Outgoing::Empty
    } else {
        let reserved = match answer.body.bytes.len() {
            ..SMALL => None,
            large => {
                let mut reserved = front.context.memory.reserve();
                if !reserved.add(large) {
                    return Err("too many large answers at once");
                }
                Some(reserved)
            }
        };
        let trailers = Some(&answer.trailers).filter(|trailers| !trailers.is_empty());
        let trailers = trailers.map(|trailers| header_map(trailers).ok_or(NO_HTTP)).transpose()?;
        Outgoing::recorded(&answer.body, sized, trailers, over, reserved)
    };
    if !bodiless {
        // What is redacted may have another length.
        headers.remove(CONTENT_LENGTH);
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn header_map(pairs: &[(String, String)]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(headers)
}
