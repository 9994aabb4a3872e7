//! The local authority: what the application must trust, so that the proxy can answer in the name of any host.
//!
//! Each process has its own. Its key exists in memory alone; what lies on disk, in a temporary folder, are certificates.

mod store;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use tempfile::TempDir;

pub(crate) use store::PASSWORD;

/// How many hosts' certificates are kept; one more, and all are made anew when they are needed.
const HOSTS: usize = 1_000;
/// How many TLS sessions can be resumed.
const SESSIONS: usize = 1_024;

/// Signs a certificate for whatever host is asked for.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// One key for all hosts: they are the same server.
    key: KeyPair,
    provider: Arc<CryptoProvider>,
    sessions: Arc<dyn StoresServerSessions>,
    configs: Mutex<HashMap<String, Arc<ServerConfig>>>,
    trust: Trust,
}

/// Where the application finds whom to trust. Gone when dropped.
#[derive(Debug)]
pub struct Trust {
    folder: TempDir,
    /// The authority alone, PEM.
    pub ca: Utf8PathBuf,
    /// What this system trusts, and the authority, PEM: for what replaces the system's roots by it.
    pub bundle: Utf8PathBuf,
    /// The same for Java: a JKS trust store.
    pub java: Utf8PathBuf,
}

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// No certificate could be made.
    #[error("cannot make the local certificate authority: {0}")]
    Certificate(#[from] rcgen::Error),
    /// Nor TLS be set up with it.
    #[error("cannot set up TLS with the local certificate authority: {0}")]
    Tls(#[from] rustls::Error),
    /// The temporary folder.
    #[error("cannot write the local authority's certificate to a temporary folder: {0}")]
    Disk(#[from] io::Error),
}

impl Authority {
    /// Of a new key.
    ///
    /// # Errors
    /// A temporary folder that cannot be written.
    pub(crate) fn new() -> Result<Self, CaError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Sprag replay, of this process only");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2099, 1, 1));
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let trust = Trust::write(certificate.der())?;
        Ok(Self {
            issuer: Issuer::new(params, key),
            key: KeyPair::generate()?,
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            sessions: ServerSessionMemoryCache::new(SESSIONS),
            configs: Mutex::default(),
            trust,
        })
    }

    /// What the application must be told.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// How to answer in the name of a host, by HTTP/2 or HTTP/1.1.
    ///
    /// # Errors
    /// A name that no certificate can be made for.
    pub(crate) fn config(&self, host: &str) -> Result<Arc<ServerConfig>, CaError> {
        let configs = || self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs().get(host) {
            return Ok(config.clone());
        }
        let config = Arc::new(self.make_config(host)?);
        let mut configs = configs();
        if configs.len() >= HOSTS {
            configs.clear();
        }
        configs.insert(host.to_owned(), config.clone());
        Ok(config)
    }

    fn make_config(&self, host: &str) -> Result<ServerConfig, CaError> {
        // The loopback names, for ports of the proxy's own, which stand for another host.
        let names = [host, "localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "Sprag replay");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // A benchmark may run under a clock of its own.
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2099, 1, 1));
        let leaf = params.signed_by(&self.key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = self.sessions.clone();
        Ok(config)
    }
}

impl Trust {
    fn write(ca: &CertificateDer<'static>) -> Result<Self, CaError> {
        let folder = tempfile::Builder::new().prefix("sprag-trust-").tempdir()?;
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned())
            .map_err(|path| io::Error::other(format!("{} is not UTF-8", path.display())))?;
        // Ours first; a system without roots of its own is no reason to stop.
        let mut all = vec![ca.clone()];
        all.extend(rustls_native_certs::load_native_certs().certs);
        let trust = Self {
            ca: path.join("ca.pem"),
            bundle: path.join("bundle.pem"),
            java: path.join("trust.jks"),
            folder,
        };
        std::fs::write(&trust.ca, store::pem(&all[..1]))?;
        std::fs::write(&trust.bundle, store::pem(&all))?;
        std::fs::write(&trust.java, store::jks(&all))?;
        Ok(trust)
    }

    /// The folder of all of them. An application in a sandbox must be able to read it.
    pub fn folder(&self) -> &Utf8Path {
        Utf8Path::from_path(self.folder.path()).expect("it was UTF-8 when it was made")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_lie_on_disk() {
        let authority = Authority::new().unwrap();
        let folder = authority.trust().folder().to_owned();
        authority.config("api.example.com").unwrap();
        for entry in folder.read_dir_utf8().unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(7).any(|window| window == b"PRIVATE"));
            let secret = authority.issuer.key().serialize_der();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
        drop(authority);
        assert!(!folder.exists());
    }

    #[test]
    fn hosts_are_kept_up_to_a_limit() {
        let authority = Authority::new().unwrap();
        let first = authority.config("a.example").unwrap();
        assert!(Arc::ptr_eq(&first, &authority.config("a.example").unwrap()));
        for n in 0..HOSTS {
            authority.configs.lock().unwrap().insert(n.to_string(), first.clone());
        }
        authority.config("b.example").unwrap();
        assert_eq!(authority.configs.lock().unwrap().len(), 1);
    }

    #[test]
    fn an_impossible_name_is_an_error() {
        assert!(Authority::new().unwrap().config("höst").is_err());
    }
}
