//! Writes new orders with their events.

use std::{collections::HashMap, sync::Arc};

use contracts::ids::{DeliveryId, OrderId, PartId, TransactionId, UserId};
use platform::{
    outbox::{self, Columns},
    postgres::Database,
};
use sqlx::types::Json;

use super::{super::row::Row, array_literal};
use crate::{
    model::{Claim, DeliveryAddress, Event, NewOrder, Outcome},
    repository::{Quote, UNPAID_COUNTS_FOR, UnpaidLimits},
};

#[derive(Clone)]
pub struct Request {
    order: NewOrder,
    quote: Quote,
    event: outbox::Event,
    /// The trace context of this request; the group's statement has another one.
    trace: outbox::Trace,
    unpaid_limits: UnpaidLimits,
    claim: Option<Claim>,
}

impl Request {
    pub fn order(&self) -> OrderId {
        self.order.uuid
    }

    pub fn new(
        order: &NewOrder,
        quote: &Quote,
        event: &Event,
        unpaid_limits: UnpaidLimits,
        claim: Option<&Claim>,
    ) -> Self {
        Self {
            order: order.clone(),
            quote: quote.clone(),
            event: event.into(),
            trace: outbox::trace(),
            unpaid_limits,
            claim: claim.cloned(),
        }
    }
}

/// Writes the orders of a group and returns them. Skips an order that exists already, whose claim has lost its key, or that exceeds its
/// user's limit of unpaid orders. Orders of one user in the same group count towards the limit in the order of their arrival. The order,
/// its event and the key's outcome are stored together, in one round trip for all requests that wait.
#[expect(clippy::too_many_lines, reason = "it is one statement")]
pub async fn create(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<OrderId, Row>> {
    let column = |read: fn(&Request) -> i64| requests.iter().map(read).collect::<Vec<_>>();
    let orders: Vec<_> = requests.iter().map(|request| request.order.uuid.uuid()).collect();
    let users: Vec<_> = requests.iter().map(|request| request.order.user.uuid()).collect();
    let parts: Vec<String> =
        requests.iter().map(|request| array_literal(request.order.parts.iter().map(|part| part.uuid()))).collect();
    let unit_prices: Vec<String> = requests
        .iter()
        .map(|request| array_literal(request.quote.unit_prices.iter().map(|price| price.minor())))
        .collect();
    let totals = column(|request| request.quote.total_price.minor());
    let most = column(|request| request.unpaid_limits.max_unpaid.into());
    let seconds: Vec<f64> = requests.iter().map(|request| request.unpaid_limits.pay_within.as_secs_f64()).collect();
    let addresses: Vec<Option<&str>> =
        requests.iter().map(|request| request.order.delivery_address.as_ref().map(DeliveryAddress::as_str)).collect();
    let pay_themselves: Vec<bool> = requests.iter().map(|request| request.quote.pays_itself).collect();
    let events: Columns = requests.iter().map(|request| request.event.clone()).collect();
    let traces: Vec<_> = requests.iter().map(|request| request.trace.clone()).collect();
    let claims = || requests.iter().map(|request| request.claim.as_ref());
    let keys: Vec<Option<&str>> = claims().map(|claim| claim.map(|claim| claim.key.as_str())).collect();
    let tokens: Vec<_> = claims().map(|claim| claim.map(|claim| claim.token)).collect();
    let outcomes: Vec<_> = requests
        .iter()
        .map(|request| Json(Outcome::Created { order: request.order.uuid, total_price: request.quote.total_price }))
        .collect();
    let rows = sqlx::query_as!(
        Row,
        r#"with requests as materialized (
            select *
            from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::float8[], $8::text[],
                $9::bool[], $10::uuid[], $11::text[], $12::bytea[], $13::jsonb[], $14::text[], $15::uuid[], $16::jsonb[])
                with ordinality as request (uuid, user_uuid, part_uuids, unit_prices, total_price, most, pay_within, address,
                    pays_itself, event_uuid, event_type, payload, trace, key, token, outcome, number)
        ), held as materialized (
            select idempotency_keys.user_uuid, idempotency_keys.key, requests.number
            from (select * from requests where key is not null order by user_uuid, key) as requests
            cross join lateral (
                select user_uuid, key from idempotency_keys
                where idempotency_keys.user_uuid = requests.user_uuid
                    and idempotency_keys.key = requests.key
                    and idempotency_keys.token = requests.token
                    and idempotency_keys.outcome is null
                for update
                offset 0
            ) as idempotency_keys
        ), unpaid as materialized (
            select user_uuid, count
            from (select user_uuid, max(most) as most from requests group by user_uuid) as users
            cross join lateral (
                select count(*) as count
                from (
                    select from orders
                    where orders.user_uuid = users.user_uuid
                        and status in ('PENDING_PAYMENT', 'CANCELLED') and transaction_uuid is null
                        and created_at > now() - make_interval(secs => $17)
                    limit users.most
                ) as found
            ) as counted
        ), admitted as (
            select *, row_number() over (partition by user_uuid order by number) as place
            from requests
            where (key is null or number in (select number from held))
                and uuid <> all(array(select uuid from orders where uuid = any($1)))
        ), created as (
            insert into orders (uuid, user_uuid, part_uuids, total_price, status, pay_until, delivery_address, unit_prices,
                self_payment_at)
            select uuid, user_uuid, part_uuids::uuid[], total_price, 'PENDING_PAYMENT',
                now() + make_interval(secs => pay_within), address, unit_prices::bigint[], case when pays_itself then now() end
            from admitted
            join unpaid using (user_uuid)
            where unpaid.count + admitted.place <= admitted.most
            order by uuid
            on conflict (uuid) do nothing
            returning *
        ), events as (
            insert into outbox (event_uuid, event_type, key, payload, trace)
            select event_uuid, event_type, uuid, payload, trace
            from created
            join requests using (uuid)
        ), keys_completed as (
            update idempotency_keys
            set outcome = requests.outcome
            from created
            join requests using (uuid)
            join held on held.number = requests.number
            where idempotency_keys.user_uuid = held.user_uuid and idempotency_keys.key = held.key
        )
        select uuid as "uuid: OrderId", user_uuid as "user_uuid: UserId",
            delivery_address, delivery_uuid as "delivery_uuid: DeliveryId", delivery_status, tracking_number,
            estimated_delivery,
            part_uuids as "part_uuids: Vec<PartId>", total_price, status, attempt, attempt_method,
            payment_method, transaction_uuid as "transaction_uuid: TransactionId", created_at
        from created"#,
        &orders,
        &users,
        &parts,
        &unit_prices,
        &totals,
        &most,
        &seconds,
        &addresses as _,
        &pay_themselves,
        &events.uuids,
        &events.kinds,
        &events.payloads,
        &traces,
        &keys as _,
        &tokens as _,
        &outcomes as _,
        UNPAID_COUNTS_FOR.as_secs_f64(),
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.uuid, row)).collect())
}
