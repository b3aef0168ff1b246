//! How the pool opens a connection, and when it no longer uses one; and the variables of a service's database,
//! `<NAME>_DATABASE_…`. TLS is as strict as the URL requests, never less.

use std::{
    future, io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable as _};
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use sqlx::{
    ConnectOptions as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::network_path::Path;
use crate::config::{ConfigError, Settings};

/// The age at which a connection is closed, since the memory of a PostgreSQL backend grows with the statements that it
/// has executed.
const MAX_AGE: Duration = Duration::from_mins(30);

/// The pool's connections to one database: their options, and the path that they share.
#[derive(Debug)]
pub(super) struct Connections {
    options: RwLock<Arc<PgConnectOptions>>,
    pub path: Path,
}

impl Connections {
    pub fn new(options: PgConnectOptions) -> Self {
        Self { options: RwLock::new(Arc::new(options)), path: Path::default() }
    }

    pub fn options(&self) -> Arc<PgConnectOptions> {
        self.options.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets parameters of the server for new connections.
    pub fn set<const N: usize>(&self, settings: [(&str, &str); N]) {
        let options = self.options().as_ref().clone().options(settings);
        *self.options.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(options);
    }

    fn is_usable(&self, metrics: &Metrics) -> bool {
        metrics.age() < MAX_AGE && !self.path.is_stale(metrics.created.into())
    }
}

impl Manager for Connections {
    type Type = PgConnection;
    type Error = sqlx::Error;

    /// Retries while the server starts or all its connections are in use. The pool limits the time.
    async fn create(&self) -> sqlx::Result<PgConnection> {
        let options = self.options();
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(10))
            .with_max_delay(Duration::from_millis(500))
            .without_max_times();
        (|| options.connect()).retry(backoff).when(may_pass).await
    }

    /// Asks the server nothing: a ping would be a second round trip for each statement.
    fn recycle(
        &self,
        _: &mut PgConnection,
        metrics: &Metrics,
    ) -> impl Future<Output = RecycleResult<sqlx::Error>> + Send {
        future::ready(if self.is_usable(metrics) { Ok(()) } else { Err(RecycleError::message("stale or too old")) })
    }
}

/// Returns true if another attempt to connect may succeed soon: the server is starting, or all its connections are in
/// use.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.is_transient_in_connect_phase(),
        _ => false,
    }
}

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

#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    pub url: SecretString,
    pub connections: u32,
}

#[derive(Deserialize)]
struct DatabaseVariables {
    database_url: SecretString,
    database_connections: Option<u16>,
}

impl DatabaseConfig {
    /// Reads the variables that begin with `prefix`. `connections` is the default size of the pool.
    pub(crate) fn load(prefix: &str, connections: u32, settings: &Settings) -> Result<Self, ConfigError> {
        let given: DatabaseVariables = settings.read_prefixed(prefix)?;
        if given.database_connections == Some(0) {
            return Err(ConfigError::new(&format!("{}_DATABASE_CONNECTIONS", prefix.to_uppercase()), "is 0"));
        }
        Ok(Self { url: given.database_url, connections: given.database_connections.map_or(connections, u32::from) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_connection_that_is_old_or_older_than_a_loss_is_not_used_again() {
        let connections = Connections::new(PgConnectOptions::new());
        let made_before = |age| Metrics { created: Instant::now().checked_sub(age).unwrap(), ..Metrics::default() };
        let (old, lost) = (made_before(MAX_AGE), made_before(Duration::ZERO));
        assert!(!connections.is_usable(&old) && connections.is_usable(&lost));

        connections.path.is_stale_since(tokio::time::Instant::now());

        assert!(!connections.is_usable(&lost) && connections.is_usable(&made_before(Duration::ZERO)));
    }

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
