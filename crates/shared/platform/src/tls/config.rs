//! The variables of TLS, which name files. Either none or all of the first three are set.

use std::path::PathBuf;

use crate::config::{ConfigError, Settings};

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
