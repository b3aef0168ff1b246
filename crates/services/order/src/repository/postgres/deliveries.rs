//! The PostgreSQL implementation of [`Deliveries`].

use async_trait::async_trait;
use contracts::{
    events::{Cause, OrderOf},
    ids::OrderId,
};
use platform::postgres::retry_stale;

use super::{PgOrders, row::inconsistent};
use crate::{
    error::Error,
    model::{Delivery, DeliveryAddress, DeliveryStatus, Destination},
    repository::{Deliveries, deliveries::another_user},
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
