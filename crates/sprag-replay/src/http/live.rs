//! A request sent on to the upstream, while recording or verifying.

use std::error::Error;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, DATE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE,
};
use hyper::http::request::Parts;
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::TokioIo;
use sprag_contract::settings::replay::{Scheme, Upstream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;

use super::body::{Outgoing, Whole};
use super::connection::Front;
use super::refuse::refuse;
use super::relay::{Relay, Taken};
use super::request::{Destination, owned_pairs, target};
use crate::desk::Ticket;
use crate::dial::Dialer;
use crate::exchange::{Body, HttpAnswer};
use crate::proxy::Tasks;
use crate::rules::readable_codings;
use crate::trouble::Trouble;

/// Headers that are about a connection and go no further.
const HOP: [&str; 7] = [
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// The connection to the outside that belongs to one of the application's: used again as the application uses its own.
#[derive(Default)]
pub(super) struct Link(Mutex<Option<(Upstream, Sender)>>);

enum Sender {
    Http1(http1::SendRequest<Outgoing>),
    Http2(http2::SendRequest<Outgoing>),
}

/// Sends a request to where it was going, and its answer back. Without a ticket nothing is recorded.
pub(super) async fn send(
    front: &Front,
    destination: &Destination,
    head: &Parts,
    body: &Whole,
    ticket: Option<Ticket>,
) -> Response<Outgoing> {
    let response = match exchange(front, destination, head, body).await {
        Ok(response) => response,
        Err(what) => {
            let trouble = match ticket {
                Some(ticket) => ticket.failed(what),
                None => Trouble::Upstream { upstream: destination.to.text.clone(), what },
            };
            return refuse(&head.headers, &trouble);
        }
    };
    let (mut parts, incoming) = response.into_parts();
    strip(&mut parts.headers);
    // Not replayed, and so not shown now.
    parts.headers.remove(DATE);
    parts.extensions.clear();
    parts.version = Version::default();
    let context = &front.context;
    let taken = ticket.map(|ticket| {
        let answer = HttpAnswer {
            status: parts.status.as_u16(),
            headers: owned_pairs(&parts.headers),
            body: Body::default(),
            trailers: Vec::new(),
        };
        Taken::new(ticket, answer, context.memory.reserve())
    });
    Response::from_parts(parts, Outgoing::Relay(Box::new(Relay::new(incoming, taken))))
}

async fn exchange(
    front: &Front,
    destination: &Destination,
    head: &Parts,
    body: &Whole,
) -> Result<Response<Incoming>, String> {
    let upstream = &destination.to.upstream;
    let dialer = front.context.desk.dialer().ok_or("there is no way to the outside")?;
    let http2 = head.version == Version::HTTP_2;
    loop {
        let (mut sender, used) = front.link.take(upstream, dialer, http2, &front.context.tasks).await?;
        let request = outbound(destination, head, body, matches!(sender, Sender::Http2(_)))?;
        let sent = match &mut sender {
            Sender::Http1(sender) => sender.try_send_request(request).await,
            Sender::Http2(sender) => sender.try_send_request(request).await,
        };
        match sent {
            Ok(response) => {
                front.link.put(upstream, sender).await;
                return Ok(response);
            }
            Err(mut error) => {
                // It comes back where the upstream had closed the connection and never saw it.
                let unseen = error.take_message().is_some();
                if !(used && unseen) {
                    return Err(in_full(&error.into_error()));
                }
            }
        }
    }
}

impl Link {
    /// A connection to an upstream, and whether it was used before.
    async fn take(
        &self,
        upstream: &Upstream,
        dialer: &Arc<Dialer>,
        http2: bool,
        tasks: &Tasks,
    ) -> Result<(Sender, bool), String> {
        let mut kept = self.0.lock().await;
        match kept.take() {
            Some((to, Sender::Http2(sender))) if to == *upstream && !sender.is_closed() => {
                *kept = Some((to, Sender::Http2(sender.clone())));
                return Ok((Sender::Http2(sender), true));
            }
            Some((to, Sender::Http1(sender))) if to == *upstream && sender.is_ready() => {
                return Ok((Sender::Http1(sender), true));
            }
            _ => {}
        }
        let sender = Sender::dial(upstream, dialer, http2, tasks).await?;
        if let Sender::Http2(sender) = &sender {
            *kept = Some((upstream.clone(), Sender::Http2(sender.clone())));
        }
        Ok((sender, false))
    }

    async fn put(&self, upstream: &Upstream, sender: Sender) {
        if let Sender::Http1(_) = sender {
            *self.0.lock().await = Some((upstream.clone(), sender));
        }
    }
}

impl Sender {
    async fn dial(upstream: &Upstream, dialer: &Dialer, http2: bool, tasks: &Tasks) -> Result<Self, String> {
        let (host, port) = (upstream.host.as_str(), upstream.port);
        if upstream.scheme == Scheme::Https {
            // As the application would: HTTP/2 only where its client speaks it.
            let offered: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
            let stream = dialer.tls(host, port, offered).await.map_err(|error| in_full(&error))?;
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            return Self::over(stream, http2, tasks).await;
        }
        let stream = dialer.tcp(host, port).await.map_err(|error| in_full(&error))?;
        Self::over(stream, http2, tasks).await
    }

    async fn over<S>(stream: S, http2: bool, tasks: &Tasks) -> Result<Self, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(stream);
        if http2 {
            let made = http2::Builder::new(tasks.clone()).handshake(stream).await;
            let (sender, connection) = made.map_err(|error| in_full(&error))?;
            tasks.spawn(connection);
            return Ok(Self::Http2(sender));
        }
        let made = http1::Builder::new().handshake(stream).await;
        let (sender, connection) = made.map_err(|error| in_full(&error))?;
        tasks.spawn(connection);
        Ok(Self::Http1(sender))
    }
}

/// The request as the upstream gets it.
fn outbound(
    destination: &Destination,
    head: &Parts,
    body: &Whole,
    http2: bool,
) -> Result<Request<Outgoing>, String> {
    let mut headers = head.headers.clone();
    let trailers_wanted = headers.get(TE).is_some_and(|te| te.as_bytes() == b"trailers");
    strip(&mut headers);
    // The body is here already, whole.
    headers.remove(EXPECT);
    if let Some(accepted) = headers.get(ACCEPT_ENCODING) {
        // What cannot be read cannot be cleared of secrets.
        let readable = readable_codings(&String::from_utf8_lossy(accepted.as_bytes()));
        let readable = if readable.is_empty() { "identity" } else { &readable };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(readable).map_err(|error| in_full(&error))?);
    }
    if trailers_wanted {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    let sized = headers.remove(CONTENT_LENGTH).is_some() || !http2;
    let own = destination.to.text.split_once("://").map_or("", |(_, authority)| authority);
    let asked = headers.remove(HOST).and_then(|host| Some(host.to_str().ok()?.to_owned()));
    let authority = asked
        .or_else(|| head.uri.authority().map(ToString::to_string))
        .filter(|_| !destination.readdressed)
        .unwrap_or_else(|| own.to_owned());
    let uri = if http2 {
        let scheme = destination.to.upstream.scheme.name();
        Uri::builder().scheme(scheme).authority(authority).path_and_query(target(head)).build()
    } else {
        headers.insert(HOST, HeaderValue::from_str(&authority).map_err(|error| in_full(&error))?);
        Uri::builder().path_and_query(target(head)).build()
    };
    let whole = Body::whole(body.bytes.clone());
    let body = match (body.bytes.is_empty(), &body.trailers) {
        (true, None) => Outgoing::Empty,
        (_, trailers) => {
            let sized = sized && trailers.is_none();
            Outgoing::recorded(&whole, sized, trailers.clone(), std::time::Duration::ZERO, None)
        }
    };
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri.map_err(|error| in_full(&error))?;
    *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
    *request.headers_mut() = headers;
    Ok(request)
}

/// Takes off what is about a connection: the well-known, and what Connection names.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP {
        headers.remove(name);
    }
    headers.remove(CONNECTION);
    headers.remove(TE);
}

/// An error with its causes.
pub(super) fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
