//! The repository in PostgreSQL: the table `jobs`, of which each row is a build.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{EventId, OrderId, UserId},
};
use platform::{
    jobs::MOVED_BACK_FOR,
    postgres::{Database, DatabaseError, GroupCommit, retry_stale},
    telemetry,
};
use serde_json::json;
use sqlx::migrate::Migrator;

use super::Builds;
use crate::{
    error::Error,
    model::{Build, Event, NewBuild, Status},
};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/assembly");

#[derive(Clone)]
pub struct PgBuilds {
    pool: Database,
    starts: GroupCommit<Start, Option<bool>>,
}

impl PgBuilds {
    pub fn new(pool: Database) -> Self {
        Self { starts: GroupCommit::by_key("start_builds", pool.clone(), Start::event, start), pool }
    }
}

/// A row of `jobs`.
struct Row {
    order: OrderId,
    user: UserId,
    status: String,
    build_time_sec: i64,
    fails: bool,
    started_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Build {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            order: row.order,
            user: row.user,
            status: Status::parse(&row.status)
                .ok_or_else(|| DatabaseError::inconsistent("jobs", "status", row.order))?,
            build_time_sec: row.build_time_sec,
            fails: row.fails,
            started_at: row.started_at,
            due_at: row.due_at,
            finished_at: row.finished_at,
        })
    }
}

#[async_trait]
impl Builds for PgBuilds {
    async fn start(&self, cause: Cause, build: &NewBuild) -> Result<bool, Error> {
        Ok(self.starts.submit(Start::new(cause, build)).await?.unwrap_or_default())
    }

    async fn building(&self, limit: i64) -> Result<Vec<(Event, Duration)>, Error> {
        // Reads no times, since chrono panics for an infinite one.
        let rows = retry_stale(|| {
            sqlx::query!(
                r#"select order_uuid as "order: OrderId", user_uuid as "user: UserId", build_time_sec, fails,
                greatest(extract(epoch from greatest(due_at, next_try_at)) - extract(epoch from now()), 0)::float8 as "left_sec!"
            from jobs where status = 'building' order by greatest(due_at, next_try_at) limit $1"#,
                limit,
            )
            .fetch_all(&self.pool)
        })
        .await?;
        let left = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let ends = rows
            .into_iter()
            .map(|row| (Event::end_of(row.order, row.user, row.build_time_sec, row.fails), left(row.left_sec)));
        Ok(ends.collect())
    }

    async fn move_back(&self, order: OrderId) -> Result<(), Error> {
        sqlx::query!(
            "update jobs set next_try_at = now() + make_interval(secs => $2) where order_uuid = $1 and status = 'building'",
            order.uuid(),
            MOVED_BACK_FOR.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn finish(&self, ended: &[Event]) -> Result<Vec<(OrderId, Duration)>, Error> {
        let orders: Vec<_> = ended.iter().map(|event| event.order().uuid()).collect();
        let statuses: Vec<_> = ended.iter().map(|event| event.status().as_str().to_owned()).collect();
        let events: outbox::Columns = ended.iter().map(Into::into).collect();
        let written = sqlx::query!(
            r#"with ended as (
                select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::bytea[])
                    as ended (order_uuid, status, event_uuid, event_type, payload)
            ), locked as materialized (
                select order_uuid, status from jobs where order_uuid = any($1) order by order_uuid for no key update
            ), changed as (
                update jobs set status = ended.status, finished_at = now()
                from locked
                join ended using (order_uuid)
                where jobs.order_uuid = locked.order_uuid and locked.status = 'building'
                returning jobs.order_uuid, jobs.started_at, jobs.trace, ended.event_uuid, ended.event_type, ended.payload
            ), event as (
                insert into outbox (event_uuid, event_type, key, payload, trace)
                select event_uuid, event_type, order_uuid, payload, trace from changed
                on conflict (event_uuid) do nothing
                returning key
            )
            select order_uuid as "order: OrderId", extract(epoch from now() - started_at)::float8 as "took_sec!"
            from changed join event on key = order_uuid"#,
            &orders,
            &statuses,
            &events.uuids,
            &events.kinds as _,
            &events.payloads,
        )
        .fetch_all(&self.pool)
        .await?;
        let took = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Ok(written.into_iter().map(|row| (row.order, took(row.took_sec))).collect())
    }

    async fn find(&self, order: OrderId) -> Result<Option<Build>, Error> {
        let row = retry_stale(|| {
            sqlx::query_as!(
                Row,
                r#"select order_uuid as "order: OrderId", user_uuid as "user: UserId", status, build_time_sec, fails, started_at, due_at,
                finished_at
            from jobs where order_uuid = $1"#,
                order.uuid(),
            )
            .fetch_optional(&self.pool)
        })
        .await?;
        Ok(row.map(Build::try_from).transpose()?)
    }
}

pub const BUILDS_BATCH: u64 = 5_000;

/// Removes one batch of builds that ended longer ago than `age`. Returns their number.
///
/// `age` must exceed the retention of records and inbox rows, since a redelivered `OrderPaid` must find its build.
pub async fn remove_finished(pool: &Database, age: Duration) -> Result<u64, Error> {
    let removed = sqlx::query!(
        "delete from jobs where order_uuid = any(array(
            select order_uuid from jobs where finished_at < now() - make_interval(secs => $1)
            order by finished_at limit $2))",
        age.as_secs_f64(),
        BUILDS_BATCH.cast_signed(),
    )
    .execute(pool)
    .await?;
    Ok(removed.rows_affected())
}

#[derive(Clone)]
struct Start {
    cause: Cause,
    build: NewBuild,
    /// The event's own trace context; the group's statement runs in another one.
    trace: telemetry::Trace,
}

impl Start {
    fn new(cause: Cause, build: &NewBuild) -> Self {
        Self { cause, build: build.clone(), trace: telemetry::trace() }
    }

    fn event(&self) -> EventId {
        self.cause.event
    }
}

/// A JSON object with the columns of a request. `due` is the time until the build is due, in seconds.
fn columns(request: &Start) -> serde_json::Value {
    let Start { cause, build, trace } = request;
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
async fn start(pool: Database, requests: Arc<[Start]>) -> sqlx::Result<HashMap<EventId, bool>> {
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
