//! Payments in PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use platform::postgres::{Database, retry_stale};
use sqlx::migrate::Migrator;
use uuid::Uuid;

use super::{Begun, FIRST_TIME, LONGEST_TIME, Payments, Unfinished, row::Row, time_to_finish};
use crate::{
    error::Error,
    model::{Decline, Direct, Intent, Outcome, Payment, Status},
};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/payment");

/// How often an intent is tried to be recorded while another attempt comes and goes.
const ROUNDS: u32 = 3;

#[derive(Clone)]
pub struct PgPayments {
    pool: Database,
}

impl PgPayments {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }

    /// Records the intent where its attempt and its order's place are free.
    async fn insert(&self, intent: &Intent) -> Result<Option<Payment>, Error> {
        let inserted = retry_stale(|| {
            sqlx::query!(
                "insert into payments (transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider)
                values ($1, $2, $3, $4, $5, $6, $7)
                on conflict do nothing
                returning created_at",
                intent.transaction,
                intent.order,
                i64::from(intent.attempt),
                intent.user,
                intent.method.as_str(),
                intent.amount.minor(),
                intent.provider.as_str(),
            )
            .fetch_optional(&self.pool)
        })
        .await?;
        Ok(inserted.map(|row| Payment {
            intent: *intent,
            status: Status::Pending,
            cancelled: false,
            created_at: row.created_at,
            updated_at: row.created_at,
        }))
    }

    /// What stands in the way of an intent.
    async fn standing(&self, intent: &Intent) -> Result<Option<Begun>, Error> {
        let row = sqlx::query_as!(
            Row,
            "select transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider, status, decline_reason,
                provider_reference, cancelled, created_at, updated_at
            from payments
            where order_uuid = $1 and (attempt = $2 or status <> 'declined' or cancelled)
            order by attempt is not distinct from $2 desc
            limit 1",
            intent.order,
            i64::from(intent.attempt),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| match row.payment()? {
            Some(payment) if payment.intent.attempt == intent.attempt || !payment.cancelled => {
                Ok(Begun::Standing(payment))
            }
            _ => Ok(Begun::Cancelled),
        })
        .transpose()
    }
}

#[async_trait]
impl Payments for PgPayments {
    async fn begin(&self, intent: &Intent) -> Result<Begun, Error> {
        for _ in 0..ROUNDS {
            if let Some(payment) = self.insert(intent).await? {
                return Ok(Begun::New(payment));
            }
            // Nothing stands any more where the other attempt was declined in between.
            if let Some(standing) = self.standing(intent).await? {
                return Ok(standing);
            }
        }
        Err(Error::InProgress)
    }

    async fn void_attempt(&self, intent: &Intent) -> Result<Vec<Payment>, Error> {
        // Declined rows take no place, so this conflicts with the attempt's own row alone. A charge that begins meanwhile meets the
        // same key: one of the two has the attempt, and the statement after this one sees which.
        retry_stale(|| {
            sqlx::query!(
                "insert into payments
                    (transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider, status, decline_reason)
                values ($1, $2, $3, $4, $5, $6, $7, 'declined', $8)
                on conflict (order_uuid, attempt) do nothing",
                intent.transaction,
                intent.order,
                i64::from(intent.attempt),
                intent.user,
                intent.method.as_str(),
                intent.amount.minor(),
                intent.provider.as_str(),
                Decline::Declined.as_str(),
            )
            .execute(&self.pool)
        })
        .await?;
        let rows = sqlx::query_as!(
            Row,
            "select transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider, status, decline_reason,
                provider_reference, cancelled, created_at, updated_at
            from payments where order_uuid = $1",
            intent.order,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().filter_map(|row| row.payment().transpose()).collect()
    }

    async fn settle(&self, transaction: Uuid, outcome: &Outcome) -> Result<Payment, Error> {
        let (decline, reference) = match outcome {
            Outcome::Charged { reference } => (None, Some(reference.as_str())),
            Outcome::Declined(decline) => (Some(decline.as_str()), None),
        };
        let settled = sqlx::query_as!(
            Row,
            "update payments set
                status = case when $2::text is not null then 'declined' when cancelled then 'refunding' else 'succeeded' end,
                decline_reason = $2,
                provider_reference = $3,
                tries = 0,
                next_try_at = now(),
                updated_at = now()
            where transaction_uuid = $1 and status = 'pending'
            returning transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider, status, decline_reason,
                provider_reference, cancelled, created_at, updated_at",
            transaction,
            decline,
            reference,
        )
        .fetch_optional(&self.pool)
        .await?;
        if let Some(row) = settled {
            return row.payment()?.ok_or(Error::NotFound);
        }
        let row = sqlx::query_as!(
            Row,
            "select transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider, status, decline_reason,
                provider_reference, cancelled, created_at, updated_at
            from payments where transaction_uuid = $1",
            transaction,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Row::payment).transpose()?.flatten().ok_or(Error::NotFound)
    }

    async fn refunded(&self, transaction: Uuid) -> Result<(), Error> {
        sqlx::query!(
            "update payments set status = 'refunded', updated_at = now()
            where transaction_uuid = $1 and status = 'refunding'",
            transaction,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn cancel(&self, order: Uuid, event: Option<(&'static str, Uuid)>) -> Result<bool, Error> {
        let (consumer, event) = event.unzip();
        let changed = sqlx::query!(
            "with fresh as (
                insert into inbox (consumer, event_uuid) select $2, $3 where $2::text is not null
                on conflict do nothing
                returning event_uuid
            )
            insert into payments (order_uuid, status, cancelled)
            select $1, 'void', true where $2::text is null or exists (select from fresh)
            on conflict (order_uuid) where status <> 'declined' or cancelled do update set
                cancelled = true,
                status = case payments.status when 'succeeded' then 'refunding' else payments.status end,
                tries = 0,
                next_try_at = case payments.status when 'succeeded' then now() else payments.next_try_at end,
                updated_at = now()
            where not payments.cancelled",
            order,
            consumer,
            event,
        )
        .execute(&self.pool)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    async fn is_cancelled(&self, order: Uuid) -> Result<bool, Error> {
        let cancelled = retry_stale(|| {
            sqlx::query_scalar!(
                r#"select exists (select from payments where order_uuid = $1 and cancelled) as "cancelled!""#,
                order,
            )
            .fetch_one(&self.pool)
        })
        .await?;
        Ok(cancelled)
    }

    async fn due(&self, limit: i64) -> Result<Vec<(Payment, Duration)>, Error> {
        let rows = sqlx::query!(
            "update payments set
                tries = tries + 1,
                next_try_at = now() + make_interval(secs => least($2 * power(2, least(tries, 10)), $3))
            where transaction_uuid in (
                select transaction_uuid from payments
                where status in ('pending', 'refunding') and next_try_at <= now()
                order by tries, next_try_at
                limit $1
                for update skip locked
            )
            returning transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider, status, decline_reason,
                provider_reference, cancelled, created_at, updated_at, tries",
            limit,
            FIRST_TIME.as_secs_f64(),
            LONGEST_TIME.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        let due = rows.into_iter().filter_map(|row| {
            let tries_before = u32::try_from(row.tries).unwrap_or(1).saturating_sub(1);
            let row = Row {
                transaction_uuid: row.transaction_uuid,
                order_uuid: row.order_uuid,
                attempt: row.attempt,
                user_uuid: row.user_uuid,
                method: row.method,
                amount: row.amount,
                provider: row.provider,
                status: row.status,
                decline_reason: row.decline_reason,
                provider_reference: row.provider_reference,
                cancelled: row.cancelled,
                created_at: row.created_at,
                updated_at: row.updated_at,
            };
            let payment = row.payment().transpose()?;
            Some(payment.map(|payment| (payment, time_to_finish(tries_before))))
        });
        let mut due = due.collect::<Result<Vec<_>, _>>()?;
        due.sort_by_key(|(payment, time)| (*time, payment.created_at));
        Ok(due)
    }

    async fn unfinished(&self) -> Result<Unfinished, Error> {
        let unfinished = sqlx::query_as!(
            Unfinished,
            r#"select count(*) filter (where status = 'pending') as "pending!",
                count(*) filter (where status = 'refunding') as "refunding!"
            from payments where status in ('pending', 'refunding')"#,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(unfinished)
    }

    async fn find(&self, order: Uuid) -> Result<Option<Payment>, Error> {
        let row = sqlx::query_as!(
            Row,
            "select transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider, status, decline_reason,
                provider_reference, cancelled, created_at, updated_at
            from payments
            where order_uuid = $1 and status <> 'void'
            order by status <> 'declined' desc, attempt desc
            limit 1",
            order,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(Row::payment).transpose()?.flatten())
    }

    async fn record_direct(&self, direct: &Direct) -> Result<Uuid, Error> {
        let transaction = sqlx::query_scalar!(
            "insert into direct_payments (order_uuid, user_uuid, transaction_uuid, method)
            values ($1, $2, $3, $4)
            on conflict (order_uuid, user_uuid) do update set order_uuid = excluded.order_uuid
            returning transaction_uuid",
            direct.order,
            direct.user,
            direct.transaction,
            direct.method.as_str(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(transaction)
    }
}
