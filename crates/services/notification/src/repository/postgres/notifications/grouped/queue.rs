//! Queues the notifications of events, with one statement per group of requests.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use contracts::events::Cause;
use platform::{outbox, postgres::Database};

use crate::model::{NewNotification, NotificationId};

#[derive(Clone)]
pub struct Request {
    cause: Cause,
    new: NewNotification,
    /// The event's own trace context; the group's statement runs in another one.
    trace: outbox::Trace,
}

impl Request {
    pub fn new(cause: Cause, new: &NewNotification) -> Self {
        Self { cause, new: new.clone(), trace: outbox::trace() }
    }

    /// The key of the request. Requests with the same key are written in different groups.
    pub fn cause(&self) -> Cause {
        self.cause
    }
}

/// Returns, by cause, whether a notification was queued. None is queued for an event that was handled before, or for an
/// order that has a notification of this kind.
pub async fn queue(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<Cause, bool>> {
    let consumers: Vec<&str> = requests.iter().map(|request| request.cause.consumer).collect();
    let events: Vec<_> = requests.iter().map(|request| request.cause.event.uuid()).collect();
    let notifications: Vec<_> = requests.iter().map(|request| request.new.id.uuid()).collect();
    let orders: Vec<_> = requests.iter().map(|request| request.new.order.uuid()).collect();
    let users: Vec<_> = requests.iter().map(|request| request.new.user.uuid()).collect();
    let kinds: Vec<&str> = requests.iter().map(|request| request.new.kind.as_str()).collect();
    let facts: Vec<_> = requests.iter().map(|request| request.new.facts.clone()).collect();
    let traces: Vec<_> = requests.iter().map(|request| request.trace.clone()).collect();
    let queued = sqlx::query_scalar!(
        r#"with requests as materialized (
            select *
            from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::jsonb[], $8::jsonb[])
                as request (consumer, event_uuid, uuid, order_uuid, user_uuid, kind, facts, trace)
        ), fresh as (
            insert into inbox (consumer, event_uuid)
            select consumer, event_uuid
            from requests
            order by consumer, event_uuid
            on conflict do nothing
            returning consumer, event_uuid
        )
        insert into notifications (uuid, order_uuid, user_uuid, kind, facts, trace)
        select uuid, order_uuid, user_uuid, kind, facts, trace
        from requests
        join fresh using (consumer, event_uuid)
        order by order_uuid, kind
        on conflict (order_uuid, kind) do nothing
        returning uuid as "uuid: NotificationId""#,
        &consumers as _,
        &events,
        &notifications,
        &orders,
        &users,
        &kinds as _,
        &facts,
        &traces,
    )
    .fetch_all(&pool)
    .await?;
    let queued: HashSet<NotificationId> = queued.into_iter().collect();
    Ok(requests.iter().map(|request| (request.cause(), queued.contains(&request.new.id))).collect())
}
