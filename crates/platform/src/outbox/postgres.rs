//! The outbox table in PostgreSQL.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use sqlx::{PgPool, postgres::PgListener, types::Json};
use tokio::sync::Mutex;

use super::{Outbox, Unpublished};
use crate::lease::{Lease, PgLease};

/// The channel on which replicas tell each other of new rows.
const CHANNEL: &str = "outbox";
/// Rows deleted at once.
const SWEEP_BATCH: i64 = 5_000;

/// The `outbox` table of a service's database, with its lease in `leases`.
pub struct PgOutbox {
    pool: PgPool,
    lease: PgLease,
    listener: Mutex<Option<PgListener>>,
}

impl PgOutbox {
    /// `holder` tells this process from its replicas.
    pub fn new(pool: PgPool, holder: String) -> Self {
        Self { lease: PgLease::new(pool.clone(), "outbox", holder), pool, listener: Mutex::default() }
    }
}

#[async_trait]
impl Outbox for PgOutbox {
    async fn lease(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        self.lease.acquire(ttl).await
    }

    async fn unpublished(&self, limit: i64) -> anyhow::Result<Vec<Unpublished>> {
        let rows = sqlx::query!(
            r#"select id, event_uuid, event_type, key, payload, trace as "trace: Json<HashMap<String, String>>"
            from outbox where published_at is null order by id limit $1"#,
            limit,
        )
        .map(|row| Unpublished {
            id: row.id,
            event_uuid: row.event_uuid,
            event_type: row.event_type,
            key: row.key,
            payload: row.payload,
            trace: row.trace.0,
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

    async fn sweep(&self, age: Duration) -> anyhow::Result<u64> {
        let swept = sqlx::query!(
            "delete from outbox where id in (
                select id from outbox where published_at < now() - make_interval(secs => $1) order by id limit $2)",
            age.as_secs_f64(),
            SWEEP_BATCH,
        )
        .execute(&self.pool)
        .await?;
        Ok(swept.rows_affected())
    }

    async fn notify(&self) -> anyhow::Result<()> {
        sqlx::query!("select pg_notify($1, '') as notified", CHANNEL).execute(&self.pool).await?;
        Ok(())
    }

    async fn notified(&self) {
        let mut slot = self.listener.lock().await;
        let attempt = async {
            if slot.is_none() {
                let mut listener = PgListener::connect_with(&self.pool).await?;
                listener.listen(CHANNEL).await?;
                *slot = Some(listener);
            }
            if let Some(listener) = slot.as_mut() {
                listener.recv().await?;
            }
            Ok::<_, sqlx::Error>(())
        };
        if let Err(error) = attempt.await {
            tracing::debug!(%error, "not listening; polling goes on");
            *slot = None;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
