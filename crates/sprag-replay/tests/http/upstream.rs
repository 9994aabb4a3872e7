//! A server on loopback that answers over HTTP/1 and HTTP/2, in the clear or under TLS, and counts what reaches it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use camino::Utf8Path;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What it sends.
type Sent = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

pub(crate) struct Upstream {
    pub(crate) at: SocketAddr,
    reached: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        Self::serve(None).await
    }

    /// Under TLS, as `localhost`. Its authority's certificate is written to `roots`.
    pub(crate) async fn start_tls(roots: &Utf8Path) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(roots, made.cert.pem()).unwrap();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let mut config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key.into())
                .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::serve(Some(Arc::new(config).into())).await
    }

    async fn serve(tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let reached = Arc::new(AtomicUsize::new(0));
        let count = reached.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, count) = (tls.clone(), count.clone());
                connections.spawn(async move {
                    match tls {
                        None => talk(stream, count).await,
                        Some(tls) => talk(tls.accept(stream).await.unwrap(), count).await,
                    }
                });
            }
        });
        Self { at, reached, task }
    }

    /// How many requests it has seen.
    pub(crate) fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }

    /// Gone, with all its connections.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
        assert!(tokio::net::TcpStream::connect(self.at).await.is_err());
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, count: Arc<AtomicUsize>) {
    let service = service_fn(move |request| {
        let nth = count.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Ok::<_, Infallible>(answer(request, nth).await) }
    });
    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, nth: usize) -> Response<Sent> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut response = match head.uri.path() {
        "/echo" => Response::new(sized(body)),
        "/nth" => Response::new(sized(nth.to_string())),
        "/nothing" => Response::new(pieces(vec![], None)),
        "/events" => {
            let mut response = Response::new(pieces(vec!["data: 1\n\n", "data: 2\n\n"], None));
            response
                .headers_mut()
                .insert("content-type", "text/event-stream; charset=utf-8".parse().unwrap());
            response
        }
        "/chunks" => Response::new(pieces(vec!["one ", "two ", "three"], None)),
        "/trailers" => {
            let mut response = Response::new(pieces(vec!["body"], Some(("x-check", "7"))));
            response.headers_mut().insert("trailer", "x-check".parse().unwrap());
            response
        }
        "/test.Echo/Say" => {
            let mut response =
                Response::new(pieces(vec!["\0\0\0\0\u{2}hi", "\0\0\0\0\u{2}ho"], Some(("grpc-status", "0"))));
            response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
            response
        }
        "/codings" => Response::new(sized(match head.headers.get("accept-encoding") {
            Some(accepted) => Bytes::copy_from_slice(accepted.as_bytes()),
            None => Bytes::from("none"),
        })),
        "/large" => Response::new(sized("x".repeat(3 << 20))),
        "/host" => Response::new(sized(
            head.headers.get("host").map_or(Bytes::new(), |host| host.as_bytes().to_vec().into()),
        )),
        _ => Response::new(sized("?")),
    };
    if head.uri.path() == "/nothing" {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    response.headers_mut().insert("x-kind", "upstream".parse().unwrap());
    response
}

fn sized(bytes: impl Into<Bytes>) -> Sent {
    http_body_util::Full::new(bytes.into()).boxed_unsync()
}

/// Each a moment after the one before, so that they are not sent as one.
fn pieces(texts: Vec<&'static str>, trailer: Option<(&'static str, &'static str)>) -> Sent {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Frame<Bytes>>(1);
    let empty = texts.is_empty() && trailer.is_none();
    tokio::spawn(async move {
        for text in texts {
            let _ = sender.send(Frame::data(Bytes::from(text))).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if let Some((name, value)) = trailer {
            let trailers: HeaderMap = [(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect();
            let _ = sender.send(Frame::trailers(trailers)).await;
        }
    });
    if empty {
        return http_body_util::Empty::new().boxed_unsync();
    }
    Stream(receiver).boxed_unsync()
}

struct Stream(tokio::sync::mpsc::Receiver<Frame<Bytes>>);

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}
