//! Changes of the queue that are written in groups: one statement decides all requests of a group.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use contracts::events::Cause;
use platform::{postgres::Database, telemetry};

use super::known_kinds;
use crate::model::{Attempt, AttemptOutcome, NewNotification, NotificationId, Outgoing, Status};

/// A notification to be queued. Notifications with the same cause are written in different groups.
#[derive(Clone)]
pub struct Queued {
    pub cause: Cause,
    new: NewNotification,
    /// The event's own trace context; the group's statement runs in another one.
    trace: telemetry::Trace,
}

impl Queued {
    pub fn new(cause: Cause, new: &NewNotification) -> Self {
        Self { cause, new: new.clone(), trace: telemetry::trace() }
    }
}

/// Queues notifications. Returns true for each cause for which one was queued. None is queued for an event that was
/// handled before, or for an order that has a notification of this kind.
pub async fn queue(pool: Database, requests: Arc<[Queued]>) -> sqlx::Result<HashMap<Cause, bool>> {
    let consumers: Vec<&str> = requests.iter().map(|request| request.cause.consumer).collect();
    let events: Vec<_> = requests.iter().map(|request| request.cause.event.uuid()).collect();
    let notifications: Vec<_> = requests.iter().map(|request| request.new.id.uuid()).collect();
    let orders: Vec<_> = requests.iter().map(|request| request.new.order.uuid()).collect();
    let users: Vec<_> = requests.iter().map(|request| request.new.user.uuid()).collect();
    let kinds: Vec<&str> = requests.iter().map(|request| request.new.kind.as_str()).collect();
    let facts: Vec<_> = requests.iter().map(|request| request.new.facts.clone()).collect();
    let traces: Vec<_> = requests.iter().map(|request| &request.trace).collect();
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
        &traces as _,
    )
    .fetch_all(&pool)
    .await?;
    let queued: HashSet<NotificationId> = queued.into_iter().collect();
    Ok(requests.iter().map(|request| (request.cause, queued.contains(&request.new.id))).collect())
}

/// Notifications, and the chat that was found for their user.
pub type Found = (Vec<NotificationId>, String);

/// Records the chats that were found for users' notifications.
pub async fn set_chat(pool: Database, requests: Arc<[Found]>) -> sqlx::Result<()> {
    let (notifications, chats): (Vec<_>, Vec<&str>) = requests
        .iter()
        .flat_map(|(notifications, chat)| notifications.iter().map(|id| (id.uuid(), chat.as_str())))
        .unzip();
    sqlx::query!(
        "with requests as materialized (
            select *
            from unnest($1::uuid[], $2::text[]) as request (uuid, chat)
        ), held as materialized (
            select uuid
            from notifications
            where uuid = any($1)
            order by uuid
            for no key update
        )
        update notifications
        set chat = requests.chat
        from held
        join requests using (uuid)
        where notifications.uuid = held.uuid and notifications.chat is null and status is not distinct from 'queued'",
        &notifications,
        &chats as _,
    )
    .execute(&pool)
    .await?;
    Ok(())
}

/// Records that attempts start. Attempts for the same chat are written in different groups. Returns the chats whose
/// notification was claimed, each with true. A notification is not claimed if it has changed since it was read. If it
/// has no chat yet and others of the chat are queued, the statement only sets the chat.
pub async fn claim(pool: Database, requests: Arc<[Outgoing]>) -> sqlx::Result<HashMap<String, bool>> {
    let chats: Vec<&str> = requests.iter().map(|outgoing| outgoing.chat.as_str()).collect();
    let notifications: Vec<_> = requests.iter().map(|outgoing| outgoing.due.id.uuid()).collect();
    let attempts: Vec<i32> = requests.iter().map(|outgoing| outgoing.due.attempts).collect();
    let ambiguous: Vec<bool> = requests.iter().map(|outgoing| outgoing.ambiguous).collect();
    // Rows are locked in the order of their uuids, so that two replicas that claim the same rows do not deadlock.
    let claimed = sqlx::query_scalar!(
        r#"with requests as materialized (
            select *
            from unnest($1::text[], $2::uuid[], $3::integer[], $4::boolean[]) as request (chat, uuid, attempts, ambiguous)
        ), held as materialized (
            select uuid, chat, attempts, ambiguous, status, sending_since
            from notifications
            where uuid = any($2)
            order by uuid
            for no key update
        ), unchanged as (
            select requests.chat, uuid, other.waits is null as begins
            from requests
            join held using (uuid)
            left join lateral (
                select true as waits
                from notifications as other
                where held.chat is null and other.chat = requests.chat and other.ambiguous = false
                  and other.status not in ('sent', 'failed') and array_position($5::text[], other.kind) is not null
                limit 1
            ) as other on true
            where held.attempts = requests.attempts and held.ambiguous = requests.ambiguous
              and held.status = 'queued' and held.sending_since is null
              and (held.chat is null or held.chat = requests.chat)
        ), written as (
            update notifications
            set chat = unchanged.chat, sending_since = case when begins then now() end,
                attempts = notifications.attempts + begins::int
            from unchanged
            where notifications.uuid = unchanged.uuid
        )
        select chat as "chat!"
        from unchanged
        where begins"#,
        &chats as _,
        &notifications,
        &attempts,
        &ambiguous,
        &known_kinds(),
    )
    .fetch_all(&pool)
    .await?;
    Ok(claimed.into_iter().map(|chat| (chat, true)).collect())
}

/// Attempts, and the outcome that they have in common.
pub type Settled = (Vec<Attempt>, AttemptOutcome);

/// Returns the columns of an outcome: the status, the backoff before the next attempt, the problem, and true if the
/// message may have arrived.
fn columns(outcome: &AttemptOutcome) -> (Status, Duration, Option<&str>, bool) {
    match outcome {
        AttemptOutcome::Sent => (Status::Sent, Duration::ZERO, None, false),
        AttemptOutcome::Skipped { problem } => (Status::Failed, Duration::ZERO, Some(problem.as_str()), false),
        AttemptOutcome::Failed { problem, ambiguous } => {
            (Status::Failed, Duration::ZERO, Some(problem.as_str()), *ambiguous)
        }
        AttemptOutcome::Retry { after, problem, ambiguous } => {
            (Status::Queued, *after, Some(problem.as_str()), *ambiguous)
        }
    }
}

/// Records the outcomes of attempts.
pub async fn settle(pool: Database, requests: Arc<[Settled]>) -> sqlx::Result<()> {
    let attempts: Vec<_> = requests
        .iter()
        .flat_map(|(attempts, outcome)| attempts.iter().map(move |attempt| (attempt, columns(outcome))))
        .collect();
    let notifications: Vec<_> = attempts.iter().map(|(attempt, _)| attempt.notification.uuid()).collect();
    let numbers: Vec<i32> = attempts.iter().map(|(attempt, _)| attempt.number).collect();
    let statuses: Vec<&str> = attempts.iter().map(|(_, (status, ..))| status.as_str()).collect();
    let backoffs: Vec<f64> = attempts.iter().map(|(_, (_, backoff, ..))| backoff.as_secs_f64()).collect();
    let problems: Vec<Option<&str>> = attempts.iter().map(|(_, (_, _, problem, _))| *problem).collect();
    let ambiguous: Vec<bool> = attempts.iter().map(|(_, (.., ambiguous))| *ambiguous).collect();
    // A group may contain two attempts of one notification if the first has expired. The statement records the one that
    // was sent, or else the later one.
    sqlx::query!(
        "with requests as materialized (
            select distinct on (uuid) *
            from unnest($1::uuid[], $2::integer[], $3::text[], $4::double precision[], $5::text[], $6::boolean[])
                as request (uuid, number, status, backoff, problem, ambiguous)
            order by uuid, request.status = 'sent' desc, number desc
        ), held as materialized (
            select uuid
            from notifications
            where uuid = any($1)
            order by uuid
            for no key update
        )
        update notifications
        set status = requests.status,
            sending_since = null,
            next_attempt_at = now() + make_interval(secs => requests.backoff),
            problem = requests.problem,
            ambiguous = notifications.ambiguous or requests.ambiguous,
            rejected_after = case when requests.status = 'failed' and not requests.ambiguous then notifications.attempts end,
            sent_at = case when requests.status = 'sent' then now() end
        from held
        join requests using (uuid)
        where notifications.uuid = held.uuid and notifications.status is not distinct from 'queued'
          and (notifications.attempts = requests.number or requests.status = 'sent')",
        &notifications,
        &numbers,
        &statuses as _,
        &backoffs,
        &problems as _,
        &ambiguous,
    )
    .execute(&pool)
    .await?;
    Ok(())
}
