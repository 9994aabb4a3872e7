//! A client that goes through the proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::HeaderMap;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use sprag_replay::Scope;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) enum Client {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// An answer, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answered {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.pieces.concat()).unwrap()
    }
}

/// Where the scope's proxy listens.
pub(crate) fn proxy(scope: &Scope) -> SocketAddr {
    scope.env()["HTTP_PROXY"].strip_prefix("http://").unwrap().parse().unwrap()
}

impl Client {
    /// To the proxy itself, or to a port, in the clear.
    pub(crate) async fn direct(at: SocketAddr, version: Version) -> Self {
        Self::over(TcpStream::connect(at).await.unwrap(), version).await
    }

    /// Through CONNECT, in the clear.
    pub(crate) async fn tunnel(scope: &Scope, host: &str, version: Version) -> Self {
        Self::over(connect(scope, host).await, version).await
    }

    /// Through CONNECT, under TLS, trusting the proxy's authority alone.
    pub(crate) async fn tls(scope: &Scope, host: &str, version: Version) -> Self {
        let name = host.rsplit_once(':').unwrap().0.to_owned();
        let stream = connect(scope, host).await;
        Self::tls_over(scope, stream, &name, version).await
    }

    pub(crate) async fn tls_over(scope: &Scope, stream: TcpStream, name: &str, version: Version) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&scope.trust().ca).unwrap()).unwrap();
        let mut config =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        let protocol: &[u8] = if version == Version::HTTP_2 { b"h2" } else { b"http/1.1" };
        config.alpn_protocols = vec![protocol.to_vec()];
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = connector.connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
        Self::over(stream, version).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, version: Version) -> Self {
        let stream = TokioIo::new(stream);
        if version == Version::HTTP_2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            tokio::spawn(connection);
            return Self::Http2(sender);
        }
        let (sender, connection) = http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self::Http1(sender)
    }

    /// A request in absolute form, answered whole.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answered {
        let response = self.begin(method, url, headers, body).await.unwrap();
        whole(response).await.unwrap()
    }

    pub(crate) async fn get(&mut self, url: &str) -> Answered {
        self.ask("GET", url, &[], "").await
    }

    /// The same, as far as the head of the answer.
    pub(crate) async fn begin(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let mut request = Request::builder().method(method).uri(url);
        if matches!(self, Self::Http1(_)) {
            let host = url.split_once("://").unwrap().1.split('/').next().unwrap();
            request = request.header("host", host);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

pub(crate) async fn whole(response: Response<Incoming>) -> Result<Answered, hyper::Error> {
    let (head, mut body) = response.into_parts();
    let (mut pieces, mut trailers) = (Vec::new(), None);
    while let Some(frame) = body.frame().await.transpose()? {
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => pieces.push(data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok(Answered { status: head.status.as_u16(), headers: head.headers, pieces, trailers })
}

/// A tunnel to a host, opened.
pub(crate) async fn connect(scope: &Scope, host: &str) -> TcpStream {
    let mut stream = TcpStream::connect(proxy(scope)).await.unwrap();
    stream.write_all(format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    stream
}

/// What comes back for bytes, until the other side closes.
pub(crate) async fn raw(mut stream: TcpStream, sent: &[u8]) -> String {
    let _ = stream.write_all(sent).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
