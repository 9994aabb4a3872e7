//! HTTP: the forward proxy, what comes through its CONNECT, and the ports that stand for an upstream.
//!
//! HTTP/1.1 and HTTP/2, in the clear and under TLS: what a client speaks is seen from its first bytes. A request is read
//! whole before it is looked up. So unary calls, server streams, and client streams that end before they need an answer
//! can be recorded; streams whose client waits for an answer before it goes on cannot, and are denied while recording.
//! WebSocket is denied as well. Header names go out in lower case.

mod body;
mod connection;
mod live;
mod play;
mod refuse;
mod relay;
mod request;
mod sniff;
mod tunnel;

use std::sync::Arc;

use bytes::Bytes;
use sprag_contract::settings::replay::Upstream;
use tokio::net::TcpStream;

use crate::desk::Connection;
use crate::proxy::{Context, Port};
use connection::{Front, Way};

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 << 10;
/// How a message ends about what `[[replay.pass]]` lets through.
const NOT_IN_REPLAY: &str =
    "but not in replay: to have it answered there, take it out of [[replay.pass]] and record again";

/// Serves a connection to the forward proxy.
pub(crate) async fn serve_proxy(stream: TcpStream, connection: Connection, context: Arc<Context>) {
    let front = Front::new(connection, Way::Proxy, context);
    connection::serve(stream, Bytes::new(), front).await;
}

/// Serves a connection to a port that stands for an upstream over HTTP.
pub(crate) async fn serve_port(
    stream: TcpStream,
    connection: Connection,
    port: &Port,
    context: Arc<Context>,
) {
    let front = Front::new(connection, Way::Port(Arc::new(To::new(port.upstream.clone()))), context);
    connection::serve(stream, Bytes::new(), front).await;
}

/// An upstream, and its text, which every request needs.
#[derive(Debug)]
struct To {
    upstream: Upstream,
    text: String,
}

impl To {
    fn new(upstream: Upstream) -> Self {
        Self { text: upstream.to_string(), upstream }
    }
}
