//! The way to the outside. It exists while recording and verifying; in replay there is none.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a connection may take to be made, TLS included.
const PATIENCE: Duration = Duration::from_secs(15);

/// Opens connections to upstreams.
pub(crate) struct Dialer {
    tls: TlsConnector,
}

/// Why there is no way to the outside.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The file of extra authorities.
    #[error("cannot read certificates from {path}: {what}; `roots` in [replay] names a PEM file")]
    Roots {
        /// Which file.
        path: Utf8PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// TLS itself.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl Dialer {
    /// Trusts what this system trusts, and the authorities in `roots`, a PEM file.
    ///
    /// # Errors
    /// A file that cannot be read or holds no certificate.
    pub(crate) fn new(roots: Option<&Utf8Path>) -> Result<Self, DialError> {
        let mut store = RootCertStore::empty();
        // A machine without authorities of its own can still record over plain HTTP.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = roots {
            let wrong = |what: String| DialError::Roots { path: path.to_owned(), what };
            let extra = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
            let extra: Vec<_> = extra.collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))?;
            if store.add_parsable_certificates(extra).0 == 0 {
                return Err(wrong("it holds no certificate".to_owned()));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// A connection to a host, by name or address.
    ///
    /// # Errors
    /// None within 15 seconds.
    pub(crate) async fn tcp(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let stream = within(TcpStream::connect((host, port))).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The same, with TLS; `alpn` are the protocols offered, the preferred one first.
    ///
    /// # Errors
    /// None within 15 seconds, or a certificate that is not trusted.
    pub(crate) async fn tls(
        &self,
        host: &str,
        port: u16,
        alpn: &[&[u8]],
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = self.tcp(host, port).await?;
        let alpn = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        within(self.tls.with_alpn(alpn).connect(name, stream)).await
    }
}

async fn within<T>(connecting: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(PATIENCE, connecting).await {
        Ok(connected) => connected,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {PATIENCE:?}"))),
    }
}
