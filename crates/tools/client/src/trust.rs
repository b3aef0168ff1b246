//! TLS of the tools' connections: the authorities in `TLS_CA_FILE`, and the tool's own certificate, if any.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use http::Uri;
use platform::{
    config::{ConfigError, Settings},
    tls::{CA, CERTIFICATE, Connector, KEY},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tonic::transport::{Channel, Endpoint};

/// The ALPN name of HTTP/2, which gRPC uses.
pub const H2: &[u8] = b"h2";
/// The ALPN name of HTTP/1.1, which HTTP clients also offer.
pub const HTTP1: &[u8] = b"http/1.1";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The authorities that TLS connections trust. Without any, connections use plain text.
#[derive(Clone, Debug, Default)]
pub struct Trust(Option<Arc<ClientConfig>>);

impl Trust {
    /// Reads the authorities in `TLS_CA_FILE`, and the certificate in `TLS_CERT_FILE` and `TLS_KEY_FILE`, if set. If a
    /// file cannot be used, fails and names the variable.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let Some(authorities) = settings.get(CA) else { return Ok(Self::default()) };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(CA, authorities)? {
            roots.add(certificate).map_err(|error| ConfigError::new(CA, error))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| ConfigError::new(CA, error))?
            .with_root_certificates(roots);
        let config = match (settings.get(CERTIFICATE), settings.get(KEY)) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let chain = certificates(CERTIFICATE, certificate)?;
                let key = PrivateKeyDer::from_pem_slice(&read(KEY, key)?)
                    .map_err(|_| ConfigError::new(KEY, "is not a private key in PEM"))?;
                builder.with_client_auth_cert(chain, key).map_err(|error| ConfigError::new(CERTIFICATE, error))?
            }
            (None, _) => return Err(ConfigError::new(CERTIFICATE, format!("is not set, and {KEY} is"))),
            (_, None) => return Err(ConfigError::new(KEY, format!("is not set, and {CERTIFICATE} is"))),
        };
        Ok(Self(Some(Arc::new(config))))
    }

    /// Returns the URL of `address`, which is `host:port` or a URL. The default scheme is https with authorities,
    /// otherwise http. Fails for an https address without authorities.
    pub fn url(&self, address: &str) -> anyhow::Result<Uri> {
        let scheme = if self.0.is_some() { "https" } else { "http" };
        let url = if address.contains("://") { address.to_owned() } else { format!("{scheme}://{address}") };
        let url: Uri = url.parse().with_context(|| format!("{address} is not an address"))?;
        ensure!(
            url.scheme_str() != Some("https") || self.0.is_some(),
            "{address} needs {CA}, which names a file with the certificates of the authorities to trust"
        );
        Ok(url)
    }

    /// Returns the settings of a TLS connection with these protocols; `None` without authorities.
    pub fn config(&self, protocols: &[&[u8]]) -> Option<ClientConfig> {
        let mut config = ClientConfig::clone(self.0.as_ref()?);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Some(config)
    }

    /// Returns the builder of an HTTP client with the tools' timeout and TLS settings.
    pub fn http(&self) -> reqwest::ClientBuilder {
        let builder = platform::http::client_builder().connect_timeout(CONNECT_TIMEOUT);
        match self.config(&[H2, HTTP1]) {
            Some(config) => builder.tls_backend_preconfigured(config),
            None => builder,
        }
    }

    /// Returns a gRPC channel that connects lazily.
    pub fn channel(&self, address: &str, timeout: Duration) -> anyhow::Result<Channel> {
        let url = self.url(address)?;
        let endpoint = Endpoint::from(url.clone()).connect_timeout(CONNECT_TIMEOUT).timeout(timeout);
        let Some(config) = self.config(&[H2]).filter(|_| url.scheme_str() == Some("https")) else {
            return Ok(endpoint.connect_lazy());
        };
        let host = url.host().with_context(|| format!("{address} has no host"))?.to_owned();
        let connector = Connector::trusting(config, &host).with_context(|| format!("{address} is not an address"))?;
        let target = format!("{host}:{}", url.port_u16().unwrap_or(443));
        Ok(endpoint
            .connect_with_connector_lazy(tower::service_fn(move |_: Uri| connector.clone().connect(target.clone()))))
    }
}

fn read(variable: &str, path: &str) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(Path::new(path)).map_err(|error| ConfigError::new(variable, format!("{path}: {error}")))
}

fn certificates(variable: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(variable, path)?).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(ConfigError::new(variable, format!("{path} has no certificate in PEM"))),
    }
}
