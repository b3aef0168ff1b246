//! The variables of TLS, which name files (either none or all of the first three are set), and the TLS settings of
//! listeners and channels, built from the files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base::{
    config::{ConfigError, Settings},
    pem::{authorities, certificates},
};
use rustls::{
    CertificateError, ClientConfig, Error, InconsistentKeys, RootCertStore, ServerConfig,
    client::{Resumption, WebPkiServerVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _},
    server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
};

use super::identity::{CallerVerifier, name};

pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum remaining validity that is measured.
const MAX_VALIDITY: Duration = Duration::from_hours(100 * 365 * 24);

#[derive(PartialEq, Eq)]
pub(super) struct Files {
    pub ca: Vec<u8>,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

pub(super) struct Material {
    pub files: Files,
    /// The name in the URI of the certificate.
    pub name: Arc<str>,
    /// The settings of listeners that require a client certificate.
    pub mutual: Arc<ServerConfig>,
    /// The settings of listeners that request no client certificate.
    pub open: Arc<ServerConfig>,
    pub client: Arc<ClientConfig>,
    /// When the certificate expires, as time since 1970.
    pub expires: Duration,
    chain: Vec<CertificateDer<'static>>,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Files {
    pub fn read(config: &Config) -> Result<Self, ConfigError> {
        let read = |variable, path: &Path| {
            std::fs::read(path).map_err(|error| ConfigError::new(variable, format!("{}: {error}", path.display())))
        };
        Ok(Self {
            ca: read(CA, &config.ca)?,
            certificate: read(CERTIFICATE, &config.certificate)?,
            key: read(KEY, &config.key)?,
        })
    }
}

impl Material {
    /// Builds the settings. Fails if a file is invalid or the certificate cannot be used now; the error names the
    /// variable.
    pub fn new(files: Files) -> Result<Self, ConfigError> {
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(authorities(CA, &files.ca)?);
        let chain = certificates(CERTIFICATE, &files.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&files.key)
            .map_err(|_| ConfigError::new(KEY, "is not a private key in PEM"))?;
        let certified = CertifiedKey::from_der(chain.clone(), key, &provider).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                ConfigError::new(KEY, format!("is not the key of the certificate in {CERTIFICATE}"))
            }
            error => ConfigError::new(KEY, error),
        })?;
        let certified = Arc::new(SingleCertAndKey::from(certified));
        let name = name(&chain[0]).map_err(|problem| ConfigError::new(CERTIFICATE, problem))?;
        let members = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|error| ConfigError::new(CA, error))?;
        let members = Arc::new(CallerVerifier(members));
        let servers = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|error| ConfigError::new(CA, error))?;
        let builder = || {
            ServerConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .map_err(|error| ConfigError::new(CERTIFICATE, error))
        };
        let mut mutual = builder()?.with_client_cert_verifier(members).with_cert_resolver(certified.clone());
        mutual.alpn_protocols = vec![b"h2".to_vec()];
        // Session resumption would skip the check of the client's certificate.
        mutual.session_storage = Arc::new(NoServerSessionStorage {});
        mutual.send_tls13_tickets = 0;
        let mut open = builder()?.with_no_client_auth().with_cert_resolver(certified.clone());
        open.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| ConfigError::new(CERTIFICATE, error))?
            .with_webpki_verifier(servers)
            .with_client_cert_resolver(certified);
        client.alpn_protocols = vec![b"h2".to_vec()];
        client.resumption = Resumption::disabled();
        let (mutual, open, client) = (Arc::new(mutual), Arc::new(open), Arc::new(client));
        let expires = since_1970();
        let mut material = Self { files, name, mutual, open, client, expires, chain, roots, provider };
        material.check(Duration::ZERO).map_err(|error| ConfigError::new(CERTIFICATE, explain(error)))?;
        material.expires += material.validity();
        Ok(material)
    }

    /// Returns how long the certificate is still valid, to the second. Asks the verifier, which decides whether a
    /// certificate is valid.
    fn validity(&self) -> Duration {
        let (mut valid, mut expired) = (0, MAX_VALIDITY.as_secs());
        while valid + 1 < expired {
            let middle = u64::midpoint(valid, expired);
            if self.check(Duration::from_secs(middle)).is_ok() { valid = middle } else { expired = middle }
        }
        Duration::from_secs(valid)
    }

    /// Fails unless a trusted authority signed the certificate and the certificate is still valid after the duration
    /// `after`.
    fn check(&self, after: Duration) -> Result<(), Error> {
        let at = UnixTime::since_unix_epoch(since_1970() + after);
        let (end, intermediates) = self.chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        rustls::client::verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end)?,
            &self.roots,
            intermediates,
            at,
            algorithms,
        )
    }
}

/// Returns the time since 1970, by the clock that verifies certificates.
pub(super) fn since_1970() -> Duration {
    Duration::from_secs(UnixTime::now().as_secs())
}

fn explain(error: Error) -> String {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => format!("no authority in {CA} has signed it"),
        error => error.to_string(),
    }
}

/// The PEM file with the trusted authorities, which sign the certificates of callers, servers and stores.
pub const CA: &str = "TLS_CA_FILE";
/// The PEM file with the certificate of this process, followed by intermediate certificates.
pub const CERTIFICATE: &str = "TLS_CERT_FILE";
/// The PEM file with the private key of [`CERTIFICATE`].
pub const KEY: &str = "TLS_KEY_FILE";

#[derive(Clone, Debug)]
pub struct Config {
    pub ca: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Config {
    /// Reads the variables. Returns `None` if none is set. Fails if only some of the first three are set; the error
    /// names the first missing one.
    pub fn load(settings: &Settings) -> Result<Option<Self>, ConfigError> {
        let path = |variable| settings.get(variable).map(PathBuf::from);
        let missing = match (path(CA), path(CERTIFICATE), path(KEY)) {
            (None, None, None) => return Ok(None),
            (Some(ca), Some(certificate), Some(key)) => return Ok(Some(Self { ca, certificate, key })),
            (None, _, _) => CA,
            (_, None, _) => CERTIFICATE,
            (_, _, None) => KEY,
        };
        Err(ConfigError::new(missing, format!("is not set; TLS needs {CA}, {CERTIFICATE} and {KEY}, plain text none")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_files_switch_tls_on_and_some_of_them_are_an_error_that_names_a_missing_one() {
        let load = |set: &[&str]| {
            Config::load(&Settings::from_variables(set.iter().map(|name| (*name, "/a/file".to_owned()))))
        };

        assert!(load(&[]).unwrap().is_none());
        assert!(load(&[CA, CERTIFICATE, KEY]).unwrap().is_some());
        for (set, missing) in [
            (&[CA, CERTIFICATE][..], KEY),
            (&[CA, KEY], CERTIFICATE),
            (&[CERTIFICATE, KEY], CA),
            (&[CA], CERTIFICATE),
            (&[CERTIFICATE], CA),
            (&[KEY], CA),
        ] {
            assert_eq!(load(set).unwrap_err().variable, missing, "{set:?}");
        }
    }
}
