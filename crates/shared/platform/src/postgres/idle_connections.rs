//! The idle connections of a pool.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use sqlx::{Connection as _, PgConnection};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use super::network_path::Path;

/// The idle time after which a connection is closed, at the end of the next statement.
const MAX_IDLE_TIME: Duration = Duration::from_mins(1);
/// The age at which a connection is closed, since the memory of a PostgreSQL backend grows with the statements that it
/// has executed.
const MAX_AGE: Duration = Duration::from_mins(30);
/// The time limit for closing connections gracefully.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The idle connections; clones share them. The most recently used connection is used next, so that surplus connections
/// reach [`MAX_IDLE_TIME`].
#[derive(Clone, Debug, Default)]
pub(super) struct Connections(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    idle: Vec<Idle>,
    is_closed: bool,
}

#[derive(Debug)]
struct Idle {
    connection: PgConnection,
    made: Instant,
    since: Instant,
}

impl Connections {
    /// Returns a connection that is not stale, and when it was opened. Fails if the pool is closed.
    pub fn take(&self, path: &Path) -> sqlx::Result<Option<(PgConnection, Instant)>> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(sqlx::Error::PoolClosed);
        }
        while let Some(Idle { connection, made, .. }) = state.idle.pop() {
            if !path.is_stale(made) {
                return Ok(Some((connection, made)));
            }
        }
        Ok(None)
    }

    /// Keeps a connection for the next statement, or closes it if it is older than [`MAX_AGE`]. Also closes connections
    /// that were idle for [`MAX_IDLE_TIME`].
    pub fn put(&self, connection: PgConnection, made: Instant) {
        let mut state = self.lock();
        if state.is_closed || made.elapsed() > MAX_AGE {
            drop(state);
            return close(connection);
        }
        let since = Instant::now();
        state.idle.push(Idle { connection, made, since });
        // The first connection has been idle for longest.
        let unused =
            state.idle.iter().take_while(|idle| since.saturating_duration_since(idle.since) > MAX_IDLE_TIME).count();
        let unused: Vec<Idle> = state.idle.drain(..unused).collect();
        drop(state);
        for Idle { connection, .. } in unused {
            close(connection);
        }
    }

    /// Closes the pool: idle connections now, others when their statements end.
    pub async fn close(&self) {
        let idle = {
            let mut state = self.lock();
            state.is_closed = true;
            std::mem::take(&mut state.idle)
        };
        let ends = idle.into_iter().map(|idle| idle.connection.close());
        let _ = timeout(CLOSE_TIMEOUT, join_all(ends)).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a connection in the background.
fn close(connection: PgConnection) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(timeout(CLOSE_TIMEOUT, connection.close()));
    }
}
