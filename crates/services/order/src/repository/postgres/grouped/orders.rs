//! Writes, reads and completes orders.

use std::{collections::HashMap, sync::Arc};

use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use outbox::Columns;
use platform::{postgres::Database, telemetry};
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Claim, Event, NewOrder, RequestOutcome},
    repository::{
        OrderTerms, UNPAID_COUNTS_FOR, UnpaidLimits,
        postgres::{
            idempotency_keys::is_held,
            row::{NewOrderRow, OrderRow, inconsistent, query_orders},
        },
    },
};

/// A request to create an order. The fields that are serialised are the columns of `request` in the statement.
#[derive(Clone, Serialize)]
pub struct Creation {
    new_order: NewOrderRow,
    pays_itself: bool,
    /// In seconds.
    pay_within: f64,
    max_unpaid: u32,
    key: Option<String>,
    token: Option<Uuid>,
    outcome: RequestOutcome,
    #[serde(skip)]
    event: outbox::Event,
    /// The trace context of this request; the group's statement has another one.
    #[serde(skip)]
    trace: telemetry::Trace,
}

impl Creation {
    pub fn order(&self) -> OrderId {
        self.new_order.uuid
    }

    pub fn new(
        order: &NewOrder,
        terms: &OrderTerms,
        event: &Event,
        unpaid_limits: UnpaidLimits,
        claim: Option<&Claim>,
    ) -> Self {
        Self {
            new_order: NewOrderRow::new(order, terms),
            pays_itself: terms.pays_itself,
            pay_within: unpaid_limits.pay_within.as_secs_f64(),
            max_unpaid: unpaid_limits.max_unpaid,
            key: claim.map(|claim| claim.key.clone()),
            token: claim.map(|claim| claim.token),
            outcome: RequestOutcome::Created { order: order.uuid, total_price: terms.total_price },
            event: event.into(),
            trace: telemetry::trace(),
        }
    }
}

/// Writes the orders of a group and returns them. Skips an order that exists already, whose claim has lost its key, or
/// that exceeds its user's limit of unpaid orders. Orders of one user in the same group count towards the limit in the
/// order of their arrival. The order, its event and the key's outcome are stored together, in one round trip for all
/// requests that wait.
pub async fn create(pool: Database, requests: Arc<[Creation]>) -> sqlx::Result<HashMap<OrderId, OrderRow>> {
    // Sent as an array, for which PostgreSQL assumes ten elements. For `jsonb_to_recordset` it assumes a hundred rows,
    // and a plan made while the tables are empty would then read a whole index.
    let new: Vec<_> = requests.iter().map(Json).collect();
    let events: Columns = requests.iter().map(|request| request.event.clone()).collect();
    let traces: Vec<_> = requests.iter().map(|request| &request.trace).collect();
    let rows = query_orders!(
        "with requests as materialized (
            select (new_order).uuid, (new_order).user_uuid, request.*, number
            from unnest($1::jsonb[]) with ordinality as sent (fields, number)
            cross join lateral jsonb_to_record(fields) as request (new_order orders, pays_itself boolean,
                pay_within float8, max_unpaid bigint, key text, token uuid, outcome jsonb)
        ), " + HELD
            + ", unpaid as materialized (
            select user_uuid, count
            from (select user_uuid, max(max_unpaid) as max_unpaid from requests group by user_uuid) as users
            cross join lateral (
                select count(*) as count
                from (
                    select from orders
                    where orders.user_uuid = users.user_uuid
                        and status in ('PENDING_PAYMENT', 'CANCELLED') and transaction_uuid is null
                        and created_at > now() - make_interval(secs => $7)
                    limit users.max_unpaid
                ) as found
            ) as counted
        ), admitted as (
            select *, row_number() over (partition by user_uuid order by number) as place
            from requests
            where (key is null or uuid in (select uuid from held))
                and uuid <> all(array(select uuid from orders where uuid = any(array(select uuid from requests))))
        ), created as (
            insert into orders ("
            + NEW_COLUMNS
            + ",
                pay_until, self_payment_at)
            select "
            + NEW_VALUES
            + ",
                now() + make_interval(secs => pay_within), case when pays_itself then now() end
            from admitted
            join unpaid using (user_uuid)
            where unpaid.count + admitted.place <= admitted.max_unpaid
            order by uuid
            on conflict (uuid) do nothing
            returning *
        ), events as (
            insert into outbox (event_uuid, event_type, key, payload, trace)
            select event.*
            from unnest($2::uuid[], $3::text[], $4::uuid[], $5::bytea[], $6::jsonb[])
                as event (event_uuid, event_type, key, payload, trace)
            join created on created.uuid = event.key
        ), keys_completed as (
            update idempotency_keys
            set outcome = requests.outcome
            from created
            join requests using (uuid)
            join held using (uuid)
            where idempotency_keys.user_uuid = held.user_uuid and idempotency_keys.key = held.key
        )
        select "
            + COLUMNS
            + " from created",
        &new as _,
        &events.uuids,
        &events.kinds as _,
        &events.keys,
        &events.payloads,
        &traces as _,
        UNPAID_COUNTS_FOR.as_secs_f64(),
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.uuid, row)).collect())
}

/// Returns why [`create`] skipped an order that does not exist for its user.
pub async fn refusal(
    pool: &Database,
    order: &NewOrder,
    unpaid_limits: UnpaidLimits,
    claim: Option<&Claim>,
) -> Result<Error, Error> {
    // The caller found no such order of this user, so an existing one belongs to another user.
    let exists = sqlx::query_scalar!(
        r#"select exists (select from orders where uuid = $1) as "is_anothers!""#,
        order.uuid.uuid(),
    );
    Ok(if exists.fetch_one(pool).await? {
        inconsistent(order.uuid, "user_uuid")
    } else if !is_held(pool, claim).await? {
        Error::KeyInProgress
    } else {
        Error::TooManyUnpaid { max_unpaid: unpaid_limits.max_unpaid }
    })
}

#[derive(Clone)]
pub struct LookUp {
    pub user: UserId,
    pub order: OrderId,
}

impl LookUp {
    /// Requests with the same key have the same result.
    pub fn key(&self) -> (UserId, OrderId) {
        (self.user, self.order)
    }
}

/// Returns the orders of a group that exist and belong to the user of their request.
pub async fn find(pool: Database, requests: Arc<[LookUp]>) -> sqlx::Result<HashMap<(UserId, OrderId), OrderRow>> {
    let orders: Vec<_> = requests.iter().map(|request| request.order.uuid()).collect();
    let rows =
        query_orders!("select " + COLUMNS + " from orders where uuid = any($1)", &orders).fetch_all(&pool).await?;
    Ok(rows.into_iter().map(|row| ((row.user_uuid, row.uuid), row)).collect())
}

#[derive(Clone, Copy)]
pub struct Completion {
    pub cause: Cause,
    pub order: OrderId,
}

/// Completes the orders of a group. Returns for each order whether this statement completed it. An event that was
/// handled before completes no order.
pub async fn assemble(pool: Database, requests: Arc<[Completion]>) -> sqlx::Result<HashMap<OrderId, bool>> {
    let consumers: Vec<&str> = requests.iter().map(|request| request.cause.consumer).collect();
    let events: Vec<_> = requests.iter().map(|request| request.cause.event.uuid()).collect();
    let orders: Vec<_> = requests.iter().map(|request| request.order.uuid()).collect();
    let rows = sqlx::query!(
        r#"with requests as materialized (
            select * from unnest($1::text[], $2::uuid[], $3::uuid[]) as request (consumer, event_uuid, uuid)
        ), inbox_rows as (
            insert into inbox (consumer, event_uuid)
            select consumer, event_uuid
            from requests
            order by consumer, event_uuid
            on conflict do nothing
            returning event_uuid
        ), paid as materialized (
            select uuid
            from orders
            where uuid = any(array(
                    select uuid from requests where event_uuid in (select event_uuid from inbox_rows)
                )) and status = 'PAID'
            order by uuid
            for no key update
        ), assembled as (
            update orders
            set status = 'ASSEMBLED', updated_at = now()
            from paid
            where orders.uuid = paid.uuid
            returning orders.uuid
        )
        select uuid as "uuid!: OrderId", uuid in (select uuid from assembled) as "is_assembled!" from requests"#,
        &consumers as _,
        &events,
        &orders,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.uuid, row.is_assembled)).collect())
}
