//! The PostgreSQL implementation of [`PaymentEvents`].

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use platform::postgres::retry_stale;

use super::{PgOrders, grouped, settle};
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
        let outcome = Some(&reported.outcome);
        match &reported.settlement {
            Settlement::Paid { transaction, event } => {
                let request = grouped::paid::Request::new(order, attempt, *transaction, event, outcome, Some(cause));
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
