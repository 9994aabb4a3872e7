//! CONNECT: what comes through is for one host, in the clear or under TLS.
//!
//! Nothing is sent on as it is, but what `[[replay.pass]]` lets through while recording.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::Incoming;
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use sprag_contract::settings::replay::{Scheme, Upstream};
use tokio::net::TcpStream;

use super::body::Outgoing;
use super::connection::{self, Front, Way};
use super::refuse::refuse;
use super::sniff::Prefixed;
use super::{NOT_IN_REPLAY, To};
use crate::dial::Dialer;
use crate::proxy::serve_port;

/// How long a tunnel may be silent from its start while recording: its client may wait for the upstream's greeting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens one.
pub(super) fn open(front: Arc<Front>, request: Request<Incoming>) -> Response<Outgoing> {
    let deny = |what: String| refuse(request.headers(), &front.deny(what));
    let asked = request.uri().authority();
    let to = asked.and_then(|asked| Upstream::new(Scheme::Tcp, asked.host(), asked.port_u16()));
    let Some(to) = to else { return deny(format!("CONNECT {} names no host and port", request.uri())) };
    if !matches!(front.way, Way::Proxy) || request.version() == Version::HTTP_2 {
        return deny(format!("CONNECT to {}:{} within another connection", to.host, to.port));
    }
    let tasks = front.context.tasks.clone();
    if front.context.desk.rules().is_passed(&to.host) {
        match front.context.desk.dialer().cloned() {
            Some(dialer) => {
                front.context.passed.note(&to.host);
                tasks.spawn(pass(dialer, request, to));
            }
            None => {
                let what = "is let through by [[replay.pass]]";
                return deny(format!("{}:{} {what}, {NOT_IN_REPLAY}", to.host, to.port));
            }
        }
    } else {
        tasks.spawn(inside(front, request, to));
    }
    Response::new(Outgoing::Empty)
}

/// Boxed, since what comes through may be everything that [`connection::serve`] knows, CONNECT included.
fn inside(
    front: Arc<Front>,
    request: Request<Incoming>,
    to: Upstream,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let Some((already, stream)) = opened(request).await else { return };
        let context = front.context.clone();
        match context.port_at(&to).cloned() {
            Some(port) if port.upstream.scheme.is_http() => {
                let front = front.onto(Way::Port(Arc::new(To::new(port.upstream.clone()))));
                connection::serve(stream, already, front).await;
            }
            Some(port) if already.is_empty() => {
                serve_port(stream, context.desk.connect(&port.name), &port, context).await;
            }
            _ => {
                let front = front.onto(Way::Tunnel { host: to.host, port: to.port });
                if context.desk.dialer().is_some() && already.is_empty() {
                    let spoken = tokio::time::timeout(PATIENCE, stream.readable());
                    if spoken.await.is_err() {
                        front.deny(format!(
                            "nothing was sent for {PATIENCE:?}. Where the upstream speaks first, it needs a \
                             [[replay.port]] of its own, tcp://"
                        ));
                        return;
                    }
                }
                connection::serve(stream, already, front).await;
            }
        }
    })
}

async fn pass(dialer: Arc<Dialer>, request: Request<Incoming>, to: Upstream) {
    let Some((already, stream)) = opened(request).await else { return };
    if let Ok(mut outside) = dialer.tcp(&to.host, to.port).await {
        let mut stream = Prefixed::new(already, stream);
        // Whoever ends it, and how: it is none of ours.
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut outside).await;
    }
}

/// The connection, once the client knows that it is through, and what it sent already.
async fn opened(request: Request<Incoming>) -> Option<(Bytes, TcpStream)> {
    let upgraded = hyper::upgrade::on(request).await.ok()?;
    let parts = upgraded.downcast::<TokioIo<Prefixed<TcpStream>>>().ok()?;
    let (unread, stream) = parts.io.into_inner().into_parts();
    if unread.is_empty() {
        return Some((parts.read_buf, stream));
    }
    let mut already = BytesMut::from(parts.read_buf);
    already.extend_from_slice(&unread);
    Some((already.freeze(), stream))
}
