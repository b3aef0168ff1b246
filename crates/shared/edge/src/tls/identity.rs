//! The identity in a certificate: its URI `spiffe://shipyard/<name>`.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use webpki::EndEntityCert;

const TRUST_DOMAIN: &str = "spiffe://shipyard/";
// Names of clients that call on behalf of users, whom the session of each request identifies. Every other name is a
// service's.
const GATEWAY: &str = "gateway";
const OPERATOR: &str = "operator";

/// The client of a TLS connection, an extension of each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A service of this system, by name.
    Service(Arc<str>),
    /// The session of each request identifies the user.
    Gateway,
    /// A person with a certificate, such as an operator with grpcurl. Each request's session identifies the user.
    Operator,
    /// A client without a certificate, on a listener that requests none.
    Anyone,
}

/// Why a certificate of a trusted authority identifies no caller.
#[derive(Debug, thiserror::Error)]
#[error("the certificate names no caller: {0}")]
struct NoIdentity(String);

/// Returns the name in a certificate's URI. Fails unless there is exactly one URI, of the right form.
pub(super) fn name(certificate: &CertificateDer<'_>) -> Result<Arc<str>, String> {
    let parsed = EndEntityCert::try_from(certificate).map_err(|error| error.to_string())?;
    let uris: Vec<&str> = parsed.valid_uri_names().collect();
    let name = match uris[..] {
        [uri] => uri.strip_prefix(TRUST_DOMAIN).filter(|name| is_name(name)),
        _ => None,
    };
    name.map(Into::into).ok_or_else(|| format!("its URIs are {uris:?}, one like {TRUST_DOMAIN}name is needed"))
}

fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(is_allowed)
}

impl Identity {
    /// Returns the identity in a certificate that a trusted authority signed.
    pub(super) fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let name = name(certificate)?;
        Ok(match &*name {
            GATEWAY => Self::Gateway,
            OPERATOR => Self::Operator,
            _ => Self::Service(name),
        })
    }
}

/// The verifier of client certificates. The handshake fails unless a trusted authority signed the certificate, and it
/// names a caller.
pub(super) struct CallerVerifier(pub Arc<dyn ClientCertVerifier>);

impl fmt::Debug for CallerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerVerifier")
    }
}

impl ClientCertVerifier for CallerVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify_client_cert(end_entity, intermediates, now)?;
        let no_identity = |reason| CertificateError::Other(OtherError(Arc::new(NoIdentity(reason))));
        Identity::from_certificate(end_entity).map_err(|reason| Error::InvalidCertificate(no_identity(reason)))?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_label_in_lower_case() {
        for name in ["order", "order-2", "a"] {
            assert!(is_name(name), "{name}");
        }
        for wrong in ["", "Order", "order/x", "order ", "../order", "orde\u{0}r", &"a".repeat(64)] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}
