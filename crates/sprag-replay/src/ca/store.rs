//! Files of certificates: PEM, and the trust store that Java reads.

use rustls::pki_types::CertificateDer;
use sha1::{Digest, Sha1};

/// What a JKS store is sealed with. It hides nothing: Java's tools ask for one, and this is their default.
pub(crate) const PASSWORD: &str = "changeit";

/// One after the other.
pub(super) fn pem(certificates: &[CertificateDer<'_>]) -> String {
    let encode = |der: &CertificateDer<'_>| pem::encode(&pem::Pem::new("CERTIFICATE", der.to_vec()));
    certificates.iter().map(encode).collect()
}

/// Java's own format, version 2: every version reads it, whatever its default is.
pub(super) fn jks(certificates: &[CertificateDer<'_>]) -> Vec<u8> {
    fn short(store: &mut Vec<u8>, text: &str) {
        store.extend((text.len() as u16).to_be_bytes());
        store.extend(text.as_bytes());
    }
    let mut store = Vec::new();
    store.extend(0xFEED_FEED_u32.to_be_bytes());
    store.extend(2u32.to_be_bytes());
    store.extend((certificates.len() as u32).to_be_bytes());
    for (n, der) in certificates.iter().enumerate() {
        const TRUSTED: u32 = 2;
        store.extend(TRUSTED.to_be_bytes());
        short(&mut store, &format!("sprag-{n}"));
        store.extend(0u64.to_be_bytes());
        short(&mut store, "X.509");
        store.extend((der.len() as u32).to_be_bytes());
        store.extend(der.as_ref());
    }
    let mut seal = Sha1::new();
    seal.update(PASSWORD.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>());
    seal.update("Mighty Aphrodite");
    seal.update(&store);
    store.extend(seal.finalize().as_slice());
    store
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_reads_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trust.jks");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let der = made.cert.der().clone();
        std::fs::write(&path, jks(&[der.clone(), der])).unwrap();
        let list = std::process::Command::new("keytool")
            .args(["-list", "-storepass", PASSWORD, "-keystore"])
            .arg(&path)
            .output();
        // Where there is no Java, nobody needs the store.
        if let Ok(list) = list {
            let text = String::from_utf8_lossy(&list.stdout);
            assert!(text.contains("contains 2 entries") && text.contains("trustedCertEntry"), "{text}");
        }
    }
}
