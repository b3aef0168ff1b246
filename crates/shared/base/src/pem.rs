//! Certificates in PEM. Errors name the variable that names their file.

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::config::ConfigError;

/// Parses one or more certificates.
pub fn certificates(variable: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(ConfigError::new(variable, "has no certificate in PEM")),
    }
}

/// Parses certificates that are all usable as authorities.
pub fn authorities(variable: &str, pem: &[u8]) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(variable, pem)? {
        roots.add(certificate).map_err(|error| ConfigError::new(variable, error))?;
    }
    Ok(roots)
}
