//! Orders in PostgreSQL.

mod attempts;
mod changes;
mod idempotency_keys;
mod row;

use std::time::Duration;

use async_trait::async_trait;
use contracts::money::Money;
use platform::postgres::{Database, retry_stale};
use row::Row;
use sqlx::migrate::Migrator;
use uuid::Uuid;

use super::{Cursor, Orders, Settlement};
use crate::{
    error::Error,
    model::{AttemptLease, Claim, Claimed, Event, NewOrder, Order, Outcome, PaymentMethod},
};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/order");

#[derive(Clone)]
pub struct PgOrders {
    pool: Database,
}

impl PgOrders {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Orders for PgOrders {
    async fn claim(&self, claim: &Claim, order: Uuid, lease: Duration) -> Result<Claimed, Error> {
        idempotency_keys::claim(&self.pool, claim, order, lease).await
    }

    async fn complete(&self, claim: &Claim, outcome: &Outcome) -> Result<bool, Error> {
        idempotency_keys::complete(&self.pool, claim, outcome).await
    }

    async fn release(&self, claim: &Claim) -> Result<(), Error> {
        idempotency_keys::release(&self.pool, claim).await
    }

    async fn create(
        &self,
        order: &NewOrder,
        total_price: Money,
        pay_within: Duration,
        claim: Option<&Claim>,
    ) -> Result<Order, Error> {
        if let Some(created) = changes::create(&self.pool, order, total_price, pay_within, claim).await? {
            return Ok(created);
        }
        match (self.find(order.user, order.uuid).await?, claim) {
            (Some(existing), _) => Ok(existing),
            (None, Some(_)) => Err(Error::KeyInProgress),
            (None, None) => Err(Error::Inconsistent(format!("order {} is another user's", order.uuid))),
        }
    }

    async fn find(&self, user: Uuid, order: Uuid) -> Result<Option<Order>, Error> {
        let row = retry_stale(|| {
            sqlx::query_as!(
                Row,
                "select uuid, user_uuid, part_uuids, total_price, status, attempt, attempt_method,
                    payment_method, transaction_uuid, created_at
                from orders where uuid = $1 and user_uuid = $2",
                order,
                user,
            )
            .fetch_optional(&self.pool)
        })
        .await?;
        row.map(Order::try_from).transpose()
    }

    async fn page(&self, user: Uuid, after: Option<Cursor>, limit: i64) -> Result<Vec<Order>, Error> {
        let rows = retry_stale(|| {
            sqlx::query_as!(
                Row,
                "select uuid, user_uuid, part_uuids, total_price, status, attempt, attempt_method,
                    payment_method, transaction_uuid, created_at
                from orders
                where user_uuid = $1
                  and (created_at, uuid) < (coalesce($2, 'infinity'::timestamptz), coalesce($3, uuid))
                order by created_at desc, uuid desc
                limit $4",
                user,
                after.map(|cursor| cursor.created_at),
                after.map(|cursor| cursor.order),
                limit,
            )
            .fetch_all(&self.pool)
        })
        .await?;
        rows.into_iter().map(Order::try_from).collect()
    }

    async fn cancel(&self, order: Uuid, event: &Event, claim: Option<&Claim>) -> Result<bool, Error> {
        changes::cancel(&self.pool, order, event, claim).await
    }

    async fn begin_attempt(
        &self,
        user: Uuid,
        order: Uuid,
        method: PaymentMethod,
        patience: Duration,
        claim: Option<&Claim>,
    ) -> Result<Option<(Order, Option<AttemptLease>)>, Error> {
        attempts::begin(&self.pool, user, order, method, patience, claim).await
    }

    async fn take_attempt(
        &self,
        user: Uuid,
        order: Uuid,
        attempt: i32,
        pause: Duration,
    ) -> Result<Option<AttemptLease>, Error> {
        attempts::take(&self.pool, user, order, attempt, pause).await
    }

    async fn settle(
        &self,
        order: Uuid,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&Outcome>,
    ) -> Result<bool, Error> {
        match settlement {
            Settlement::Paid { transaction, event } => {
                attempts::paid(&self.pool, order, lease.attempt.number, *transaction, event, outcome).await
            }
            Settlement::Declined => attempts::declined(&self.pool, order, lease.attempt.number, outcome).await,
            Settlement::Abandoned => attempts::abandoned(&self.pool, order, lease).await,
            Settlement::Cancelled { event } => {
                attempts::cancelled(&self.pool, order, lease, None, event, outcome).await
            }
            Settlement::Undone { transaction, event } => {
                attempts::cancelled(&self.pool, order, lease, Some(*transaction), event, outcome).await
            }
        }
    }

    async fn postpone(&self, order: Uuid, lease: &AttemptLease, pause: Duration) -> Result<(), Error> {
        attempts::postpone(&self.pool, order, lease, pause).await
    }

    async fn unsettled(&self, limit: i64, pause: Duration) -> Result<Vec<(Order, AttemptLease)>, Error> {
        attempts::unsettled(&self.pool, limit, pause).await
    }

    async fn overdue(&self, limit: i64) -> Result<Vec<Order>, Error> {
        let rows = sqlx::query_as!(
            Row,
            "select uuid, user_uuid, part_uuids, total_price, status, attempt, attempt_method,
                payment_method, transaction_uuid, created_at
            from orders
            where status = 'PENDING_PAYMENT' and attempt_method is null and pay_until < now()
            order by pay_until
            limit $1",
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Order::try_from).collect()
    }

    async fn assemble(&self, consumer: &'static str, event: Uuid, order: Uuid) -> Result<bool, Error> {
        changes::assemble(&self.pool, consumer, event, order).await
    }

    async fn undo(&self, consumer: &'static str, event: Uuid, order: Uuid, undone: &Event) -> Result<bool, Error> {
        changes::undo(&self.pool, consumer, event, order, undone).await
    }

    async fn remove_idempotency_keys(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        idempotency_keys::remove(&self.pool, age, limit).await
    }
}
