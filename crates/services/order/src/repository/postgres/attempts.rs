//! The PostgreSQL implementation of [`Attempts`].

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{DeliveryId, OrderId, PartId, TransactionId, UserId};
use platform::postgres::{consistent, fetch_each};

use super::{
    PgOrders, grouped,
    idempotency_keys::is_held,
    row::{inconsistent, row},
    settle,
};
use crate::{
    error::Error,
    model::{Attempt, AttemptLease, Claim, Order, Outcome, PaymentMethod},
    repository::{Attempts, LONG_UNSETTLED_TRIES, Orders as _, Settlement},
};

#[async_trait]
impl Attempts for PgOrders {
    async fn begin(
        &self,
        user: UserId,
        order: OrderId,
        method: PaymentMethod,
        lease_ttl: Duration,
        claim: Option<&Claim>,
    ) -> Result<Option<(Order, Option<AttemptLease>)>, Error> {
        let request = grouped::begin::Request { user, order, method, lease_ttl, claim: claim.cloned() };
        if let Some((row, epoch)) = self.attempts.submit(request).await? {
            let attempt = Attempt { number: row.attempt, method };
            return Ok(Some((row.try_into()?, Some(AttemptLease { attempt, epoch, shared: false, tries: 0 }))));
        }
        let Some(found) = self.find(user, order).await? else { return Ok(None) };
        if is_held(&self.pool, claim).await? { Ok(Some((found, None))) } else { Err(Error::KeyInProgress) }
    }

    async fn take(
        &self,
        user: UserId,
        order: OrderId,
        attempt: i32,
        pause: Duration,
    ) -> Result<Option<AttemptLease>, Error> {
        let taken = sqlx::query!(
            r#"update orders
            set attempt_epoch = attempt_epoch + 1, attempt_shared = true, attempt_next_at = now() + make_interval(secs => $4)
            where uuid = $1 and user_uuid = $2 and attempt = $3 and attempt_method is not null
            returning attempt_epoch, attempt_method as "method!", attempt_tries"#,
            order.uuid(),
            user.uuid(),
            attempt,
            pause.as_secs_f64(),
        )
        .fetch_optional(&self.pool)
        .await?;
        taken
            .map(|row| {
                let attempt = Attempt { number: attempt, method: method(order, &row.method)? };
                Ok(AttemptLease { attempt, epoch: row.attempt_epoch, shared: true, tries: tries(row.attempt_tries) })
            })
            .transpose()
    }

    async fn settle(
        &self,
        order: OrderId,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&Outcome>,
    ) -> Result<bool, Error> {
        match settlement {
            Settlement::Paid { transaction, event } => {
                let number = lease.attempt.number;
                let request = grouped::paid::Request::new(order, number, *transaction, event, outcome, None);
                Ok(self.payments.submit(request).await?.unwrap_or_default())
            }
            Settlement::Declined(refusal) => {
                settle::declined(&self.pool, order, lease.attempt.number, refusal, outcome).await
            }
            Settlement::Abandoned => settle::abandoned(&self.pool, order, lease).await,
            Settlement::Cancelled { event } => settle::cancelled(&self.pool, order, lease, None, event, outcome).await,
            Settlement::Compensated { transaction, event } => {
                settle::cancelled(&self.pool, order, lease, Some(*transaction), event, outcome).await
            }
        }
    }

    async fn postpone(&self, order: OrderId, lease: &AttemptLease, pause: Duration) -> Result<(), Error> {
        sqlx::query!(
            "update orders set attempt_next_at = now() + make_interval(secs => $4)
            where uuid = $1 and attempt = $2 and attempt_method is not null and attempt_epoch = $3",
            order.uuid(),
            lease.attempt.number,
            lease.epoch,
            pause.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn unsettled(&self, limit: i64, pause: Duration) -> Result<Vec<(Order, AttemptLease)>, Error> {
        let take = || {
            sqlx::query!(
                r#"update orders
            set attempt_epoch = attempt_epoch + 1, attempt_shared = true, attempt_tries = attempt_tries + 1,
                attempt_next_at = now() + make_interval(secs => $2)
            where uuid in (
                select uuid from orders
                where attempt_method is not null and attempt_next_at <= now()
                order by attempt_tries, attempt_next_at
                limit $1
                for update skip locked)
            returning uuid as "uuid: OrderId", user_uuid as "user_uuid: UserId",
                delivery_address, delivery_uuid as "delivery_uuid: DeliveryId", delivery_status, tracking_number,
                estimated_delivery,
                part_uuids as "part_uuids: Vec<PartId>", total_price, status, attempt, attempt_method,
                payment_method, transaction_uuid as "transaction_uuid: TransactionId", created_at, attempt_epoch, attempt_tries"#,
                limit,
                pause.as_secs_f64(),
            )
        };
        let rows = fetch_each(&self.pool, take).await?;
        let taken = rows.into_iter().map(|row| {
            let (epoch, tries) = (row.attempt_epoch, tries(row.attempt_tries));
            let order = Order::try_from(row!(row))?;
            let attempt = order.attempt.ok_or_else(|| inconsistent(order.uuid, "attempt_method"))?;
            Ok((order, AttemptLease { attempt, epoch, shared: true, tries }))
        });
        let mut taken: Vec<_> = taken.filter_map(consistent::<_, Error>).collect();
        taken.sort_by_key(|(_, lease)| lease.tries);
        Ok(taken)
    }

    async fn long_unsettled(&self, limit: i64) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!"
            from (
                select from orders where attempt_method is not null and attempt_tries >= $2::bigint limit $1
            ) as counted"#,
            limit,
            i64::from(LONG_UNSETTLED_TRIES),
        );
        Ok(count.fetch_one(&self.pool).await?)
    }
}

fn method(order: OrderId, name: &str) -> Result<PaymentMethod, Error> {
    PaymentMethod::parse(name).ok_or_else(|| inconsistent(order, "attempt_method"))
}

fn tries(count: i32) -> u32 {
    u32::try_from(count).unwrap_or(0)
}
