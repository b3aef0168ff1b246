//! The PostgreSQL implementation of [`Orders`].

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, PartId, UserId},
    money::Money,
};
use platform::{
    cursor::{self, Cursor},
    postgres::{consistent, retry_stale},
    telemetry,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    PgOrders, grouped,
    row::{inconsistent, query_orders},
    settle,
};
use crate::{
    error::Error,
    model::{CheckoutDetails, Claim, Event, NewOrder, Order, RequestOutcome, Status},
    repository::{OVERDUE_TAKEN_FOR, OrderTerms, Orders, UnpaidLimits},
};

#[async_trait]
impl Orders for PgOrders {
    async fn create(
        &self,
        order: &NewOrder,
        terms: &OrderTerms,
        event: &Event,
        unpaid_limits: UnpaidLimits,
        claim: Option<&Claim>,
    ) -> Result<Order, Error> {
        let request = grouped::orders::Creation::new(order, terms, event, unpaid_limits, claim);
        if let Some(row) = self.creations.submit(request).await? {
            return row.try_into();
        }
        match self.find(order.user, order.uuid).await? {
            Some(existing) => Ok(existing),
            None => Err(grouped::orders::refusal(&self.pool, order, unpaid_limits, claim).await?),
        }
    }

    async fn find(&self, user: UserId, order: OrderId) -> Result<Option<Order>, Error> {
        let row = self.reads.submit(grouped::orders::LookUp { user, order }).await?;
        row.map(Order::try_from).transpose()
    }

    async fn existing(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Status>, Error> {
        let orders: Vec<Uuid> = orders.iter().map(|order| order.uuid()).collect();
        let existing = retry_stale(|| {
            sqlx::query!(r#"select uuid as "uuid: OrderId", status from orders where uuid = any($1)"#, &orders)
                .fetch_all(&self.pool)
        });
        let status = |text: &str, order| Status::parse(text).ok_or_else(|| inconsistent(order, "status"));
        existing.await?.into_iter().map(|row| Ok((row.uuid, status(&row.status, row.uuid)?))).collect()
    }

    async fn holder(&self, user: UserId, part: PartId) -> Result<Option<OrderId>, Error> {
        let holder = retry_stale(|| {
            sqlx::query_scalar!(
                r#"select uuid as "uuid: OrderId"
                from orders
                where user_uuid = $1
                    and status = 'PENDING_PAYMENT' and transaction_uuid is null
                    and $2 = any(part_uuids)
                order by created_at desc
                limit 1"#,
                user.uuid(),
                part.uuid(),
            )
            .fetch_optional(&self.pool)
        });
        Ok(holder.await?)
    }

    async fn open(&self, user: UserId, limit: u8) -> Result<(Vec<OrderId>, u32), Error> {
        let rows = retry_stale(|| {
            sqlx::query!(
                r#"select uuid as "uuid: OrderId", count(*) over () as "total!"
                from orders
                where user_uuid = $1
                  and (status in ('PENDING_PAYMENT', 'PAID')
                    or status = 'ASSEMBLED' and delivery_address is not null
                        and coalesce(delivery_status, '') not in ('DELIVERED', 'FAILED'))
                order by created_at, uuid
                limit $2"#,
                user.uuid(),
                i64::from(limit),
            )
            .fetch_all(&self.pool)
        })
        .await?;
        let total = rows.first().map_or(0, |row| u32::try_from(row.total).unwrap_or(u32::MAX));
        Ok((rows.into_iter().map(|row| row.uuid).collect(), total))
    }

    async fn page(&self, user: UserId, after: Option<Cursor>, size: u8) -> Result<(Vec<Order>, Option<Cursor>), Error> {
        let mut rows = retry_stale(|| {
            query_orders!(
                "select "
                    + COLUMNS
                    + " from orders
                where user_uuid = $1
                  and (created_at, uuid) < (coalesce($2, 'infinity'::timestamptz), coalesce($3, uuid))
                order by created_at desc, uuid desc
                limit $4",
                user.uuid(),
                after.map(|cursor| cursor.created_at),
                after.map(|cursor| cursor.uuid),
                i64::from(size) + 1,
            )
            .fetch_all(&self.pool)
        })
        .await?;
        let next =
            cursor::cut(&mut rows, size.into(), |last| Cursor { created_at: last.created_at, uuid: last.uuid.uuid() });
        Ok((rows.into_iter().filter_map(|row| consistent(Order::try_from(row))).collect(), next))
    }

    async fn cancel(&self, order: OrderId, event: &Event, claim: Option<&Claim>) -> Result<bool, Error> {
        let event = outbox::Event::from(event);
        let row = sqlx::query!(
            r#"with held as (
                select from idempotency_keys
                where user_uuid = $8 and key = $7 and token = $9 and outcome is null
                for update
            ), locked as materialized (
                select status, attempt_method from orders where uuid = $1 for no key update
            ), changed as (
                update orders set status = 'CANCELLED', updated_at = now()
                from locked
                where uuid = $1 and locked.status = 'PENDING_PAYMENT' and locked.attempt_method is null
                  and ($7::text is null or exists (select from held))
                returning uuid, user_uuid
            ), key_completed as (
                update idempotency_keys set outcome = $6
                from changed
                where idempotency_keys.user_uuid = changed.user_uuid and key = $7 and outcome is null
            ), event as (
                insert into outbox (event_uuid, event_type, key, payload, trace)
                select $2, $3, uuid, $4, $5 from changed
            )
            select exists (select from changed) as "cancelled!", $7::text is null or exists (select from held) as "held!""#,
            order.uuid(),
            event.uuid,
            event.kind,
            event.payload,
            telemetry::trace(),
            Json(RequestOutcome::Cancelled) as _,
            claim.map(|claim| &claim.key),
            claim.map(|claim| claim.user.uuid()),
            claim.map(|claim| claim.token),
        )
        .fetch_one(&self.pool)
        .await?;
        if row.held { Ok(row.cancelled) } else { Err(Error::KeyInProgress) }
    }

    async fn overdue(&self, limit: i64) -> Result<Vec<(OrderId, UserId)>, Error> {
        let taken = sqlx::query!(
            r#"update orders set next_try_at = now() + make_interval(secs => $2)
            where uuid in (
                select uuid from orders
                where status = 'PENDING_PAYMENT' and attempt_method is null and greatest(pay_until, next_try_at) < now()
                order by greatest(pay_until, next_try_at)
                limit $1
                for update skip locked)
            returning uuid as "uuid: OrderId", user_uuid as "user_uuid: UserId""#,
            limit,
            OVERDUE_TAKEN_FOR.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(taken.into_iter().map(|row| (row.uuid, row.user_uuid)).collect())
    }

    async fn assemble(&self, cause: Cause, order: OrderId) -> Result<bool, Error> {
        let request = grouped::orders::Completion { cause, order };
        Ok(self.assemblies.submit(request).await?.unwrap_or_default())
    }

    async fn compensate(&self, cause: Cause, order: OrderId, cancellation: &Event) -> Result<bool, Error> {
        let cancellation = outbox::Event::from(cancellation);
        let changed = sqlx::query!(
            "with inbox_row as (
                insert into inbox (consumer, event_uuid) values ($1, $2)
                on conflict do nothing
                returning event_uuid
            ), changed as (
                update orders set status = 'CANCELLED', updated_at = now()
                from inbox_row
                where uuid = $3 and status = 'PAID'
                returning uuid
            )
            insert into outbox (event_uuid, event_type, key, payload, trace)
            select $4, $5, uuid, $6, $7 from changed",
            cause.consumer,
            cause.event.uuid(),
            order.uuid(),
            cancellation.uuid,
            cancellation.kind,
            cancellation.payload,
            telemetry::trace(),
        )
        .execute(&self.pool)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error> {
        let owner = retry_stale(|| {
            sqlx::query_scalar!(r#"select user_uuid as "user_uuid: UserId" from orders where uuid = $1"#, order.uuid())
                .fetch_optional(&self.pool)
        });
        Ok(owner.await?)
    }

    async fn checkout_details(&self, order: OrderId) -> Result<CheckoutDetails, Error> {
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

    async fn due_to_pay_themselves(&self, limit: i64, backoff: Duration) -> Result<Vec<(OrderId, UserId)>, Error> {
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
            backoff.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(due.into_iter().map(|row| (row.uuid, row.user_uuid)).collect())
    }
}
