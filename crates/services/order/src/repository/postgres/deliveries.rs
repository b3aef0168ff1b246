//! The PostgreSQL implementation of [`Deliveries`], and the removal of addresses.

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    events::{Cause, OrderOf},
    ids::{OrderId, UserId},
};
use platform::{
    jobs::Done,
    postgres::{Database, retry_stale},
};

use super::{PgOrders, row::inconsistent};
use crate::{
    error::Error,
    model::{Delivery, DeliveryAddress, DeliveryStatus, Destination},
    repository::{Deliveries, orders::another_user},
};

#[async_trait]
impl Deliveries for PgOrders {
    async fn destination(&self, order: OrderId) -> Result<Option<Destination>, Error> {
        let row = retry_stale(|| {
            sqlx::query!(
                r#"select delivery_address as "address!", cardinality(part_uuids) as "volume!"
                from orders where uuid = $1 and delivery_address is not null"#,
                order.uuid(),
            )
            .fetch_optional(&self.pool)
        })
        .await?;
        row.map(|row| {
            let volume = usize::try_from(row.volume).map_err(|_| inconsistent(order, "part_uuids"))?;
            Ok(Destination { address: DeliveryAddress::stored(row.address), volume })
        })
        .transpose()
    }

    async fn store_delivery(&self, cause: Cause, subject: OrderOf, reported: &Delivery) -> Result<bool, Error> {
        let predecessors: Vec<String> =
            reported.status.predecessors().map(DeliveryStatus::as_str).map(str::to_owned).collect();
        let row = sqlx::query!(
            r#"with another_users as (
                select from orders where uuid = $3 and user_uuid <> $4
            ), inbox_row as (
                insert into inbox (consumer, event_uuid)
                select $1, $2 where not exists (select from another_users)
                on conflict do nothing
                returning event_uuid
            ), changed as (
                update orders
                set delivery_uuid = $5, delivery_status = $6, tracking_number = $7, estimated_delivery = $8, updated_at = now()
                from inbox_row
                where uuid = $3 and (delivery_status is null or delivery_status = any($9))
                returning uuid
            )
            select exists (select from changed) as "changed!", exists (select from another_users) as "another_users!""#,
            cause.consumer,
            cause.event.uuid(),
            subject.order.uuid(),
            subject.user.uuid(),
            reported.uuid.uuid(),
            reported.status.as_str(),
            reported.tracking_number,
            reported.estimated_delivery,
            &predecessors,
        )
        .fetch_one(&self.pool)
        .await?;
        if row.another_users { Err(another_user(subject)) } else { Ok(row.changed) }
    }
}

const BATCH_SIZE: i64 = 500;

/// Selects, for audits, the users who still have a text in an order that has ended, each since when.
pub const TEXTS_OF_ENDED_ORDERS: &str = "select user_uuid, min(created_at) from orders
    where delivery_address is not null and (status = 'CANCELLED' or delivery_status in ('DELIVERED', 'FAILED'))
    group by user_uuid";

/// The addresses of orders. An address is removed some time after its order has ended, and without this delay if its
/// user's account has ended.
#[derive(Clone)]
pub struct Addresses(Database);

impl Addresses {
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// Makes the addresses of a user whose account has ended due for removal, and the user's unpaid orders overdue.
    /// Idempotent.
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

    /// Removes a batch of addresses of orders that ended longer ago than `age`, or whose users' accounts have ended. An
    /// order [has ended](crate::model::Order::is_open) once it is cancelled or its delivery is over.
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
