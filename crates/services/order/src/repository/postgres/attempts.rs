//! The PostgreSQL implementation of [`Attempts`].

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use platform::postgres::{consistent, fetch_each};

use super::{
    PgOrders, grouped,
    idempotency_keys::is_held,
    row::{OrderRow, query_orders},
    settle,
};
use crate::{
    error::Error,
    model::{AttemptLease, Claim, Order, PaymentMethod, RequestOutcome},
    repository::{Attempts, LONG_UNSETTLED_TRIES, Orders as _, ReportedEnd, Settlement},
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
        let request = grouped::attempts::NewAttempt { user, order, method, lease_ttl, claim: claim.cloned() };
        if let Some(row) = self.attempts.submit(request).await? {
            let (order, lease) = row.attempting()?;
            return Ok(Some((order, Some(lease))));
        }
        let Some(found) = self.find(user, order).await? else { return Ok(None) };
        if is_held(&self.pool, claim).await? { Ok(Some((found, None))) } else { Err(Error::KeyInProgress) }
    }

    async fn take(
        &self,
        user: UserId,
        order: OrderId,
        attempt: i32,
        lease_ttl: Duration,
    ) -> Result<Option<AttemptLease>, Error> {
        let taken = query_orders!(
            "update orders
            set attempt_epoch = attempt_epoch + 1, attempt_shared = true,
                attempt_next_at = now() + make_interval(secs => $4)
            where uuid = $1 and user_uuid = $2 and attempt = $3 and attempt_method is not null
            returning "
                + COLUMNS,
            order.uuid(),
            user.uuid(),
            attempt,
            lease_ttl.as_secs_f64(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(taken.map(OrderRow::attempting).transpose()?.map(|(_, lease)| lease))
    }

    async fn settle(
        &self,
        order: OrderId,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&RequestOutcome>,
    ) -> Result<bool, Error> {
        match settlement {
            Settlement::Paid { transaction, event } => {
                let number = lease.attempt.number;
                let request = grouped::attempts::PaidAttempt::new(order, number, *transaction, event, outcome, None);
                Ok(self.payments.submit(request).await?.unwrap_or_default())
            }
            Settlement::Declined(refusal) => {
                settle::declined(&self.pool, None, order, lease.attempt.number, refusal, true, outcome).await
            }
            Settlement::Abandoned => settle::abandoned(&self.pool, order, lease).await,
            Settlement::Cancelled { event } => settle::cancelled(&self.pool, order, lease, None, event, outcome).await,
            Settlement::Compensated { transaction, event } => {
                settle::cancelled(&self.pool, order, lease, Some(*transaction), event, outcome).await
            }
        }
    }

    async fn postpone(&self, order: OrderId, lease: &AttemptLease, backoff: Duration) -> Result<(), Error> {
        sqlx::query!(
            "update orders set attempt_next_at = now() + make_interval(secs => $4)
            where uuid = $1 and attempt = $2 and attempt_method is not null and attempt_epoch = $3",
            order.uuid(),
            lease.attempt.number,
            lease.epoch,
            backoff.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn unsettled(&self, limit: i64, lease_ttl: Duration) -> Result<Vec<(Order, AttemptLease)>, Error> {
        let take = || {
            query_orders!(
                "update orders
                set attempt_epoch = attempt_epoch + 1, attempt_shared = true, attempt_tries = attempt_tries + 1,
                    attempt_next_at = now() + make_interval(secs => $2)
                where uuid in (
                    select uuid from orders
                    where attempt_method is not null and attempt_next_at <= now()
                    order by attempt_tries, attempt_next_at
                    limit $1
                    for update skip locked)
                returning "
                    + COLUMNS,
                limit,
                lease_ttl.as_secs_f64(),
            )
        };
        let rows = fetch_each(&self.pool, take).await?;
        let mut taken: Vec<_> = rows.into_iter().filter_map(|row| consistent(row.attempting())).collect();
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

    async fn settle_once(
        &self,
        cause: Cause,
        order: OrderId,
        attempt: i32,
        reported: &ReportedEnd,
    ) -> Result<bool, Error> {
        let outcome = Some(&reported.outcome);
        match &reported.settlement {
            Settlement::Paid { transaction, event } => {
                let request =
                    grouped::attempts::PaidAttempt::new(order, attempt, *transaction, event, outcome, Some(cause));
                Ok(self.payments.submit(request).await?.unwrap_or_default())
            }
            Settlement::Declined(refusal) => {
                settle::declined(&self.pool, Some(cause), order, attempt, refusal, reported.also_shared, outcome).await
            }
            _ => Err(Error::Inconsistent("an event can only settle an attempt as paid or declined".to_owned())),
        }
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        Ok(self.skipped.skip(cause.consumer, cause.event.uuid()).await?)
    }
}
