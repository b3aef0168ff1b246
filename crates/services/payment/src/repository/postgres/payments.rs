//! The PostgreSQL implementation of [`Payments`].

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, TransactionId, UserId},
};
use platform::{
    cursor::{self, Cursor},
    postgres::{Database, GroupCommit, consistent, fetch_each, retry_stale},
    telemetry,
};

use super::{
    charges::{self, Intents, Settlement},
    row::{PaymentRow, query_payments},
};
use crate::{
    error::Error,
    model::{ChargeOutcome, Intent, Payment},
    repository::{
        Begun, FIRST_LEASE, INITIAL_LEASE, MAX_LEASE, PaymentPage, Payments, UNDECIDED_AFTER, UNKNOWN_AFTER, Unfinished,
    },
};

#[derive(Clone)]
pub struct PgPayments {
    pub(super) pool: Database,
    intents: Intents,
    settlements: GroupCommit<Settlement, Option<PaymentRow>>,
}

impl PgPayments {
    pub fn new(pool: Database) -> Self {
        let transaction = |intent: &Intent| intent.transaction;
        Self {
            intents: GroupCommit::by_key("begin_payments", pool.clone(), transaction, charges::record),
            settlements: GroupCommit::by_key("settle_payments", pool.clone(), Settlement::transaction, charges::settle),
            pool,
        }
    }
}

#[async_trait]
impl Payments for PgPayments {
    async fn begin(&self, intent: &Intent) -> Result<Begun, Error> {
        charges::begin(&self.pool, &self.intents, intent).await
    }

    async fn void_attempt(&self, intent: &Intent) -> Result<Vec<Payment>, Error> {
        // The inserted row is declined, so only a row of the same attempt can conflict with it. A concurrent `begin` of
        // this attempt inserts under the same key `(order_uuid, attempt)`. One of the two inserts wins, and the select
        // below reads the winner's row.
        let (decline, event) = intent.voided();
        let event = outbox::Event::from(&event);
        retry_stale(|| {
            sqlx::query!(
                "with voided as (
                    insert into payments
                        (transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider, status, decline_reason)
                    values ($1, $2, $3, $4, $5, $6, $7, 'declined', $8)
                    on conflict (order_uuid, attempt) do nothing
                    returning order_uuid
                )
                insert into outbox (event_uuid, event_type, key, payload, trace)
                select $9, $10, order_uuid, $11, $12 from voided",
                intent.transaction.uuid(),
                intent.order.uuid(),
                i64::from(intent.attempt),
                intent.user.uuid(),
                intent.method.as_str(),
                intent.amount.minor(),
                intent.provider.as_str(),
                decline.as_str(),
                event.uuid,
                event.kind,
                event.payload,
                telemetry::trace(),
            )
            .execute(&self.pool)
        })
        .await?;
        let rows = query_payments!("select " + COLUMNS + " from payments where order_uuid = $1", intent.order.uuid())
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().filter_map(|row| row.payment().transpose()).collect()
    }

    async fn settle(&self, intent: &Intent, outcome: &ChargeOutcome) -> Result<(Payment, bool), Error> {
        let settled = self.settlements.submit(Settlement::new(intent, outcome)).await?;
        if let Some(row) = settled {
            return Ok((row.payment()?.ok_or(Error::NotFound)?, true));
        }
        Ok((self.get(intent.transaction).await?.ok_or(Error::NotFound)?, false))
    }

    async fn count_request(&self, transaction: TransactionId) -> Result<bool, Error> {
        charges::count_request(&self.pool, transaction).await
    }

    async fn refuse(&self, intent: &Intent) -> Result<(Payment, bool), Error> {
        let ended = charges::refuse(&self.pool, intent).await?;
        Ok((self.get(intent.transaction).await?.ok_or(Error::NotFound)?, ended))
    }

    async fn age(&self, transaction: TransactionId) -> Result<Duration, Error> {
        let seconds = retry_stale(|| {
            sqlx::query_scalar!(
                r#"select greatest(extract(epoch from now() - created_at), 0)::float8 as "seconds!"
                from payments where transaction_uuid = $1"#,
                transaction.uuid(),
            )
            .fetch_optional(&self.pool)
        })
        .await?;
        seconds.map(Duration::from_secs_f64).ok_or(Error::NotFound)
    }

    async fn processing(&self, transaction: TransactionId, reference: &str) -> Result<(), Error> {
        sqlx::query!(
            "update payments set provider_reference = $2
            where transaction_uuid = $1 and status = 'pending' and provider_reference is distinct from $2",
            transaction.uuid(),
            reference,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn hurry(&self, transaction: TransactionId) -> Result<(), Error> {
        sqlx::query!(
            "update payments
            set next_try_at = least(next_try_at, greatest(now(), created_at + make_interval(secs => $2)))
            where transaction_uuid = $1 and status in ('pending', 'refunding')",
            transaction.uuid(),
            INITIAL_LEASE.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn get(&self, transaction: TransactionId) -> Result<Option<Payment>, Error> {
        let row = retry_stale(|| {
            query_payments!("select " + COLUMNS + " from payments where transaction_uuid = $1", transaction.uuid())
                .fetch_optional(&self.pool)
        });
        Ok(row.await?.map(PaymentRow::payment).transpose()?.flatten())
    }

    async fn cancel(&self, order: OrderId, cause: Option<Cause>) -> Result<bool, Error> {
        let changed = sqlx::query!(
            "with inbox_row as (
                insert into inbox (consumer, event_uuid) select $2, $3 where $2::text is not null
                on conflict do nothing
                returning event_uuid
            )
            insert into payments (order_uuid, status, cancelled)
            select $1, 'void', true where $2::text is null or exists (select from inbox_row)
            on conflict (order_uuid) where status <> 'declined' or cancelled do update set
                cancelled = true,
                status = case payments.status when 'succeeded' then 'refunding' else payments.status end,
                tries = 0,
                next_try_at = case payments.status when 'succeeded' then now() else payments.next_try_at end,
                updated_at = now()
            where not payments.cancelled",
            order.uuid(),
            cause.map(|cause| cause.consumer),
            cause.map(|cause| cause.event.uuid()),
        )
        .execute(&self.pool)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    async fn is_cancelled(&self, order: OrderId) -> Result<bool, Error> {
        let cancelled = retry_stale(|| {
            sqlx::query_scalar!(
                r#"select exists (select from payments where order_uuid = $1 and cancelled) as "cancelled!""#,
                order.uuid(),
            )
            .fetch_one(&self.pool)
        })
        .await?;
        Ok(cancelled)
    }

    async fn due(&self, limit: i64) -> Result<Vec<(Payment, u32)>, Error> {
        let take = || {
            query_payments!(
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
                returning "
                    + COLUMNS,
                limit,
                FIRST_LEASE.as_secs_f64(),
                MAX_LEASE.as_secs_f64(),
            )
        };
        let rows = fetch_each(&self.pool, take).await?;
        let due = rows.into_iter().filter_map(|row| {
            let tries_before = u32::try_from(row.tries).unwrap_or(1).saturating_sub(1);
            Some((consistent(row.payment())??, tries_before))
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(payment, tries)| (*tries, payment.created_at));
        Ok(due)
    }

    async fn unfinished(&self, limit: i64) -> Result<Unfinished, Error> {
        let unfinished = sqlx::query_as!(
            Unfinished,
            r#"select count(*) filter (where status = 'pending') as "pending!",
                count(*) filter (where status = 'pending' and created_at < now() - make_interval(secs => $3)) as "unknown!",
                count(*) filter (where status = 'pending' and created_at < now() - make_interval(secs => $2)) as "undecided!",
                count(*) filter (where status = 'refunding' and refund_reference is null) as "refunding!",
                count(*) filter (where status = 'refunding' and refund_reference is not null) as "accepted!"
            from (
                (
                    select status, created_at, refund_reference from payments
                    where status in ('pending', 'refunding')
                    limit $1
                ) union all (
                    select status, created_at, refund_reference from partial_refunds where status = 'refunding' limit $1
                )
            ) as counted"#,
            limit,
            UNDECIDED_AFTER.as_secs_f64(),
            UNKNOWN_AFTER.as_secs_f64(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(unfinished)
    }

    async fn find(&self, order: OrderId) -> Result<Option<Payment>, Error> {
        let row = retry_stale(|| {
            query_payments!(
                "select "
                    + COLUMNS
                    + " from payments
            where order_uuid = $1 and status <> 'void'
            order by status <> 'declined' desc, attempt desc
            limit 1",
                order.uuid(),
            )
            .fetch_optional(&self.pool)
        });
        Ok(row.await?.map(PaymentRow::payment).transpose()?.flatten())
    }

    async fn page(&self, user: UserId, after: Option<Cursor>, size: u32) -> Result<PaymentPage, Error> {
        let rows = retry_stale(|| {
            query_payments!(
                "select "
                    + COLUMNS
                    + " from payments
            where user_uuid = $1
                and (created_at, transaction_uuid)
                    < (coalesce($2, 'infinity'::timestamptz), coalesce($3, transaction_uuid))
            order by created_at desc, transaction_uuid desc
            limit $4",
                user.uuid(),
                after.map(|cursor| cursor.created_at),
                after.map(|cursor| cursor.uuid),
                i64::from(size) + 1,
            )
            .fetch_all(&self.pool)
        });
        let mut rows = rows.await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let next = cursor::cut(&mut rows, size, |last| Cursor {
            created_at: last.created_at,
            uuid: last.transaction_uuid.uuid(),
        });
        Ok((rows.into_iter().filter_map(|row| consistent(row.payment())?).collect(), next))
    }
}
