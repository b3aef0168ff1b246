//! The outbox in PostgreSQL.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sqlx::types::JsonRawValue;
use uuid::Uuid;

use super::{Backlog, Outbox, Unpublished};
use crate::{
    jobs::Done,
    lease::{Lease, PgLease},
    postgres::{Database, Listener},
};

/// The notification channel for new rows.
const CHANNEL: &str = "outbox";
/// The maximum number of rows that a count of the backlog reaches. A metric with this value means at least this many.
const MAX_COUNTED: i64 = 1_000_000;

/// The `outbox` table of a service's database, with its lease in `leases`.
pub struct PgOutbox {
    pool: Database,
    lease: PgLease,
    /// Created by the first call of `notified`.
    listener: OnceLock<Listener>,
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

impl PgOutbox {
    /// Creates the outbox. `holder` identifies this process as a holder of the lease.
    pub fn new(pool: Database, holder: String) -> Self {
        Self {
            lease: PgLease::new(pool.clone(), "outbox", holder),
            pool,
            listener: OnceLock::new(),
            set_aside_rows: Mutex::new(SetAsideRows::unknown(None)),
        }
    }

    fn set_aside_rows(&self) -> MutexGuard<'_, SetAsideRows> {
        self.set_aside_rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Decodes a trace context. An undecodable one is omitted, so that it does not block the event.
fn trace(event: Uuid, column: &JsonRawValue) -> HashMap<String, String> {
    serde_json::from_str(column.get()).unwrap_or_else(|_| {
        tracing::error!(%event, "unreadable trace context: the event is published without it");
        HashMap::new()
    })
}

#[async_trait]
impl Outbox for PgOutbox {
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
        // `not in` makes PostgreSQL hash the ids, while `<> all` compares each row with each id. The query looks for
        // earlier rows that are set aside only if there may be any, since a plan made for an empty table may read all
        // unpublished rows for each row.
        let rows = sqlx::query!(
            r#"select id, event_uuid, event_type, key, payload, created_at, trace as "trace: Box<JsonRawValue>",
                $3 and exists (
                    select from outbox as earlier
                    where earlier.set_aside_at is not null and earlier.published_at is null
                      and earlier.key = waiting.key and earlier.id < waiting.id) as "is_behind!"
            from outbox as waiting
            where published_at is null and set_aside_at is null and id not in (select unnest($2::bigint[]))
            order by id limit $1"#,
            limit,
            besides,
            may_be_behind,
        )
        .map(|row| Unpublished {
            id: row.id,
            event_uuid: row.event_uuid,
            event_type: row.event_type,
            key: row.key,
            payload: row.payload,
            written: row.created_at,
            trace: trace(row.event_uuid, &row.trace),
            is_behind: row.is_behind,
        })
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    async fn mark(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        sqlx::query!(
            "update outbox set published_at = now()
            where id = any($1) and published_at is null
              and exists (select from leases where name = 'outbox' and epoch = $2)",
            ids,
            epoch,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn set_aside(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.set_aside_rows().may_exist = true;
        sqlx::query!(
            "update outbox set set_aside_at = now()
            where id = any($1) and published_at is null
              and exists (select from leases where name = 'outbox' and epoch = $2)",
            ids,
            epoch,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn take_back(&self, epoch: i64, kinds: &[&str], limit: i64) -> anyhow::Result<Done> {
        let after = self.set_aside_rows().looked_at;
        let (key, id) = after.unwrap_or_default();
        let rows = sqlx::query!(
            r#"select id, key, event_type = any($1) and not exists (
                    select from outbox as earlier
                    where earlier.set_aside_at is not null and earlier.published_at is null
                      and earlier.key = aside.key and earlier.id < aside.id and earlier.event_type <> all($1)) as "can!"
            from outbox as aside
            where set_aside_at is not null and published_at is null and (key, id) > ($2, $3)
            order by key, id limit $4"#,
            kinds as _,
            key,
            id,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let full = rows.len() as u64 >= limit.unsigned_abs();
        let looked_at = rows.last().filter(|_| full).map(|row| (row.key, row.id));
        self.set_aside_rows().examined(epoch, looked_at, after.is_some() || !rows.is_empty());
        let ids: Vec<i64> = rows.iter().filter(|row| row.can).map(|row| row.id).collect();
        if !ids.is_empty() {
            sqlx::query!(
                "update outbox set set_aside_at = null
                where id = any($1) and exists (select from leases where name = 'outbox' and epoch = $2)",
                &ids,
                epoch,
            )
            .execute(&self.pool)
            .await?;
        }
        Ok(Done { count: ids.len() as u64, more: full })
    }

    async fn backlog(&self) -> anyhow::Result<Backlog> {
        let row = sqlx::query!(
            r#"select
                (select count(*) from (select from outbox where published_at is null limit $1) as waiting) as "waiting!",
                (select count(*) from (
                    select from outbox where set_aside_at is not null and published_at is null limit $1
                ) as aside) as "set_aside!",
                (select extract(epoch from now() - created_at)::float8
                from outbox where published_at is null order by id limit 1) as oldest"#,
            MAX_COUNTED,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Backlog {
            waiting: row.waiting.unsigned_abs(),
            set_aside: row.set_aside.unsigned_abs(),
            oldest: Duration::try_from_secs_f64(row.oldest.unwrap_or_default()).unwrap_or_default(),
        })
    }

    async fn notify(&self) -> anyhow::Result<()> {
        sqlx::query!("select pg_notify($1, '') as notified", CHANNEL).execute(&self.pool).await?;
        Ok(())
    }

    async fn notified(&self) {
        self.listener.get_or_init(|| Listener::start(self.pool.clone(), CHANNEL)).notified().await;
    }
}
