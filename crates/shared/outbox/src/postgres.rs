//! The outbox in PostgreSQL.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{
    FromRow as _,
    postgres::PgRow,
    types::{Json, JsonRawValue},
};
use uuid::Uuid;

use crate::{
    Backlog, Lease, Notifications, Outbox, PgLease, TakenBack, Unpublished,
    pool::Pool,
    statements::{RelaySql, Tables, sweep_outbox},
};

/// The maximum number of rows that a count of the backlog reaches. A metric with this value means at least this many.
const MAX_COUNTED: i64 = 1_000_000;

/// The outbox of a database, with its lease.
pub struct PgOutbox<P> {
    pool: P,
    sql: RelaySql,
    /// The name of the lease and of the notification channel.
    name: String,
    lease: PgLease<P>,
    notifications: Option<Arc<dyn Notifications>>,
    set_aside_rows: Mutex<SetAsideRows>,
}

/// The state of the search for rows that are set aside. Only the holder of the lease sets rows aside.
#[derive(Clone, Copy)]
struct SetAsideRows {
    /// The epoch to which the other fields apply.
    epoch: Option<i64>,
    /// The last row that `take_back` examined. `None` makes it start from the first row.
    looked_at: Option<(Uuid, i64)>,
    /// False once `take_back` has found no row that is set aside.
    may_exist: bool,
}

impl SetAsideRows {
    const fn unknown(epoch: Option<i64>) -> Self {
        Self { epoch, looked_at: None, may_exist: true }
    }

    /// Records what `take_back` found, unless the epoch has changed.
    fn examined(&mut self, epoch: i64, looked_at: Option<(Uuid, i64)>, may_exist: bool) {
        if self.epoch == Some(epoch) {
            *self = Self { epoch: self.epoch, looked_at, may_exist };
        }
    }
}

impl<P: Pool> PgOutbox<P> {
    /// Creates the outbox. `holder` identifies this process as a holder of the lease.
    pub fn new(pool: P, tables: &Tables, holder: impl Into<String>) -> Self {
        let name = tables.outbox.clone();
        Self {
            lease: PgLease::new(pool.clone(), tables, name.clone(), holder),
            pool,
            sql: RelaySql::new(tables),
            name,
            notifications: None,
            set_aside_rows: Mutex::new(SetAsideRows::unknown(None)),
        }
    }

    /// Sets what wakes the relay for rows of other replicas, for example [`listen`](crate::listen). Without it the
    /// relay finds them within a second.
    #[must_use]
    pub fn woken_by(self, notifications: Arc<dyn Notifications>) -> Self {
        Self { notifications: Some(notifications), ..self }
    }
}

impl<P> PgOutbox<P> {
    fn set_aside_rows(&self) -> MutexGuard<'_, SetAsideRows> {
        self.set_aside_rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The maximum number of rows that one call of [`sweep`] deletes.
pub const SWEEP_BATCH: u64 = 5_000;

/// Deletes up to [`SWEEP_BATCH`] rows published longer ago than `age`. Returns their number.
pub async fn sweep<P: Pool>(pool: &P, tables: &Tables, age: Duration) -> sqlx::Result<u64> {
    let query = sweep_outbox(&tables.outbox).query();
    pool.execute(query.bind(age.as_secs_f64()).bind(SWEEP_BATCH.cast_signed())).await
}

/// A row of the statement [`unpublished`](RelaySql::unpublished).
type Row = (i64, Uuid, String, Uuid, Vec<u8>, DateTime<Utc>, Json<Box<JsonRawValue>>, bool);

/// Decodes a trace context. An undecodable one is omitted, so that it does not block the event.
fn trace(event: Uuid, column: &JsonRawValue) -> HashMap<String, String> {
    serde_json::from_str(column.get()).unwrap_or_else(|_| {
        tracing::error!(%event, "unreadable trace context: the event is published without it");
        HashMap::new()
    })
}

#[async_trait]
impl<P: Pool> Outbox for PgOutbox<P> {
    async fn lease(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        let epoch = self.lease.acquire(ttl).await?;
        let mut set_aside_rows = self.set_aside_rows();
        if set_aside_rows.epoch != epoch {
            // Another replica may have set rows aside.
            *set_aside_rows = SetAsideRows::unknown(epoch);
        }
        Ok(epoch)
    }

    async fn release(&self, epoch: i64) -> anyhow::Result<()> {
        self.lease.release(epoch).await
    }

    async fn unpublished(&self, limit: i64, besides: &[i64]) -> anyhow::Result<Vec<Unpublished>> {
        let may_be_behind = self.set_aside_rows().may_exist;
        let query = self.sql.unpublished.query().bind(limit).bind(besides).bind(may_be_behind);
        let rows = self.pool.rows(query).await?;
        let row = |row: &PgRow| -> anyhow::Result<Unpublished> {
            let (id, event_uuid, event_type, key, payload, written, Json(headers), is_behind) = Row::from_row(row)?;
            let trace = trace(event_uuid, &headers);
            Ok(Unpublished { id, event_uuid, event_type, key, payload, written, trace, is_behind })
        };
        rows.iter().map(row).collect()
    }

    async fn mark(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.pool.execute(self.sql.mark.query().bind(ids).bind(&self.name).bind(epoch)).await?;
        Ok(())
    }

    async fn set_aside(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.set_aside_rows().may_exist = true;
        self.pool.execute(self.sql.set_aside.query().bind(ids).bind(&self.name).bind(epoch)).await?;
        Ok(())
    }

    async fn take_back(&self, epoch: i64, kinds: &[&str], limit: i64) -> anyhow::Result<TakenBack> {
        let after = self.set_aside_rows().looked_at;
        let (key, id) = after.unwrap_or_default();
        let rows = self.pool.rows(self.sql.look.query().bind(kinds).bind(key).bind(id).bind(limit)).await?;
        let rows = rows.iter().map(<(i64, Uuid, bool)>::from_row).collect::<sqlx::Result<Vec<_>>>()?;
        let full = rows.len() as u64 >= limit.unsigned_abs();
        let looked_at = rows.last().filter(|_| full).map(|(id, key, _)| (*key, *id));
        self.set_aside_rows().examined(epoch, looked_at, after.is_some() || !rows.is_empty());
        let ids: Vec<i64> = rows.iter().filter(|(_, _, can)| *can).map(|(id, ..)| *id).collect();
        if !ids.is_empty() {
            self.pool.execute(self.sql.take_back.query().bind(&ids).bind(&self.name).bind(epoch)).await?;
        }
        Ok(TakenBack { count: ids.len() as u64, more: full })
    }

    async fn backlog(&self) -> anyhow::Result<Backlog> {
        let row = self.pool.row(self.sql.backlog.query().bind(MAX_COUNTED)).await?.ok_or(sqlx::Error::RowNotFound)?;
        let (waiting, set_aside, oldest) = <(i64, i64, Option<f64>)>::from_row(&row)?;
        Ok(Backlog {
            waiting: waiting.unsigned_abs(),
            set_aside: set_aside.unsigned_abs(),
            oldest: Duration::try_from_secs_f64(oldest.unwrap_or_default()).unwrap_or_default(),
        })
    }

    async fn notify(&self) -> anyhow::Result<()> {
        self.pool.execute(self.sql.notify.query().bind(&self.name)).await?;
        Ok(())
    }

    async fn notified(&self) {
        match &self.notifications {
            Some(notifications) => notifications.notified().await,
            None => std::future::pending().await,
        }
    }
}
