//! How the pool opens a connection, waits for its responses, and retires it: at a maximum age, or because the network
//! path to the server was lost after the connection was opened. Also the variables of a service's database,
//! `<NAME>_DATABASE_…`. TLS is as strict as the URL requests, never less.

use std::{
    future, io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable as _};
use base::config::{ConfigError, Settings};
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use secrecy::SecretString;
use serde::Deserialize;
use sqlx::{
    ConnectOptions as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::{sync, time::Instant};
use url::Url;

/// A connection is closed at this age, since the memory of a PostgreSQL backend grows with the statements that it has
/// executed.
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

/// The state that all connections of one database share. A failure of one connection applies to every connection at
/// least as old.
#[derive(Debug, Default)]
pub(super) struct Path(sync::watch::Sender<Marks>);

#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// Connections made until this time are not used again.
    stale: Option<Instant>,
    /// Connections made until this time get no more responses.
    silent: Option<Instant>,
    /// The latest ping, while it is not answered.
    asked: Option<Ping>,
}

#[derive(Clone, Copy, Debug)]
struct Ping {
    at: Instant,
    /// When the oldest connection was made that is at least as old as the ping and has answered a statement that was
    /// sent after it.
    answering: Option<Instant>,
}

/// The times of a connection that decide whether the state of the path applies to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub made: Instant,
    /// When a statement was sent.
    pub since: Instant,
}

/// The server did not respond in time, and the caller has stopped waiting.
#[derive(Debug)]
pub(super) struct Unanswered;

impl From<Unanswered> for sqlx::Error {
    fn from(_: Unanswered) -> Self {
        Self::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "PostgreSQL did not answer in time"))
    }
}

impl Path {
    /// Makes connections made until `moment` stale.
    pub fn is_stale_since(&self, moment: Instant) {
        self.0.send_modify(|marks| marks.stale = marks.stale.max(Some(moment)));
    }

    pub fn is_stale(&self, made: Instant) -> bool {
        self.0.borrow().stale.is_some_and(|stale| made <= stale)
    }

    pub fn ping_sent(&self, at: Instant) {
        self.0.send_modify(|marks| marks.asked = Some(Ping { at, answering: None }));
    }

    pub fn ping_answered(&self) {
        self.0.send_modify(|marks| marks.asked = None);
    }

    /// Records that the last ping was not answered. Connections at least as old as the ping then count as silent, but
    /// not those that answer meanwhile, nor those made after them.
    pub fn ping_unanswered(&self) {
        self.0.send_modify(|marks| {
            let Some(Ping { at, answering }) = marks.asked.take() else { return };
            let lost = answering.map_or(Some(at), |made| made.checked_sub(Duration::from_nanos(1)));
            marks.stale = marks.stale.max(lost);
            marks.silent = marks.silent.max(lost);
        });
    }

    fn heard(&self, used: Use) {
        let tells = |ping: &Ping| {
            used.made <= ping.at && ping.at <= used.since && ping.answering.is_none_or(|made| used.made < made)
        };
        // Most responses tell nothing, and wake nobody who waits for a change.
        if self.0.borrow().asked.as_ref().is_some_and(tells) {
            self.0.send_modify(|marks| {
                if let Some(ping) = marks.asked.as_mut().filter(|ping| tells(ping)) {
                    ping.answering = Some(used.made);
                }
            });
        }
    }

    /// Waits for `response`. Fails `limit` after the statement was sent, or once an unanswered ping shows that
    /// connections as old as this one get no more responses.
    pub async fn answered<T>(
        &self,
        used: Use,
        limit: Duration,
        response: impl Future<Output = T>,
    ) -> Result<T, Unanswered> {
        let mut marks = self.0.subscribe();
        tokio::select! {
            biased;
            response = response => {
                self.heard(used);
                Ok(response)
            }
            _ = marks.wait_for(|marks| marks.silent.is_some_and(|silent| used.made <= silent)) => Err(Unanswered),
            () = tokio::time::sleep_until(used.since + limit) => {
                self.is_stale_since(used.since);
                Err(Unanswered)
            }
        }
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
    pub fn load(prefix: &str, connections: u32, settings: &Settings) -> Result<Self, ConfigError> {
        let given: DatabaseVariables = settings.read_prefixed(prefix)?;
        if given.database_connections == Some(0) {
            return Err(ConfigError::new(&format!("{}_DATABASE_CONNECTIONS", prefix.to_uppercase()), "is 0"));
        }
        Ok(Self { url: given.database_url, connections: given.database_connections.map_or(connections, u32::from) })
    }
}

#[cfg(test)]
mod tests;
