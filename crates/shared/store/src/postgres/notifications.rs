//! Receives PostgreSQL notifications with `LISTEN`, over a connection that is checked every few seconds.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use outbox::Notifications;
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
    connections::Unanswered,
    database::{ACQUIRE_TIMEOUT, RESPONSE_TIMEOUT},
    ping::PING_TIMEOUT,
};

/// How often a connection without notifications is pinged.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// The backoff before the listener reconnects after a failure.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// A listener on one channel, with its own connection, which the first call of
/// [`notified`](Notifications::notified) opens. It ends when it is dropped.
#[derive(Debug)]
pub struct Listener {
    database: Database,
    channel: String,
    wake: Arc<Notify>,
    task: OnceLock<AbortOnDropHandle<()>>,
}

impl Listener {
    pub fn new(database: Database, channel: impl Into<String>) -> Self {
        Self { database, channel: channel.into(), wake: Arc::default(), task: OnceLock::new() }
    }
}

/// Misses notifications that are sent while the connection is lost.
#[async_trait]
impl Notifications for Listener {
    async fn notified(&self) {
        self.task.get_or_init(|| {
            let task = listen(self.database.clone(), self.channel.clone(), self.wake.clone());
            AbortOnDropHandle::new(tokio::spawn(task))
        });
        self.wake.notified().await;
    }
}

async fn listen(database: Database, channel: String, wake: Arc<Notify>) {
    loop {
        let Err(error) = hear(&database, &channel, &wake).await;
        tracing::debug!(%error, channel, "LISTEN unavailable, polling instead");
        tokio::time::sleep(RECONNECT_DELAY).await;
    }
}

/// Notifies `wake` until the connection is lost.
async fn hear(database: &Database, channel: &str, wake: &Notify) -> sqlx::Result<std::convert::Infallible> {
    // Uses a separate pool, because a lost connection occupies its slot in a pool until the server responds.
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
    let pool = pool.connect_lazy_with((*database.connect_options()).clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    let outcome = hear_with(&mut listener, channel, wake).await;
    if outcome.as_ref().is_err_and(|error| matches!(error, sqlx::Error::Io(_))) {
        bury(&mut listener, database).await;
    }
    outcome
}

async fn hear_with(listener: &mut PgListener, channel: &str, wake: &Notify) -> sqlx::Result<std::convert::Infallible> {
    listener.eager_reconnect(false);
    let lost = || sqlx::Error::from(Unanswered);
    timeout(RESPONSE_TIMEOUT, listener.listen(channel)).await.map_err(|_| lost())??;
    loop {
        match timeout(PING_INTERVAL, listener.try_recv()).await {
            Ok(Ok(Some(_))) => wake.notify_one(),
            Ok(Ok(None)) => return Err(sqlx::Error::PoolClosed),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let connection = listener.acquire().await?;
                timeout(PING_TIMEOUT, connection.ping()).await.map_err(|_| lost())??;
            }
        }
    }
}

/// Replaces a lost connection of `listener` with a new one, once the server accepts connections.
///
/// Dropping the listener with the lost connection would send a request to the server and wait for the response without
/// a time limit.
async fn bury(listener: &mut PgListener, database: &Database) {
    loop {
        let begun = Instant::now();
        if let Ok(fresh) = database.connect().await {
            if let Ok(Ok(lost)) = timeout(ACQUIRE_TIMEOUT, listener.acquire()).await {
                *lost = fresh;
            }
            return;
        }
        tokio::time::sleep_until(begun + RECONNECT_DELAY).await;
    }
}
