//! The PostgreSQL implementation of [`Checkouts`].

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
use contracts::money::Money;
use platform::postgres::retry_stale;

use super::{PgOrders, row::inconsistent, settle};
use crate::{error::Error, model::CheckoutDetails, repository::Checkouts};

#[async_trait]
impl Checkouts for PgOrders {
    async fn details(&self, order: OrderId) -> Result<CheckoutDetails, Error> {
        let row = retry_stale(|| {
            sqlx::query!("select unit_prices, declined_attempt, decline from orders where uuid = $1", order.uuid())
                .fetch_optional(&self.pool)
        });
        let Some(row) = row.await? else { return Ok(CheckoutDetails::default()) };
        let price = |minor| Money::from_minor(minor).map_err(|_| inconsistent(order, "unit_prices"));
        let refusal = |text: String| settle::refusal(&text).ok_or_else(|| inconsistent(order, "decline"));
        Ok(CheckoutDetails {
            unit_prices: row.unit_prices.into_iter().map(price).collect::<Result<_, _>>()?,
            declined: row
                .declined_attempt
                .zip(row.decline)
                .map(|(attempt, text)| refusal(text).map(|refusal| (attempt, refusal)))
                .transpose()?,
        })
    }

    async fn due_to_pay_themselves(&self, limit: i64, pause: Duration) -> Result<Vec<(OrderId, UserId)>, Error> {
        let due = sqlx::query!(
            r#"update orders
            set self_payment_at = now() + make_interval(secs => $2 * power(2, least(self_payment_tries, 4))),
                self_payment_tries = self_payment_tries + 1
            where uuid in (
                select uuid from orders
                where self_payment_at <= now() and status = 'PENDING_PAYMENT' and attempt_method is null
                order by self_payment_at
                limit $1
                for update skip locked)
            returning uuid as "uuid: OrderId", user_uuid as "user_uuid: UserId""#,
            limit,
            pause.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(due.into_iter().map(|row| (row.uuid, row.user_uuid)).collect())
    }
}
