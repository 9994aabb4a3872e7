//! One connection of the application: found out what it speaks, TLS taken off, served.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use sprag_contract::settings::replay::{Scheme, Upstream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::body::Outgoing;
use super::live::Link;
use super::sniff::{Prefixed, Spoken, sniff};
use super::{LARGEST_HEAD, To, request};
use crate::desk::Connection;
use crate::proxy::Context;
use crate::trouble::Trouble;

/// What a stream of HTTP/2 may hold back for a slow reader, in bytes.
const UNREAD: usize = 256 << 10;
/// How many requests may be under way on one connection of HTTP/2.
const STREAMS: u32 = 256;

/// Where the requests of a connection go.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// Each says so itself.
    Proxy,
    /// To a host, through CONNECT; by TLS or not, as the client has it.
    Tunnel { host: String, port: u16 },
    /// To one upstream, through CONNECT, known to the last.
    Through(Arc<To>),
    /// To the upstream that a port stands for.
    Port(Arc<To>),
}

/// A connection of the application.
pub(super) struct Front {
    pub(super) connection: Arc<Connection>,
    pub(super) way: Way,
    pub(super) context: Arc<Context>,
    /// Its own connection to the outside, where there is one.
    pub(super) link: Link,
}

impl Front {
    pub(super) fn new(connection: Connection, way: Way, context: Arc<Context>) -> Self {
        Self { connection: Arc::new(connection), way, context, link: Link::default() }
    }

    /// The same connection, on another way.
    pub(super) fn onto(&self, way: Way) -> Self {
        Self {
            connection: self.connection.clone(),
            way,
            context: self.context.clone(),
            link: Link::default(),
        }
    }

    /// Makes the scope invalid for what this connection does.
    pub(super) fn deny(&self, what: impl Into<String>) -> Trouble {
        self.context.deny(self.place(), what)
    }

    fn place(&self) -> String {
        match &self.way {
            Way::Proxy => String::new(),
            Way::Tunnel { host, port } => format!("{host}:{port}"),
            Way::Through(to) | Way::Port(to) => to.text.clone(),
        }
    }

    /// The name in which TLS is answered where the client does not say one.
    fn host(&self) -> &str {
        match &self.way {
            Way::Proxy => "localhost",
            Way::Tunnel { host, .. } => host,
            Way::Through(to) | Way::Port(to) => &to.upstream.host,
        }
    }

    /// Now that it is known whether TLS is spoken.
    fn settle(mut self, scheme: Scheme) -> Self {
        if let Way::Tunnel { host, port } = &self.way {
            let upstream = Upstream { scheme, host: host.clone(), port: *port };
            self.way = Way::Through(Arc::new(To::new(upstream)));
        }
        self
    }
}

/// Serves a connection until it ends. `already` was read from it.
pub(super) async fn serve(mut stream: TcpStream, already: Bytes, front: Front) {
    let Ok((spoken, already)) = sniff(&mut stream, already).await else { return };
    let stream = Prefixed::new(already, stream);
    match (spoken, &front.way) {
        (Spoken::Tls, Way::Proxy) => {
            front.deny("TLS is spoken to the proxy itself: its URL begins with http://");
        }
        (Spoken::Tls, _) => serve_tls(stream, front).await,
        _ => serve_http(spoken, stream, front.settle(Scheme::Http)).await,
    }
}

async fn serve_tls(stream: Prefixed<TcpStream>, front: Front) {
    let mut stream = match handshake(stream, &front).await {
        Ok(stream) => stream,
        Err(error) => {
            front.deny(format!(
                "no TLS with the application: {error}. Most often its client does not trust the proxy's certificate: \
                 docs/clients.md says which variables each client obeys"
            ));
            return;
        }
    };
    let front = front.settle(Scheme::Https);
    let Ok((spoken, already)) = sniff(&mut stream, Bytes::new()).await else { return };
    serve_http(spoken, Prefixed::new(already, stream), front).await;
}

async fn handshake(stream: Prefixed<TcpStream>, front: &Front) -> io::Result<TlsStream<Prefixed<TcpStream>>> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let name = hello.client_hello().server_name().map(str::to_owned);
    let config = front.context.authority.config(name.as_deref().unwrap_or_else(|| front.host()));
    hello.into_stream(config.map_err(io::Error::other)?).await
}

async fn serve_http<S>(spoken: Spoken, stream: Prefixed<S>, front: Front)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let front = Arc::new(front);
    let service = service_fn({
        let front = front.clone();
        move |request: Request<Incoming>| {
            let front = front.clone();
            async move { Ok::<Response<Outgoing>, Infallible>(request::answer(front, request).await) }
        }
    });
    let stream = TokioIo::new(stream);
    let served = match spoken {
        Spoken::Http1 => {
            let mut server = http1::Builder::new();
            // An answer is the same whenever it is played.
            server.auto_date_header(false).half_close(true).max_header_size(LARGEST_HEAD);
            server.serve_connection(stream, service).with_upgrades().await
        }
        Spoken::Http2 => {
            let mut server = http2::Builder::new(front.context.tasks.clone());
            server
                .auto_date_header(false)
                .max_concurrent_streams(STREAMS)
                .max_send_buf_size(UNREAD)
                .max_header_list_size(4 * LARGEST_HEAD as u32);
            server.serve_connection(stream, service).await
        }
        Spoken::Nothing => return,
        Spoken::Tls | Spoken::Other => {
            front.deny(
                "neither HTTP nor TLS is spoken. Another protocol needs a [[replay.port]] of its own: \
                 postgres://, redis:// or tcp://",
            );
            return;
        }
    };
    if let Err(error) = served {
        note(&front, &error);
    }
}

/// What a connection ended with is the application's doing only where it sent something that is no HTTP: that it closed,
/// or was killed, is nothing to hold against it.
fn note(front: &Front, error: &hyper::Error) {
    if error.is_parse_too_large() {
        front.deny(format!("the head of a request is larger than {} KiB", LARGEST_HEAD >> 10));
    } else if error.is_parse() {
        front.deny(format!("what is sent is no HTTP: {error}"));
    }
}
