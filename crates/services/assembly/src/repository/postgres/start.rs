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
use serde_json::json;

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

/// A JSON object with the columns of a request. `due` is the time until the build is due, in seconds.
fn columns(request: &Request) -> serde_json::Value {
    let Request { cause, build, trace } = request;
    json!({
        "consumer": cause.consumer,
        "event_uuid": cause.event,
        "order_uuid": build.order,
        "user_uuid": build.user,
        "build_time_sec": build.build_time_sec(),
        "fails": build.fails,
        "due": build.build_time.as_secs_f64(),
        "trace": trace,
    })
}

/// Returns, by event, whether a build was started. None is started for an event that was handled before, or for an
/// order that has a build.
pub async fn start(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<EventId, bool>> {
    let rows: serde_json::Value = requests.iter().map(columns).collect();
    let started = sqlx::query_scalar!(
        r#"with requests as materialized (
            select *
            from jsonb_to_recordset($1) as request (consumer text, event_uuid uuid, order_uuid uuid, user_uuid uuid,
                build_time_sec bigint, fails boolean, due float8, trace jsonb)
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
        rows,
    )
    .fetch_all(&pool)
    .await?;
    let mut started: HashSet<OrderId> = started.into_iter().collect();
    Ok(requests.iter().map(|request| (request.cause.event, started.remove(&request.build.order))).collect())
}
