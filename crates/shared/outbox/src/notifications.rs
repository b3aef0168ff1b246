//! Notifications of PostgreSQL (`LISTEN`) that another replica has written rows.

use std::{
    convert::Infallible,
    io::{Error, ErrorKind},
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{
    Acquire as _, ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{sync::Notify, time::timeout};
use tokio_util::task::AbortOnDropHandle;

/// The time limit for a connection or a response.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How often a connection without notifications is pinged, and the time limit of a ping.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// The backoff before the listener reconnects after a failure.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// A source of notifications that rows may have been written.
#[async_trait]
pub trait Notifications: Send + Sync + 'static {
    /// Returns once there has been a notification since the last call.
    async fn notified(&self);
}

#[async_trait]
impl Notifications for Notify {
    async fn notified(&self) {
        Notify::notified(self).await;
    }
}

/// Listens on a channel, with a connection of its own that the first call of
/// [`notified`](Notifications::notified) opens and that ends when the listener is dropped. Notifications that are sent
/// while the connection is lost are missed.
///
/// The channel of an outbox is the name of its table, see [`Tables`](crate::Tables).
pub fn listen(options: PgConnectOptions, channel: impl Into<String>) -> Arc<dyn Notifications> {
    let wake = Arc::default();
    Arc::new(Listener { options, channel: channel.into(), wake, task: OnceLock::new() })
}

struct Listener {
    options: PgConnectOptions,
    channel: String,
    wake: Arc<Notify>,
    task: OnceLock<AbortOnDropHandle<()>>,
}

#[async_trait]
impl Notifications for Listener {
    async fn notified(&self) {
        self.task.get_or_init(|| {
            let (options, channel, wake) = (self.options.clone(), self.channel.clone(), self.wake.clone());
            AbortOnDropHandle::new(tokio::spawn(receive(options, channel, wake)))
        });
        self.wake.notified().await;
    }
}

async fn receive(options: PgConnectOptions, channel: String, wake: Arc<Notify>) {
    loop {
        let Err(error) = receive_once(&options, &channel, &wake).await;
        tracing::debug!(%error, channel, "LISTEN unavailable, polling instead");
        tokio::time::sleep(RECONNECT_DELAY).await;
    }
}

/// Notifies `wake` until the connection is lost.
async fn receive_once(options: &PgConnectOptions, channel: &str, wake: &Notify) -> sqlx::Result<Infallible> {
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(TIMEOUT).connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    let Err(error) = receive_with(&mut listener, channel, wake).await;
    if matches!(error, sqlx::Error::Io(_)) {
        replace_lost(&mut listener, options).await;
    }
    Err(error)
}

async fn receive_with(listener: &mut PgListener, channel: &str, wake: &Notify) -> sqlx::Result<Infallible> {
    listener.eager_reconnect(false);
    timeout(TIMEOUT, listener.listen(channel)).await.map_err(|_| lost())??;
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

/// Replaces a lost connection of the listener once the server accepts a new one. Dropping the listener with the lost
/// one would send a request over it and wait for the response without a time limit.
async fn replace_lost(listener: &mut PgListener, options: &PgConnectOptions) {
    loop {
        if let Ok(Ok(fresh)) = timeout(TIMEOUT, options.connect()).await {
            if let Ok(Ok(lost)) = timeout(TIMEOUT, listener.acquire()).await {
                *lost = fresh;
            }
            return;
        }
        tokio::time::sleep(RECONNECT_DELAY).await;
    }
}

fn lost() -> sqlx::Error {
    Error::from(ErrorKind::TimedOut).into()
}
