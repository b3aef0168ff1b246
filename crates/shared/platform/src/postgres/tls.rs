//! TLS of connections to PostgreSQL. It is as strict as the URL requests, never less.

use reqwest::Url;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::config::ConfigError;

const MODE: [&str; 2] = ["sslmode", "ssl-mode"];
const ROOTS: [&str; 3] = ["sslrootcert", "ssl-root-cert", "ssl-ca"];

/// Returns strict options: plain text only if the URL has no `sslmode`, or `disable`. Fails for modes that fall back to
/// plain text, and for unreadable root certificates; the error names the variable.
pub(super) fn strict(variable: &str, url: &str, options: PgConnectOptions) -> Result<PgConnectOptions, ConfigError> {
    let parsed = Url::parse(url).ok();
    let given = |names: &[&str]| {
        let mut pairs = parsed.as_ref()?.query_pairs();
        pairs.find(|(name, _)| names.contains(&&**name)).map(|(_, value)| value.into_owned())
    };
    match options.get_ssl_mode() {
        PgSslMode::Disable => {}
        // sqlx's default `Prefer` would try TLS and accept any certificate.
        PgSslMode::Prefer if given(&MODE).is_none() => return Ok(options.ssl_mode(PgSslMode::Disable)),
        mode @ (PgSslMode::Prefer | PgSslMode::Allow) => {
            let problem = format!("sslmode={mode:?} may be plain text without a word; use verify-full, or disable");
            return Err(ConfigError::new(variable, problem.to_lowercase()));
        }
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => {
            if let Some(path) = given(&ROOTS).filter(|value| !value.starts_with("-----BEGIN")) {
                std::fs::read(&path)
                    .map_err(|error| ConfigError::new(variable, format!("sslrootcert {path}: {error}")))?;
            }
        }
    }
    Ok(options)
}

/// Returns true if the connection failed because the server has no TLS or an untrusted certificate, which no retry can
/// change.
pub(super) fn is_untrusted(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => error.get_ref().and_then(|cause| cause.downcast_ref()).is_some_and(|cause| {
            matches!(cause, rustls::Error::InvalidCertificate(_) | rustls::Error::PeerIncompatible(_))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(query: &str) -> Result<PgSslMode, ConfigError> {
        let url = format!("postgres://user:secret@host/database{query}");
        strict("EXAMPLE_DATABASE_URL", &url, url.parse().unwrap()).map(|options| options.get_ssl_mode())
    }

    #[test]
    fn a_url_is_plain_where_it_says_nothing_and_encrypted_where_it_says_so() {
        assert!(matches!(mode(""), Ok(PgSslMode::Disable)));
        assert!(matches!(mode("?sslmode=disable"), Ok(PgSslMode::Disable)));
        assert!(matches!(mode("?sslmode=verify-full"), Ok(PgSslMode::VerifyFull)));
        assert!(matches!(mode("?sslmode=require"), Ok(PgSslMode::Require)));
    }

    #[test]
    fn a_mode_that_may_be_plain_in_silence_is_refused_and_so_are_roots_that_cannot_be_read() {
        for query in ["?sslmode=prefer", "?ssl-mode=allow", "?sslmode=verify-full&sslrootcert=/no/such/file"] {
            let error = mode(query).unwrap_err();
            assert_eq!(error.variable, "EXAMPLE_DATABASE_URL");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
