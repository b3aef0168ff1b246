//! The PostgreSQL implementation of [`PaymentEvents`].

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use platform::postgres::{Database, retry_stale};
use sqlx::types::Json;

use super::{PgOrders, grouped, settle::decline};
use crate::{
    error::Error,
    repository::{PaymentEvents, ReportedEnd, Settlement},
};

#[async_trait]
impl PaymentEvents for PgOrders {
    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error> {
        let owner = retry_stale(|| {
            sqlx::query_scalar!(r#"select user_uuid as "user_uuid: UserId" from orders where uuid = $1"#, order.uuid())
                .fetch_optional(&self.pool)
        });
        Ok(owner.await?)
    }

    async fn settle_once(
        &self,
        cause: Cause,
        order: OrderId,
        attempt: i32,
        reported: &ReportedEnd,
    ) -> Result<bool, Error> {
        match &reported.settlement {
            Settlement::Paid { transaction, event } => {
                let outcome = Some(&reported.outcome);
                let request = grouped::paid::Request::new(order, attempt, *transaction, event, outcome, Some(cause));
                Ok(self.payments.submit(request).await?.unwrap_or_default())
            }
            Settlement::Declined(_) => declined(&self.pool, cause, order, attempt, reported).await,
            _ => Err(Error::Inconsistent("an event can only settle an attempt as paid or declined".to_owned())),
        }
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        Ok(self.skipped.skip(cause.consumer, cause.event.uuid()).await?)
    }
}

async fn declined(
    pool: &Database,
    cause: Cause,
    order: OrderId,
    attempt: i32,
    reported: &ReportedEnd,
) -> Result<bool, Error> {
    let Settlement::Declined(refusal) = &reported.settlement else { return Ok(false) };
    let ended = sqlx::query!(
        "with inbox_row as (
            insert into inbox (consumer, event_uuid) values ($1, $2)
            on conflict do nothing
            returning event_uuid
        ), settled as (
            update orders
            set declined_attempt = attempt, decline = $5,
                self_payment_at = case when attempt_method <> 'INVESTOR_MONEY' then self_payment_at end,
                attempt_method = null, attempt_next_at = null, updated_at = now()
            from inbox_row
            where uuid = $3 and attempt = $4 and attempt_method is not null and ($7 or not attempt_shared)
            returning uuid
        ), key_completed as (
            update idempotency_keys set outcome = $6
            from settled
            where order_uuid = $3 and attempt = $4 and outcome is null
        )
        select uuid from settled",
        cause.consumer,
        cause.event.uuid(),
        order.uuid(),
        attempt,
        decline(refusal),
        Json(&reported.outcome) as _,
        reported.also_shared,
    )
    .fetch_optional(pool)
    .await?;
    Ok(ended.is_some())
}
