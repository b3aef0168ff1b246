//! How the pool opens a connection, and when it no longer uses one.

use std::{
    future, io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable as _};
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

use super::network_path::Path;

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
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(10))
            .with_max_delay(Duration::from_millis(500))
            .without_max_times();
        (|| options.connect()).retry(pauses).when(may_pass).await
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
}
