//! A certificate authority for one realm and the one certificate that its servers share.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Files of the realm's certificates.
#[derive(Debug)]
pub struct Certificates {
    /// PEM of the authority.
    pub ca: PathBuf,
    /// PEM chain of the servers.
    pub chain: PathBuf,
    /// PEM key of the servers, mode 0600.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes an authority and a certificate for `domain`, its subdomains and `localhost` in `dir`.
    pub fn create(dir: &Path, domain: &str) -> Result<Self> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "Flint test realm");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();

        let names =
            vec![domain.to_owned(), format!("*.{domain}"), "localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut server = CertificateParams::new(names)?;
        server.distinguished_name.push(DnType::CommonName, domain);
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let server_key = KeyPair::generate()?;
        let issuer = Issuer::new(authority, authority_key);
        let server_pem = server.signed_by(&server_key, &issuer)?.pem();

        let files =
            Self { ca: dir.join("ca.pem"), chain: dir.join("server.pem"), key: dir.join("server.key") };
        std::fs::write(&files.ca, &authority_pem)?;
        std::fs::write(&files.chain, format!("{server_pem}{authority_pem}"))?;
        write_private(&files.key, server_key.serialize_pem().as_bytes())?;
        Ok(files)
    }
}

/// Writes a new file that only its owner may read.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)?;
    Ok(())
}
