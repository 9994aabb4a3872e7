//! Clients over streamable HTTP: a token, a host that is this machine, no page of the web, and limits.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use sprag_measure::Interrupt;
use tokio::sync::Semaphore;

use crate::server::Server;
use crate::{MAX_REQUEST, Place, ServeError, Served, Token, raised};

/// Where the server answers; everywhere else there is nothing.
const PATH: &str = "/mcp";
/// More connections wait.
const CONNECTIONS: usize = 64;
/// A client that does not send its headers within this time is let go.
const HEADERS: Duration = Duration::from_secs(10);
/// A client that has not asked for anything in so long has to introduce itself again. Editing takes its time.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);

type Service = StreamableHttpService<Server, LocalSessionManager>;

/// A server over HTTP that listens, and does not answer yet.
#[derive(Debug)]
pub struct Http {
    listener: TcpListener,
    address: SocketAddr,
}

impl Http {
    /// Listens on `address`; on one that other machines reach only where `beyond_loopback` says so.
    ///
    /// # Errors
    /// [`ServeError`] where that is not allowed or not possible.
    pub fn listen(address: SocketAddr, beyond_loopback: bool) -> Result<Self, ServeError> {
        if !address.ip().is_loopback() && !beyond_loopback {
            return Err(ServeError::BeyondLoopback { address });
        }
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Serves whoever knows the token, until `interrupt` is raised. All of them share one session.
    ///
    /// # Errors
    /// [`ServeError`] where the server cannot start.
    pub fn serve(self, place: Place, token: Token, interrupt: &Interrupt) -> Result<(), ServeError> {
        let served = Served::start(place)?;
        let service = service(self.address, served.server.clone());
        let ended = served.runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            tokio::select! {
                () = accept(&listener, service, Arc::new(token)) => {}
                () = raised(interrupt) => {}
            }
            Ok(())
        });
        served.end();
        ended
    }
}

fn service(address: SocketAddr, server: Server) -> Service {
    let config = StreamableHttpServerConfig::default()
        .with_max_request_body_bytes(MAX_REQUEST)
        // A page of the web has an origin, and no business here.
        .enforce_origin_validation();
    let config = match address.ip() {
        ip if ip.is_loopback() => config,
        // The names under which other machines reach it are not known. The token stands all the same.
        _ => config.disable_allowed_hosts(),
    };
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(IDLE);
    StreamableHttpService::new(move || Ok(server.clone()), Arc::new(sessions), config)
}

async fn accept(listener: &tokio::net::TcpListener, service: Service, token: Arc<Token>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // This process has no more files to open: others may be closed in a moment.
            tokio::time::sleep(crate::LOOK).await;
            continue;
        };
        let (service, token) = (service.clone(), token.clone());
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let (service, token) = (service.clone(), token.clone());
                async move { Ok::<_, Infallible>(answer(request, &service, &token).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS)
                .serve_connection(TokioIo::new(stream), answer);
            // A client that breaks off is no news.
            let _ = connection.await;
            drop(permit);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    service: &Service,
    token: &Token,
) -> Response<BoxBody<Bytes, Infallible>> {
    if !token.is_in(request.headers()) {
        let text = "the header `Authorization: Bearer …` is missing or wrong\n";
        let mut refused = plain(StatusCode::UNAUTHORIZED, text);
        refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refused;
    }
    if request.uri().path() != PATH {
        return plain(StatusCode::NOT_FOUND, "there is nothing but /mcp\n");
    }
    service.handle(request).await
}

fn plain(status: StatusCode, text: &'static str) -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed());
    *response.status_mut() = status;
    response
}
