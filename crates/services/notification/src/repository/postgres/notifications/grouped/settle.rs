//! Records the outcomes of attempts.

use std::{sync::Arc, time::Duration};

use platform::postgres::Database;

use crate::model::{Attempt, Outcome, Status};

#[derive(Clone)]
pub struct Request {
    attempts: Vec<Attempt>,
    status: Status,
    backoff: Duration,
    problem: Option<String>,
    ambiguous: bool,
}

impl Request {
    pub fn new(attempts: &[Attempt], outcome: &Outcome) -> Self {
        let (status, backoff, problem, ambiguous) = match outcome {
            Outcome::Sent => (Status::Sent, Duration::ZERO, None, false),
            Outcome::Skipped { problem } => (Status::Failed, Duration::ZERO, Some(problem), false),
            Outcome::Failed { problem, ambiguous } => (Status::Failed, Duration::ZERO, Some(problem), *ambiguous),
            Outcome::Retry { after, problem, ambiguous } => (Status::Queued, *after, Some(problem), *ambiguous),
        };
        Self { attempts: attempts.to_vec(), status, backoff, problem: problem.cloned(), ambiguous }
    }
}

pub async fn settle(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<()> {
    let attempts =
        || requests.iter().flat_map(|request| request.attempts.iter().map(move |attempt| (request, attempt)));
    let notifications: Vec<_> = attempts().map(|(_, attempt)| attempt.notification.uuid()).collect();
    let numbers: Vec<i32> = attempts().map(|(_, attempt)| attempt.number).collect();
    let statuses: Vec<&str> = attempts().map(|(request, _)| request.status.as_str()).collect();
    let backoffs: Vec<f64> = attempts().map(|(request, _)| request.backoff.as_secs_f64()).collect();
    let problems: Vec<Option<&str>> = attempts().map(|(request, _)| request.problem.as_deref()).collect();
    let ambiguous: Vec<bool> = attempts().map(|(request, _)| request.ambiguous).collect();
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
