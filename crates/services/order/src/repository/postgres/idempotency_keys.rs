//! The PostgreSQL implementation of [`IdempotencyKeys`].

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::OrderId;
use platform::postgres::{Database, count_skipped_row, retry_stale};
use sqlx::types::Json;

use super::PgOrders;
use crate::{
    error::Error,
    model::{Claim, Claimed, RequestOutcome},
    repository::IdempotencyKeys,
};

#[async_trait]
impl IdempotencyKeys for PgOrders {
    // The insert claims a new key. On conflict, the update takes over the key of the same request if its lease has
    // expired. Otherwise a second query reads from the row why the key cannot be claimed. One reason is that the insert
    // was executed and its response was lost.
    async fn claim(&self, claim: &Claim, order: OrderId, lease: Duration) -> Result<Claimed, Error> {
        let claimed = || {
            sqlx::query!(
                r#"insert into idempotency_keys as known (user_uuid, key, fingerprint, order_uuid, lease_until, token)
                values ($1, $2, $3, $4, now() + make_interval(secs => $5), $6)
                on conflict (user_uuid, key) do update set lease_until = excluded.lease_until, token = excluded.token
                where known.outcome is null
                  and known.lease_until <= now()
                  and known.fingerprint = excluded.fingerprint
                returning order_uuid as "order_uuid: OrderId", attempt, (xmax <> 0) as "resumed!""#,
                claim.user.uuid(),
                claim.key,
                claim.fingerprint,
                order.uuid(),
                lease.as_secs_f64(),
                claim.token,
            )
            .fetch_optional(&self.pool)
        };
        let taken = retry_stale(claimed).await?;
        if let Some(row) = taken {
            return Ok(if row.resumed {
                Claimed::Resumed { order: row.order_uuid, attempt: row.attempt }
            } else {
                Claimed::New { order: row.order_uuid }
            });
        }
        let known = || {
            sqlx::query!(
                r#"select fingerprint, outcome as "outcome: Json<RequestOutcome>", order_uuid as "order_uuid: OrderId", attempt,
                    token = $3 as "is_held!"
                from idempotency_keys where user_uuid = $1 and key = $2"#,
                claim.user.uuid(),
                claim.key,
                claim.token,
            )
            .fetch_optional(&self.pool)
        };
        let known = retry_stale(known).await.map_err(|error| match error {
            // A newer version has stored this outcome. A retry may reach a replica of that version.
            sqlx::Error::ColumnDecode { .. } => {
                count_skipped_row();
                let (user, key) = (claim.user.uuid(), &claim.key);
                tracing::error!(user_uuid = %user, key, %error, "stored outcome not decoded, row skipped");
                Error::Unavailable("the stored outcome", error.into())
            }
            error => error.into(),
        });
        Ok(match known? {
            Some(row) if row.fingerprint != claim.fingerprint => Claimed::Reused,
            Some(row) if row.is_held && row.outcome.is_none() => {
                Claimed::Resumed { order: row.order_uuid, attempt: row.attempt }
            }
            Some(row) => row.outcome.map_or(Claimed::InProgress, |outcome| Claimed::Done(outcome.0)),
            // The key was removed between the two statements.
            None => Claimed::InProgress,
        })
    }

    async fn complete(&self, claim: &Claim, outcome: &RequestOutcome) -> Result<bool, Error> {
        let completed = || {
            sqlx::query!(
                "update idempotency_keys set outcome = coalesce(outcome, $3) where user_uuid = $1 and key = $2 and token = $4",
                claim.user.uuid(),
                claim.key,
                Json(outcome) as _,
                claim.token,
            )
            .execute(&self.pool)
        };
        let held = retry_stale(completed).await?;
        Ok(held.rows_affected() > 0)
    }

    async fn renew(&self, claim: &Claim, lease: Duration) -> Result<(), Error> {
        sqlx::query!(
            "update idempotency_keys set lease_until = now() + make_interval(secs => $4)
            where user_uuid = $1 and key = $2 and token = $3 and outcome is null",
            claim.user.uuid(),
            claim.key,
            claim.token,
            lease.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn forget(&self, claim: &Claim) -> Result<bool, Error> {
        let forgotten = sqlx::query!(
            "delete from idempotency_keys where user_uuid = $1 and key = $2 and token = $3 and outcome is null",
            claim.user.uuid(),
            claim.key,
            claim.token,
        )
        .execute(&self.pool)
        .await?;
        Ok(forgotten.rows_affected() > 0)
    }

    async fn remove(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let removed = sqlx::query!(
            "delete from idempotency_keys where ctid = any(array(
                select ctid from idempotency_keys
                where created_at < now() - make_interval(secs => $1)
                order by created_at
                limit $2))",
            age.as_secs_f64(),
            limit,
        )
        .execute(&self.pool)
        .await?;
        Ok(removed.rows_affected())
    }
}

/// Returns true if the request may make changes: it has no idempotency key, or it still holds the key and the key has
/// no outcome.
pub(super) async fn is_held(pool: &Database, claim: Option<&Claim>) -> sqlx::Result<bool> {
    let Some(claim) = claim else { return Ok(true) };
    retry_stale(|| {
        sqlx::query_scalar!(
            r#"select exists (
                select from idempotency_keys where user_uuid = $1 and key = $2 and token = $3 and outcome is null
            ) as "held!""#,
            claim.user.uuid(),
            claim.key,
            claim.token,
        )
        .fetch_one(pool)
    })
    .await
}
