//! TLS on a connection, verified against the account's domain; there is no switch to leave it out.

use crate::error::{CertificateProblem, ConnectError};
use crate::wire::Io;
use rustls::{CertificateError, ClientConfig, ProtocolVersion, RootCertStore};
use rustls_pki_types::ServerName;
use std::io;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// An encrypted connection.
pub(crate) struct Encrypted {
    pub(crate) io: Box<dyn Io>,
    /// Keying material for channel binding by `tls-exporter` (RFC 9266); TLS 1.3 only.
    pub(crate) exporter: Option<Vec<u8>>,
}

/// The client's side of the handshake. `domain` is what the certificate must name, in ASCII; `direct` is TLS before the
/// stream, which is said by ALPN (XEP-0368 §3).
pub(crate) async fn encrypt(
    io: Box<dyn Io>,
    domain: &str,
    roots: &Arc<RootCertStore>,
    direct: bool,
) -> Result<Encrypted, ConnectError> {
    let failed = |detail: String| ConnectError::Tls { detail };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(Arc::clone(roots))
        .with_no_client_auth();
    if direct {
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
    }
    let name = ServerName::try_from(domain.to_owned()).map_err(|error| failed(error.to_string()))?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, io)
        .await
        .map_err(|error| classify(&error, domain))?;
    let (_, connection) = stream.get_ref();
    let exporter = (connection.protocol_version() == Some(ProtocolVersion::TLSv1_3))
        .then(|| connection.export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", None).ok())
        .flatten();
    Ok(Encrypted { io: Box::new(stream), exporter })
}

fn classify(error: &io::Error, domain: &str) -> ConnectError {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return ConnectError::Network(error.to_string());
    };
    let rustls::Error::InvalidCertificate(problem) = tls else {
        return ConnectError::Tls { detail: tls.to_string() };
    };
    let problem = match problem {
        // The second: an authority of the same name, but with another key, as after its renewal.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            CertificateProblem::UnknownAuthority
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateProblem::WrongName
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateProblem::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateProblem::NotYetValid
        }
        _ => CertificateProblem::Other,
    };
    ConnectError::Certificate { problem, domain: domain.to_owned(), detail: tls.to_string() }
}
