//! Whom to trust behind `https`: the public authorities, or only the certificates in a file.
//!
//! Controllers of servers most often show a certificate that they made themselves, for a name that nobody asked for. So with
//! `certificate=FILE` the server's own certificate is trusted where it stands in the file, whatever name it bears; and
//! what one of the file's authorities has signed is trusted for its name. Without it the public authorities decide.

use super::probe::Refusal;
use crate::reading::NoData;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// Trusts the certificates of one file.
#[derive(Debug)]
struct Named {
    known: Vec<CertificateDer<'static>>,
    authorities: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        status: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.known.iter().any(|known| known.as_ref() == own.as_ref()) {
            true => Ok(ServerCertVerified::assertion()),
            false => self.authorities.verify_server_cert(own, between, name, status, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Trusts nobody but the certificates in `file`, which is PEM.
///
/// # Errors
/// A file that cannot be read, or holds none.
pub(super) fn only(file: &Path) -> Result<Arc<ClientConfig>, Refusal> {
    let wrong = |why: String| Refusal::new(NoData::NotSupported, format!("certificate {}: {why}", file.display()));
    let read = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    let known: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    // What is no authority is trusted as the server's own alone.
    let (count, _) = roots.add_parsable_certificates(known.iter().cloned());
    if count == 0 {
        return Err(wrong("it holds no certificate in PEM".into()));
    }
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let authorities = authorities.map_err(|error| wrong(error.to_string()))?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| wrong(error.to_string()))?;
    let verifier = Arc::new(Named { known, authorities });
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// Why a certificate was not trusted, where that is what an error is about.
pub(super) fn refused(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    match of_encryption(error) {
        Some(Error::InvalidCertificate(why)) => Some(format!("{why:?}")),
        _ => None,
    }
}

/// Whether what came is nothing that an encrypted connection begins with.
pub(super) fn is_not_encrypted(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(of_encryption(error), Some(Error::InvalidMessage(_)))
}

/// What went wrong with the encryption, where that is what an error is about.
fn of_encryption<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let inner = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
    let found = inner.and_then(|inner| inner.downcast_ref::<Error>()).or_else(|| error.downcast_ref::<Error>());
    found.or_else(|| error.source().and_then(of_encryption))
}
