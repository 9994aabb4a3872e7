//! One request: read, looked up, answered.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{HeaderMap, UPGRADE};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};
use sprag_contract::settings::replay::{Scheme, Upstream};

use super::body::{self, Outgoing, Unread};
use super::connection::{Front, Way};
use super::refuse::{is_grpc, refuse, refuse_with};
use super::{LARGEST_HEAD, NOT_IN_REPLAY, To, live, play, tunnel};
use crate::desk::Reply;
use crate::rules::HttpRequest;

/// How long a stream of gRPC may pause while it is recorded: it may wait for an answer that is asked for at its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a request goes.
pub(super) struct Destination {
    pub(super) to: Arc<To>,
    /// It was sent to an address of ours, which the upstream has never heard of.
    pub(super) readdressed: bool,
}

/// What a request is answered.
pub(super) async fn answer(front: Arc<Front>, request: Request<Incoming>) -> Response<Outgoing> {
    if request.method() == Method::CONNECT {
        return tunnel::open(front, request);
    }
    let (head, body) = request.into_parts();
    let deny = |status: Option<StatusCode>, what: String| {
        let trouble = front.deny(what);
        match status {
            Some(status) => refuse_with(status, &head.headers, &trouble),
            None => refuse(&head.headers, &trouble),
        }
    };
    // HTTP/1 has counted it already.
    if head.version == Version::HTTP_2 && size_of(&head.headers) > LARGEST_HEAD {
        let what = format!("the head of a request is larger than {} KiB", LARGEST_HEAD >> 10);
        return deny(Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE), what);
    }
    if let Some(protocol) = upgrade(&head.headers) {
        return deny(None, format!("an upgrade to {protocol} is asked for, which cannot be recorded"));
    }
    let destination = match destination(&front, &head) {
        Ok(destination) => destination,
        Err(what) => return deny(None, what),
    };
    let context = &front.context;
    let outside = context.desk.dialer().is_some();
    let passed = context.desk.rules().is_passed(&destination.to.upstream.host);
    if passed && !outside {
        return deny(
            None,
            format!("{} is let through by [[replay.pass]], {NOT_IN_REPLAY}", destination.to.text),
        );
    }
    let patience = (outside && is_grpc(&head.headers)).then_some(PATIENCE);
    let body = match body::read(body, &context.memory, patience).await {
        Ok(body) => body,
        // Nothing was asked, and nobody hears the answer.
        Err(Unread::Gone) if !is_grpc(&head.headers) => return Response::new(Outgoing::Empty),
        Err(unread) => {
            let status = matches!(unread, Unread::TooLarge).then_some(StatusCode::PAYLOAD_TOO_LARGE);
            return deny(status, why_unread(unread, &destination.to.text, head.uri.path()));
        }
    };
    if passed {
        context.passed.note(&destination.to.upstream.host);
        return live::send(&front, &destination, &head, &body, None).await;
    }
    let asked = context.desk.rules().http(&HttpRequest {
        upstream: &destination.to.text,
        method: head.method.as_str(),
        target: target(&head).into(),
        headers: pairs(&head.headers).collect(),
        body: body.bytes.clone(),
    });
    match front.connection.ask(asked) {
        Reply::Play(played) => play::play(&front, &head, &played).await,
        Reply::Forward(ticket) => live::send(&front, &destination, &head, &body, Some(ticket)).await,
        Reply::Refuse(trouble) => refuse(&head.headers, &trouble),
    }
}

fn why_unread(unread: Unread, upstream: &str, path: &str) -> String {
    match unread {
        Unread::TooLarge => format!("a request to {upstream} has too large a body"),
        Unread::Malformed(what) => format!("a request to {upstream} is malformed: {what}"),
        Unread::Silent => {
            format!(
                "a call to {upstream}{path} waits for answers before it has ended, which cannot be recorded"
            )
        }
        Unread::Gone => format!("a call to {upstream}{path} was left before it had ended"),
    }
}

fn destination(front: &Front, head: &Parts) -> Result<Destination, String> {
    match &front.way {
        Way::Through(to) => Ok(Destination { to: to.clone(), readdressed: false }),
        Way::Port(to) => Ok(Destination { to: to.clone(), readdressed: true }),
        Way::Tunnel { .. } => Err("it is not known whether TLS is spoken".to_owned()),
        Way::Proxy => {
            let scheme = match head.uri.scheme_str() {
                Some("http") => Scheme::Http,
                Some("https") => Scheme::Https,
                _ => return Err(format!("{} {} is no request to a proxy", head.method, target(head))),
            };
            let authority = head.uri.authority().ok_or("a request without a host")?;
            let upstream = Upstream::new(scheme, authority.host(), authority.port_u16())
                .ok_or_else(|| format!("`{authority}` names no host"))?;
            match front.context.port_at(&upstream) {
                None => Ok(Destination { to: Arc::new(To::new(upstream)), readdressed: false }),
                Some(port) if port.upstream.scheme.is_http() => {
                    Ok(Destination { to: Arc::new(To::new(port.upstream.clone())), readdressed: true })
                }
                Some(port) => Err(format!(
                    "HTTP is spoken to [[replay.port]] {}, which stands for {}",
                    port.name, port.upstream
                )),
            }
        }
    }
}

/// Path and query.
pub(super) fn target(head: &Parts) -> &str {
    head.uri.path_and_query().map_or("/", |target| target.as_str())
}

/// What a client wants to go on with. Cleartext HTTP/2 is an offer that is not taken up: it goes on in HTTP/1.
fn upgrade(headers: &HeaderMap) -> Option<String> {
    let wanted = headers.get(UPGRADE)?;
    (!wanted.as_bytes().eq_ignore_ascii_case(b"h2c"))
        .then(|| String::from_utf8_lossy(wanted.as_bytes()).into_owned())
}

fn size_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// As they are looked up and recorded. What is no UTF-8 is replaced.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    headers.iter().map(|(name, value)| (name.as_str().into(), String::from_utf8_lossy(value.as_bytes())))
}

/// The same, to be kept.
pub(super) fn owned_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    pairs(headers).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
