//! Removes delivery addresses that are no longer needed. They are personal; the rest of an order is kept as booked.

use std::time::Duration;

use contracts::ids::UserId;
use platform::{jobs::Done, postgres::Database};

use crate::error::Error;

/// The maximum number of addresses that one statement removes.
const BATCH_SIZE: i64 = 500;

/// The addresses of orders, which outlive neither their order's end by long nor their user's account.
#[derive(Clone)]
pub struct Addresses(Database);

impl Addresses {
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// Makes the addresses of a user whose account has ended due for removal, and the user's unpaid orders overdue. Idempotent.
    pub async fn end_account(&self, user: UserId) -> Result<(), Error> {
        let ended = sqlx::query!(
            "update orders set
                address_kept_from = case when delivery_address is not null then '-infinity'::timestamptz end,
                pay_until = case when status = 'PENDING_PAYMENT' then least(pay_until, now()) else pay_until end
            where user_uuid = $1
              and (delivery_address is not null and address_kept_from is null or status = 'PENDING_PAYMENT')",
            user.uuid(),
        );
        ended.execute(&self.0).await?;
        Ok(())
    }

    /// Removes a batch of addresses of orders that ended longer ago than `age`, or whose users' accounts have ended. An order
    /// [has ended](crate::model::Order::is_open) once it is cancelled or its delivery is over.
    pub async fn remove(&self, age: Duration) -> Result<Done, Error> {
        let removed = sqlx::query!(
            "update orders set delivery_address = null
            where uuid = any(array(
                select uuid from orders
                where delivery_address is not null and (status = 'CANCELLED' or delivery_status in ('DELIVERED', 'FAILED'))
                  and coalesce(address_kept_from, updated_at) < now() - make_interval(secs => $1)
                order by coalesce(address_kept_from, updated_at)
                limit $2))",
            age.as_secs_f64(),
            BATCH_SIZE,
        );
        let removed = removed.execute(&self.0).await?.rows_affected();
        Ok(Done::from_count(removed, BATCH_SIZE.unsigned_abs()))
    }
}
