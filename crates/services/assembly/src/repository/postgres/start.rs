//! Starts the builds of paid orders, with one statement per group of requests.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use contracts::{
    events::Cause,
    ids::{EventId, OrderId},
};
use platform::{outbox, postgres::Database};

use crate::model::NewBuild;

#[derive(Clone)]
pub struct Request {
    cause: Cause,
    build: NewBuild,
    /// The event's own trace context; the group's statement runs in another one.
    trace: outbox::Trace,
}

impl Request {
    pub fn new(cause: Cause, build: &NewBuild) -> Self {
        Self { cause, build: build.clone(), trace: outbox::trace() }
    }

    pub fn event(&self) -> EventId {
        self.cause.event
    }
}

/// Returns, by event, whether a build was started. None is started for an event that was handled before, or for an
/// order that has a build.
pub async fn start(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<EventId, bool>> {
    let consumers: Vec<&str> = requests.iter().map(|request| request.cause.consumer).collect();
    let events: Vec<_> = requests.iter().map(|request| request.cause.event.uuid()).collect();
    let orders: Vec<_> = requests.iter().map(|request| request.build.order.uuid()).collect();
    let users: Vec<_> = requests.iter().map(|request| request.build.user.uuid()).collect();
    let build_times: Vec<i64> = requests.iter().map(|request| request.build.build_time_sec()).collect();
    let fail: Vec<bool> = requests.iter().map(|request| request.build.fails).collect();
    let due: Vec<f64> = requests.iter().map(|request| request.build.build_time.as_secs_f64()).collect();
    let traces: Vec<_> = requests.iter().map(|request| request.trace.clone()).collect();
    let started = sqlx::query_scalar!(
        r#"with requests as materialized (
            select *
            from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bool[], $7::float8[], $8::jsonb[])
                as request (consumer, event_uuid, order_uuid, user_uuid, build_time_sec, fails, due, trace)
        ), fresh as (
            insert into inbox (consumer, event_uuid)
            select consumer, event_uuid
            from requests
            order by consumer, event_uuid
            on conflict do nothing
            returning event_uuid
        )
        insert into jobs (order_uuid, user_uuid, build_time_sec, fails, due_at, trace)
        select order_uuid, user_uuid, build_time_sec, fails, now() + make_interval(secs => due), trace
        from requests
        join fresh using (event_uuid)
        order by order_uuid
        on conflict (order_uuid) do nothing
        returning order_uuid as "order_uuid: OrderId""#,
        &consumers as _,
        &events,
        &orders,
        &users,
        &build_times,
        &fail,
        &due,
        &traces,
    )
    .fetch_all(&pool)
    .await?;
    let mut started: HashSet<OrderId> = started.into_iter().collect();
    Ok(requests.iter().map(|request| (request.cause.event, started.remove(&request.build.order))).collect())
}
