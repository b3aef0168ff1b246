//! `LISTEN` for notifications, over a connection that is checked every few seconds.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Acquire as _, Connection as _,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Database,
    database::{ACQUIRE_TIMEOUT, ANSWER_TIMEOUT, PING_TIMEOUT},
    path::Unanswered,
};

/// How often a connection without notifications is checked.
const PERIOD: Duration = Duration::from_secs(5);
/// After a failure it is connected again this much later.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens to one channel with a connection of its own, until it is dropped.
#[derive(Debug)]
pub struct Listener {
    told: Arc<Notify>,
    _task: AbortOnDropHandle<()>,
}

impl Listener {
    /// Listens to notifications on `channel`.
    pub fn start(database: Database, channel: &'static str) -> Self {
        let told = Arc::new(Notify::new());
        let task = tokio::spawn(listen(database, channel, told.clone()));
        Self { told, _task: AbortOnDropHandle::new(task) }
    }

    /// Returns when there has been a notification since the last call. Notifications are lost while the connection is.
    pub async fn notified(&self) {
        self.told.notified().await;
    }
}

async fn listen(database: Database, channel: &'static str, told: Arc<Notify>) {
    loop {
        let Err(error) = hear(&database, channel, &told).await;
        tracing::debug!(%error, channel, "not listening; polling goes on");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens until the connection is lost.
async fn hear(database: &Database, channel: &str, told: &Notify) -> sqlx::Result<std::convert::Infallible> {
    // A pool of its own: a listener keeps its place in its pool until its server answers.
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
    let pool = pool.connect_lazy_with((*database.connect_options()).clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    let outcome = hear_with(&mut listener, channel, told).await;
    if outcome.as_ref().is_err_and(|error| matches!(error, sqlx::Error::Io(_))) {
        bury(&mut listener, database).await;
    }
    outcome
}

async fn hear_with(listener: &mut PgListener, channel: &str, told: &Notify) -> sqlx::Result<std::convert::Infallible> {
    listener.eager_reconnect(false);
    let lost = || sqlx::Error::from(Unanswered);
    timeout(ANSWER_TIMEOUT, listener.listen(channel)).await.map_err(|_| lost())??;
    loop {
        match timeout(PERIOD, listener.try_recv()).await {
            Ok(Ok(Some(_))) => told.notify_one(),
            Ok(Ok(None)) => return Err(sqlx::Error::PoolClosed),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let connection = listener.acquire().await?;
                timeout(PING_TIMEOUT, connection.ping()).await.map_err(|_| lost())??;
            }
        }
    }
}

/// Replaces a lost connection with a working one, as soon as one can be made; listening continues only then.
///
/// Otherwise dropping the listener would send a request to its server and wait for the answer without a time limit.
async fn bury(listener: &mut PgListener, database: &Database) {
    loop {
        let begun = Instant::now();
        if let Ok(fresh) = database.connect().await {
            if let Ok(Ok(lost)) = timeout(ACQUIRE_TIMEOUT, listener.acquire()).await {
                *lost = fresh;
            }
            return;
        }
        tokio::time::sleep_until(begun + PAUSE).await;
    }
}
