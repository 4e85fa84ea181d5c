//! A throwaway certificate authority and TLS servers with any certificate it is asked for.

use crate::peer::Connection;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Now.
    Now,
    /// Until 2001.
    Expired,
    /// From 2099.
    NotYet,
}

/// A certificate authority of one test.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: rustls_pki_types::CertificateDer<'static>,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new("Flint test authority")
    }
}

impl Authority {
    /// A new authority of this name with a new key.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key pair");
        let certificate = params.self_signed(&key).expect("an authority");
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// The authority's certificate in PEM form.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A store that trusts this authority only.
    pub fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("an authority");
        Arc::new(roots)
    }

    /// A server's TLS configuration with a certificate for this name.
    pub fn server(&self, name: &str, validity: Validity) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a DNS name");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        match validity {
            Validity::Now => {}
            Validity::Expired => {
                params.not_before = rcgen::date_time_ymd(2000, 1, 1);
                params.not_after = rcgen::date_time_ymd(2001, 1, 1);
            }
            Validity::NotYet => {
                params.not_before = rcgen::date_time_ymd(2099, 1, 1);
                params.not_after = rcgen::date_time_ymd(2100, 1, 1);
            }
        }
        let key = KeyPair::generate().expect("a key pair");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("certificate and key belong together");
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        Arc::new(config)
    }
}

/// Puts the server's side of TLS on a connection; `None` when the client refuses.
pub async fn accept(
    config: Arc<ServerConfig>,
    io: Box<dyn Connection>,
) -> Option<TlsStream<Box<dyn Connection>>> {
    TlsAcceptor::from(config).accept(io).await.ok()
}
